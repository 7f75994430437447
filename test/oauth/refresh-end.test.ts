/** What ends a refresh token: whatever it rested on, and time. */
import assert from 'node:assert/strict';
import { after, before, describe, it, mock } from 'node:test';
import { disableAccount, revokeClient } from '../../src/revocations.ts';
import { authorize, basic, introspect, refresh, registerClient, tokenRequest } from '../flow.ts';
import { addPerson, type Consentry, sql, startConsentry, staticClient } from '../harness.ts';
import { createPerson, type Person } from '../person.ts';
import { type Connected, connect } from './kit.ts';

const DAY_MS = 86_400_000;

describe('refresh token', () => {
  let consentry: Consentry;
  let ana: Person;
  before(async () => {
    // The whole server runs in this process, and every lifetime in it goes by Date.
    mock.timers.enable({ apis: ['Date'], now: Date.now() });
    consentry = await startConsentry();
    ana = createPerson(consentry.issuer);
  });
  after(async () => {
    await consentry?.close();
    mock.timers.reset();
  });

  const later = (seconds: number) => mock.timers.tick(seconds * 1000);

  async function assertDead(
    { clientId }: Connected,
    refreshToken: string | undefined,
    accessToken: string | undefined,
  ) {
    const { status, body } = await refresh(consentry, clientId, refreshToken);
    assert.deepEqual([status, body.error], [400, 'invalid_grant']);
    assert.deepEqual((await introspect(consentry, accessToken)).body, { active: false });
  }

  it('ends where a later page unticked a scope it carries; the later sign-in goes on (threat 59)', async () => {
    const params = { scope: 'mail:read mail:send' };
    const early = await connect(consentry, { person: ana, params });
    const late = await connect(consentry, {
      person: ana,
      clientId: early.clientId,
      params,
      consent: { scope: 'mail:read' },
    });
    assert.equal((await refresh(consentry, early.clientId, early.refreshToken)).body.error, 'invalid_grant');
    assert.equal((await refresh(consentry, late.clientId, late.refreshToken)).status, 200);
  });

  it('ends with the consent, and another client of the same person goes on (threat 59)', async () => {
    const tokens = await connect(consentry, { person: ana });
    const other = await connect(consentry, { person: ana });
    await consentry.rooms.consents.revoke({ clientId: tokens.clientId }, 'test');
    await assertDead(tokens, tokens.refreshToken, tokens.accessToken);
    assert.equal((await refresh(consentry, other.clientId, other.refreshToken)).status, 200);
  });

  it('ends with the account, for every client (threat 30)', async () => {
    const bob = await addPerson(consentry.rooms, 'bob@contoso.test');
    const person = createPerson(consentry.issuer);
    const asBob = { ...consentry, ana: bob };
    const tokens = await connect(asBob, { person });
    const others = await connect(asBob, { person });
    await disableAccount(consentry.rooms, bob);
    await assertDead(tokens, tokens.refreshToken, tokens.accessToken);
    await assertDead(others, others.refreshToken, others.accessToken);
  });

  it('ends with the client, which is then unknown (threat 30)', async () => {
    const tokens = await connect(consentry, { person: ana });
    const record = await consentry.rooms.clients.find(tokens.clientId);
    await revokeClient(consentry.rooms, tokens.clientId, record);
    const { status, body } = await refresh(consentry, tokens.clientId, tokens.refreshToken);
    assert.deepEqual([status, body.error], [401, 'invalid_client']);
    assert.deepEqual((await introspect(consentry, tokens.accessToken)).body, { active: false });
  });

  it('ends where the client no longer claims the address it returned to, and survives another address', async () => {
    const client = await registerClient(consentry.issuer);
    const tokens = await connect(consentry, { person: ana, clientId: client.client_id });
    const put = (uris: string[]) =>
      fetch(client.registration_client_uri, {
        method: 'PUT',
        headers: { authorization: `Bearer ${client.registration_access_token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ client_id: client.client_id, redirect_uris: uris, token_endpoint_auth_method: 'none' }),
      });
    assert.equal((await put(['http://127.0.0.1/callback', 'https://app.example.test/callback'])).status, 200);
    const first = await refresh(consentry, tokens.clientId, tokens.refreshToken);
    assert.equal(first.status, 200, JSON.stringify(first.body));
    assert.equal((await put(['https://app.example.test/callback'])).status, 200);
    const second = await refresh(consentry, tokens.clientId, first.body.refresh_token);
    assert.deepEqual([second.status, second.body.error], [400, 'invalid_grant']);
  });

  it('is not offered for "just this once", nor to a proxy, nor to a client that registered without it', async () => {
    const { client_id: plain } = await registerClient(consentry.issuer, { grant_types: ['authorization_code'] });
    const { clientId: proxy, clientSecret } = await staticClient(consentry.rooms, { kind: 'proxy' });
    const once = await connect(consentry, {
      person: ana,
      consent: { expiry: 'once' },
      params: { scope: 'mail:read offline_access' },
    });
    assert.equal(once.refreshToken, undefined);
    assert.equal((await introspect(consentry, once.accessToken)).body.active, true);
    assert.equal((await connect(consentry, { person: ana, clientId: plain })).refreshToken, undefined);
    const authorized = await authorize(consentry, proxy, {
      person: ana,
      params: { scope: 'mail:read offline_access' },
    });
    const { client_id: _, ...fields } = {
      client_id: '',
      grant_type: 'authorization_code',
      code: authorized.code,
      code_verifier: authorized.verifier,
      redirect_uri: authorized.redirectUri,
    };
    const { status, body } = await tokenRequest(consentry.issuer, fields, basic(proxy, clientSecret));
    assert.deepEqual([status, body.refresh_token], [200, undefined]);
  });

  it('is not given to a static client that nobody declared an app: it may stand for others (threat 120)', async () => {
    const { clientId } = await staticClient(consentry.rooms, { kind: 'app', authMethod: 'none' });
    const early = await connect(consentry, { person: ana, clientId });
    assert.ok(early.refreshToken);
    await sql(consentry, "UPDATE clients SET kind = 'undeclared' WHERE id = $1", [clientId]);
    assert.equal((await connect(consentry, { person: ana, clientId })).refreshToken, undefined);
  });

  it('lives no longer than the person chose, however often it is used', async () => {
    const expiries = `SELECT a.expires_at AS token, g.expires_at AS grant, c.expires_at AS consent, c.approved_at AS approved
      FROM artifacts a JOIN grants g ON g.id = a.grant_id JOIN consents c ON c.id = g.consent_id
      WHERE a.kind = 'RefreshToken' AND a.client_id = $1 ORDER BY a.expires_at DESC LIMIT 1`;
    for (const [expiry, days] of [
      ['30d', 30],
      ['max', 90],
      ['forever', 90],
    ] as const) {
      const tokens = await connect(consentry, { consent: { expiry } });
      let { refreshToken } = tokens;
      for (let day = 25; day < days; day += 25) {
        later(25 * 86_400);
        const { status, body } = await refresh(consentry, tokens.clientId, refreshToken);
        assert.equal(status, 200, `${expiry} on day ${day}`);
        refreshToken = String(body.refresh_token);
        const [row] = await sql<Record<'token' | 'grant' | 'consent' | 'approved', Date>>(consentry, expiries, [
          tokens.clientId,
        ]);
        assert.ok(row && Number(row.token) <= Number(row.consent) && Number(row.grant) <= Number(row.consent));
        assert.equal(Math.round((Number(row.consent) - Number(row.approved)) / DAY_MS), days);
      }
      later((days % 25) * 86_400);
      assert.equal((await refresh(consentry, tokens.clientId, refreshToken)).body.error, 'invalid_grant', expiry);
    }
  });

  it('idles out after 30 days', async () => {
    const tokens = await connect(consentry);
    later(30 * 86_400 + 1);
    assert.equal((await refresh(consentry, tokens.clientId, tokens.refreshToken)).body.error, 'invalid_grant');
  });
});
