/** Where two have to approve, those who may confirm hear of the first. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { decideApproval } from '../../src/approval-acts.ts';
import { readFacts } from '../../src/approval-facts.ts';
import { sightOf } from '../../src/approvals/request.ts';
import { ask, register } from '../admin/approval-kit.ts';
import { addColleague } from '../admin/kit.ts';
import { type Consentry, sql, startConsentry } from '../harness.ts';

let consentry: Consentry;
before(async () => {
  // Nothing listens there: what is told stays in the outbox.
  const notices = {
    WEBHOOK_URL: 'http://127.0.0.1:9/hook',
    WEBHOOK_SECRET: `whsec_${randomBytes(32).toString('base64')}`,
  };
  consentry = await startConsentry({ TWO_PERSON_APPROVALS: 'always', ...notices });
});
after(() => consentry?.close());

test('is told once to the others who decide; who changes their own terms tells nobody again', async () => {
  const { rooms } = consentry;
  const [olga, adam] = [await addColleague(consentry, 'owner'), await addColleague(consentry, 'admin')];
  const { id } = await ask(consentry, await register(consentry, 'Desk'));
  const told = async () =>
    (
      await sql<{ id: string; payload: Uint8Array }>(
        consentry,
        "SELECT id, payload FROM outbox_messages WHERE kind = 'approval.first'",
      )
    ).map((row) => JSON.parse(rooms.sealing.open('outbox-payload', row.id, row.payload).toString('utf8')).event.data);
  async function approve(approver: string, days: number) {
    const request = await rooms.approvals.find(id);
    assert.ok(request);
    const { current } = await readFacts(rooms, request);
    const seen = sightOf({ ...current, scopes: request.scopes });
    return (await decideApproval(rooms, { id, decision: 'approve', approver, days, seen })).outcome;
  }
  assert.equal(await approve(olga.id, 30), 'first');
  const [first, ...more] = await told();
  assert.equal(more.length, 0);
  assert.deepEqual(
    [first.request_id, first.first.approver.id, first.first.days, first.approvers.map((one: { id: string }) => one.id)],
    [id, olga.id, 30, [adam.id]],
  );
  assert.equal(await approve(olga.id, 60), 'first');
  assert.equal((await told()).length, 1);
  assert.equal(await approve(adam.id, 10), 'first');
  const named = (await told()).map((one) => [one.first.approver.id, one.first.days].join());
  assert.deepEqual(
    named.sort(),
    [[olga.id, 30].join(), [adam.id, 10].join()].sort(),
    'other terms of somebody else are news',
  );
  assert.equal(await approve(olga.id, 10), 'approved');
  assert.equal((await told()).length, 2);
});
