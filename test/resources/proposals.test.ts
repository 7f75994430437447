/** How a new description differs from what was accepted: every change of what a person read is one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { planUpdate } from '../../src/resources/changes.ts';
import { compareScopes, differences, type NewScopes } from '../../src/resources/proposals.ts';
import {
  DEFAULT_PEOPLE,
  type Resource,
  type ResourceScope,
  type ScopeDescription,
} from '../../src/resources/resource.ts';
import { resolveScopes, scopeDigest, suspendedScopes } from '../../src/resources/scopes.ts';

const SEND: ScopeDescription = {
  name: 'mail:send',
  description: 'Send mail as you',
  descriptionJa: 'メールを送る',
  sensitivity: 'high',
  effect: 'act',
  tools: ['send_mail', 'send_draft'],
};
const READ: ScopeDescription = {
  name: 'mail:read',
  description: 'Read your mail',
  sensitivity: 'low',
  effect: 'read',
  tools: ['read_mail'],
};

const accepted = (scope: ScopeDescription): ResourceScope => ({ ...scope, suspended: false });
const proposed = (scope: ScopeDescription, words: ScopeDescription, added = false): ResourceScope => ({
  ...scope,
  suspended: true,
  proposal: { words, at: new Date(), added },
});
const compare = (scopes: ResourceScope[], news: Partial<NewScopes>) =>
  compareScopes({ scopes }, { described: [], removed: [], ...news });

const changes: [string, Partial<ScopeDescription>, object][] = [
  ['a tool more', { tools: ['send_mail', 'send_draft', 'x'] }, { what: 'tools', added: ['x'], removed: [] }],
  ['a tool less', { tools: ['send_mail'] }, { what: 'tools', added: [], removed: ['send_draft'] }],
  ['another tool', { tools: ['send_mail', 'x'] }, { what: 'tools', added: ['x'], removed: ['send_draft'] }],
  ['other words', { description: 'Send' }, { what: 'description', before: 'Send mail as you', after: 'Send' }],
  [
    'no Japanese words any more',
    { descriptionJa: undefined },
    { what: 'descriptionJa', before: 'メールを送る', after: undefined },
  ],
  ['less weight', { sensitivity: 'low' }, { what: 'sensitivity', before: 'high', after: 'low' }],
  ['another effect', { effect: 'read' }, { what: 'effect', before: 'act', after: 'read' }],
];
for (const [what, change, difference] of changes) {
  test(`${what} behind a scope is a difference, and another digest`, () => {
    const after = { ...SEND, ...change };
    const [found, ...others] = compare([accepted(SEND), accepted(READ)], { described: [after] });
    assert.deepEqual(found, {
      kind: 'changed',
      name: 'mail:send',
      before: SEND,
      after,
      differences: [difference],
      waiting: false,
    });
    assert.deepEqual(others, []);
    assert.notEqual(scopeDigest(after), scopeDigest(SEND));
  });
}

test('tools in another order are no difference', () => {
  const after = { ...SEND, tools: [...SEND.tools].reverse() };
  assert.deepEqual(compare([accepted(SEND)], { described: [after] }), [{ kind: 'unchanged', name: 'mail:send' }]);
  assert.equal(scopeDigest(after), scopeDigest(SEND));
});

test('nothing differs exactly where the digests are equal', () => {
  const words = fc.record({
    name: fc.constant('x'),
    description: fc.constantFrom('a', 'b', '","'),
    descriptionJa: fc.constantFrom(undefined, 'あ', 'a'),
    sensitivity: fc.constantFrom('low' as const, 'high' as const),
    effect: fc.constantFrom('read' as const, 'act' as const),
    tools: fc.uniqueArray(fc.constantFrom('a', 'b', '["a"]', 'a,b'), { maxLength: 3 }),
  });
  fc.assert(
    fc.property(words, words, (one, other) => {
      assert.equal(differences(one, other).length === 0, scopeDigest(one) === scopeDigest(other));
    }),
    { numRuns: 500 },
  );
});

test('what is described for the first time is added; what a whole description leaves out is removed', () => {
  const found = compare([accepted(READ)], { described: [SEND], removed: 'rest' });
  assert.deepEqual(found, [
    { kind: 'added', name: 'mail:send', after: SEND, waiting: false },
    { kind: 'removed', name: 'mail:read', before: { ...READ, descriptionJa: undefined } },
  ]);
});

test('a change is measured against what was accepted, never against what was proposed in between', () => {
  const one = { ...SEND, tools: ['send_mail', 'send_draft', 'one'] };
  const two = { ...one, tools: [...one.tools, 'two'] };
  const [again] = compare([proposed(SEND, one)], { described: [one] });
  assert.ok(again?.kind === 'changed' && again.waiting);
  const [further] = compare([proposed(SEND, one)], { described: [two] });
  assert.ok(further?.kind === 'changed' && !further.waiting);
  assert.deepEqual(further.differences, [{ what: 'tools', added: ['one', 'two'], removed: [] }]);
  const [back] = compare([proposed(SEND, one)], { described: [SEND] });
  assert.equal(back?.kind, 'withdrawn');
  const [stillNew] = compare([accepted(READ), proposed(SEND, SEND, true)], { described: [SEND] });
  assert.ok(stillNew?.kind === 'added' && stillNew.waiting);
});

test('a scope that is not there cannot be removed, nor the last one', () => {
  for (const news of [
    { removed: ['mail:purge'] },
    { removed: ['mail:read'] },
    { described: [READ], removed: ['mail:read'] },
  ])
    assert.throws(() => compare([accepted(READ)], news), { code: 'invalid_scope' });
});

test('a change is held to the rules of a registration: no link, nothing hidden, one line, no endless text (threat 61)', () => {
  const resource: Resource = {
    id: 'x',
    uri: 'https://mail.example/mcp',
    name: 'Mail',
    clientId: 'rs_x',
    consentDays: 90,
    tokenSeconds: 600,
    builtIn: false,
    scopes: [accepted(SEND)],
    ...DEFAULT_PEOPLE,
    disabledAt: undefined,
  };
  const plan = (change: Partial<ScopeDescription>) =>
    planUpdate(resource, { scopes: { described: [{ ...SEND, ...change }], removed: [] } });
  for (const description of [
    'Read https://evil.example',
    'Ask WWW.evil.example',
    'mailto:a@evil.example',
    'ｈｔｔｐｓ：／／evil.example',
    'vnc://evil.example',
    'h\u200bttps://evil.example',
    '\u202e',
    'x'.repeat(201),
  ]) {
    assert.throws(() => plan({ description }), { code: 'invalid_text' }, description);
    assert.throws(() => plan({ descriptionJa: description }), { code: 'invalid_text' }, description);
  }
  assert.throws(() => plan({ tools: ['<b>'] }), { code: 'invalid_scope' });
  assert.throws(() => planUpdate(resource, { name: 'https://evil.example' }), { code: 'invalid_text' });
  const [change] = plan({ description: 'Send mail\n\u202eas you ' }).scopes;
  assert.equal(change?.kind, 'unchanged', 'what nobody can see is no change');
  assert.equal(plan({ tools: [...SEND.tools, 'send_mail'] }).scopes[0]?.kind, 'unchanged');
});

const scoped = (...scopes: ResourceScope[]) => ({ scopes });

test('a request means the scopes it names, else the low ones, and never others instead of suspended ones', () => {
  const suspended = proposed(SEND, { ...SEND, effect: 'change' });
  const cases: [string[], ResourceScope[], string[], string[]][] = [
    [['mail:send', 'mail:read'], [suspended, accepted(READ)], ['mail:read'], ['mail:send']],
    [['mail:send'], [suspended, accepted(READ)], [], ['mail:send']],
    [['openid', 'mail:send'], [suspended, accepted(READ)], [], ['mail:send']],
    [['openid', 'mail:send', 'mail:read'], [suspended, accepted(READ)], ['openid', 'mail:read'], ['mail:send']],
    [[], [suspended, accepted(READ)], ['mail:read'], []],
    [[], [suspended, proposed(READ, SEND)], [], ['mail:read']],
    [['elsewhere'], [suspended, accepted(READ)], ['mail:read'], []],
    [['openid'], [suspended], ['openid'], []],
  ];
  for (const [asked, scopes, resolved, left] of cases) {
    assert.deepEqual(resolveScopes(asked, scoped(...scopes)), resolved, asked.join(' '));
    assert.deepEqual(suspendedScopes(asked, scoped(...scopes)), left, asked.join(' '));
  }
});

test('a scope that nobody ever accepted is not there yet', () => {
  const scopes = scoped(accepted(READ), proposed({ ...SEND, sensitivity: 'low' }, SEND, true));
  assert.deepEqual(resolveScopes([], scopes), ['mail:read']);
  assert.deepEqual(resolveScopes(['mail:send'], scopes), ['mail:read']);
  assert.deepEqual(suspendedScopes(['mail:send'], scopes), []);
});
