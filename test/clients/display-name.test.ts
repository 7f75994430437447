import assert from 'node:assert/strict';
import { test } from 'node:test';
import { displayName } from '../../src/clients/display-name.ts';

const cases: [string, unknown, string][] = [
  ['an ordinary name stays as it is', 'Claude Code', 'Claude Code'],
  ['a Japanese name stays as it is', '議事録メーカー', '議事録メーカー'],
  ['markup is only text', '<img src=x onerror=alert(1)>', '<img src=x onerror=alert(1)>'],
  ['bidi controls are taken out', '\u202Eedualc\u202C \u2066x\u2069', 'edualc x'],
  ['zero-width characters are taken out', 'Cl\u200Bau\u200Dd\uFEFFe\u2060', 'Claude'],
  ['fillers drawn as nothing are taken out', 'Claude\u3164\u115F\u{E0041}', 'Claude'],
  ['control characters are taken out', 'Cl\u0000au\u001bde\u0085x', 'Claude x'],
  ['line breaks become spaces', 'Claude\r\n\u2028\u2029Code', 'Claude Code'],
  ['runs of blanks become one space', '  Claude\u00a0\u3000\u2800  Code ', 'Claude Code'],
  ['compatibility forms become plain', 'Ｃｌａｕｄｅ ①', 'Claude 1'],
  ['quotation marks cannot close those of the page', 'Claude” by claude.ai, “x', "Claude' by claude.ai, 'x"],
  ['ticks, locks and shields are taken out', '✅ Claude ✔️ 🔒√ 🛡️', 'Claude'],
  ['stacked marks are cut', `a${'\u0300'.repeat(50)}`, 'à\u0300\u0300\u0300'],
  ['unpaired surrogates are taken out', 'a\ud800b', 'ab'],
  ['nothing visible is no name', '\u200B\u202E \u3164', ''],
  ['marks alone are no name', '\u0301\u0302', ''],
  ['what is no string is no name', { toString: () => 'x' }, ''],
];
for (const [title, value, expected] of cases) test(title, () => assert.equal(displayName(value), expected));

test('what a name may be compared with is what is shown: showing it again changes nothing', () => {
  for (const [, value] of cases) assert.equal(displayName(displayName(value)), displayName(value));
});

test('a long name is cut to 60 characters between what people see as one', () => {
  const family = 'क्षि';
  for (const long of [
    'x'.repeat(61),
    family.repeat(100),
    '👩‍👩‍👧'.repeat(100),
    'ﷺ'.repeat(5_000),
    `${'x'.repeat(57)}.. more`,
    `${'x'.repeat(50)} … . … . more`,
  ]) {
    const name = displayName(long);
    assert.ok([...name].length <= 60 && name.endsWith('…'), name);
    assert.equal(displayName(name), name);
  }
  assert.equal(displayName('x'.repeat(60)), 'x'.repeat(60));
});
