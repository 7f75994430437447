import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSharedHost } from '../../src/clients/provenance.ts';
import { createPolicy, judgeBy, type PolicyQuestion, type Verdict } from '../../src/policy/policy.ts';
import { type Effect, type Rule, readRule } from '../../src/policy/rule.ts';

type Match = Record<string, unknown>;

const last = (above = 'high') => readRule({ id: 'default', effect: 'ask', match: { above }, note: null });
const rule = (effect: Effect, match: Match, id = 'r1') => readRule({ id, effect, match, note: null });
const judge = (rules: readonly Rule[], question: PolicyQuestion) => judgeBy(rules, question, { isSharedHost });

const mail = 'https://mail.example/mcp';
const read = { name: 'read', sensitivity: 'low' } as const;
const label = { name: 'label', sensitivity: 'medium' } as const;
const send = { name: 'send', sensitivity: 'high' } as const;
const document: PolicyQuestion = {
  client: { id: 'https://claude.ai/client.json', origin: 'document', proven: true, softwareId: 'sw' },
  redirectUri: 'https://claude.ai/callback',
  resourceUri: mail,
  scopes: [read],
};
const by = (client: Partial<PolicyQuestion['client']>, more: Partial<PolicyQuestion> = {}): PolicyQuestion => ({
  ...document,
  ...more,
  client: { ...document.client, ...client },
});
const dynamic = by({ id: '5f2a', origin: 'dynamic', proven: false });
const administered = by({ id: '77c0', origin: 'static', proven: false });

function lists({ effect, denied, waiting, allowed, ruleIds, failed }: Verdict) {
  return { effect, denied, waiting, allowed, ruleIds, failed };
}

for (const [above, allowed, waiting] of [
  ['none', [], ['read', 'label', 'send']],
  ['low', ['read'], ['label', 'send']],
  ['medium', ['read', 'label'], ['send']],
  ['high', ['read', 'label', 'send'], []],
] as const) {
  test(`where people approve up to ${above}, what is above waits for an administrator`, () => {
    const verdict = judge([last(above)], { ...document, scopes: [read, label, send] });
    const effect = waiting.length > 0 ? 'ask' : 'allow';
    assert.deepEqual(lists(verdict), { effect, denied: [], waiting, allowed, ruleIds: ['default'], failed: false });
  });
}

test('the first rule that matches decides, whatever the later ones say', () => {
  const host = { clientHost: 'claude.ai' };
  const first = (...effects: Effect[]) =>
    judge([...effects.map((effect, index) => rule(effect, host, `r${index}`)), last()], document);
  assert.equal(first('deny', 'allow').effect, 'deny');
  assert.equal(first('allow', 'deny').effect, 'allow');
  assert.deepEqual(first('ask', 'deny', 'allow').ruleIds, ['r0']);
});

test('the default rule comes last wherever it stands', () => {
  const { effect, ruleIds } = judge([last(), rule('deny', { clientHost: 'claude.ai' })], document);
  assert.deepEqual([effect, ruleIds], ['deny', ['r1']]);
});

test('each scope is decided by itself, and the strictest answer is the answer', () => {
  const rules = [
    rule('deny', { sensitivity: ['high'] }, 'no-high'),
    rule('ask', { sensitivity: ['medium'], resource: mail }, 'ask-medium'),
    rule('allow', { resource: mail }, 'mail'),
    last('none'),
  ];
  const verdict = judge(rules, { ...document, scopes: [read, label, send] });
  assert.deepEqual(lists(verdict), {
    effect: 'deny',
    denied: ['send'],
    waiting: ['label'],
    allowed: ['read'],
    ruleIds: ['mail', 'ask-medium', 'no-high'],
    failed: false,
  });
  const elsewhere = judge(rules, { ...document, resourceUri: 'https://other.example/mcp', scopes: [read] });
  assert.deepEqual(elsewhere.ruleIds, ['default']);
});

test('a rule matches only where all of it holds', () => {
  const both = [rule('deny', { clientHost: 'claude.ai', sensitivity: ['high'] }), last()];
  assert.equal(judge(both, document).effect, 'allow');
  assert.equal(judge(both, { ...document, scopes: [send] }).effect, 'deny');
  assert.equal(judge(both, by({ id: 'https://other.example/c' }, { scopes: [send] })).effect, 'allow');
});

test('a client that is denied does not come in by asking for no scope', () => {
  const verdict = judge([rule('deny', { clientHost: 'claude.ai' }), last()], { ...document, scopes: [] });
  assert.deepEqual([verdict.effect, verdict.denied], ['deny', []]);
  assert.equal(judge([last()], { ...document, scopes: [] }).effect, 'allow');
});

/** Whether a rule of each effect matches: what opens is stricter than what closes. */
const strictness: [string, Match, PolicyQuestion, { opens: boolean; closes: boolean }][] = [
  ['the host of a metadata document', { clientHost: 'claude.ai' }, document, { opens: true, closes: true }],
  [
    'a host that a registration carries as its ID',
    { clientHost: 'claude.ai' },
    by({ origin: 'dynamic' }),
    { opens: false, closes: true },
  ],
  [
    'the host of a document, with a dot behind it',
    { clientHost: 'claude.ai' },
    by({ id: 'https://claude.ai./client.json' }),
    { opens: false, closes: true },
  ],
  [
    'the host of a document over http',
    { clientHost: 'claude.ai' },
    by({ id: 'http://claude.ai/client.json' }),
    { opens: false, closes: true },
  ],
  ['a client ID that is no URL', { clientHost: 'claude.ai' }, dynamic, { opens: false, closes: false }],
  ['the host of an https redirect', { redirectHost: 'claude.ai' }, dynamic, { opens: true, closes: true }],
  [
    'the host of an http redirect',
    { redirectHost: 'claude.ai' },
    { ...dynamic, redirectUri: 'http://claude.ai/cb' },
    { opens: false, closes: true },
  ],
  [
    'a loopback redirect',
    { redirectHost: 'localhost' },
    { ...dynamic, redirectUri: 'http://localhost:4000/cb' },
    { opens: false, closes: true },
  ],
  [
    'an https redirect to loopback',
    { redirectHost: '*.localhost' },
    { ...dynamic, redirectUri: 'https://a.localhost/cb' },
    { opens: false, closes: true },
  ],
  [
    'the whole address of an https redirect to loopback',
    { redirectHost: 'localhost/cb' },
    { ...dynamic, redirectUri: 'https://localhost/cb' },
    { opens: false, closes: true },
  ],
  [
    'a private-use scheme with the host in it',
    { redirectHost: 'claude.ai' },
    { ...dynamic, redirectUri: 'claude://claude.ai/cb' },
    { opens: false, closes: false },
  ],
  [
    'the device flow, which returns nowhere',
    { redirectHost: 'claude.ai' },
    { ...dynamic, redirectUri: 'urn:ietf:params:oauth:grant-type:device_code' },
    { opens: false, closes: false },
  ],
  ['the software id of a registration', { softwareId: 'sw' }, dynamic, { opens: false, closes: true }],
  [
    'the software id of an unproven document',
    { softwareId: 'sw', clientHost: 'claude.ai' },
    by({ proven: false }),
    { opens: false, closes: true },
  ],
  [
    'the software id of a document that proves a host the rule does not name',
    { softwareId: 'sw' },
    document,
    { opens: false, closes: true },
  ],
  [
    'the software id of a document that proves the host the rule names',
    { softwareId: 'sw', clientHost: 'claude.ai' },
    document,
    { opens: true, closes: true },
  ],
  [
    'the software id of a client of an administrator',
    { softwareId: 'sw' },
    administered,
    { opens: true, closes: true },
  ],
  [
    'another software id',
    { softwareId: 'sw' },
    by({ ...administered.client, softwareId: 'SW' }),
    { opens: false, closes: false },
  ],
  [
    'a shared host',
    { clientHost: 'someone.github.io' },
    by({ id: 'https://someone.github.io/app/client.json' }),
    { opens: false, closes: true },
  ],
  [
    'a shared host below a host that is not',
    { clientHost: '*.googleapis.com' },
    by({ id: 'https://storage.googleapis.com/evil/client.json' }),
    { opens: false, closes: true },
  ],
  [
    'the whole address on a shared host',
    { clientHost: 'someone.github.io/app/client.json' },
    by({ id: 'https://someone.github.io/app/client.json' }),
    { opens: true, closes: true },
  ],
  [
    'another address on a shared host',
    { clientHost: 'someone.github.io/app/client.json' },
    by({ id: 'https://someone.github.io/evil/client.json' }),
    { opens: false, closes: false },
  ],
  [
    'a shared redirect host',
    { redirectHost: '*.pages.dev' },
    { ...dynamic, redirectUri: 'https://x.pages.dev/cb' },
    { opens: false, closes: true },
  ],
];
for (const [what, match, question, { opens, closes }] of strictness) {
  test(`${what} ${opens ? 'opens' : 'does not open'} and ${closes ? 'closes' : 'does not close'}`, () => {
    const matches = (effect: Effect) => judge([rule(effect, match), last()], question).ruleIds.includes('r1');
    assert.deepEqual([matches('allow'), matches('ask'), matches('deny')], [opens, closes, closes]);
  });
}

const broken: [string, Rule[], string[]][] = [
  ['a rule that cannot be read', [rule('allow', { nobody: 'knows' }), last()], ['r1']],
  [
    'a rule that cannot be read behind one that allows',
    [rule('allow', { resource: mail }, 'r0'), rule('deny', {}), last()],
    ['r1'],
  ],
  ['a default rule that cannot be read', [rule('allow', { resource: mail }), last('nonsense')], ['default']],
  ['no default rule', [rule('allow', { resource: mail })], ['default']],
  ['no rule at all', [], ['default']],
];
for (const [what, rules, ruleIds] of broken) {
  test(`${what} denies everything`, () => {
    const verdict = judge(rules, { ...document, scopes: [read, send] });
    const denied = ['read', 'send'];
    assert.deepEqual(lists(verdict), { effect: 'deny', denied, waiting: [], allowed: [], ruleIds, failed: true });
    assert.ok(verdict.problem);
  });
}

test('a rule that throws denies everything, also what an earlier rule allowed', () => {
  const throwing = () => {
    throw new Error('the list of shared hosts is gone');
  };
  const rules = [rule('allow', { sensitivity: ['low'] }, 'r0'), rule('allow', { clientHost: 'claude.ai' }), last()];
  const verdict = judgeBy(rules, { ...document, scopes: [read, send] }, { isSharedHost: throwing });
  assert.deepEqual([verdict.effect, verdict.denied, verdict.failed], ['deny', ['read', 'send'], true]);
  assert.match(verdict.problem ?? '', /rule r1: the list/);
});

test('a scope of unknown sensitivity is denied, never taken for a light one', () => {
  const scopes = [{ name: 'odd', sensitivity: 'extreme' as 'high' }];
  for (const rules of [[last('high')], [rule('allow', { resource: mail }), last('high')]]) {
    const verdict = judge(rules, { ...document, scopes });
    assert.deepEqual([verdict.effect, verdict.denied, verdict.failed], ['deny', ['odd'], true]);
  }
});

test('whoever runs the server is told of a judgement that failed', async () => {
  const problems: string[] = [];
  const rules = [last('nonsense')];
  const store = { list: async () => rules };
  const policy = createPolicy({ store, isSharedHost, onFailure: (problem) => problems.push(problem) });
  assert.equal((await policy.judge(document)).effect, 'deny');
  rules[0] = last();
  assert.equal((await policy.judge(document)).effect, 'allow');
  assert.equal(problems.length, 1);
  assert.match(problems[0] ?? '', /rule default/);
});
