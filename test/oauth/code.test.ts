/** Authorization codes (OAuth 2.1 §4.1.3): bound to the client, its verifier, its address and the consent; good once, and not for long. */
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

describe('authorization code', () => {
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
});

function tupleOf({ status, body }: { status: number; body: Record<string, unknown> }) {
  return [status, body.error];
}
