/** The main job with the official MCP SDK v2 client, for every way to be a client and both protocol revisions. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { decodeJwt } from 'jose';
import { LOOPBACK } from '../flow.ts';
import { addPerson, staticClient } from '../harness.ts';
import { type HttpsStub, startHttpsStub, testCaFile } from '../https-stub.ts';
import { createPerson } from '../person.ts';
import { approveInBrowser, createHost, HOST_NAME, type HostIdentity, type Visitor } from './host.ts';
import { passMinutes, startWithDemo, type WithDemo } from './with-demo.ts';

const revisions = { '2025-11-25': 'legacy', '2026-07-28': { pin: '2026-07-28' } } as const;
type Revision = keyof typeof revisions;

let consentry: WithDemo;
let documents: HttpsStub;

before(async () => {
  documents = await startHttpsStub((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(metadataDocument()));
  });
  consentry = await startWithDemo({ OUTBOUND_ALLOW: '127.0.0.1/32', OUTBOUND_CA_FILE: testCaFile });
});
after(async () => {
  await consentry?.close();
  await documents?.close();
});

const documentUrl = () => `${documents.url}/oauth/client.json`;

function metadataDocument() {
  return {
    client_id: documentUrl(),
    client_name: HOST_NAME,
    redirect_uris: ['http://127.0.0.1/callback'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  };
}

async function confidential(): Promise<HostIdentity> {
  const made = await staticClient(consentry.rooms, { kind: 'app', name: HOST_NAME, redirectUris: [LOOPBACK] });
  return { preRegistered: { client_id: made.clientId, client_secret: String(made.clientSecret) } };
}

const clients: {
  name: string;
  identity: () => Promise<HostIdentity>;
  registration: string[];
  authenticates?: true;
  hasDocument?: true;
}[] = [
  { name: 'a self-registered client', identity: async () => ({}), registration: ['POST /register 201'] },
  {
    name: 'a client with a metadata document',
    identity: async () => ({ documentUrl: documentUrl() }),
    registration: [],
    hasDocument: true,
  },
  { name: 'a confidential client', identity: confidential, registration: [], authenticates: true },
];

for (const { name, identity, registration, authenticates = false, hasDocument = false } of clients) {
  for (const revision of Object.keys(revisions) as Revision[]) {
    describe(`${name}, MCP ${revision}`, () => {
      let host: ReturnType<typeof createHost>;
      let person: Visitor;
      let client: Client;
      let transport: StreamableHTTPClientTransport;
      before(async () => {
        host = createHost(await identity());
        // A notebook is a person's, so each has an empty one.
        const account = await addPerson(consentry.rooms, `${randomUUID()}@contoso.test`);
        person = { browser: createPerson(consentry.issuer), account };
      });
      after(() => client?.close());

      async function connect(): Promise<void> {
        client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode: revisions[revision] } });
        transport = new StreamableHTTPClientTransport(consentry.demoUrl, {
          authProvider: host.provider,
          fetch: host.fetch,
        });
        await client.connect(transport);
      }

      async function call(tool: string, args: Record<string, unknown> = {}) {
        const { content } = await client.callTool({ name: tool, arguments: args });
        const [first] = content as Array<{ text: string }>;
        return JSON.parse(String(first?.text));
      }

      function grantedScopes(): string[] {
        return String(decodeJwt(String(host.kept().tokens?.access_token)).scope)
          .split(' ')
          .sort();
      }

      function assertAuthenticated(authorization: string | null | undefined): void {
        assert.equal(Boolean(authorization?.startsWith('Basic ')), authenticates);
      }

      it('finds the server, is approved on a page that names it, and calls a tool', async () => {
        await assert.rejects(connect(), UnauthorizedError);
        assert.deepEqual(
          host.takeWire().map(({ line }) => line),
          [
            'POST /mcp 401',
            'GET /.well-known/oauth-protected-resource/mcp 200',
            'GET /.well-known/oauth-authorization-server 200',
            ...registration,
          ],
        );
        const { last } = host.asked();
        assert.equal(last.searchParams.get('resource'), consentry.demoUrl.href);
        assert.equal(last.searchParams.get('client_id') === documentUrl(), hasDocument);
        const { consentPage, answer } = await approveInBrowser(host, person);
        for (const named of [HOST_NAME, '127.0.0.1', 'Demo notes', 'Read your notes'])
          assert.ok(consentPage.includes(named), named);
        assert.ok(!consentPage.includes('Delete your notes'), 'asks for no more than the challenge named');
        assert.equal(answer.get('state'), host.kept().state);

        await transport.finishAuth(answer);
        const [token] = host.takeWire();
        assert.equal(token?.line, 'POST /token 200');
        assertAuthenticated(token?.authorization);
        assert.equal(decodeJwt(String(host.kept().tokens?.access_token)).aud, consentry.demoUrl.href);
        await connect();
        assert.equal(client.getNegotiatedProtocolVersion(), revision);
        assert.equal((await client.listTools()).tools.length, 5);
        assert.equal((await call('list_notes')).length, 1);
        assert.deepEqual(
          grantedScopes().filter((scope) => scope.startsWith('notes:')),
          ['notes:read'],
        );
      });

      it('widens its scopes when a tool needs it, keeps those it had, and only by a press', async () => {
        const before = host.asked().count;
        await assert.rejects(call('create_note', { title: 'Milk', text: 'and bread' }), UnauthorizedError);
        assert.equal(host.asked().count, before + 1);
        const wanted = host.asked().last.searchParams.get('scope')?.split(' ') ?? [];
        for (const scope of ['notes:read', 'notes:write']) assert.ok(wanted.includes(scope), scope);
        const { consentPage, answer } = await approveInBrowser(host, person);
        assert.ok(consentPage.includes('Create and change your notes'));
        await transport.finishAuth(answer);
        await call('create_note', { title: 'Milk', text: 'and bread' });
        assert.equal((await call('list_notes')).length, 2);
        assert.deepEqual(
          grantedScopes().filter((scope) => scope.startsWith('notes:')),
          ['notes:read', 'notes:write'],
        );
      });

      it('refreshes by itself when its access token has expired, and asks nobody', async () => {
        host.takeWire();
        const { tokens } = host.kept();
        const scopes = grantedScopes();
        const asked = host.asked().count;
        passMinutes(11);
        assert.equal((await call('list_notes')).length, 2);
        const wire = host.takeWire();
        assert.deepEqual(
          wire.map(({ line }) => line).filter((line) => !line.startsWith('GET')),
          ['POST /mcp 401', 'POST /token 200', 'POST /mcp 200'],
        );
        const refresh = wire.find(({ line }) => line.includes('/token'));
        assert.equal(refresh?.form.get('grant_type'), 'refresh_token');
        assertAuthenticated(refresh?.authorization);
        assert.equal(host.asked().count, asked);
        assert.notEqual(host.kept().tokens?.refresh_token, tokens?.refresh_token);
        assert.deepEqual(grantedScopes(), scopes);
      });
    });
  }
}
