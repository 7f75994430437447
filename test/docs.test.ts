/** What the documentation says of the code: settings, links, quoted lines, and the tests that hold each requirement. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { configKeys } from '../src/config.ts';

const root = path.resolve(import.meta.dirname, '..');
const read = (file: string) => readFile(path.join(root, file), 'utf8');

test('the README lists exactly the settings that are read', async () => {
  const rows = [...(await read('README.md')).matchAll(/^\| `([A-Z_]+)`(?: \*)? \|/gm)].map(([, key]) => key);
  assert.deepEqual(rows.sort(), [...configKeys].sort());
});

test('the README protects a server with the very lines that are run from docs/guard.md', async () => {
  const lines = /```ts v2\n(.*?)```/s.exec(await read('docs/guard.md'))?.[1] ?? assert.fail('no lines');
  assert.ok((await read('README.md')).includes(`\`\`\`ts\n${lines}\`\`\``));
});

test('every link in the documentation leads somewhere', async () => {
  for (const file of await documents()) {
    const text = await read(file);
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [to = '', anchor] = target.split('#');
      const linked = to === '' ? file : path.join(path.dirname(file), to);
      assert.ok(existsSync(path.join(root, linked)), `${file}: ${target}`);
      if (anchor) assert.ok(anchorsOf(await read(linked)).includes(anchor), `${file}: ${target}`);
    }
  }
});

test('every requirement names files that exist, and tests by titles that exist', async () => {
  const missing: string[] = [];
  for (const row of (await read('docs/requirements.md')).split('\n').filter((line) => line.startsWith('| '))) {
    const [files = '', tests = ''] = row.split(' | ').slice(-2);
    for (const [, file = ''] of files.matchAll(/`([^`]+)`/g)) {
      if (![`src/${file}.ts`, `src/${file}`, file].some((one) => existsSync(path.join(root, one)))) missing.push(file);
    }
    let source = '';
    for (const [, file, title = ''] of tests.matchAll(/`([a-z/-]+)`|“([^”]+)”/g)) {
      if (file) source = await read(`test/${file}.test.ts`).catch(() => '');
      else if (!source.replaceAll("\\'", "'").includes(title)) missing.push(title);
    }
  }
  assert.deepEqual(missing, []);
});

async function documents(): Promise<string[]> {
  const below = await readdir(path.join(root, 'docs'), { recursive: true });
  const names = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'];
  return [...names, ...below.filter((name) => name.endsWith('.md')).map((name) => path.join('docs', name))];
}

/** As GitHub makes them of headings. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
