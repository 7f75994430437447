/** Several requests decided at once: all of them or none, and each on what was seen of it (threat 115). */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Decision } from '../../src/approvals/deciding.ts';
import { sightOf } from '../../src/approvals/request.ts';
import { openApprovals, refused, SAID } from './fixture.ts';

let world: Awaited<ReturnType<typeof openApprovals>>;
let filesId: string;
before(async () => {
  world = await openApprovals();
  filesId = await world.addResource('https://files.example/mcp');
});
afterEach(() => world.empty());
after(() => world.close());

const stateOf = async (id: string) => (await world.approvals.find(id))?.state;

/** At two MCP servers, by two people, seen as they are. */
async function two() {
  const [mail, files] = [await world.ask(), await world.ask({ accountId: world.people.bo, resourceId: filesId })];
  const wanted = (changes: Partial<Decision> = {}) =>
    [mail, files].map((request) => ({
      ...({ id: request.id, approver: world.people.olga, decision: 'approve', current: SAID } as const),
      seen: sightOf(request),
      ...changes,
    }));
  return { mail, files, wanted };
}

describe('several requests at once', () => {
  it('are approved on the same terms, each for who asked at its own MCP server', async () => {
    const { mail, files, wanted } = await two();
    const outcomes = await world.approvals.decideAll(wanted({ days: 30, note: 'for the audit' }));
    assert.deepEqual(
      outcomes.map(({ outcome, request }) => [outcome, request.id, request.accountId, request.audience, request.note]),
      [
        ['approved', mail.id, world.people.ana, 'person', 'for the audit'],
        ['approved', files.id, world.people.bo, 'person', 'for the audit'],
      ],
    );
    const cover = async (accountId: string, resourceId: string) =>
      (await world.approvals.covering(world.terms({ accountId, resourceId }))).scopes;
    assert.deepEqual(await cover(world.people.bo, filesId), ['mail:send']);
    assert.deepEqual(await cover(world.people.ana, filesId), [], 'nobody gets what somebody else asked for');
  });

  it('of which one is no longer what was seen are none of them decided, and the next look sees what changed', async () => {
    const { mail, files, wanted } = await two();
    const [one, other] = wanted();
    assert.ok(one && other);
    const reworded = { ...SAID, scopeDigests: { ...SAID.scopeDigests, 'mail:send': 's2' } };
    const outcomes = await world.approvals.decideAll([one, { ...other, current: reworded }]);
    assert.deepEqual(
      outcomes.map((outcome) => [outcome.outcome, 'differences' in outcome ? outcome.differences : undefined]),
      [
        ['undecided', undefined],
        ['changed', [{ kind: 'scope_changed', scopes: ['mail:send'] }]],
      ],
    );
    assert.deepEqual([await stateOf(mail.id), await stateOf(files.id)], ['pending', 'pending']);
    const again = await world.approvals.decideAll([one, { ...other, current: reworded }]);
    assert.deepEqual(
      again.map((outcome) => [outcome.outcome, 'differences' in outcome ? outcome.differences : undefined]),
      [
        ['undecided', undefined],
        ['changed', [{ kind: 'seen_older' }]],
      ],
      'the sight of before is no sight of what it is now',
    );
  });

  it('of which one was decided meanwhile are none decided, and it is named', async () => {
    const { mail, files, wanted } = await two();
    await world.approve(files.id, { decision: 'deny' });
    for (const decision of ['approve', 'deny'] as const) {
      const outcomes = await world.approvals.decideAll(wanted({ decision }));
      assert.deepEqual(
        outcomes.map((outcome) => [
          outcome.outcome,
          outcome.request.id,
          'differences' in outcome && outcome.differences,
        ]),
        [
          ['undecided', mail.id, false],
          ['changed', files.id, [{ kind: 'waits_no_more' }]],
        ],
      );
    }
    assert.equal(await stateOf(mail.id), 'pending');
  });

  it('of which one is one’s own, or unknown, or beyond one’s MCP servers, are none decided', async () => {
    const { mail, wanted } = await two();
    const keeper = await world.addAccount('kim', 'user');
    await world.lookAfter(keeper, world.resourceId);
    await assert.rejects(world.approvals.decideAll(wanted({ approver: keeper })), refused('not_approver', 403));
    const own = await world.ask({ accountId: world.people.olga, resourceId: filesId });
    const [one] = wanted();
    assert.ok(one);
    await assert.rejects(world.approvals.decideAll([one, { ...one, id: own.id }]), refused('own_request', 403));
    await assert.rejects(
      world.approvals.decideAll([one, { ...one, id: 'a'.repeat(32) }]),
      refused('unknown_approval', 404),
    );
    const many = Array.from({ length: 21 }, (_, index) => ({ ...one, id: index.toString(16).padStart(32, '0') }));
    await assert.rejects(world.approvals.decideAll(many), refused('too_many_together', 400));
    assert.equal(await stateOf(mail.id), 'pending');
  });

  it('named twice is one, and of many presses in any order exactly one wins without a deadlock', async () => {
    const { wanted } = await two();
    const presses = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? wanted() : wanted().reverse()));
    const done = await Promise.allSettled(presses.map((press) => world.approvals.decideAll([...press, ...press])));
    const outcomes = done.map((one) => (one.status === 'fulfilled' ? one.value : String(one.reason)));
    const won = outcomes.filter((one) => Array.isArray(one) && one.every(({ outcome }) => outcome === 'approved'));
    assert.equal(won.length, 1, JSON.stringify(outcomes).slice(0, 500));
    assert.equal(won[0]?.length, 2);
    for (const one of outcomes) {
      assert.ok(
        Array.isArray(one) && (one === won[0] || one.every(({ outcome }) => outcome === 'changed')),
        String(one),
      );
    }
  });

  it('where two have to approve, one press confirms what somebody else approved of each', async () => {
    const { mail, files, wanted } = await two();
    const always = world.rules('always');
    const first = await always.decideAll(wanted());
    assert.deepEqual(
      first.map(({ outcome }) => outcome),
      ['first', 'first'],
    );
    const second = await always.decideAll(wanted({ approver: world.people.otto }));
    assert.deepEqual(
      second.map(({ outcome }) => outcome),
      ['approved', 'approved'],
    );
    assert.deepEqual([await stateOf(mail.id), await stateOf(files.id)], ['approved', 'approved']);
  });
});

describe('a request that nobody decides', () => {
  it('is over after its days: neither decided nor joined, and the same may be asked anew', async () => {
    const { id } = await world.ask();
    const [, other] = [await world.ask({ scopes: ['mail:label'] }), await world.ask({ accountId: world.people.bo })];
    world.passDays(29);
    const young = await world.ask({ scopes: ['mail:read'] });
    assert.equal(await stateOf(id), 'pending');
    world.passDays(1);
    assert.equal(await stateOf(id), 'expired', 'whether or not that was written yet');
    await assert.rejects(world.approve(id), refused('already_decided', 409));
    assert.equal(await world.approvals.findOpen(world.terms()), undefined);
    assert.deepEqual(
      (await world.approvals.list({ state: 'pending' })).map((one) => one.id),
      [young.id],
    );
    const asked = await world.approvals.ask({ ...world.terms(), browserId: 'browser' });
    assert.deepEqual([asked.created, asked.expired?.id, asked.expired?.state], [true, id, 'expired']);
    const ended = await world.approvals.expire();
    assert.deepEqual(
      new Set(ended.map((one) => [one.state, one.scopes.join(), one.decidedAt?.getTime()].join(' '))),
      new Set([
        `expired mail:label ${ended[0]?.decidedAt?.getTime()}`,
        `expired mail:send ${ended[0]?.decidedAt?.getTime()}`,
      ]),
    );
    assert.ok(ended.some((one) => one.id === other.id));
    assert.deepEqual(await world.approvals.expire(), []);
    assert.deepEqual([await stateOf(asked.request.id), await stateOf(young.id)], ['pending', 'pending']);
  });

  it('is remembered for who asked, until they ask again', async () => {
    const first = await world.ask();
    world.passDays(30);
    await world.approvals.expire();
    assert.equal((await world.approvals.findExpired(world.terms()))?.id, first.id);
    assert.equal(await world.approvals.findExpired(world.terms({ accountId: world.people.bo })), undefined);
    await world.ask();
    assert.equal(await world.approvals.findExpired(world.terms()), undefined);
  });
});
