/** What `connection test` finds is a code: its words stand in the catalogues, in every language, and nowhere else. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { tellWhy } from '../../src/federation/because.ts';
import { tellStep } from '../../src/federation/diagnosis/step.ts';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
type Words = Record<'found' | 'todo' | 'onPage' | 'because' | 'aadsts', Record<string, string>>;
const wordsOf = (locale: string) =>
  (JSON.parse(read(`views/messages/admin/connections/${locale}.json`)) as { connections: Words }).connections;

/** As the steps name them; those that are put together are written out. */
function used(section: 'found' | 'todo'): string[] {
  const composed = {
    found: [...endings('secret'), ...endings('certificate'), ...UNREACHABLE, ...HABITS],
    todo: ['new_secret', 'new_certificate', ...UNREACHABLE, ...HABITS],
  };
  const files = globSync('src/federation/diagnosis/*.ts', { cwd: root });
  const literal = new RegExp(`'${section}\\.([a-z_]+)'`, 'g');
  const named = files.flatMap((file) => [...read(file).matchAll(literal)].map(([, code = '']) => code));
  return [...new Set([...named, ...composed[section]])].sort();
}
const endings = (what: string) => [`${what}_ended`, `${what}_ending`, `${what}_good`];
const UNREACHABLE = ['unresolved', 'special_use', 'timeout', 'no_connection', 'bad_url', 'not_asked'];
const HABITS = ['leavers', 'assignment', 'tenants'];

for (const locale of ['en', 'ja']) {
  test(`every finding and what to do about it has words, and no words are left over: ${locale}`, () => {
    const words = wordsOf(locale);
    for (const section of ['found', 'todo'] as const)
      assert.deepEqual(Object.keys(words[section]).sort(), used(section), section);
    assert.deepEqual(Object.keys(words.onPage), Object.keys(wordsOf('en').onPage));
    for (const [code, text] of Object.entries(words.todo)) {
      const here = words.onPage[code] ?? text;
      assert.doesNotMatch(`${text} ${here}`, /<id>|update <|update …/, code);
      // What has a form is done there; what has none is a command, as whole as the command line has it.
      if (text.includes('connection update'))
        assert.match(here, /「変更…」|“Change…”|connection update \{connection\} --/, code);
    }
    assert.deepEqual(Object.keys(words.because), Object.keys(wordsOf('en').because));
    assert.deepEqual(Object.keys(words.aadsts), Object.keys(wordsOf('en').aadsts));
  });
}

test('an outcome has one name, whatever was tried: an MCP server, a connection, or work under way', () => {
  for (const locale of ['en', 'ja']) {
    const of = (page: string) => JSON.parse(read(`views/messages/admin/${page}/${locale}.json`));
    const { results } = of('frame').admin.work;
    for (const words of [of('servers').servers.results, of('connections').connections.results])
      for (const [result, word] of Object.entries(words)) assert.equal(word, results[result], `${locale} ${result}`);
  }
});

test('the Japanese words are Japanese, but for what is only somebody else’s', () => {
  for (const section of Object.values(
    (({ found, todo, because, aadsts }) => ({ found, todo, because, aadsts }))(wordsOf('ja')),
  ))
    for (const [code, words] of Object.entries(section))
      assert.match(words.replace(/\{\w+\}|[：:]/g, '') || 'あ', /[ぁ-んァ-ヶ一-龠]/, code);
});

test('the same words are the English of the command line and the API, with days and numbers as programs write them', () => {
  const params = { thumbprint: 'ab:cd', day: '2026-01-05' };
  const step = { step: 'credential', result: 'failed', code: 'found.certificate_ended', params } as const;
  assert.equal(tellStep({ ...step, todo: 'todo.wait' }).what, 'the certificate ab:cd ended on 2026-01-05');
  const clock = { step: 'clock', result: 'failed', code: 'found.clock_ahead', params: { seconds: 12_345 } } as const;
  assert.equal(tellStep(clock).what, 'is 12345 seconds ahead of the provider’s');
  assert.equal(
    tellWhy({ code: 'same_key', params: { name: 'Contoso', id: 'c1' } }),
    'it has the same key as the connection Contoso (c1): each needs a key of its own',
  );
});
