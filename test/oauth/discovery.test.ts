/** The discovery documents (RFC 8414 §2, OpenID Connect Discovery §3) say what the server does, and nothing else. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { authorize, basic, redeem, registerClient, tokenRequest } from '../flow.ts';
import { CALENDAR, type Consentry, register, startConsentry, staticClient } from '../harness.ts';

type Document = Record<string, unknown>;

const OAUTH = '/.well-known/oauth-authorization-server';
const OPENID = '/.well-known/openid-configuration';

describe('discovery documents', () => {
  let consentry: Consentry;
  before(async () => {
    consentry = await startConsentry();
  });
  after(() => consentry?.close());

  async function read(path: string, headers: Record<string, string> = {}): Promise<Document> {
    const response = await fetch(consentry.issuer + path, { headers });
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type') ?? '', /^application\/(?:jwk-set\+)?json\b/);
    return (await response.json()) as Document;
  }

  // The first test: there is one resource yet.
  it('list the scopes of the resource while there is exactly one, and of none beyond that', async () => {
    const identity = ['openid', 'profile', 'email', 'offline_access'];
    for (const path of [OAUTH, OPENID])
      assert.deepEqual((await read(path)).scopes_supported, [...identity, 'mail:read', 'mail:send', 'mail:label']);
    await register(consentry.rooms, CALENDAR);
    for (const path of [OAUTH, OPENID]) assert.deepEqual((await read(path)).scopes_supported, identity);
  });

  it('are the same, member by member', async () => {
    assert.deepEqual(await read(OAUTH), await read(OPENID));
  });

  it('name the issuer letter by letter and every address below it', async () => {
    const document = await read(OAUTH);
    assert.equal(document.issuer, consentry.issuer);
    const urls = Object.entries(document).filter(([member]) => /_(endpoint|uri)$/.test(member));
    assert.deepEqual(
      Object.fromEntries(urls),
      Object.fromEntries(
        [
          ['authorization_endpoint', 'authorize'],
          ['token_endpoint', 'token'],
          ['registration_endpoint', 'register'],
          ['jwks_uri', 'jwks'],
          ['revocation_endpoint', 'revoke'],
          ['introspection_endpoint', 'introspect'],
          ['pushed_authorization_request_endpoint', 'par'],
          ['device_authorization_endpoint', 'device_authorization'],
          ['end_session_endpoint', 'logout'],
        ].map(([member, path]) => [member, `${consentry.issuer}/${path}`]),
      ),
    );
    for (const match of JSON.stringify(document).matchAll(/"(https?:[^"]*)"/g))
      assert.ok(match[1] === consentry.issuer || match[1]?.startsWith(`${consentry.issuer}/`), match[1]);
  });

  it('hold no null, nothing empty and nothing twice', async () => {
    for (const [member, value] of Object.entries(await read(OPENID))) {
      assert.ok(value !== null && value !== '', member);
      if (!Array.isArray(value)) continue;
      assert.ok(value.length > 0, member);
      assert.deepEqual(value, [...new Set(value)], member);
      for (const one of value) assert.equal(typeof one, 'string', member);
    }
  });

  it('say what MCP clients look for', async () => {
    const document = await read(OAUTH);
    const expected: Document = {
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
      client_id_metadata_document_supported: true,
      grant_types_supported: [
        'authorization_code',
        'refresh_token',
        'client_credentials',
        'urn:ietf:params:oauth:grant-type:device_code',
      ],
      token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
      ui_locales_supported: ['en', 'ja'],
    };
    for (const [member, value] of Object.entries(expected)) assert.deepEqual(document[member], value, member);
  });

  it('say how clients authenticate wherever the default would be wrong (RFC 8414 §2)', async () => {
    const document = await read(OAUTH);
    const methods = document.token_endpoint_auth_methods_supported;
    const algorithms = document.token_endpoint_auth_signing_alg_values_supported as string[];
    assert.ok(algorithms.length > 0);
    for (const algorithm of algorithms) assert.doesNotMatch(algorithm, /^(none|HS\d+)$/);
    assert.deepEqual(document.revocation_endpoint_auth_methods_supported, methods);
    assert.deepEqual(document.revocation_endpoint_auth_signing_alg_values_supported, algorithms);
    assert.deepEqual(document.introspection_endpoint_auth_methods_supported, ['client_secret_basic']);
  });

  it('announce only endpoints that answer', async () => {
    const document = await read(OAUTH);
    for (const [member, url] of Object.entries(document)) {
      if (!/_(endpoint|uri)$/.test(member)) continue;
      const method = /^(authorization|end_session|jwks)/.test(member) ? 'GET' : 'POST';
      const response = await fetch(String(url), { method, redirect: 'manual' });
      await response.text();
      assert.ok(![404, 405, 500, 501].includes(response.status), `${member}: ${response.status}`);
    }
  });

  it('announce every grant type that works, and an unlisted one is refused', async () => {
    const { issuer } = consentry;
    const { client_id: id } = await registerClient(issuer);
    const tokens = await redeem(consentry, id, await authorize(consentry, id));
    assert.ok(tokens.body.access_token && tokens.body.refresh_token);
    const listed = (await read(OAUTH)).grant_types_supported as string[];
    const service = await staticClient(consentry.rooms, {
      kind: 'service',
      redirectUris: [],
      access: { [consentry.mail.uri]: ['mail:read'] },
    });
    const as = basic(service.clientId, service.clientSecret);
    const machine = { grant_type: 'client_credentials', resource: consentry.mail.uri, scope: 'mail:read' };
    assert.equal((await tokenRequest(issuer, machine, as)).status, 200);
    for (const grant of listed) {
      const { body } = await tokenRequest(issuer, { grant_type: grant, client_id: id });
      assert.notEqual(body.error, 'unsupported_grant_type', grant);
    }
    for (const grant of ['implicit', 'password', 'urn:ietf:params:oauth:grant-type:jwt-bearer']) {
      assert.ok(!listed.includes(grant));
      const { status, body } = await tokenRequest(issuer, { grant_type: grant, client_id: id });
      assert.equal(status, 400);
      assert.equal(body.error, 'unsupported_grant_type', grant);
    }
  });

  it('lead to keys that are public and nothing but public', async () => {
    const { keys } = (await read('/jwks')) as { keys: Document[] };
    assert.ok(keys.length > 0);
    for (const key of keys) {
      assert.deepEqual(Object.keys(key).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
      assert.equal(key.kty, 'EC');
      assert.equal(key.crv, 'P-256');
      assert.equal(key.alg, 'ES256');
      assert.equal(key.use, 'sig');
    }
  });

  it('do not answer under a foreign Host', async () => {
    const { host, port } = new URL(consentry.issuer);
    for (const foreign of [
      'evil.example',
      `evil.example:${port}`,
      `localhost:${port}`,
      '127.0.0.1',
      `${host}.evil.example`,
    ])
      for (const path of [OAUTH, OPENID, '/jwks', '/token', '/authorize', '/.well-known/anything']) {
        const { status, body } = await withHost(foreign, path);
        assert.equal(status, 421, `${foreign} ${path}`);
        assert.ok(!body.includes('evil.example'), body);
      }
    assert.equal((await withHost(host, OAUTH)).status, 200);
  });

  it('take nothing from forwarding headers', async () => {
    const forged = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      'x-forwarded-port': '444',
      forwarded: 'host=evil.example;proto=https',
      'x-original-url': '/evil',
    };
    for (const path of [OAUTH, OPENID]) assert.deepEqual(await read(path, forged), await read(path));
  });

  /** `fetch` does not let a caller write the Host header. */
  function withHost(host: string, path: string): Promise<{ status: number | undefined; body: string }> {
    return new Promise((resolve, reject) => {
      const asked = request(consentry.issuer + path, { headers: { host } }, async (response) => {
        const chunks = await response.toArray();
        resolve({ status: response.statusCode, body: Buffer.concat(chunks).toString() });
      });
      asked.on('error', reject).end();
    });
  }
});
