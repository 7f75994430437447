/** People of Entra ID leave: what a client's refresh, and the token it holds, come to then (F31). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { FakePerson } from '../fakes/entra/directory.ts';
import { introspect, refresh } from '../flow.ts';
import { sql } from '../harness.ts';
import { atOnce, tally } from '../oauth/kit.ts';
import { connectWhole, startWhole, type Whole } from './entra/whole-kit.ts';

describe('leavers of Entra ID', () => {
  let whole: Whole;
  let person: FakePerson;
  let people = 0;
  before(async () => {
    whole = await startWhole();
  });
  beforeEach(() => {
    whole.reset();
    people += 1;
    person = whole.fake.directory.person({ upn: `leaver-${people}@contoso.example` });
    whole.fake.behaviour.person = person;
  });
  after(() => whole?.close());

  const later = (minutes: number) => {
    whole.clock.ahead += minutes * 60_000;
  };
  const again = (token: unknown) => refresh(whole.consentry, whole.clientId, String(token));
  const connected = async () => (await connectWhole(whole, whole.newPerson())).body;
  const redemptions = () =>
    whole.fake.tokenRequests.filter((fields) => fields.get('grant_type') === 'refresh_token').length;

  async function account() {
    const [row] = await sql<{ id: string; disabled_by: string[] }>(
      whole.consentry,
      'SELECT a.id, a.disabled_by FROM accounts a JOIN identities i ON i.account_id = a.id WHERE i.subject = $1',
      [person.oid],
    );
    assert.ok(row);
    return row;
  }

  for (const [what, leave, code] of [
    ['disabled', { disabled: true }, 'AADSTS50057'],
    ['no longer assigned', { assigned: false }, 'AADSTS50105'],
  ] as const) {
    it(`somebody ${what} there is out here at the next refresh, and in again by a sign-in once they are welcome`, async () => {
      const tokens = await connected();
      later(11);
      Object.assign(person, leave);
      assert.equal((await again(tokens.refresh_token)).body.error, 'invalid_grant');
      assert.equal((await introspect(whole.consentry, tokens.access_token)).body.active, false);
      const { id, disabled_by: disabledBy } = await account();
      assert.deepEqual(disabledBy, ['upstream:contoso']);
      const [event] = await sql<{ details: Record<string, unknown> }>(
        whole.consentry,
        "SELECT details FROM audit_events WHERE type = 'account.disabled' AND account_id = $1",
        [id],
      );
      assert.equal(event?.details.code, code);
      Object.assign(person, { disabled: false, assigned: true });
      const back = await connected();
      assert.deepEqual((await account()).disabled_by, []);
      assert.equal((await again(back.refresh_token)).status, 200);
      assert.equal((await again(tokens.refresh_token)).body.error, 'invalid_grant');
    });
  }

  it('sessions revoked there end what was granted here, and nobody is disabled', async () => {
    const tokens = await connected();
    later(11);
    person.revokedAt = Math.floor(Date.now() / 1000) + 1;
    assert.equal((await again(tokens.refresh_token)).body.error, 'invalid_grant');
    assert.deepEqual((await account()).disabled_by, []);
    person.revokedAt = 0;
    whole.clock.ahead = 0;
    assert.equal((await again((await connected()).refresh_token)).status, 200);
  });

  it('an Entra ID that does not answer is no leaver: 200 within the hour, 503 after it, 200 when it is back', async () => {
    const tokens = await connected();
    whole.fake.behaviour.tokenError = { status: 503, body: '<html>busy</html>', type: 'text/html' };
    later(30);
    const first = await again(tokens.refresh_token);
    assert.equal(first.status, 200);
    later(31);
    const stale = await again(first.body.refresh_token);
    assert.deepEqual([stale.status, stale.body.error], [503, 'temporarily_unavailable']);
    whole.fake.behaviour.tokenError = undefined;
    later(1);
    assert.equal((await again(first.body.refresh_token)).status, 200);
  });

  for (const [index, [what, code, everybody]] of (
    [
      ['a loop that it sees in one person', 50196, false],
      ['a code that nobody here knows', 999999, false],
      ['our secret that ran out', 7000222, true],
      ['"later"', 90024, true],
    ] as const
  ).entries()) {
    it(`${what} keeps it from being asked for ${everybody ? 'others too' : 'that person alone'}`, async () => {
      const first = await connected();
      whole.fake.behaviour.person = whole.fake.directory.person({ upn: `other-${people}@contoso.example` });
      const second = await connected();
      // At a time of its own: the test before may have left the provider held.
      later(12 + index);
      // Its \`error\` is one that nobody knows either.
      const body = JSON.stringify({ error: code === 999999 ? 'something_new' : 'x', error_codes: [code] });
      whole.fake.behaviour.tokenError = { status: 400, type: 'application/json', body };
      const before = redemptions();
      const kept = await again(first.refresh_token);
      assert.equal(kept.status, 200);
      assert.equal(redemptions(), before + 1);
      whole.fake.behaviour.tokenError = undefined;
      assert.equal((await again(second.refresh_token)).status, 200);
      assert.equal(redemptions(), before + (everybody ? 1 : 2));
      assert.equal((await again(kept.body.refresh_token)).status, 200);
      assert.equal(redemptions(), before + (everybody ? 1 : 2), 'that person waits in any case');
    });
  }

  it('fifty refreshes at once are one redemption there', async () => {
    const tokens = await connected();
    later(11);
    const before = redemptions();
    assert.deepEqual(tally(await atOnce(50, () => again(tokens.refresh_token))), { '200': 50 });
    assert.equal(redemptions(), before + 1);
  });
});
