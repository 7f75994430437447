import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { isSharedHost } from '../../src/clients/provenance.ts';
import { addRule, moveRule, removeRule, setDefault } from '../../src/policy/changes.ts';
import { createPolicy } from '../../src/policy/policy.ts';
import { type MatchRule, readRule, toMatchJson } from '../../src/policy/rule.ts';
import { createPolicyStore, type PolicyStore } from '../../src/policy/store.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { createDatabase } from '../../src/storage/transactions.ts';
import { createTestDatabase } from '../database.ts';

const quiet = { info() {}, warn() {}, error() {} };
let own: Awaited<ReturnType<typeof createTestDatabase>>;
let opened: Awaited<ReturnType<typeof openDatabase>>;
let store: PolicyStore;

before(async () => {
  own = await createTestDatabase();
  opened = await openDatabase({ databaseUrl: own.url, dataDir: '/', log: quiet, mode: 'serve' });
  store = createPolicyStore({
    database: createDatabase(opened.prisma),
    approvers: { of: async () => [] },
    now: () => new Date(),
  });
});
after(async () => {
  await opened?.close();
  await own?.drop();
});
afterEach(async () => {
  await opened.prisma.policyRule.deleteMany({ where: { id: { not: 'default' } } });
  await store.change(setDefault('medium'));
});

function host(id: string): MatchRule {
  const rule = readRule({ id, effect: 'deny', match: { clientHost: `${id}.example` }, note: `of ${id}` });
  if (rule.kind !== 'match') throw new Error(JSON.stringify(rule));
  return rule;
}
const ids = async () => (await store.list()).map(({ id }) => id);

test('a new installation lets people approve low and medium scopes, and nothing else', async () => {
  assert.deepEqual(await store.list(), [{ kind: 'default', id: 'default', peopleApprove: 'medium' }]);
});

test('rules stand where they were put, and keep what they say when they move', async () => {
  await store.change(addRule(host('a')));
  await store.change(addRule(host('b')));
  await store.change(addRule(host('c'), 'a'));
  assert.deepEqual(await ids(), ['c', 'a', 'b', 'default']);
  await store.change(moveRule('b', 'c'));
  await store.change(moveRule('c'));
  assert.deepEqual(await ids(), ['b', 'a', 'c', 'default']);
  await store.change(removeRule('a'));
  await store.change(setDefault('none'));
  const [b, c, last] = await store.list();
  assert.deepEqual([b, c], [host('b'), host('c')]);
  assert.deepEqual(last, { kind: 'default', id: 'default', peopleApprove: 'none' });
});

test('a change that is refused changes nothing', async () => {
  await store.change(addRule(host('a')));
  const before = await opened.prisma.policyRule.findMany();
  const refused = [
    [removeRule('x'), 'unknown_rule'],
    [removeRule('default'), 'default_rule'],
    [moveRule('default'), 'default_rule'],
    [moveRule('x'), 'unknown_rule'],
    [moveRule('a', 'x'), 'unknown_rule'],
    [moveRule('a', 'a'), 'bad_position'],
    [addRule(host('b'), 'x'), 'unknown_rule'],
  ] as const;
  for (const [change, code] of refused) await assert.rejects(store.change(change), { code });
  assert.deepEqual(await opened.prisma.policyRule.findMany(), before);
});

test('many changes at once are all made, one after the other', async () => {
  const names = Array.from({ length: 20 }, (_, index) => `n${index}`);
  await Promise.all(names.map((name) => store.change(addRule(host(name), 'default'))));
  assert.deepEqual((await ids()).toSorted(), [...names, 'default'].toSorted());
  const outcomes = await Promise.allSettled([
    ...names.slice(0, 10).map((name) => store.change(removeRule(name))),
    ...names.slice(5, 15).map((name) => store.change(moveRule(name, 'n19'))),
    store.change(setDefault('low')),
  ]);
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 'unknown_rule');
  }
  assert.deepEqual((await ids()).toSorted(), [...names.slice(10), 'default'].toSorted());
  const positions = (await opened.prisma.policyRule.findMany()).map(({ position }) => position);
  assert.equal(new Set(positions).size, positions.length);
  assert.equal((await ids()).at(-1), 'default');
});

test('a row that cannot be read denies everybody until it is removed, and so does a default rule that is gone', async () => {
  const policy = createPolicy({ store, isSharedHost });
  const judge = async () => {
    const client = { id: 'https://claude.ai/c.json', origin: 'document', proven: true } as const;
    const scopes = [{ name: 'read', sensitivity: 'low' }] as const;
    const { effect, failed } = await policy.judge({ client, redirectUri: 'x:/', resourceUri: 'x:/', scopes });
    return [effect, failed];
  };
  const { prisma } = opened;
  assert.deepEqual(await judge(), ['allow', false]);
  const data = { id: 'later', position: 2_000_000, effect: 'allow', match: { clientCountry: 'XX' } };
  await prisma.policyRule.create({ data });
  assert.deepEqual(await judge(), ['deny', true]);
  await store.change(addRule(host('a')));
  assert.deepEqual(await ids(), ['later', 'a', 'default']);
  await store.change(removeRule('later'));
  assert.deepEqual(await judge(), ['allow', false]);

  await prisma.policyRule.update({ where: { id: 'default' }, data: { match: { above: 'nothing' } } });
  assert.deepEqual(await judge(), ['deny', true]);
  await store.change(setDefault('medium'));
  assert.deepEqual(await judge(), ['allow', false]);

  await prisma.policyRule.delete({ where: { id: 'default' } });
  assert.deepEqual(await judge(), ['deny', true]);
  await store.change(setDefault('medium'));
  assert.deepEqual(await judge(), ['allow', false]);
});

test('an allow rule for a bare shared host that somebody wrote into the database lets nobody in', async () => {
  const match = { clientHost: '*.github.io' };
  await opened.prisma.policyRule.create({ data: { id: 'byhand', position: 1, effect: 'allow', match } });
  await store.change(setDefault('none'));
  const client = { id: 'https://someone.github.io/app/client.json', origin: 'document', proven: false } as const;
  const scopes = [{ name: 'read', sensitivity: 'low' }] as const;
  const question = { client, redirectUri: 'https://someone.github.io/cb', resourceUri: 'x:/', scopes };
  const verdict = await createPolicy({ store, isSharedHost }).judge(question);
  assert.deepEqual([verdict.effect, verdict.ruleIds], ['ask', ['default']]);
});

test('what a rule states is stored as text that says the same', async () => {
  const { match } = host('a');
  await store.change(addRule(host('a')));
  const row = await opened.prisma.policyRule.findUniqueOrThrow({ where: { id: 'a' } });
  assert.deepEqual([row.match, row.note], [toMatchJson(match), 'of a']);
});
