/** What people read: in two languages, and nothing in it that somebody else could make them follow. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ja } from '../../src/notices/japanese.ts';
import type { Letter } from '../../src/notices/message.ts';
import { createLetters } from '../../src/notices/texts.ts';
import { connected, decided, ended, ISSUER, proposed, requested } from './fixture.ts';

const letters = createLetters({ brandName: 'Contoso ID', issuer: ISSUER });
const email = 'ana@contoso.test';

/** What makes any mail program draw a link: a scheme, or labels with dots between them. */
const LINK = /\p{L}[\p{L}\d+-]*:\/\/|[\p{L}\p{N}]\.[\p{L}\p{N}]/u;

function assertInert({ subject, text }: Letter): void {
  assert.doesNotMatch(subject, /[\p{C}\p{Zl}\p{Zp}]/u);
  assert.doesNotMatch(text, /[\p{Cf}\p{Zl}\p{Zp}\r\t]/u);
  assert.doesNotMatch(subject, LINK);
  assert.doesNotMatch(text.replaceAll(ISSUER, ''), LINK);
}

test('each mail says the same in English and in Japanese, and where it came from', () => {
  const all = {
    requested: letters.requested({ ...requested, email }),
    approved: letters.decided(decided),
    denied: letters.decided({ ...decided, decision: 'denied' }),
    expired: letters.decided({ ...decided, decision: 'expired' }),
    confirm: letters.confirm({ ...requested, email, first: { email, audience: 'person', days: 1 } }),
    ended: letters.ended(ended),
    review: letters.ended({ ...ended, why: 'review' }),
    connected: letters.connected(connected),
    proposed: letters.proposed(proposed),
  };
  for (const [which, letter] of Object.entries(all)) {
    const [english = '', japanese = '', ...more] = letter.text.split(/^-{60}$/m);
    assert.deepEqual(more, []);
    assert.doesNotMatch(english, /\p{Script=Hiragana}/u, which);
    assert.match(japanese, /\p{Script=Hiragana}/u, which);
    assert.match(letter.subject, /^Contoso ID: [^/]+ \/ .*\p{Script=Hiragana}/u);
    for (const language of [english, japanese]) {
      assert.equal(language.split(ISSUER).length, 2, which);
      assert.match(language, which === 'proposed' ? /Mail/ : /“Claude”|「Claude」/);
      assert.doesNotMatch(language, /undefined|null|\[object/);
    }
    assertInert(letter);
  }
  assert.notEqual(all.approved.text, all.denied.text);
});

test('a new connection says which app, where it returns, which server, what it may do, when, and what to do', () => {
  const { subject, text } = letters.connected({
    ...connected,
    scopes: [...connected.scopes, { name: 'email' }, { name: 'mail:odd' }],
    through: 'Gateway',
  });
  assert.match(subject, /“Claude” is connected to your account/);
  for (const part of [
    'App: “Claude”',
    'Through: “Gateway”',
    'Sends you back to: claude․example',
    'Server: Mail',
    '- Read your mail',
    '- See your e-mail address',
    '- mail:odd',
    '2026-11-24 12:00 (UTC)',
    'tell the people who run this server',
    'アプリ：「Claude」',
    '経由：「Gateway」',
    '・メールを読む',
    '・あなたのメールアドレスを見る',
    '運営者にお知らせください',
  ])
    assert.ok(text.includes(part), `${part} is missing in\n${text}`);
});

test('a place to return to that is no website is said in words', () => {
  const to = (redirectHost: string) => letters.connected({ ...connected, redirectHost }).text;
  assert.match(to('127.0.0.1'), /a program on the computer that was used \(127․0․0․1\)/);
  assert.match(to('cursor://'), /by its cursor links/);
  assert.match(to(''), /runs on another device/);
  for (const host of ['127.0.0.1', 'cursor://', '', '[::1]', 'evil.example:8443']) {
    assertInert(letters.connected({ ...connected, redirectHost: host }));
  }
});

const hostile = [
  'Claude\r\nBcc: mallory@evil.example\r\n\r\nClick https://evil.example/login',
  'https://evil.example/login',
  'evil.example',
  'EVIL．EXAMPLE',
  'evil。example',
  'evil․example',
  'http:/\u200b/evil.example',
  'mailto:mallory@evil.example',
  'Claude” is fine. “Mail',
  'Claude」です。「',
  '\u202eelpmaxe.live\u202c',
  'a\u2028b\u2029c\u0085d\u000be\u0000f',
  '…evil.example',
  'x'.repeat(100_000),
  `${'a'.repeat(59)}.example`,
  '<a href="//evil.example">Claude</a>',
  '\u200b\u2060',
  '',
];
for (const text of hostile) {
  test(`${JSON.stringify(text.slice(0, 40))} stays one line of text between quotation marks`, () => {
    const asker = { clientName: text, through: text, resourceName: text };
    const scopes = [{ name: text, description: text, descriptionJa: text }];
    const all = [
      letters.requested({ ...requested, ...asker, scopes, email: text, reason: text, requestId: text }),
      letters.decided({ ...decided, ...asker, note: text }),
      letters.connected({ ...connected, ...asker, scopes, redirectHost: text }),
      letters.proposed({
        ...proposed,
        resourceName: text,
        scopeName: text,
        before: { description: text, tools: [text] },
        after: { description: text, tools: [text] },
      }),
    ];
    const harmless = [
      letters.requested({ ...requested, through: 'x', email }),
      letters.decided({ ...decided, through: 'x' }),
      letters.connected({ ...connected, through: 'x' }),
      letters.proposed(proposed),
    ];
    for (const [index, letter] of all.entries()) {
      assertInert(letter);
      assert.ok(letter.text.length < 20_000);
      assert.ok(letter.subject.length < 400);
      const lines = (which: Letter | undefined) => which?.text.split('\n').length ?? 0;
      assert.ok(lines(letter) <= lines(harmless[index]), letter.text);
      const opened = letter.subject.split(/[“「]/).length;
      assert.equal(opened, letter.subject.split(/[”」]/).length);
      assert.ok(opened <= 3, letter.subject);
    }
  });
}

test('a permission that would read differently is shown as it is and as it would be, with its tools; a new one as it would be', () => {
  const { text } = letters.proposed(proposed);
  for (const part of [
    'It reads now: “Read your mail”, with these tools: read_mail',
    'It would read: “Read and forward your mail”, with these tools: read_mail, forward',
    '新しい説明：「メールを読んで転送する」（使うツール：read_mail, forward）',
  ])
    assert.ok(text.includes(part), text);
  const added = letters.proposed({ ...proposed, before: undefined });
  assert.doesNotMatch(added.text, /reads now|今の説明/);
  assertInert(added);
});

test('a long list of permissions is cut with a count', () => {
  const scopes = Array.from({ length: 300 }, (_, index) => ({ name: `s${index}`, description: `Do ${index}` }));
  const { text } = letters.connected({ ...connected, scopes });
  assert.match(text, /- and 280 more/);
  assert.match(text, /・ほか280件/);
  assert.equal(text.match(/^ {2}- Do/gm)?.length, 20);
});

test('an app without a name is called so, without quotation marks', () => {
  const { subject, text } = letters.connected({ ...connected, clientName: ' \u200b ' });
  assert.match(subject, /: an app without a name is connected to your account \/ 名前のないアプリが/);
  assert.doesNotMatch(text, /“|「/);
});

test('whoever chose a language gets the mail in that one alone', () => {
  const at = new Date('2026-11-03T08:05:00Z');
  const inJapanese = createLetters({ brandName: 'Contoso ID', issuer: ISSUER, languages: [ja] });
  const { subject, text } = inJapanese.factor({ change: 'passkey_added', passkey: 'https://evil.test', at });
  assert.equal(subject, 'Contoso ID: パスキーが追加されました');
  assert.doesNotMatch(text, /A passkey was added|https:\/\/evil\.test/);
  const both = letters.factor({ change: 'passkey_added', passkey: 'My laptop', at });
  assert.match(both.text, /A passkey was added[\s\S]*My laptop[\s\S]*パスキーが追加されました/);
});

test('what others took back is named with its server, and of many as many as a mail holds', () => {
  const [one] = ended.endings;
  assert.ok(one);
  const { subject, text } = letters.ended({ ...ended, endings: [{ ...one, through: 'Gateway.example' }] });
  assert.match(subject, /“Claude” no longer has access to Mail \//);
  assert.match(text, /- “Claude” \(Through: “Gateway․example”\) at Mail/);
  const many = letters.ended({
    ...ended,
    endings: Array(25).fill({ clientName: 'evil.example\u202e\r\nTo: x', resourceName: 'https://x.example' }),
  });
  assert.match(many.subject, /25 apps that you allowed/);
  assert.match(many.text, /and 5 more/);
  assert.match(many.text, /ほか5件/);
  assertInert(many);
});
