/** The token endpoint (OAuth 2.1 §3.2): what redeems a code, and the name of every error. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it, mock } from 'node:test';
import { disableAccount } from '../../src/revocations.ts';
import {
  authorizationUrl,
  authorize,
  basic,
  introspect,
  redeem,
  refresh,
  registerClient,
  tokenRequest,
} from '../flow.ts';
import { addPerson, type Consentry, startConsentry, staticClient } from '../harness.ts';
import { createPerson, type Person } from '../person.ts';
import { connect, reasons } from './kit.ts';

describe('token endpoint', () => {
  let consentry: Consentry;
  let ana: Person;
  let clientId: string;
  let confidential: { client_id: string; client_secret?: string };
  before(async () => {
    mock.timers.enable({ apis: ['Date'], now: Date.now() });
    consentry = await startConsentry();
    ana = createPerson(consentry.issuer);
    clientId = (await registerClient(consentry.issuer)).client_id;
    confidential = await registerClient(consentry.issuer, { token_endpoint_auth_method: 'client_secret_basic' });
  });
  after(async () => {
    await consentry?.close();
    mock.timers.reset();
  });

  const secret = () => basic(confidential.client_id, confidential.client_secret);

  /** As the confidential client, which sends its id in the header. */
  function redeemWithSecret(
    { code, verifier, redirectUri }: Awaited<ReturnType<typeof authorize>>,
    changes: Record<string, string | undefined> = {},
  ) {
    const fields = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: redirectUri };
    return tokenRequest(consentry.issuer, { ...fields, ...changes }, secret());
  }

  async function raw(body: string, type = 'application/x-www-form-urlencoded', headers: Record<string, string> = {}) {
    const response = await fetch(`${consentry.issuer}/token`, {
      method: 'POST',
      body,
      headers: { 'content-type': type, ...headers },
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: JSON.parse(text) as Record<string, string> };
  }

  it('answers a code with exactly what RFC 6749 names, never cached', async () => {
    const { code, verifier, redirectUri } = await authorize(consentry, clientId, { person: ana });
    const fields = new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: clientId,
      code,
      code_verifier: verifier,
      redirect_uri: redirectUri,
    });
    const { status, headers, body } = await raw(fields.toString());
    assert.equal(status, 200);
    assert.match(String(headers.get('content-type')), /^application\/json/);
    assert.match(String(headers.get('cache-control')), /no-store/);
    const { access_token: accessToken, refresh_token: refreshToken, ...rest } = body;
    assert.ok(accessToken && refreshToken);
    assert.deepEqual(rest, { token_type: 'Bearer', expires_in: 600, scope: 'mail:read' });
  });

  describe('PKCE (RFC 7636)', () => {
    const attempts: [string, (verifier: string) => string | undefined, string][] = [
      ['no verifier', () => undefined, 'invalid_grant'],
      ['an empty verifier', () => '', 'invalid_grant'],
      ['another verifier', () => 'x'.repeat(43), 'invalid_grant'],
      [
        'the challenge as verifier',
        (verifier) => createHash('sha256').update(verifier).digest('base64url'),
        'invalid_grant',
      ],
      ['a verifier too short', () => 'x', 'invalid_request'],
      ['a verifier too long', () => 'x'.repeat(129), 'invalid_request'],
      ['a verifier of other characters', () => `${'x'.repeat(43)}+`, 'invalid_request'],
    ];
    it('gives a public client nothing for a wrong verifier, and the code still to who has the right one (threat 10)', async () => {
      const authorized = await authorize(consentry, clientId, { person: ana });
      for (const [what, change, error] of attempts) {
        const { status, body } = await redeem(consentry, clientId, authorized, {
          code_verifier: change(authorized.verifier),
        });
        assert.deepEqual([status, body.error, body.access_token], [400, error, undefined], what);
      }
      assert.equal((await redeem(consentry, clientId, authorized)).status, 200);
    });

    it('gives a confidential client nothing either: its secret does not replace the verifier', async () => {
      const authorized = await authorize(consentry, confidential.client_id, { person: ana });
      for (const [what, change, error] of attempts) {
        const { status, body } = await redeemWithSecret(authorized, { code_verifier: change(authorized.verifier) });
        assert.deepEqual([status, body.error, body.access_token], [400, error, undefined], what);
      }
      assert.equal((await redeemWithSecret(authorized)).status, 200);
    });

    it('is demanded of every client at the authorization endpoint, and only S256 will do', async () => {
      const fixed = await staticClient(consentry.rooms, { kind: 'app' });
      for (const id of [clientId, confidential.client_id, fixed.clientId]) {
        for (const params of [
          { code_challenge: undefined, code_challenge_method: undefined },
          { code_challenge_method: 'plain' },
          { code_challenge_method: undefined },
          { code_challenge: 'short' },
          { code_challenge: undefined },
          { code_challenge_method: 's256' },
        ]) {
          const { left } = await ana.open(authorizationUrl(consentry, id, params).url);
          assert.equal(left?.searchParams.get('error'), 'invalid_request', JSON.stringify(params));
        }
      }
    });
  });

  it('refuses a code to every client but the one it was made for, and keeps it for that one (threat 27)', async () => {
    const { client_id: stranger } = await registerClient(consentry.issuer);
    const authorized = await authorize(consentry, clientId, { person: ana });
    const attempts = [await redeem(consentry, stranger, authorized), await redeemWithSecret(authorized)];
    for (const { status, body } of attempts) assert.deepEqual([status, body.error], [400, 'invalid_grant']);
    assert.equal((await redeem(consentry, clientId, authorized)).status, 200);
    const own = await authorize(consentry, confidential.client_id, { person: ana });
    assert.deepEqual(tupleOf(await redeem(consentry, clientId, own)), [400, 'invalid_grant']);
    assert.equal((await redeemWithSecret(own)).status, 200);
  });

  it('wants the redirect_uri of the authorization request, letter by letter (threat 11)', async () => {
    const authorized = await authorize(consentry, clientId, { person: ana });
    const others = [
      'http://127.0.0.1:33419/callback',
      'http://127.0.0.1/callback',
      'http://localhost:33418/callback',
      `${authorized.redirectUri}/`,
      `${authorized.redirectUri}?`,
      'HTTP://127.0.0.1:33418/callback',
      'https://evil.example/',
    ];
    for (const uri of others) {
      assert.deepEqual(
        tupleOf(await redeem(consentry, clientId, authorized, { redirect_uri: uri })),
        [400, 'invalid_grant'],
        uri,
      );
    }
    // A client with one registered address may leave it out, but not the port that the program chose.
    assert.deepEqual(tupleOf(await redeem(consentry, clientId, authorized, { redirect_uri: undefined })), [
      400,
      'invalid_grant',
    ]);
    assert.equal((await redeem(consentry, clientId, authorized)).status, 200);
  });

  it('takes a code for 60 seconds (threat 41)', async () => {
    const early = await authorize(consentry, clientId, { person: ana });
    mock.timers.tick(59_000);
    assert.equal((await redeem(consentry, clientId, early)).status, 200);
    const late = await authorize(consentry, clientId, { person: ana });
    mock.timers.tick(60_000);
    assert.deepEqual(tupleOf(await redeem(consentry, clientId, late)), [400, 'invalid_grant']);
  });

  it('takes a code once: its second use ends what the first one gave (threat 41)', async () => {
    const { client_id: fresh } = await registerClient(consentry.issuer);
    const authorized = await authorize(consentry, fresh, { person: ana });
    const { body } = await redeem(consentry, fresh, authorized);
    assert.deepEqual(tupleOf(await redeem(consentry, fresh, authorized)), [400, 'invalid_grant']);
    assert.deepEqual((await introspect(consentry, body.access_token)).body, { active: false });
    assert.deepEqual(tupleOf(await refresh(consentry, fresh, body.refresh_token)), [400, 'invalid_grant']);
    assert.deepEqual(await reasons(consentry, 'grant.revoked', fresh), ['reuse']);
  });

  it('a stranger who replays a used code ends nothing', async () => {
    const { client_id: stranger } = await registerClient(consentry.issuer);
    const authorized = await authorize(consentry, clientId, { person: ana });
    const { body } = await redeem(consentry, clientId, authorized);
    await redeem(consentry, stranger, authorized);
    await redeem(consentry, clientId, authorized, { code_verifier: 'x'.repeat(43) });
    assert.equal((await introspect(consentry, body.access_token)).body.active, true);
  });

  describe('asks the contract again before it mints (threat 58)', () => {
    const changes: [string, (clientId: string, manage: { uri: string; token: string }) => Promise<unknown>][] = [
      ['the consent was taken back', (id) => consentry.rooms.consents.revoke({ clientId: id }, 'test')],
      [
        'the client no longer claims the redirect',
        (id, manage) => update(id, manage, { redirect_uris: ['https://app.example.test/'] }),
      ],
      ['the client took another name', (id, manage) => update(id, manage, { client_name: 'Somebody else' })],
    ];
    for (const [what, change] of changes) {
      it(`${what} between code and token: invalid_grant`, async () => {
        const client = await registerClient(consentry.issuer);
        const authorized = await authorize(consentry, client.client_id, { person: ana });
        await change(client.client_id, {
          uri: client.registration_client_uri,
          token: client.registration_access_token,
        });
        assert.deepEqual(tupleOf(await redeem(consentry, client.client_id, authorized)), [400, 'invalid_grant']);
      });
    }

    it('the account was disabled between code and token: invalid_grant (threat 30)', async () => {
      const bob = await addPerson(consentry.rooms, 'bob@contoso.test');
      const authorized = await authorize({ ...consentry, ana: bob }, clientId);
      await disableAccount(consentry.rooms, bob);
      assert.deepEqual(tupleOf(await redeem(consentry, clientId, authorized)), [400, 'invalid_grant']);
    });

    it('a scope was unticked on a later page between code and token: invalid_grant (threat 59)', async () => {
      const { client_id: fresh } = await registerClient(consentry.issuer);
      const params = { scope: 'mail:read mail:send' };
      const early = await authorize(consentry, fresh, { person: ana, params });
      await connect(consentry, { person: ana, clientId: fresh, params, consent: { scope: 'mail:read' } });
      assert.deepEqual(tupleOf(await redeem(consentry, fresh, early)), [400, 'invalid_grant']);
    });

    async function update(id: string, { uri, token }: { uri: string; token: string }, changed: object) {
      const said = {
        client_id: id,
        client_name: 'Claude Code',
        redirect_uris: ['http://127.0.0.1/callback'],
        token_endpoint_auth_method: 'none',
        ...changed,
      };
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      assert.equal((await fetch(uri, { method: 'PUT', headers, body: JSON.stringify(said) })).status, 200);
    }
  });

  it('names what is wrong with a request', async () => {
    const authorized = await authorize(consentry, clientId, { person: ana });
    const code = {
      grant_type: 'authorization_code',
      client_id: clientId,
      code: authorized.code,
      code_verifier: authorized.verifier,
      redirect_uri: authorized.redirectUri,
    };
    const wrong: [Record<string, string | undefined>, number, string][] = [
      [{ ...code, grant_type: undefined }, 400, 'invalid_request'],
      [{ ...code, grant_type: '' }, 400, 'invalid_request'],
      [{ ...code, grant_type: 'password', username: 'ana@contoso.test', password: 'x' }, 400, 'unsupported_grant_type'],
      [{ ...code, grant_type: 'implicit' }, 400, 'unsupported_grant_type'],
      [{ ...code, grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange' }, 400, 'unsupported_grant_type'],
      [{ ...code, grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer' }, 400, 'unsupported_grant_type'],
      [{ ...code, grant_type: 'client_credentials' }, 400, 'unauthorized_client'],
      [
        { ...code, grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: 'x' },
        400,
        'unauthorized_client',
      ],
      [{ ...code, code: undefined }, 400, 'invalid_request'],
      [{ ...code, code: 'unknown' }, 400, 'invalid_grant'],
      [{ ...code, resource: 'http://127.0.0.1:9/elsewhere' }, 400, 'invalid_target'],
      [{ ...code, client_id: undefined }, 400, 'invalid_request'],
      [{ ...code, client_id: 'unknown' }, 401, 'invalid_client'],
      [{ ...code, client_id: confidential.client_id }, 401, 'invalid_client'],
      [{ ...code, client_secret: 'a public client has none' }, 401, 'invalid_client'],
      [{ grant_type: 'refresh_token', client_id: clientId }, 400, 'invalid_request'],
      [{ grant_type: 'refresh_token', client_id: clientId, refresh_token: 'unknown' }, 400, 'invalid_grant'],
    ];
    for (const [fields, status, error] of wrong) {
      const answer = await tokenRequest(consentry.issuer, fields);
      assert.deepEqual(tupleOf(answer), [status, error], JSON.stringify(fields));
      assert.deepEqual(
        Object.keys(answer.body).filter((name) => !['error', 'error_description', 'scope'].includes(name)),
        [],
      );
    }
  });

  it('names what is wrong with credentials, and asks for them where they came in a header', async () => {
    const fields = `grant_type=refresh_token&refresh_token=x`;
    const form = 'application/x-www-form-urlencoded';
    const wrong: [string, Record<string, string>, number, string][] = [
      [fields, basic(confidential.client_id, 'wrong'), 401, 'invalid_client'],
      [fields, basic('unknown', 'wrong'), 401, 'invalid_client'],
      [fields, basic(clientId, 'a public client has none'), 401, 'invalid_client'],
      [fields, basic(confidential.client_id, ''), 400, 'invalid_request'],
      [fields, { authorization: 'Basic nonsense!' }, 400, 'invalid_request'],
      [fields, { authorization: 'Bearer x' }, 400, 'invalid_request'],
      [`${fields}&client_id=${clientId}`, secret(), 400, 'invalid_request'],
      [`${fields}&client_secret=${confidential.client_secret}`, secret(), 400, 'invalid_request'],
      [`${fields}&client_id=${clientId}&client_id=${clientId}`, {}, 400, 'invalid_request'],
    ];
    for (const [body, headers, status, error] of wrong) {
      const answer = await raw(body, form, headers);
      assert.deepEqual([answer.status, answer.body.error], [status, error], `${body} ${JSON.stringify(headers)}`);
      if (status === 401) assert.match(String(answer.headers.get('www-authenticate')), /^Basic /);
    }
  });

  it('refuses what is no form, comes twice or is too large, with a reason', async () => {
    const authorized = await authorize(consentry, clientId, { person: ana });
    const fields = new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: clientId,
      code: authorized.code,
      code_verifier: authorized.verifier,
      redirect_uri: authorized.redirectUri,
    });
    const form = 'application/x-www-form-urlencoded';
    for (const [body, type, status, error] of [
      [JSON.stringify(Object.fromEntries(fields)), 'application/json', 400, 'invalid_request'],
      ['', form, 400, 'invalid_request'],
      [`${fields}&code=x`, form, 400, 'invalid_request'],
      [`${fields}&grant_type=authorization_code`, form, 400, 'invalid_request'],
      [`${fields}&pad=${'x'.repeat(70_000)}`, form, 413, 'body_too_large'],
    ] as const) {
      const answer = await raw(body, type);
      assert.deepEqual([answer.status, answer.body.error], [status, error], body.slice(0, 80));
    }
    assert.equal((await fetch(`${consentry.issuer}/token`)).status, 404);
    assert.equal((await raw(fields.toString())).status, 200);
  });
});

function tupleOf({ status, body }: { status: number; body: Record<string, unknown> }) {
  return [status, body.error];
}
