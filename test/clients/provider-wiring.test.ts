/** What oidc-provider makes of the policy and the documents: holds the facts about its hooks that both rely on. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { type Adapter, type AdapterPayload, type Configuration, Provider } from 'oidc-provider';
import { createDocumentStore } from '../../src/clients/document-store.ts';
import { createMetadataDocuments } from '../../src/clients/metadata-document.ts';
import type { Metadata } from '../../src/clients/metadata-members.ts';
import { createMetadataPolicy } from '../../src/clients/metadata-policy.ts';
import { type OpenDatabase, openDatabase } from '../../src/storage/database.ts';
import { createEgress } from '../../src/web/egress.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';
import { type HttpsStub, startHttpsStub, testCaFile } from '../https-stub.ts';

const quiet = { info() {}, warn() {}, error() {} };
const pkce = { code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' };

let own: TestDatabase;
let database: OpenDatabase;
let stub: HttpsStub;
let server: Server;
let issuer = '';
let documentUrl = '';
let document: Metadata = {};
let requests = 0;
const stored = new Map<string, AdapterPayload>();

before(async () => {
  own = await createTestDatabase();
  database = await openDatabase({ databaseUrl: own.url, dataDir: '/', log: quiet, mode: 'serve' });
  stub = await startHttpsStub((_request, response) => {
    requests += 1;
    response.setHeader('content-type', 'application/json').end(JSON.stringify(document));
  });
  documentUrl = `${stub.url}/oauth/client.json`;
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  server.on('request', createTestProvider().callback());
});
after(async () => {
  server?.closeAllConnections();
  server?.close();
  await stub?.close();
  await database?.close();
  await own?.drop();
});
beforeEach(async () => {
  await database.prisma.metadataDocument.deleteMany();
  requests = 0;
  document = { client_id: documentUrl, client_name: 'Claude', redirect_uris: ['http://localhost/callback'] };
});

function createTestProvider(): Provider {
  const policy = createMetadataPolicy({ issuer });
  const documents = createMetadataDocuments({
    egress: createEgress({ outboundCaFile: testCaFile, outboundAllow: ['127.0.0.1'] }),
    store: createDocumentStore(database.prisma),
    policy,
    now: () => new Date(),
  });
  const configuration = {
    adapter: inMemory,
    clientDefaults: { grant_types: ['authorization_code', 'refresh_token'], id_token_signed_response_alg: 'ES256' },
    cookies: { keys: ['test only'] },
    extraClientMetadata: policy.extraClientMetadata,
    fetch: documents.fetch,
    responseTypes: ['code'],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      clientIdMetadataDocument: { enabled: true, ack: 'draft-02', cacheDuration: { min: 0, max: 0 } },
      deviceFlow: { enabled: true },
      registration: { enabled: true },
      registrationManagement: { enabled: true },
    },
    interactions: { url: () => '/interaction' },
    jwks: { keys: [signingKey] },
  };
  return new Provider(issuer, configuration as unknown as Configuration);
}

const signingKey = {
  kty: 'EC',
  crv: 'P-256',
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
  d: 'jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI',
};

/** oidc-provider's port, kept in a map. */
function inMemory(model: string): Adapter {
  return {
    find: async (id) => stored.get(`${model}:${id}`),
    findByUid: async (uid) => [...stored.values()].find((payload) => payload.uid === uid),
    findByUserCode: async () => undefined,
    upsert: async (id, payload) => void stored.set(`${model}:${id}`, structuredClone(payload)),
    destroy: async (id) => void stored.delete(`${model}:${id}`),
    consume: async () => {},
    revokeByGrantId: async () => {},
  };
}

async function register(body: unknown): Promise<{ status: number; body: Metadata }> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${issuer}/reg`, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as Metadata };
}

/** @returns where the browser is sent, or the error page */
async function authorize(clientId: string, redirectUri: string): Promise<string> {
  const query = { client_id: clientId, redirect_uri: redirectUri, response_type: 'code', scope: 'openid', ...pkce };
  const response = await fetch(`${issuer}/auth?${new URLSearchParams(query)}`, { redirect: 'manual' });
  return response.headers.get('location') ?? (await response.text());
}

test('a registration full of nulls, empty strings and unknown values succeeds and is answered without them', async () => {
  const { status, body } = await register({
    redirect_uris: ['https://vscode.dev/redirect', 'http://127.0.0.1/', 'http://127.0.0.1:33418/'],
    application_type: 'web',
    client_name: 'Visual Studio Code',
    client_uri: 'not a link',
    logo_uri: '',
    tos_uri: null,
    contacts: ['', null, 'nobody'],
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    response_types: ['code', 'token'],
    scope: 'mcp:read unknown:scope',
    resource: 'https://mail.example/mcp',
    software_id: 'vscode',
    token_endpoint_auth_method: 'none',
  });
  assert.equal(status, 201);
  assert.deepEqual(
    Object.entries(body).filter(([, value]) => value === null || value === ''),
    [],
  );
  assert.equal(body.application_type, 'native');
  assert.equal(body.client_name, 'Visual Studio Code');
  assert.equal(body.software_id, 'vscode');
  assert.deepEqual(body.grant_types, ['authorization_code', 'refresh_token']);
  assert.deepEqual(body.response_types, ['code']);
  assert.equal(body.requested_scope, 'mcp:read unknown:scope');
  for (const member of ['client_uri', 'contacts', 'scope', 'client_secret']) assert.ok(!(member in body), member);
});

test('a registration that states next to nothing gets refresh tokens and a secret', async () => {
  const { status, body } = await register({
    redirect_uris: ['https://app.example/cb'],
    token_endpoint_auth_method: null,
  });
  assert.equal(status, 201);
  assert.deepEqual(body.grant_types, ['authorization_code', 'refresh_token']);
  assert.equal(body.token_endpoint_auth_method, 'client_secret_basic');
  assert.equal(typeof body.client_secret, 'string');
  assert.equal(body.client_secret_expires_at, 0);
});

test('every authentication method that a client of ours may have is registered as asked', async () => {
  for (const method of ['none', 'client_secret_basic', 'client_secret_post']) {
    const asked = { redirect_uris: ['http://localhost/cb'], token_endpoint_auth_method: method };
    assert.equal((await register(asked)).body.token_endpoint_auth_method, method);
  }
});

test('a registration cannot make itself an administrator’s client', async () => {
  const service = {
    redirect_uris: ['http://localhost/cb'],
    consentry_origin: 'static',
    consentry_kind: 'service',
    consentry_access: { 'https://mail.example/mcp': ['admin'] },
    grant_types: ['authorization_code', 'client_credentials'],
  };
  const { body } = await register(service);
  assert.equal(body.consentry_origin, 'dynamic');
  assert.equal(body.consentry_kind, 'app');
  assert.ok(!('consentry_access' in body));
  const management = {
    method: 'PUT',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${body.registration_access_token}` },
    body: JSON.stringify({ ...service, client_id: body.client_id }),
  };
  const updated = (await (await fetch(String(body.registration_client_uri), management)).json()) as Metadata;
  assert.equal(updated.consentry_origin, 'dynamic');
  assert.deepEqual(updated.grant_types, ['authorization_code']);
});

test('a redirect URI that breaks the rules is invalid_redirect_uri', async () => {
  for (const uri of ['javascript:alert(1)', 'http://app.example/cb', 'https://app.example/a/../b', `${issuer}/cb`]) {
    const { status, body } = await register({ redirect_uris: ['https://app.example/cb', uri] });
    assert.deepEqual([status, body.error], [400, 'invalid_redirect_uri']);
  }
});

test('Cursor’s redirect is accepted and authorized', async () => {
  const uri = 'cursor://anysphere.cursor-mcp/oauth/callback';
  const { body } = await register({ redirect_uris: [uri, 'https://www.cursor.com/agents/mcp/oauth/callback'] });
  assert.equal(await authorize(String(body.client_id), uri), '/interaction');
});

test('a document with a portless localhost redirect is authorized on any port, for one fetch', async () => {
  assert.equal(await authorize(documentUrl, 'http://localhost:53682/callback'), '/interaction');
  assert.equal(await authorize(documentUrl, 'http://localhost:1/callback'), '/interaction');
  assert.match(await authorize(documentUrl, 'http://127.0.0.1:1/callback'), /redirect_uri/);
  assert.match(await authorize(documentUrl, 'http://localhost:1/other'), /redirect_uri/);
  assert.equal(requests, 1);
});

test('a document with empty links and unknown grants is used without them', async () => {
  const device = 'urn:ietf:params:oauth:grant-type:device_code';
  Object.assign(document, { logo_uri: '', client_uri: 'http://x', consentry_origin: 'static', grant_types: [device] });
  (document.grant_types as string[]).push('authorization_code');
  assert.equal(await authorize(documentUrl, 'http://localhost:1/callback'), '/interaction');
});

test('a document with one bad redirect URI is refused and not kept, even when another is used', async () => {
  document.redirect_uris = ['http://localhost/callback', 'https://app.example/%2e%2e/cb'];
  assert.match(await authorize(documentUrl, 'http://localhost:1/callback'), /redirect_uris\[1\]/);
  assert.equal(await database.prisma.metadataDocument.count(), 0);
});

test('a malformed document and an address we do not reach fail in the same words', async () => {
  document.client_id = 'https://other.example/client.json';
  const pages = await Promise.all(
    [documentUrl, 'https://10.0.0.1/client.json', 'https://[64:ff9b::1]/client.json'].map(async (clientId) =>
      (await authorize(clientId, 'http://localhost:1/callback')).replaceAll(/\s+/g, ' '),
    ),
  );
  assert.match(String(pages[0]), /invalid_client/);
  assert.equal(new Set(pages).size, 1);
});
