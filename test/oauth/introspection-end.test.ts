/** Introspection (RFC 7662) hears at once that a token is gone, whatever ended it. */
import assert from 'node:assert/strict';
import { after, before, describe, it, mock } from 'node:test';
import { disableAccount, revokeClient } from '../../src/revocations.ts';
import { authorize, basic, introspect, redeem, refresh, registerClient, revokeToken, tokenRequest } from '../flow.ts';
import {
  addPerson,
  CALENDAR,
  type Consentry,
  type Registered,
  register,
  sql,
  startConsentry,
  staticClient,
} from '../harness.ts';
import { createPerson, type Person } from '../person.ts';
import { connect } from './kit.ts';

const INACTIVE = { status: 200, body: { active: false } };

describe('introspection of what has ended', () => {
  let consentry: Consentry;
  let calendar: Registered;
  let ana: Person;
  before(async () => {
    mock.timers.enable({ apis: ['Date'], now: Date.now() });
    consentry = await startConsentry();
    calendar = await register(consentry.rooms, CALENDAR);
    ana = createPerson(consentry.issuer);
  });
  after(async () => {
    await consentry?.close();
    mock.timers.reset();
  });

  const active = async (token: string | undefined) => (await introspect(consentry, token)).body.active;

  async function assertEnds(token: string | undefined, end: () => Promise<unknown>) {
    assert.equal(await active(token), true);
    await end();
    assert.deepEqual(await introspect(consentry, token), INACTIVE);
  }

  async function serviceToken(scope?: string) {
    const service = await staticClient(consentry.rooms, {
      kind: 'service',
      redirectUris: [],
      access: { [consentry.mail.uri]: ['mail:read'] },
    });
    const fields = { grant_type: 'client_credentials', resource: consentry.mail.uri, scope };
    const { status, body } = await tokenRequest(
      consentry.issuer,
      fields,
      basic(service.clientId, service.clientSecret),
    );
    assert.equal(status, 200, JSON.stringify(body));
    return { ...service, token: String(body.access_token) };
  }

  it('says inactive at once after the token was revoked', async () => {
    const { accessToken, clientId } = await connect(consentry, { person: ana });
    await assertEnds(accessToken, () => revokeToken(consentry, clientId, accessToken));
  });

  it('says inactive at once after its refresh token was revoked', async () => {
    const { accessToken, refreshToken, clientId } = await connect(consentry, { person: ana });
    await assertEnds(accessToken, () => revokeToken(consentry, clientId, refreshToken));
  });

  it('says inactive at once after its code came back (threat 41)', async () => {
    const { client_id: clientId } = await registerClient(consentry.issuer);
    const authorized = await authorize(consentry, clientId, { person: ana });
    const { body } = await redeem(consentry, clientId, authorized);
    const refreshed = await refresh(consentry, clientId, body.refresh_token);
    await assertEnds(refreshed.body.access_token, () => redeem(consentry, clientId, authorized));
    assert.deepEqual(await introspect(consentry, body.access_token), INACTIVE);
  });

  it('says inactive at once after the consent was taken back, for that client alone', async () => {
    const { accessToken, clientId } = await connect(consentry, { person: ana });
    const other = await connect(consentry, { person: ana });
    await assertEnds(accessToken, () => consentry.rooms.consents.revoke({ clientId }, 'test'));
    assert.equal(await active(other.accessToken), true);
  });

  it('says inactive at once after the client was revoked', async () => {
    const { accessToken, clientId } = await connect(consentry, { person: ana });
    await assertEnds(accessToken, async () =>
      revokeClient(consentry.rooms, clientId, await consentry.rooms.clients.find(clientId)),
    );
  });

  it('says inactive at once after the client deleted its registration', async () => {
    const client = await registerClient(consentry.issuer);
    const { accessToken } = await connect(consentry, { person: ana, clientId: client.client_id });
    const headers = { authorization: `Bearer ${client.registration_access_token}` };
    await assertEnds(accessToken, () => fetch(client.registration_client_uri, { method: 'DELETE', headers }));
  });

  it('says inactive at once after the account was disabled (threat 30)', async () => {
    const bob = await addPerson(consentry.rooms, 'bob@contoso.test');
    const { accessToken } = await connect({ ...consentry, ana: bob });
    await assertEnds(accessToken, () => disableAccount(consentry.rooms, bob));
  });

  it('says inactive at once where account or client is out of use, by whatever hand', async () => {
    const carol = await addPerson(consentry.rooms, 'carol@contoso.test');
    const { accessToken, clientId } = await connect({ ...consentry, ana: carol });
    const rows: [string, string, string][] = [
      ['accounts', 'disabled_at', carol.id],
      ['clients', 'revoked_at', clientId],
    ];
    for (const [table, column, id] of rows) {
      // Disabled is who somebody disabled.
      const by = (value: string) =>
        table === 'accounts' ? `, disabled_by = '{${value === 'NULL' ? '' : 'administrator'}}'` : '';
      const set = (value: string) =>
        sql(consentry, `UPDATE ${table} SET ${column} = ${value}${by(value)} WHERE id = $1`, [id]);
      await assertEnds(accessToken, () => set('now()'));
      await set('NULL');
    }
    assert.equal(await active(accessToken), true);
  });

  it('knows tokens of services: no person in the answer, inactive once revoked (threat 77)', async () => {
    const { token, clientId, clientSecret } = await serviceToken('mail:read');
    const { body } = await introspect(consentry, token);
    assert.deepEqual(
      [body.active, body.client_id, body.scope, body.aud],
      [true, clientId, 'mail:read', consentry.mail.uri],
    );
    assert.equal(body.username, undefined);
    assert.ok(body.sub === undefined || body.sub === clientId, 'no person');
    assert.deepEqual(await introspect(consentry, token, calendar), INACTIVE);
    const fields = new URLSearchParams({ token });
    await assertEnds(token, () =>
      fetch(`${consentry.issuer}/revoke`, { method: 'POST', body: fields, headers: basic(clientId, clientSecret) }),
    );
  });

  it('says inactive at once after the service was revoked', async () => {
    const { token, clientId } = await serviceToken('mail:read');
    await assertEnds(token, async () =>
      revokeClient(consentry.rooms, clientId, await consentry.rooms.clients.find(clientId)),
    );
  });

  it('says inactive when ten minutes are over', async () => {
    const { accessToken } = await connect(consentry);
    const service = await serviceToken('mail:read');
    mock.timers.tick(599_000);
    assert.deepEqual([await active(accessToken), await active(service.token)], [true, true]);
    mock.timers.tick(1_000);
    assert.deepEqual(await introspect(consentry, accessToken), INACTIVE);
    assert.deepEqual(await introspect(consentry, service.token), INACTIVE);
  });
});
