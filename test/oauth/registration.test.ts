/** Registration (RFC 7591) and its management (RFC 7592): a client says what it is, and nothing of what is ours to say. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { registerClient } from '../flow.ts';
import { type Consentry, sql, startConsentry } from '../harness.ts';
import { hash, manage, proves, registerConfidential, said } from './manage.ts';

const REDIRECT = 'http://127.0.0.1/callback';

describe('registration', () => {
  let consentry: Consentry;
  before(async () => {
    consentry = await startConsentry();
  });
  after(() => consentry?.close());

  async function post(body: unknown, type = 'application/json') {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(`${consentry.issuer}/register`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: text,
    });
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as Record<string, unknown>,
    };
  }

  it('answers 201 with what was registered and the means to manage it, never cached', async () => {
    const { status, headers, body } = await post({
      client_name: 'Claude Code',
      redirect_uris: [REDIRECT],
      token_endpoint_auth_method: 'none',
    });
    assert.equal(status, 201);
    assert.match(String(headers.get('cache-control')), /no-store/);
    assert.match(String(body.client_id), /^[\da-f]{32}$/);
    assert.equal(body.client_secret, undefined);
    assert.equal(body.registration_client_uri, `${consentry.issuer}/register/${body.client_id}`);
    assert.ok(String(body.registration_access_token).length >= 43);
    assert.deepEqual(
      [body.client_name, body.redirect_uris, body.token_endpoint_auth_method],
      ['Claude Code', [REDIRECT], 'none'],
    );
  });

  it('tells a secret once and keeps its hash; the token that manages is kept as little', async () => {
    const client = await registerConfidential(consentry.issuer);
    assert.ok(String(client.client_secret).length >= 43);
    assert.equal(client.client_secret_expires_at, 0);
    assert.ok(await proves(consentry.issuer, client.client_id, client.client_secret));
    const [row] = await sql<{ secret_hash: string }>(consentry, 'SELECT secret_hash FROM clients WHERE id = $1', [
      client.client_id,
    ]);
    assert.equal(row?.secret_hash, hash(client.client_secret));
    const rows = await sql(
      consentry,
      'SELECT c::text FROM clients c UNION ALL SELECT a::text FROM artifacts a UNION ALL SELECT e::text FROM audit_events e',
    );
    const dump = JSON.stringify(rows);
    assert.doesNotMatch(dump, new RegExp(String(client.client_secret)));
    assert.doesNotMatch(dump, new RegExp(client.registration_access_token));
    // The hash is no secret.
    assert.equal(await proves(consentry.issuer, client.client_id, row?.secret_hash), false);
  });

  it('says what is wrong, by the two errors of RFC 7591', async () => {
    const wrong: [unknown, string][] = [
      [{}, 'invalid_redirect_uri'],
      [{ redirect_uris: [] }, 'invalid_redirect_uri'],
      [{ redirect_uris: 'x' }, 'invalid_redirect_uri'],
      [{ redirect_uris: ['not a uri'] }, 'invalid_redirect_uri'],
      [{ redirect_uris: [REDIRECT, 'http://evil.example/'] }, 'invalid_redirect_uri'],
      [{ redirect_uris: ['javascript:alert(1)'] }, 'invalid_redirect_uri'],
      [{ redirect_uris: [`${REDIRECT}#x`] }, 'invalid_redirect_uri'],
      [{ redirect_uris: [REDIRECT], token_endpoint_auth_method: 'client_secret_jwt' }, 'invalid_client_metadata'],
      [{ redirect_uris: [REDIRECT], token_endpoint_auth_method: 'private_key_jwt' }, 'invalid_client_metadata'],
      [{ redirect_uris: [REDIRECT], grant_types: ['client_credentials'] }, 'invalid_client_metadata'],
      [{ redirect_uris: [REDIRECT], response_types: ['token'] }, 'invalid_client_metadata'],
    ];
    for (const [body, error] of wrong) {
      const answer = await post(body);
      assert.equal(answer.status, 400, JSON.stringify(body));
      assert.equal(answer.body.error, error, JSON.stringify(body));
      assert.equal(typeof answer.body.error_description, 'string');
    }
    for (const [body, type, status] of [
      ['[]', 'application/json', 400],
      ['{', 'application/json', 400],
      ['"x"', 'application/json', 400],
      ['a=b', 'application/x-www-form-urlencoded', 400],
      [`{"pad":"${'x'.repeat(70_000)}"}`, 'application/json', 400],
    ] as const) {
      assert.equal((await post(body, type)).status, status, body.slice(0, 20));
    }
  });

  it('lets a client set nothing of what is ours, and forgets members it does not know (threat 76)', async () => {
    const claims = {
      client_id: 'chosen',
      client_id_issued_at: 1,
      client_secret: 'chosen',
      client_secret_expires_at: 1,
      registration_access_token: 'chosen',
      registration_client_uri: 'https://evil.example/',
      consentry_origin: 'static',
      consentry_kind: 'service',
      consentry_access: { [consentry.mail.uri]: ['mail:read'] },
      requested_scope: 'mail:send',
      subject_type: 'pairwise',
      sector_identifier_uri: 'https://evil.example/',
      post_logout_redirect_uris: ['https://evil.example/'],
      backchannel_logout_uri: 'https://evil.example/',
      initiate_login_uri: 'https://evil.example/',
      request_uris: ['https://evil.example/'],
      authorization_signed_response_alg: 'HS256',
      introspection_signed_response_alg: 'HS256',
      id_token_signed_response_alg: 'none',
      require_auth_time: true,
      default_max_age: 1,
      no_manage: true,
      noManage: true,
      'x-unknown': 'x',
      __proto__: { polluted: true },
    };
    const client = await registerClient(consentry.issuer, {
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: [
        'authorization_code',
        'refresh_token',
        'client_credentials',
        'urn:ietf:params:oauth:grant-type:device_code',
        'implicit',
      ],
      ...claims,
    });
    const update = await manage(client, 'PUT', {
      body: said(client, {
        ...claims,
        client_id: client.client_id,
        client_id_issued_at: undefined,
        client_secret: undefined,
        client_secret_expires_at: undefined,
        registration_access_token: undefined,
        registration_client_uri: undefined,
      }),
    });
    assert.equal(update.status, 200, update.text);
    for (const answer of [client, (await manage(client, 'GET')).body, update.body]) {
      const text = JSON.stringify(answer);
      assert.doesNotMatch(text, /chosen|evil|consentry_|requested_scope|unknown|polluted|HS256|pairwise|no_?manage/i);
      assert.deepEqual(answer.grant_types, ['authorization_code', 'refresh_token']);
      assert.equal(answer.id_token_signed_response_alg, 'ES256');
    }
    const [row] = await sql(consentry, 'SELECT origin, kind, revoked_at FROM clients WHERE id = $1', [
      client.client_id,
    ]);
    assert.deepEqual(row, { origin: 'dynamic', kind: 'app', revoked_at: null });
  });
});
