/** Who decides, and on what: on exactly what they saw, and never on their own request (threats 115, 116). */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { type ApprovalTerms, type Said, sightOf } from '../../src/approvals/request.ts';
import { openApprovals, RENAMED, refused, SAID } from './fixture.ts';

let world: Awaited<ReturnType<typeof openApprovals>>;
before(async () => {
  world = await openApprovals();
});
afterEach(() => world.empty());
after(() => world.close());

const covered = async (changes: Partial<ApprovalTerms> = {}) =>
  (await world.approvals.covering(world.terms(changes))).scopes;
const stateOf = async (id: string) => (await world.approvals.find(id))?.state;

describe('deciding', () => {
  it('where the client changed since it was looked at, the difference is told and nothing is approved; the second look approves', async () => {
    const { id } = await world.ask();
    const first = await world.approve(id, { current: RENAMED });
    assert.deepEqual(first.outcome === 'changed' && first.differences, [
      { kind: 'renamed', party: 'client', before: 'Mail desk', after: 'Bank desk' },
    ]);
    assert.equal(await stateOf(id), 'pending');
    assert.deepEqual(await covered(), []);
    assert.deepEqual(await covered(RENAMED), []);
    assert.equal((await world.approve(id, { current: RENAMED })).outcome, 'approved');
    assert.deepEqual(await covered(), [], 'what it was before was never approved');
    assert.deepEqual(await covered(RENAMED), ['mail:send']);
  });

  const { client } = SAID.stated;
  const changes: [string, Partial<Said>, unknown[]][] = [
    [
      'a weaker proof',
      { clientFingerprint: 'name.x', stated: { client: { ...client, authMethod: 'private_key_jwt' } } },
      [{ kind: 'authentication', party: 'client', before: 'none', after: 'private_key_jwt' }],
    ],
    [
      'keys on another host',
      { clientFingerprint: 'name.x', stated: { client: { ...client, keysHost: 'evil.example' } } },
      [{ kind: 'keys_moved', party: 'client', before: '', after: 'evil.example' }],
    ],
    [
      'a name that now looks like somebody else’s',
      { stated: { client: { ...client, resembles: true } } },
      [{ kind: 'resembles', party: 'client', before: 'Mail desk', after: 'Mail desk' }],
    ],
    ['something that nobody sees', { clientFingerprint: 'x.proof' }, [{ kind: 'client' }]],
    ['other wording', { scopeDigests: { 'mail:send': 's2' } }, [{ kind: 'scope_changed', scopes: ['mail:send'] }]],
  ];
  for (const [what, change, expected] of changes) {
    it(`${what} is a difference`, async () => {
      const { id } = await world.ask();
      const outcome = await world.approve(id, { current: { ...SAID, ...change } });
      assert.deepEqual(outcome.outcome === 'changed' && outcome.differences, expected);
      assert.equal(await stateOf(id), 'pending');
      assert.equal((await world.approve(id, { current: { ...SAID, ...change } })).outcome, 'approved');
    });
  }

  it('other wording of a scope that was not asked for is no difference', async () => {
    const { id } = await world.ask();
    const current = { ...SAID, scopeDigests: { ...SAID.scopeDigests, 'mail:read': 'r2' } };
    assert.equal((await world.approve(id, { current })).outcome, 'approved');
  });

  it('a scope that the server no longer has can be denied and never approved', async () => {
    const { id } = await world.ask();
    const current = { ...SAID, scopeDigests: {} };
    for (const look of [1, 2, 3]) {
      const outcome = await world.approve(id, { current });
      assert.deepEqual(
        outcome.outcome === 'changed' && outcome.differences,
        [{ kind: 'scope_removed', scopes: ['mail:send'] }],
        `look ${look}`,
      );
    }
    assert.equal((await world.approve(id, { current, decision: 'deny' })).outcome, 'denied');
  });

  it('what another approver was shown meanwhile is not approved by who saw the older', async () => {
    const { approvals } = world;
    const { id } = await world.ask();
    const looked = await approvals.look(id, SAID);
    assert.deepEqual(looked.differences, []);
    const seen = sightOf(looked.request);
    const shown = await approvals.look(id, RENAMED);
    assert.equal(shown.differences.length, 1);
    const late = await world.approve(id, { current: RENAMED, seen });
    assert.deepEqual(late.outcome === 'changed' && late.differences, [{ kind: 'seen_older' }]);
    assert.equal(await stateOf(id), 'pending');
    const seenNow = sightOf(shown.request);
    assert.equal((await world.approve(id, { current: RENAMED, seen: seenNow })).outcome, 'approved');
  });

  it('nobody decides their own request while another owner exists, and the only owner does', async () => {
    const { people, prisma } = world;
    const { id } = await world.ask({ accountId: people.olga });
    await assert.rejects(world.approve(id), refused('own_request', 403));
    await assert.rejects(world.approve(id, { decision: 'deny' }), refused('own_request', 403));
    assert.equal(await stateOf(id), 'pending');
    await prisma.account.update({
      where: { id: people.otto },
      data: { disabledAt: new Date(), disabledBy: ['administrator'] },
    });
    try {
      assert.equal((await world.approve(id)).outcome, 'approved');
    } finally {
      await prisma.account.update({ where: { id: people.otto }, data: { disabledAt: null, disabledBy: [] } });
    }
  });

  it('a user, a disabled owner and nobody at all may not decide', async () => {
    const { people, prisma } = world;
    const { id } = await world.ask();
    const gone = await world.addAccount('gone', 'owner');
    await prisma.account.update({
      where: { id: gone },
      data: { disabledAt: new Date(), disabledBy: ['administrator'] },
    });
    for (const approver of [people.bo, people.ana, gone, '', 'cli']) {
      await assert.rejects(world.approve(id, { approver }), refused('not_approver', 403), approver);
    }
    assert.equal(await stateOf(id), 'pending');
  });

  it('of fifty decisions at once exactly one wins', async () => {
    const { people, approvals } = world;
    const { id } = await world.ask();
    const many = await Promise.allSettled(
      Array.from({ length: 50 }, (_, index) =>
        approvals.decide({
          id,
          decision: index % 2 === 0 ? 'approve' : 'deny',
          approver: index % 3 === 0 ? people.olga : people.otto,
          note: `decision ${index}`,
          current: SAID,
        }),
      ),
    );
    const won = many.filter((one) => one.status === 'fulfilled');
    assert.equal(won.length, 1);
    for (const one of many) {
      if (one.status === 'rejected') assert.ok(refused('already_decided', 409)(one.reason), String(one.reason));
    }
    const row = await approvals.find(id);
    assert.equal(row?.state, won[0]?.value.outcome);
    assert.equal(row?.note, won[0]?.value.request.note);
  });

  it('a decided request is not decided again, and the same may then be asked anew', async () => {
    const { people } = world;
    const { id } = await world.ask();
    const { request } = await world.approve(id, { decision: 'deny', note: ' not this\none ' });
    assert.deepEqual([request.state, request.note, request.decidedBy], ['denied', 'not this one', people.olga]);
    await assert.rejects(world.approve(id), refused('already_decided', 409));
    assert.equal(await world.approvals.withdraw(id), false);
    assert.notEqual((await world.ask()).id, id);
  });

  it('an approval lives 90 days where nothing is said, and never more than 365', async () => {
    const { request } = await world.approve((await world.ask()).id);
    assert.equal(Number(request.expiresAt) - Number(request.decidedAt), 90 * 86_400_000);
    assert.equal(request.audience, 'person');
    const { id } = await world.ask();
    for (const days of [0, -1, 366, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      await assert.rejects(world.approve(id, { days }), refused('bad_days', 400), String(days));
    }
    await assert.rejects(world.approve(id, { note: 'x'.repeat(501) }), refused('note_too_long', 400));
    assert.equal(await stateOf(id), 'pending');
    assert.equal((await world.approve(id, { days: 365 })).outcome, 'approved');
  });

  it('an unknown request is 404, whatever its id looks like', async () => {
    for (const id of ['', 'x', '\0', 'a'.repeat(32), '%', "'; --"]) {
      await assert.rejects(world.approve(id), refused('unknown_approval', 404), id);
      assert.equal(await world.approvals.find(id), undefined);
    }
  });

  it('the list has what waits oldest first, with who asks and for which server', async () => {
    const { approvals } = world;
    const first = await world.ask();
    world.passDays(1);
    const second = await world.ask({ scopes: ['mail:label'] });
    await world.approve((await world.ask({ scopes: ['mail:read'] })).id);
    const pending = await approvals.list({ state: 'pending' });
    assert.deepEqual(
      pending.map(({ id }) => id),
      [first.id, second.id],
    );
    assert.match(pending[0]?.email ?? '', /^ana\./);
    assert.equal(pending[0]?.resourceUri, 'https://mail.example/mcp');
    assert.equal((await approvals.list()).length, 3);
  });
});
