/** What cannot be recorded does not happen: 503, nothing else written, and the same attempt works later. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { startConnected } from '../connected.ts';
import {
  approve,
  authorizationUrl,
  authorize,
  introspect,
  redeem,
  refresh,
  registerClient,
  revokeToken,
  signIn,
} from '../flow.ts';
import { addPerson, type Consentry, sql, staticClient } from '../harness.ts';
import { heading, isConnectPage, isConsentPage } from '../interaction/kit.ts';
import { createPerson, type Person } from '../person.ts';

describe('an event that cannot be written', () => {
  let consentry: Consentry;
  let ana: Person;
  let clientId: string;
  before(async () => {
    ({ consentry, ana, clientId } = await startConnected());
    await sql(
      consentry,
      `CREATE FUNCTION refuse_event() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN RAISE EXCEPTION 'the record is closed'; END $$`,
    );
  });
  after(() => consentry?.close());
  beforeEach(() => allow());

  async function forbid(type: string): Promise<void> {
    await sql(
      consentry,
      `CREATE TRIGGER forbidden BEFORE INSERT ON audit_events FOR EACH ROW WHEN (NEW.type = '${type}') EXECUTE FUNCTION refuse_event()`,
    );
  }
  async function allow(): Promise<void> {
    await sql(consentry, 'DROP TRIGGER IF EXISTS forbidden ON audit_events');
  }
  /** Everything stored but what expires by itself and counts nothing. */
  async function stored(): Promise<unknown> {
    return sql(
      consentry,
      `SELECT (SELECT jsonb_agg(a ORDER BY kind, id) FROM (SELECT kind, id, grant_id, consumed_at FROM artifacts WHERE kind NOT IN ('Interaction', 'Session')) a) AS artifacts,
              (SELECT jsonb_agg(c ORDER BY id) FROM consents c) AS consents,
              (SELECT jsonb_agg(id ORDER BY id) FROM grants) AS grants,
              (SELECT jsonb_agg(id ORDER BY id) FROM clients) AS clients,
              (SELECT jsonb_agg(password_hash ORDER BY id) FROM accounts) AS accounts,
              (SELECT count(*) FROM revoked_tokens) AS revoked,
              (SELECT count(*) FROM audit_events) AS events`,
    );
  }

  it('a code stays good: 503 with Retry-After, no token, and the same code is redeemed later', async () => {
    const authorized = await authorize(consentry, clientId, { person: ana });
    await forbid('token.issued');
    const earlier = await stored();
    for (let tries = 0; tries < 3; tries += 1) {
      const response = await fetch(`${consentry.issuer}/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          client_id: clientId,
          code: authorized.code,
          code_verifier: authorized.verifier,
          redirect_uri: authorized.redirectUri,
        }),
      });
      assert.equal(response.status, 503);
      assert.match(String(response.headers.get('retry-after')), /^[1-9]\d*$/);
      assert.match(String(response.headers.get('cache-control')), /no-store/);
      const body = await response.json();
      assert.deepEqual(Object.keys(body as object).sort(), ['error', 'error_description']);
      assert.equal((body as { error: string }).error, 'temporarily_unavailable');
    }
    assert.deepEqual(await stored(), earlier);
    await allow();
    const tokens = await redeem(consentry, clientId, authorized);
    assert.equal(tokens.status, 200, JSON.stringify(tokens.body));
    assert.equal((await introspect(consentry, tokens.body.access_token)).body.active, true);
  });

  it('a refresh token stays good and is not used up', async () => {
    const { body } = await redeem(consentry, clientId, await authorize(consentry, clientId, { person: ana }));
    await forbid('token.issued');
    const earlier = await stored();
    assert.equal((await refresh(consentry, clientId, body.refresh_token)).status, 503);
    assert.deepEqual(await stored(), earlier);
    await allow();
    const refreshed = await refresh(consentry, clientId, body.refresh_token);
    assert.equal(refreshed.status, 200);
    assert.equal((await refresh(consentry, clientId, refreshed.body.refresh_token)).status, 200);
  });

  it('an approval stores no consent, and the same page is approved later', async () => {
    const page = await ana.open(authorizationUrl(consentry, clientId, { scope: 'mail:read mail:send' }).url);
    await forbid('consent.approved');
    const earlier = await stored();
    const failed = await approve(ana, page);
    assert.equal(failed.status, 503);
    assert.ok(failed.headers.get('retry-after'));
    assert.match(heading(failed), /Back in a moment/);
    assert.deepEqual(await stored(), earlier);
    await allow();
    assert.ok((await approve(ana, page)).left?.searchParams.get('code'));
  });

  it('a code is not issued, and the same resume address issues it later', async () => {
    const page = await ana.open(authorizationUrl(consentry, clientId).url);
    await forbid('authorization.code_issued');
    const failed = await approve(ana, page);
    assert.equal(failed.status, 503);
    assert.equal(failed.left, undefined);
    assert.equal(failed.headers.getSetCookie().length, 0);
    await allow();
    const resumed = await ana.open(failed.url);
    assert.ok(resumed.left?.searchParams.get('code'), heading(resumed));
  });

  it('a denial is not lost: it is asked again', async () => {
    const page = await ana.open(authorizationUrl(consentry, clientId).url);
    await forbid('consent.denied');
    assert.equal((await ana.submit(page, { decision: 'deny' })).status, 503);
    await allow();
    assert.equal((await ana.submit(page, { decision: 'deny' })).left?.searchParams.get('error'), 'access_denied');
  });

  it('a registration makes no client and tells no secret', async () => {
    await forbid('client.registered');
    const earlier = await stored();
    const response = await fetch(`${consentry.issuer}/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        redirect_uris: ['http://127.0.0.1/cb'],
        token_endpoint_auth_method: 'client_secret_basic',
      }),
    });
    assert.equal(response.status, 503);
    assert.ok(response.headers.get('retry-after'));
    assert.doesNotMatch(await response.text(), /client_id|client_secret|registration_access_token/);
    assert.deepEqual(await stored(), earlier);
    await allow();
    assert.ok((await registerClient(consentry.issuer)).client_id);
  });

  it('a sign-in signs nobody in, and the same page signs in later', async () => {
    const visitor = createPerson(consentry.issuer);
    const page = await visitor.open(authorizationUrl(consentry, clientId).url);
    await forbid('sign_in.succeeded');
    const failed = await signIn(visitor, page, consentry.ana);
    assert.equal(failed.status, 503);
    assert.ok(isConnectPage(await visitor.open(authorizationUrl(consentry, clientId).url)));
    await allow();
    assert.ok(isConsentPage(await signIn(visitor, page, consentry.ana)));
  });

  it('a revocation revokes nothing and says so, so that the client tries again', async () => {
    const { body } = await redeem(consentry, clientId, await authorize(consentry, clientId, { person: ana }));
    await forbid('token.revoked');
    const earlier = await stored();
    assert.equal((await revokeToken(consentry, clientId, body.refresh_token)).status, 503);
    assert.deepEqual(await stored(), earlier);
    await allow();
    assert.equal((await revokeToken(consentry, clientId, body.refresh_token)).status, 200);
    assert.equal((await introspect(consentry, body.access_token)).body.active, false);
  });

  it('a password stays what it was', async () => {
    const bob = await addPerson(consentry.rooms, 'bob@contoso.test');
    const person = createPerson(consentry.issuer);
    const page = await person.open(`${consentry.issuer}/account/password`);
    const next = 'a new and better phrase';
    const change = { email: bob.email, current_password: bob.password, new_password: next, repeat_password: next };
    await forbid('password.changed');
    const earlier = await stored();
    assert.equal((await person.submit(page, change)).status, 503);
    assert.deepEqual(await stored(), earlier);
    await allow();
    assert.equal((await person.submit(page, change)).status, 200);
  });

  it('a service gets no token', async () => {
    const service = await staticClient(consentry.rooms, {
      kind: 'service',
      redirectUris: [],
      access: { [consentry.mail.uri]: ['mail:read'] },
    });
    const ask = () =>
      fetch(`${consentry.issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`${service.clientId}:${service.clientSecret}`)}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', resource: consentry.mail.uri }),
      });
    await forbid('token.issued');
    assert.equal((await ask()).status, 503);
    await allow();
    assert.equal((await ask()).status, 200);
  });
});
