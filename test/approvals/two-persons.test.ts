/** Who may decide at which MCP server, and approvals that take two people (threats 115, 116). */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Decision } from '../../src/approvals/deciding.ts';
import { sightOf } from '../../src/approvals/request.ts';
import { openApprovals, RENAMED, refused, SAID } from './fixture.ts';

let world: Awaited<ReturnType<typeof openApprovals>>;
/** An administrator; who looks after this server; who looks after another. */
let admin: string;
let keeper: string;
let stranger: string;

before(async () => {
  world = await openApprovals();
  [admin, keeper, stranger] = [
    await world.addAccount('adam', 'user'),
    await world.addAccount('kim', 'user'),
    await world.addAccount('stan', 'user'),
  ];
  await world.give(admin, 'admin');
  await world.give(await world.addAccount('aude', 'user'), 'auditor');
  const other = await world.addResource('https://files.example/mcp');
  await world.lookAfter(keeper, world.resourceId);
  await world.lookAfter(stranger, other);
});
afterEach(() => world.empty());
after(() => world.close());

const seen = sightOf({ ...SAID, scopes: ['mail:send'] });

describe('approvers', () => {
  it('are owners, administrators and who looks after the MCP server; an auditor and who looks after another are none', async () => {
    const { people, prisma } = world;
    for (const approver of [people.olga, admin, keeper]) {
      assert.equal((await world.approve((await world.ask()).id, { approver })).outcome, 'approved');
    }
    const auditor = (await prisma.accountRole.findFirstOrThrow({ where: { roleId: 'auditor' } })).accountId;
    const { id } = await world.ask();
    for (const approver of [auditor, stranger]) {
      await assert.rejects(world.approve(id, { approver }), refused('not_approver', 403));
      await assert.rejects(world.approve(id, { approver, decision: 'deny' }), refused('not_approver', 403));
    }
  });

  it('who looks after the server and lost the role, or the account, decides no more', async () => {
    const { prisma } = world;
    const { id } = await world.ask();
    await prisma.account.update({ where: { id: keeper }, data: { disabledAt: new Date(), disabledBy: ['x'] } });
    await assert.rejects(world.approve(id, { approver: keeper }), refused('not_approver', 403));
    await prisma.account.update({ where: { id: keeper }, data: { disabledAt: null, disabledBy: [] } });
    await prisma.accountRole.deleteMany({ where: { accountId: keeper } });
    await assert.rejects(world.approve(id, { approver: keeper }), refused('not_approver', 403));
    await world.give(keeper, 'resource-owner');
  });

  it('who looks after a server never approves for everyone (threat 116)', async () => {
    const { id } = await world.ask();
    await assert.rejects(
      world.approve(id, { approver: keeper, audience: 'everyone' }),
      refused('audience_beyond_role', 403),
    );
    assert.equal((await world.approve(id, { approver: admin, audience: 'everyone' })).outcome, 'approved');
  });

  it('nobody decides their own, whichever role they have, while somebody else could', async () => {
    for (const approver of [admin, keeper]) {
      const { id } = await world.ask({ accountId: approver });
      await assert.rejects(world.approve(id, { approver }), refused('own_request', 403));
      await assert.rejects(world.approve(id, { approver, decision: 'deny' }), refused('own_request', 403));
    }
  });
});

describe('where two people have to approve', () => {
  const decide = (
    changes: Partial<Decision> & Pick<Decision, 'id' | 'approver'>,
    rules: 'always' | 'everyone' = 'always',
  ) => world.rules(rules).decide({ decision: 'approve', current: SAID, seen, ...changes });
  const stateOf = async (id: string) => (await world.approvals.find(id))?.state;
  const covered = async () => (await world.approvals.covering(world.terms())).scopes;

  it('the first approves nothing; the second, who sees the same, does', async () => {
    const { id } = await world.ask();
    const { people } = world;
    assert.equal((await decide({ id, approver: people.olga, days: 30, note: 'Fine.' })).outcome, 'first');
    assert.deepEqual([await stateOf(id), await covered()], ['pending', []]);
    const { outcome, request } = await decide({ id, approver: people.otto, days: 30 });
    assert.equal(outcome, 'approved');
    assert.deepEqual([request.decidedBy, request.firstApproval?.by, request.note], [people.otto, people.olga, 'Fine.']);
    assert.deepEqual(await covered(), ['mail:send']);
  });

  it('the same person twice is one person', async () => {
    const { id } = await world.ask();
    await decide({ id, approver: admin });
    await assert.rejects(decide({ id, approver: admin }), refused('second_needed', 409));
    assert.equal(await stateOf(id), 'pending');
  });

  it('fifty presses of one person at once approve nothing', async () => {
    const { id } = await world.ask();
    await Promise.allSettled(Array.from({ length: 50 }, () => decide({ id, approver: admin })));
    assert.equal(await stateOf(id), 'pending');
  });

  it('other terms replace the first and start anew', async () => {
    const { id } = await world.ask();
    const { people } = world;
    await decide({ id, approver: people.olga, days: 30 });
    for (const terms of [{ days: 365 }, { audience: 'everyone' as const, days: 365 }]) {
      const made = await decide({ id, approver: people.otto, ...terms });
      assert.equal(made.outcome, 'first');
      assert.equal(made.request.firstApproval?.by, people.otto);
    }
    assert.equal(await stateOf(id), 'pending');
    const confirmed = await decide({ id, approver: people.olga, audience: 'everyone', days: 365 });
    assert.equal(confirmed.outcome, 'approved');
    assert.equal(confirmed.request.audience, 'everyone');
  });

  it('a client that changed in between takes the first approval with it', async () => {
    const { id } = await world.ask();
    const { people } = world;
    await decide({ id, approver: people.olga });
    const late = await decide({ id, approver: people.otto, current: RENAMED });
    assert.equal(late.outcome, 'changed');
    assert.equal(late.request.firstApproval, undefined);
    const sight = sightOf({ ...RENAMED, scopes: ['mail:send'] });
    assert.equal((await decide({ id, approver: people.otto, current: RENAMED, seen: sight })).outcome, 'first');
    assert.equal(await stateOf(id), 'pending');
  });

  it('a look at what changed takes it too', async () => {
    const { id } = await world.ask();
    await decide({ id, approver: admin });
    await world.approvals.look(id, RENAMED);
    assert.equal((await world.approvals.find(id))?.firstApproval, undefined);
  });

  it('nobody confirms without saying what they saw, nor something older', async () => {
    const { id } = await world.ask();
    const { people } = world;
    await assert.rejects(decide({ id, approver: people.olga, seen: undefined }), refused('seen_required', 400));
    await decide({ id, approver: people.olga });
    assert.equal((await decide({ id, approver: people.otto, seen: 'older' })).outcome, 'changed');
    assert.equal(await stateOf(id), 'pending');
  });

  it('what somebody approved who may decide no more does not count', async () => {
    const { prisma, people } = world;
    const { id } = await world.ask();
    await decide({ id, approver: admin, audience: 'everyone' });
    await prisma.accountRole.deleteMany({ where: { accountId: admin } });
    try {
      assert.equal((await decide({ id, approver: people.olga, audience: 'everyone' })).outcome, 'first');
    } finally {
      await world.give(admin, 'admin');
    }
  });

  it('who asked is neither the first nor the second', async () => {
    const { people } = world;
    const { id } = await world.ask({ accountId: people.olga });
    await assert.rejects(decide({ id, approver: people.olga }), refused('own_request', 403));
    await decide({ id, approver: people.otto });
    await assert.rejects(decide({ id, approver: people.olga }), refused('own_request', 403));
    assert.equal(await stateOf(id), 'pending');
  });

  it('the first may withdraw, nobody else for them, and one is enough to deny', async () => {
    const { approvals, people } = world;
    const { id } = await world.ask();
    await assert.rejects(approvals.withdrawFirst({ id, approver: people.olga }), refused('no_first_approval', 409));
    await decide({ id, approver: people.olga });
    await assert.rejects(approvals.withdrawFirst({ id, approver: people.otto }), refused('not_first_approver', 403));
    await approvals.withdrawFirst({ id, approver: people.olga });
    assert.equal((await decide({ id, approver: people.otto })).outcome, 'first');
    assert.equal((await decide({ id, approver: people.olga, decision: 'deny' })).outcome, 'denied');
    await assert.rejects(approvals.withdrawFirst({ id, approver: people.otto }), refused('no_first_approval', 409));
  });

  it('for everyone only, one person approves for who asked', async () => {
    const { people } = world;
    const one = await world.ask();
    assert.equal((await decide({ id: one.id, approver: people.olga }, 'everyone')).outcome, 'approved');
    const { id } = await world.ask();
    assert.equal((await decide({ id, approver: people.olga, audience: 'everyone' }, 'everyone')).outcome, 'first');
    assert.equal((await decide({ id, approver: admin, audience: 'everyone' }, 'everyone')).outcome, 'approved');
  });

  it('two at once, neither of them the same: exactly one is the second', async () => {
    const { id } = await world.ask();
    const { people } = world;
    const both = await Promise.all([people.olga, people.otto].map((approver) => decide({ id, approver })));
    assert.deepEqual(both.map(({ outcome }) => outcome).sort(), ['approved', 'first']);
  });
});
