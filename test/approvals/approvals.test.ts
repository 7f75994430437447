/** The queue of the administrators: asking, and what an approval covers (threat 115). */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { ApprovalTerms } from '../../src/approvals/request.ts';
import { openApprovals, REDIRECT, RENAMED, refused, SAID } from './fixture.ts';

let world: Awaited<ReturnType<typeof openApprovals>>;
before(async () => {
  world = await openApprovals();
});
afterEach(() => world.empty());
after(() => world.close());

const covered = async (changes: Partial<ApprovalTerms> = {}) =>
  (await world.approvals.covering(world.terms(changes))).scopes;

describe('asking', () => {
  it('fifty times at once makes one request, and exactly one of them is told that it made it', async () => {
    const { approvals, terms, prisma } = world;
    const asked = await Promise.all(
      Array.from({ length: 50 }, () => approvals.ask({ ...terms(), browserId: 'browser' })),
    );
    assert.equal(new Set(asked.map(({ request }) => request.id)).size, 1);
    assert.equal(asked.filter(({ created }) => created).length, 1);
    assert.equal(await prisma.approvalRequest.count(), 1);
  });

  it('joins the open request from another loopback port and in another order, and nobody else’s', async () => {
    const scopes = ['mail:send', 'mail:label'];
    const first = await world.ask({ redirectUri: 'http://127.0.0.1:1111/callback', scopes });
    const again = { redirectUri: 'http://127.0.0.1:2222/callback', scopes: [...scopes].reverse() };
    assert.equal((await world.ask(again)).id, first.id);
    assert.equal((await world.approvals.findOpen(world.terms(again)))?.id, first.id);
    assert.notEqual((await world.ask({ ...again, accountId: world.people.bo })).id, first.id);
    assert.notEqual((await world.ask({ ...again, scopes: ['mail:send'] })).id, first.id);
  });

  it('a join does not change what an approver may have looked at', async () => {
    const { id } = await world.ask();
    const joined = await world.ask(RENAMED);
    assert.equal(joined.id, id);
    assert.equal(joined.clientFingerprint, SAID.clientFingerprint);
    assert.equal((await world.approve(id, { current: RENAMED })).outcome, 'changed');
  });

  it('a person has at most twenty open requests, also when all are asked at once', async () => {
    const { approvals, terms, prisma, people } = world;
    const askAt = (index: number) =>
      approvals.ask({ ...terms({ redirectUri: `${REDIRECT}/${index}` }), browserId: 'browser' });
    for (let index = 0; index < 15; index += 1) await askAt(index);
    const many = await Promise.allSettled(Array.from({ length: 15 }, (_, index) => askAt(15 + index)));
    assert.equal(await prisma.approvalRequest.count(), 20);
    const failed = many.filter((one) => one.status === 'rejected');
    assert.equal(failed.length, 10);
    for (const one of failed) assert.ok(refused('too_many', 429)(one.reason));
    await world.ask({ accountId: people.bo });
    const pending = await approvals.list({ state: 'pending' });
    await approvals.withdraw(pending.find(({ accountId }) => accountId !== people.bo)?.id ?? '');
    await world.ask({ redirectUri: `${REDIRECT}/more` });
  });

  it('a reason is one visible line, and one that is too long is refused, not cut', async () => {
    const { ask } = world;
    const { reason } = await ask({ reason: '  for \u202ethe\n\u0000report \u200b' });
    assert.equal(reason, 'for the report');
    assert.equal((await ask({ scopes: ['mail:label'], reason: ' \u200b\n' })).reason, undefined);
    const full = '長'.repeat(500);
    assert.equal((await ask({ scopes: ['mail:read'], reason: full })).reason, full);
    await assert.rejects(ask({ redirectUri: `${REDIRECT}/x`, reason: `${full}い` }), refused('reason_too_long', 400));
  });

  it('a request holds the digests of what it asks for and of nothing else', async () => {
    assert.deepEqual((await world.ask()).scopeDigests, { 'mail:send': 's1' });
  });
});

describe('an approval covers exactly what was seen', () => {
  it('the same client, redirect, resource and scope, until it runs out', async () => {
    const { id } = await world.ask();
    assert.deepEqual(await covered(), []);
    assert.equal((await world.approve(id, { days: 30 })).outcome, 'approved');
    assert.deepEqual(await world.approvals.covering(world.terms()), { scopes: ['mail:send'], ids: [id] });
    world.passDays(29);
    assert.deepEqual(await covered(), ['mail:send']);
    world.passDays(1);
    assert.deepEqual(await covered(), []);
  });

  it('of wider scopes only those that were asked for', async () => {
    await world.approve((await world.ask()).id);
    assert.deepEqual(await covered({ scopes: ['mail:send', 'mail:label'] }), ['mail:send']);
    assert.deepEqual(await covered({ scopes: ['mail:label'] }), []);
  });

  const others: [string, Partial<ApprovalTerms>][] = [
    ['a client that says something else of itself', { clientFingerprint: 'name.weaker' }],
    ['another redirect host', { redirectUri: 'https://evil.example/callback' }],
    ['another path', { redirectUri: `${REDIRECT}/other` }],
    ['another client', { clientId: 'https://other.example/client.json' }],
    ['another resource', { resourceId: 'https://files.example/mcp' }],
    ['changed wording of the scope', { scopeDigests: { 'mail:send': 's2' } }],
    ['a scope that the server no longer has', { scopeDigests: {} }],
    ['the client through a proxy', { downstream: { clientId: 'https://app.example/c', redirectUri: REDIRECT } }],
  ];
  for (const [what, changes] of others) {
    it(`not ${what}`, async () => {
      await world.approve((await world.ask()).id, { audience: 'everyone' });
      assert.deepEqual(await covered(), ['mail:send']);
      assert.deepEqual(await covered(changes), []);
    });
  }

  it('another port of the same loopback address, but not another name of it', async () => {
    await world.approve((await world.ask({ redirectUri: 'http://127.0.0.1:1111/callback' })).id);
    assert.deepEqual(await covered({ redirectUri: 'http://127.0.0.1:2222/callback' }), ['mail:send']);
    assert.deepEqual(await covered({ redirectUri: 'http://localhost:1111/callback' }), []);
    assert.deepEqual(await covered({ redirectUri: 'http://127.0.0.1:1111/other' }), []);
  });

  it('a downstream client together with its own redirect', async () => {
    const downstream = { clientId: 'https://app.example/c', redirectUri: 'http://127.0.0.1:1/cb' };
    await world.approve((await world.ask({ downstream })).id);
    assert.deepEqual(await covered({ downstream: { ...downstream, redirectUri: 'http://127.0.0.1:2/cb' } }), [
      'mail:send',
    ]);
    assert.deepEqual(await covered({ downstream: { ...downstream, redirectUri: 'https://evil.example/cb' } }), []);
    assert.deepEqual(await covered({ downstream: { ...downstream, clientId: 'https://evil.example/c' } }), []);
    assert.deepEqual(await covered(), []);
  });

  it('who asked and nobody else, or everyone where the approver said so', async () => {
    const { people } = world;
    await world.approve((await world.ask()).id);
    assert.deepEqual(await covered({ accountId: people.bo }), []);
    await world.approve((await world.ask({ accountId: people.bo })).id, { audience: 'everyone' });
    assert.deepEqual(await covered({ accountId: people.otto }), ['mail:send']);
  });

  it('nothing while it is open, denied, withdrawn or taken back', async () => {
    const { approvals, people } = world;
    const { id } = await world.ask();
    await approvals.decide({ id, decision: 'deny', approver: people.olga, current: SAID });
    assert.deepEqual(await covered(), []);
    assert.equal(await approvals.withdraw((await world.ask()).id), true);
    assert.deepEqual(await covered(), []);
    const approved = await world.ask();
    await world.approve(approved.id);
    await assert.rejects(approvals.revoke({ id: approved.id, approver: people.bo }), refused('not_approver', 403));
    assert.deepEqual(await covered(), ['mail:send']);
    await approvals.revoke({ id: approved.id, approver: people.otto });
    assert.deepEqual(await covered(), []);
    await assert.rejects(approvals.revoke({ id: approved.id, approver: people.otto }), refused('not_approved', 409));
  });
});
