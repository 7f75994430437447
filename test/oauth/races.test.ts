/** Many callers at the same instant: one winner where there can be one, one answer where all may have it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { authorize, introspect, redeem, refresh, registerClient, revokeToken } from '../flow.ts';
import { type Consentry, sql, startConsentry } from '../harness.ts';
import { createPerson, type Person } from '../person.ts';
import { atOnce, type Connected, connect, reasons, tally } from './kit.ts';

describe('races', () => {
  let consentry: Consentry;
  let ana: Person;
  before(async () => {
    consentry = await startConsentry();
    ana = createPerson(consentry.issuer);
    await connect(consentry, { person: ana });
  });
  after(() => consentry?.close());

  it('of 50 redemptions of one code at once exactly one gets tokens, and they die of the other 49', async () => {
    for (let round = 0; round < 2; round += 1) {
      const { client_id: clientId } = await registerClient(consentry.issuer);
      const authorized = await authorize(consentry, clientId, { person: ana });
      const answers = await atOnce(50, () => redeem(consentry, clientId, authorized));
      assert.deepEqual(tally(answers), { '200': 1, '400 invalid_grant': 49 });
      const won = answers.find(({ status }) => status === 200)?.body;
      assert.deepEqual((await introspect(consentry, won?.access_token)).body, { active: false });
      assert.equal((await refresh(consentry, clientId, won?.refresh_token)).body.error, 'invalid_grant');
      assert.ok((await reasons(consentry, 'grant.revoked', clientId)).includes('reuse'), 'the revocation is recorded');
      assert.equal((await reasons(consentry, 'token.issued', clientId)).length, 1);
    }
  });

  it('50 refreshes at once within the grace window all get the one successor, and only it is stored', async () => {
    const { clientId, refreshToken } = await connect(consentry, { person: ana });
    const answers = await atOnce(50, () => refresh(consentry, clientId, refreshToken));
    assert.deepEqual(tally(answers), { '200': 50 });
    assert.equal(new Set(answers.map(({ body }) => body.refresh_token)).size, 1);
    assert.equal(new Set(answers.map(({ body }) => body.access_token)).size, 50);
    const rows = "SELECT 1 FROM artifacts WHERE kind = 'RefreshToken' AND client_id = $1";
    assert.equal((await sql(consentry, rows, [clientId])).length, 2);
    const successor = answers[0]?.body.refresh_token;
    assert.equal((await refresh(consentry, clientId, successor)).status, 200);
  });

  it('ten codes of one consent redeemed at once all succeed', async () => {
    const { client_id: clientId } = await registerClient(consentry.issuer);
    const authorized = [];
    for (let count = 0; count < 10; count += 1) authorized.push(await authorize(consentry, clientId, { person: ana }));
    const answers = await Promise.all(authorized.map((one) => redeem(consentry, clientId, one)));
    assert.deepEqual(tally(answers), { '200': 10 });
    assert.equal(new Set(answers.map(({ body }) => body.refresh_token)).size, 10);
  });

  it('a consent taken back, or a token given back, amid refreshes and redemptions ends them all and fails nobody', async () => {
    const ends: ((tokens: Connected) => Promise<unknown>)[] = [
      ({ clientId }) => consentry.rooms.consents.revoke({ clientId }, 'test'),
      ({ clientId, refreshToken }) => revokeToken(consentry, clientId, refreshToken),
      ({ clientId, accessToken }) => revokeToken(consentry, clientId, accessToken),
    ];
    for (const end of ends) {
      const tokens = await connect(consentry, { person: ana });
      const { clientId } = tokens;
      const codes = [];
      for (let count = 0; count < 4; count += 1) codes.push(await authorize(consentry, clientId, { person: ana }));
      const [refreshed, redeemed] = await Promise.all([
        atOnce(10, () => refresh(consentry, clientId, tokens.refreshToken)),
        Promise.all(codes.flatMap((one) => [redeem(consentry, clientId, one), redeem(consentry, clientId, one)])),
        end(tokens),
      ]);
      const kinds = Object.keys(tally([...refreshed, ...redeemed])).sort();
      assert.deepEqual(
        kinds.filter((kind) => !['200', '400 invalid_grant'].includes(kind)),
        [],
      );
      assert.equal((await refresh(consentry, clientId, tokens.refreshToken)).status, 400);
      for (const { body } of refreshed) {
        if (body.access_token) assert.equal((await introspect(consentry, body.access_token)).body.active, false);
      }
    }
  });
});

describe('races with REFRESH_GRACE_SECONDS=0', () => {
  let consentry: Consentry;
  before(async () => {
    consentry = await startConsentry({ REFRESH_GRACE_SECONDS: '0' });
  });
  after(() => consentry?.close());

  it('of 50 refreshes at once exactly one succeeds, and the family dies of the other 49', async () => {
    const { clientId, refreshToken } = await connect(consentry);
    const answers = await atOnce(50, () => refresh(consentry, clientId, refreshToken));
    assert.deepEqual(tally(answers), { '200': 1, '400 invalid_grant': 49 });
    const won = answers.find(({ status }) => status === 200)?.body;
    assert.deepEqual((await introspect(consentry, won?.access_token)).body, { active: false });
    assert.equal((await refresh(consentry, clientId, won?.refresh_token)).body.error, 'invalid_grant');
    assert.ok((await reasons(consentry, 'grant.revoked', clientId)).includes('reuse'), 'the revocation is recorded');
  });
});
