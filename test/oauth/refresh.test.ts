/** Refresh tokens (OAuth 2.1 §4.3): rotated with a grace window, bound to what was agreed, and gone with it. */
import assert from 'node:assert/strict';
import { after, before, describe, it, mock } from 'node:test';
import { decodeJwt } from 'jose';
import { authorize, basic, introspect, redeem, refresh, registerClient, tokenRequest } from '../flow.ts';
import { CALENDAR, type Consentry, type Registered, register, sql, startConsentry } from '../harness.ts';
import { createPerson, type Person } from '../person.ts';
import { type Connected, connect, reasons } from './kit.ts';

describe('refresh', () => {
  let consentry: Consentry;
  let calendar: Registered;
  let ana: Person;
  before(async () => {
    // The whole server runs in this process, and every lifetime in it goes by Date.
    mock.timers.enable({ apis: ['Date'], now: Date.now() });
    consentry = await startConsentry();
    calendar = await register(consentry.rooms, CALENDAR);
    ana = createPerson(consentry.issuer);
  });
  after(async () => {
    await consentry?.close();
    mock.timers.reset();
  });

  const later = (seconds: number) => mock.timers.tick(seconds * 1000);
  const scopeOf = (token: string | undefined) => decodeJwt(String(token)).scope;

  async function assertDead(
    { clientId }: Connected,
    refreshToken: string | undefined,
    accessToken: string | undefined,
  ) {
    const { status, body } = await refresh(consentry, clientId, refreshToken);
    assert.deepEqual([status, body.error], [400, 'invalid_grant']);
    assert.deepEqual((await introspect(consentry, accessToken)).body, { active: false });
  }

  async function assertUnused({ clientId, refreshToken }: Connected) {
    const text = "SELECT 1 FROM artifacts WHERE kind = 'RefreshToken' AND client_id = $1 AND consumed_at IS NOT NULL";
    assert.equal((await sql(consentry, text, [clientId])).length, 0, 'the refused request used the token up');
    assert.equal((await refresh(consentry, clientId, refreshToken)).status, 200);
  }

  describe('the grace window', () => {
    it('gives who retries within 30 s the same successor, and is not prolonged by the retry', async () => {
      const tokens = await connect(consentry, { person: ana });
      const first = await refresh(consentry, tokens.clientId, tokens.refreshToken);
      assert.notEqual(first.body.refresh_token, tokens.refreshToken);
      later(29);
      const second = await refresh(consentry, tokens.clientId, tokens.refreshToken);
      assert.equal(second.status, 200);
      assert.equal(second.body.refresh_token, first.body.refresh_token);
      later(1);
      await assertDead(tokens, tokens.refreshToken, second.body.access_token);
      await assertDead(tokens, first.body.refresh_token, first.body.access_token);
      assert.deepEqual(await reasons(consentry, 'grant.revoked', tokens.clientId), ['reuse']);
    });

    it('ends when the successor is used: then its predecessor kills the family, also inside it (threat 130)', async () => {
      const tokens = await connect(consentry, { person: ana });
      const first = await refresh(consentry, tokens.clientId, tokens.refreshToken);
      const second = await refresh(consentry, tokens.clientId, first.body.refresh_token);
      assert.equal(second.status, 200);
      await assertDead(tokens, tokens.refreshToken, second.body.access_token);
      await assertDead(tokens, second.body.refresh_token, second.body.access_token);
      await assertDead(tokens, first.body.refresh_token, first.body.access_token);
      assert.deepEqual(await reasons(consentry, 'grant.revoked', tokens.clientId), ['reuse']);
    });

    it('ends one sign-in only: another of the same person and client lives on', async () => {
      const one = await connect(consentry, { person: ana });
      const other = await connect(consentry, { person: ana, clientId: one.clientId });
      const first = await refresh(consentry, one.clientId, one.refreshToken);
      await refresh(consentry, one.clientId, first.body.refresh_token);
      await assertDead(one, one.refreshToken, one.accessToken);
      assert.equal((await refresh(consentry, other.clientId, other.refreshToken)).status, 200);
      assert.equal((await introspect(consentry, other.accessToken)).body.active, true);
    });

    it('answers nobody but the same client, for the same resource and no more scope (threat 131)', async () => {
      const tokens = await connect(consentry, { person: ana });
      const { clientId, refreshToken } = tokens;
      const first = await refresh(consentry, clientId, refreshToken);
      const { client_id: stranger } = await registerClient(consentry.issuer);
      assert.equal((await refresh(consentry, stranger, refreshToken)).body.error, 'invalid_grant');
      const wide = await refresh(consentry, clientId, refreshToken, { scope: 'mail:read mail:send' });
      assert.equal(wide.body.error, 'invalid_scope');
      const elsewhere = await refresh(consentry, clientId, refreshToken, { resource: calendar.uri });
      assert.equal(elsewhere.body.error, 'invalid_target');
      const again = await refresh(consentry, clientId, refreshToken);
      assert.equal(again.body.refresh_token, first.body.refresh_token);
    });

    it('is closed by a consent taken back inside it (threat 58)', async () => {
      const tokens = await connect(consentry, { person: ana });
      const first = await refresh(consentry, tokens.clientId, tokens.refreshToken);
      await consentry.rooms.consents.revoke({ clientId: tokens.clientId }, 'test');
      await assertDead(tokens, tokens.refreshToken, tokens.accessToken);
      await assertDead(tokens, first.body.refresh_token, first.body.access_token);
    });
  });

  describe('a refused refresh burns nothing', () => {
    const refused: [string, (uri: string) => Record<string, string>, string][] = [
      ['for an unknown resource', () => ({ resource: 'http://127.0.0.1:9/elsewhere' }), 'invalid_target'],
      ['for another resource', (uri) => ({ resource: uri }), 'invalid_target'],
      ['for what is no URI', () => ({ resource: 'mail' }), 'invalid_target'],
      ['with more scope', () => ({ scope: 'mail:read mail:send' }), 'invalid_scope'],
      ['with a scope of another resource', () => ({ scope: 'mail:read calendar:read' }), 'invalid_scope'],
      ['with openid that was not granted', () => ({ scope: 'openid mail:read' }), 'invalid_scope'],
      ['with unreadable scope', () => ({ scope: 'mail:read "' }), 'invalid_scope'],
    ];
    for (const [what, changes, error] of refused) {
      it(`${what}: ${error}`, async () => {
        const tokens = await connect(consentry, { person: ana });
        const { status, body } = await refresh(consentry, tokens.clientId, tokens.refreshToken, changes(calendar.uri));
        assert.deepEqual([status, body.error, body.access_token], [400, error, undefined]);
        await assertUnused(tokens);
      });
    }

    it('for two resources: invalid_target', async () => {
      const tokens = await connect(consentry, { person: ana });
      const body = new URLSearchParams({
        grant_type: 'refresh_token',
        client_id: tokens.clientId,
        refresh_token: tokens.refreshToken,
      });
      for (const uri of [consentry.mail.uri, calendar.uri]) body.append('resource', uri);
      const response = await fetch(`${consentry.issuer}/token`, { method: 'POST', body });
      assert.equal(response.status, 400);
      assert.equal(((await response.json()) as { error: string }).error, 'invalid_target');
      await assertUnused(tokens);
    });

    it('by another client: invalid_grant (threat 27)', async () => {
      const tokens = await connect(consentry, { person: ana });
      const { client_id: stranger } = await registerClient(consentry.issuer);
      const { status, body } = await refresh(consentry, stranger, tokens.refreshToken);
      assert.deepEqual([status, body.error], [400, 'invalid_grant']);
      await assertUnused(tokens);
    });

    it('by a confidential client without, or with wrong, credentials: 401 invalid_client (threat 14)', async () => {
      const { client_id: clientId, client_secret: secret } = await registerClient(consentry.issuer, {
        token_endpoint_auth_method: 'client_secret_basic',
      });
      const authorized = await authorize(consentry, clientId, { person: ana });
      const fields = {
        grant_type: 'authorization_code',
        code: authorized.code,
        code_verifier: authorized.verifier,
        redirect_uri: authorized.redirectUri,
      };
      const tokens = await tokenRequest(consentry.issuer, fields, basic(clientId, secret));
      const ask = (headers: Record<string, string>, more: Record<string, string> = {}) =>
        tokenRequest(
          consentry.issuer,
          { grant_type: 'refresh_token', refresh_token: tokens.body.refresh_token, ...more },
          headers,
        );
      for (const answer of [
        await ask({}, { client_id: clientId }),
        await ask(basic(clientId, 'wrong')),
        await ask({}, { client_id: clientId, client_secret: 'wrong' }),
      ]) {
        assert.deepEqual([answer.status, answer.body.error], [401, 'invalid_client']);
      }
      assert.equal((await ask(basic(clientId, secret))).status, 200);
      // Also inside the grace window.
      assert.equal((await ask({}, { client_id: clientId })).status, 401);
    });
  });

  it('without scope gives what was granted; with less scope less, this once', async () => {
    const tokens = await connect(consentry, { person: ana, params: { scope: 'mail:read mail:send' } });
    const less = await refresh(consentry, tokens.clientId, tokens.refreshToken, { scope: 'mail:read' });
    assert.equal(scopeOf(less.body.access_token), 'mail:read');
    assert.equal(less.body.scope, 'mail:read');
    const all = await refresh(consentry, tokens.clientId, less.body.refresh_token);
    assert.equal(scopeOf(all.body.access_token), 'mail:read mail:send');
  });

  it('without resource is for the granted one though there are two, and takes its other spelling', async () => {
    const tokens = await connect(consentry, { person: ana });
    const first = await refresh(consentry, tokens.clientId, tokens.refreshToken);
    assert.equal(decodeJwt(String(first.body.access_token)).aud, consentry.mail.uri);
    const spelled = consentry.mail.uri.replace('http:', 'HTTP:');
    const second = await refresh(consentry, tokens.clientId, first.body.refresh_token, { resource: spelled });
    assert.equal(decodeJwt(String(second.body.access_token)).aud, consentry.mail.uri);
  });

  it('carries only the scopes that stayed ticked', async () => {
    const params = { scope: 'openid email mail:read mail:send' };
    const tokens = await connect(consentry, { person: ana, params, consent: { scope: ['openid', 'mail:read'] } });
    assert.equal(scopeOf(tokens.accessToken), 'mail:read');
    const wide = await refresh(consentry, tokens.clientId, tokens.refreshToken, { scope: 'mail:read mail:send' });
    assert.equal(wide.body.error, 'invalid_scope');
    const { body } = await refresh(consentry, tokens.clientId, tokens.refreshToken);
    assert.equal(scopeOf(body.access_token), 'mail:read');
    const claims = decodeJwt(String(body.id_token));
    assert.equal(claims.sub, consentry.ana.id);
    assert.equal(claims.email, undefined);
  });

  it('redeems no code: a refresh token where a code belongs, and the reverse, is invalid_grant (threat 27)', async () => {
    const { client_id: clientId } = await registerClient(consentry.issuer);
    const authorized = await authorize(consentry, clientId);
    assert.equal((await refresh(consentry, clientId, authorized.code)).body.error, 'invalid_grant');
    const { body } = await redeem(consentry, clientId, authorized);
    const swapped = await redeem(consentry, clientId, { ...authorized, code: String(body.refresh_token) });
    assert.equal(swapped.body.error, 'invalid_grant');
    assert.equal((await refresh(consentry, clientId, body.refresh_token)).status, 200);
  });
});
