/** Registration (RFC 7591) and its management (RFC 7592): a client says what it is, and nothing of what is ours to say. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { authorizationUrl, basic, type Registration, registerClient, tokenRequest } from '../flow.ts';
import { type Consentry, sql, startConsentry, staticClient } from '../harness.ts';
import { createPerson } from '../person.ts';

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

  async function manage(
    client: Registration,
    method: 'GET' | 'PUT' | 'DELETE',
    { body, token = client.registration_access_token }: { body?: object; token?: string | null } = {},
  ) {
    const headers = {
      'content-type': 'application/json',
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    };
    const response = await fetch(client.registration_client_uri, {
      method,
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: (text ? JSON.parse(text) : {}) as Record<string, unknown>,
    };
  }

  const said = (client: Registration, changes: object = {}) => ({
    client_id: client.client_id,
    client_name: 'Claude Code',
    redirect_uris: [REDIRECT],
    token_endpoint_auth_method: 'client_secret_basic',
    ...changes,
  });
  const confidential = () => registerClient(consentry.issuer, { token_endpoint_auth_method: 'client_secret_basic' });
  const hash = (secret: unknown) => createHash('sha256').update(String(secret)).digest('base64url');

  /** Whether the client gets past authentication with this secret. */
  async function proves(clientId: string, secret: unknown): Promise<boolean> {
    const fields = { grant_type: 'refresh_token', refresh_token: 'unknown' };
    const { status, body } = await tokenRequest(consentry.issuer, fields, basic(clientId, String(secret)));
    assert.ok(['invalid_grant', 'invalid_client'].includes(String(body.error)));
    return status === 400;
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
    const client = await confidential();
    assert.ok(String(client.client_secret).length >= 43);
    assert.equal(client.client_secret_expires_at, 0);
    assert.ok(await proves(client.client_id, client.client_secret));
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
    assert.equal(await proves(client.client_id, row?.secret_hash), false);
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

  describe('management', () => {
    it('reads back what was registered, without secret or hash', async () => {
      const client = await confidential();
      const { status, headers, text, body } = await manage(client, 'GET');
      assert.equal(status, 200);
      assert.match(String(headers.get('cache-control')), /no-store/);
      assert.deepEqual([body.client_id, body.client_name], [client.client_id, 'Claude Code']);
      assert.doesNotMatch(text, new RegExp(`${client.client_secret}|${hash(client.client_secret)}|"client_secret"`));
    });

    it('keeps the secret through an update that repeats it or leaves it out, and tells neither it nor its hash', async () => {
      const client = await confidential();
      for (const repeated of [{}, { client_secret: client.client_secret }]) {
        const { status, text, body } = await manage(client, 'PUT', {
          body: said(client, { client_name: 'New name', ...repeated }),
        });
        assert.equal(status, 200, text);
        assert.equal(body.client_name, 'New name');
        assert.doesNotMatch(text, new RegExp(`${client.client_secret}|${hash(client.client_secret)}|"client_secret"`));
        assert.ok(await proves(client.client_id, client.client_secret));
      }
    });

    it('refuses an update with a wrong secret, or with the hash for a secret, and changes nothing', async () => {
      const client = await confidential();
      for (const wrong of ['wrong', hash(client.client_secret), '', 1]) {
        const { status, body } = await manage(client, 'PUT', {
          body: said(client, { client_name: 'Changed', client_secret: wrong }),
        });
        assert.deepEqual([status, body.error], [400, 'invalid_request'], String(wrong));
      }
      const open = await registerClient(consentry.issuer);
      const { status } = await manage(open, 'PUT', {
        body: said(open, { token_endpoint_auth_method: 'none', client_secret: 'none' }),
      });
      assert.equal(status, 400);
      assert.equal((await manage(client, 'GET')).body.client_name, 'Claude Code');
      assert.ok(await proves(client.client_id, client.client_secret));
    });

    it('tells the secret that an update made necessary, once, and forgets it when it is not needed any more', async () => {
      const client = await registerClient(consentry.issuer);
      const made = await manage(client, 'PUT', { body: said(client) });
      assert.equal(made.status, 200, made.text);
      assert.ok(await proves(client.client_id, made.body.client_secret));
      assert.equal((await manage(client, 'GET')).body.client_secret, undefined);
      assert.equal((await manage(client, 'PUT', { body: said(client) })).body.client_secret, undefined);
      assert.equal(
        (await manage(client, 'PUT', { body: said(client, { token_endpoint_auth_method: 'none' }) })).status,
        200,
      );
      assert.equal(await proves(client.client_id, made.body.client_secret), false);
      const again = await manage(client, 'PUT', { body: said(client) });
      assert.notEqual(again.body.client_secret, made.body.client_secret);
      assert.ok(await proves(client.client_id, again.body.client_secret));
      assert.equal(await proves(client.client_id, made.body.client_secret), false);
    });

    it('replaces everything by what the update says', async () => {
      const client = await registerClient(consentry.issuer, { client_uri: 'https://app.example.test/' });
      const body = {
        client_id: client.client_id,
        redirect_uris: ['https://app.example.test/callback'],
        token_endpoint_auth_method: 'none',
      };
      assert.equal((await manage(client, 'PUT', { body })).status, 200);
      const read = (await manage(client, 'GET')).body;
      assert.deepEqual(
        [read.redirect_uris, read.client_name, read.client_uri],
        [body.redirect_uris, undefined, undefined],
      );
    });

    it('refuses an update that does not fit, and changes nothing', async () => {
      const client = await registerClient(consentry.issuer);
      const fits = said(client, { token_endpoint_auth_method: 'none' });
      for (const changes of [
        { client_id: 'other' },
        { client_id: undefined },
        { registration_access_token: client.registration_access_token },
        { registration_client_uri: client.registration_client_uri },
        { client_id_issued_at: 1 },
        { client_secret_expires_at: 0 },
        { redirect_uris: ['http://evil.example/'] },
        { redirect_uris: undefined },
        { grant_types: ['client_credentials'] },
      ]) {
        const { status, body } = await manage(client, 'PUT', { body: { ...fits, client_name: 'Changed', ...changes } });
        assert.equal(status, 400, JSON.stringify(changes));
        assert.match(String(body.error), /^invalid_(request|client_metadata|redirect_uri)$/);
      }
      assert.equal((await manage(client, 'GET')).body.client_name, 'Claude Code');
    });

    it('is for who holds the token of that registration: anybody else gets 401 and learns nothing', async () => {
      const client = await confidential();
      const foreign = await registerClient(consentry.issuer);
      const fixed = await staticClient(consentry.rooms, { kind: 'app' });
      const uri = (id: string) => `${consentry.issuer}/register/${id}`;
      const calls: [Registration, string | null][] = [
        [client, null],
        [client, 'wrong'],
        [client, String(client.client_secret)],
        [client, foreign.registration_access_token],
        [{ ...client, registration_client_uri: uri('unknown') }, 'wrong'],
        [{ ...client, registration_client_uri: uri(fixed.clientId) }, 'wrong'],
        [{ ...client, registration_client_uri: uri(consentry.mail.clientId) }, 'wrong'],
      ];
      for (const [target, token] of calls) {
        for (const method of ['GET', 'PUT', 'DELETE'] as const) {
          const body =
            method === 'PUT'
              ? { body: said(client, { client_secret: client.client_secret, client_name: 'Changed' }) }
              : {};
          const { status, headers, text } = await manage(target, method, { token, ...body });
          assert.equal(status, 401, `${method} ${token} ${text}`);
          assert.doesNotMatch(text, /client_name|redirect_uris|"client_secret"/);
          assert.match(String(headers.get('www-authenticate')), /^Bearer/);
        }
      }
      const wrongSecret = await manage(client, 'PUT', {
        token: 'wrong',
        body: said(client, { client_secret: 'wrong' }),
      });
      assert.equal(wrongSecret.status, 401, 'who asks comes before what they say');
      assert.equal((await manage(client, 'GET')).body.client_name, 'Claude Code');
    });

    it('deletes: the client is unknown from then on', async () => {
      const client = await confidential();
      const { status, text } = await manage(client, 'DELETE');
      assert.deepEqual([status, text], [204, '']);
      for (const method of ['GET', 'DELETE'] as const) assert.equal((await manage(client, method)).status, 401);
      assert.equal((await manage(client, 'PUT', { body: said(client) })).status, 401);
      assert.equal(await proves(client.client_id, client.client_secret), false);
      const page = await createPerson(consentry.issuer).open(authorizationUrl(consentry, client.client_id).url);
      assert.deepEqual([page.status, page.left], [400, undefined]);
    });

    it('leaves a record of each registration, update and deletion', async () => {
      const client = await registerClient(consentry.issuer);
      await manage(client, 'PUT', { body: said(client, { token_endpoint_auth_method: 'none' }) });
      await manage(client, 'DELETE');
      const rows = await sql<{ type: string }>(
        consentry,
        'SELECT type FROM audit_events WHERE client_id = $1 ORDER BY seq',
        [client.client_id],
      );
      assert.deepEqual(
        rows.map(({ type }) => type),
        ['client.registered', 'client.updated', 'client.deleted'],
      );
    });
  });
});
