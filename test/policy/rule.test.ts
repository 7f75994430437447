import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSharedHost } from '../../src/clients/provenance.ts';
import { matchWords, parseRule, readRule, toMatchJson } from '../../src/policy/rule.ts';

const parse = (value: unknown) => parseRule(value, { isSharedHost });
const full = {
  clientHost: 'claude.ai',
  redirectHost: '*.example.com',
  softwareId: '5f2a9c',
  resource: 'https://mail.example.com/mcp',
  sensitivity: ['low', 'high'],
};

test('a rule is kept as it was written and reads back as the same', () => {
  const { effect, match, note } = parse({ effect: 'allow', match: full, note: 'Ours' });
  assert.deepEqual(toMatchJson(match), full);
  const read = readRule({ id: 'r1', effect, match: toMatchJson(match), note: note ?? null });
  assert.deepEqual(read, { kind: 'match', id: 'r1', effect: 'allow', match, note: 'Ours' });
  assert.deepEqual(matchWords(match), [
    'client host claude.ai',
    'redirect host *.example.com',
    'software id 5f2a9c',
    'MCP server https://mail.example.com/mcp',
    'sensitivity low or high',
  ]);
});

const deny = (match: unknown) => ({ effect: 'deny', match });
const allow = (match: unknown) => ({ effect: 'allow', match });
const refused: [string, unknown, RegExp][] = [
  ['no object', null, /must be an object/],
  ['a list', [], /must be an object/],
  ['no effect', { match: full }, /allow, ask or deny/],
  ['an unknown effect', { effect: 'permit', match: full }, /allow, ask or deny/],
  ['an unknown member', { effect: 'deny', match: full, until: 1 }, /no member 'until'/],
  ['no match', { effect: 'deny' }, /must be an object/],
  ['a match of everything', deny({}), /at least one/],
  ['an unknown member of the match', deny({ ...full, clientName: 'x' }), /no member 'clientName'/],
  ['a member of the prototype', deny(JSON.parse('{"__proto__":{},"clientHost":"a.example"}')), /no member '__proto__'/],
  ['a host that is none', deny({ clientHost: 'a b' }), /The client host 'a b'/],
  ['a host that is no text', deny({ redirectHost: ['a.example'] }), /redirectHost must be text/],
  ['an empty software id', deny({ softwareId: ' ' }), /software id is/],
  ['an MCP server that is no URL', deny({ resource: 'mail' }), /not the URL/],
  ['an MCP server with a fragment', deny({ resource: 'https://a.example/#x' }), /not the URL/],
  ['an MCP server in another form', deny({ resource: 'https://A.example/' }), /as https:\/\/a\.example\./],
  ['an unknown sensitivity', deny({ sensitivity: ['extreme'] }), /low, medium and high/],
  ['no sensitivity', deny({ sensitivity: [] }), /low, medium and high/],
  ['a sensitivity that is no list', deny({ sensitivity: 'low' }), /low, medium and high/],
  ['an invisible note', { ...deny(full), note: '\u200b' }, /note is empty/],
  ['a shared host', allow({ clientHost: 'github.io' }), /Many people publish on github\.io/],
  ['everything on a shared host', allow({ clientHost: '*.github.io' }), /someone\.github\.io\/app\/client\.json/],
  ['one of a shared host', allow({ clientHost: 'someone.github.io' }), /someone\.github\.io\/app\/client\.json/],
  ['a path-shared host', allow({ clientHost: 'storage.googleapis.com' }), /whole client ID/],
  ['a shared redirect host', allow({ redirectHost: 'x.pages.dev' }), /whole redirect URI/],
  ['a public suffix', allow({ clientHost: '*.co.uk' }), /Many people/],
  ['a top-level domain', allow({ clientHost: '*.com' }), /Many people/],
  ['loopback', allow({ redirectHost: 'localhost' }), /Any program/],
  ['loopback by number', allow({ redirectHost: '127.0.0.1' }), /Any program/],
  ['an address on loopback', allow({ redirectHost: 'localhost/callback' }), /Any program/],
];
for (const [what, value, message] of refused) {
  test(`a rule with ${what} is refused`, () => assert.throws(() => parse(value), { status: 400, message }));
}

test('a shared host is allowed by a whole address, and may be denied as a whole', () => {
  const address = 'someone.github.io/app/client.json';
  assert.deepEqual(toMatchJson(parse(allow({ clientHost: address })).match), { clientHost: address });
  for (const effect of ['ask', 'deny']) assert.ok(parse({ effect, match: { clientHost: '*.github.io' } }));
});

const row = { id: 'r1', effect: 'deny', match: {} as unknown, note: null };
const unreadable: [string, Parameters<typeof readRule>[0]][] = [
  ['a match of nothing', { ...row, match: {} }],
  ['no match', { ...row, match: null }],
  ['a member of a later release', { ...row, match: { ...full, country: 'XX' } }],
  ['a host that is none', { ...row, match: { clientHost: 'a b' } }],
  ['an unknown effect', { ...row, effect: 'permit', match: full }],
  ['a default rule that allows', { ...row, id: 'default', effect: 'allow', match: { above: 'medium' } }],
  ['a default rule above nothing known', { ...row, id: 'default', effect: 'ask', match: { above: 'all' } }],
  ['a default rule that says more', { ...row, id: 'default', effect: 'ask', match: { above: 'low', clientHost: 'x' } }],
];
for (const [what, value] of unreadable) {
  test(`a row with ${what} reads as unreadable, never as a rule`, () => {
    const rule = readRule(value);
    assert.equal(rule.kind, 'unreadable');
    assert.equal(rule.id, value.id);
  });
}

test('a default rule is read with what people approve themselves', () => {
  const read = readRule({ id: 'default', effect: 'ask', match: { above: 'none' }, note: null });
  assert.deepEqual(read, { kind: 'default', id: 'default', peopleApprove: 'none' });
});
