/** Refusals of the dashboard and of the account's pages: each has its words in both languages, and says which field is to blame. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it, test } from 'node:test';
import { readMessages } from '../../src/web/messages.ts';
import { stoppedCodes } from '../../src/web/pages.ts';
import { type Consentry, startConsentry } from '../harness.ts';
import { arrive, type Colleague } from './kit.ts';

const root = path.resolve(import.meta.dirname, '../..');
const languages = ['en', 'ja'] as const;

/** Codes that no page of the dashboard can show, each with why. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  bad_configuration: 'stops the start',
  bad_master_key: 'stops the start',
  master_key_differs: 'stops the start',
  sealed_by_another_key: 'a fault of ours: shown as server_error',
  sealed_value_damaged: 'a fault of ours: shown as server_error',
  record_unavailable: 'a fault of ours: shown as server_error',
  fetch_failed: 'a fault (502): shown as server_error',
  cookies_refused: 'of the API alone',
  insufficient_scope: 'of the API alone',
  bad_role: 'roles are made on the command line',
  bad_scope: 'ceilings are set on the command line',
  bad_value: 'mappings are made on the command line',
  built_in: 'roles are made on the command line',
  owner_not_said: 'mappings are made on the command line',
  role_exists: 'roles are made on the command line',
  unknown_group: 'mappings are made on the command line',
  unknown_mapping: 'mappings are made on the command line',
  would_open: 'ceilings are set on the command line',
};
/** Made with a code that is put together, or handed on: by the file that does so. */
const COMPOSED: Readonly<Record<string, readonly string[]>> = {
  /** Each has a page of its own, in words of its own. */
  'src/federation/upstream-failed.ts': ['upstream_denied', 'upstream_failed', 'upstream_unavailable'],
  'src/admin/connections/credentials.ts': [
    ...['name', 'client_id', 'tenants', 'issuer', 'client_secret', 'secret_expires', 'pem', 'client_auth'],
    ...['credentials', 'connection'],
  ].map((member) => `bad_${member}`),
  'src/approvals/deciding.ts': ['note_too_long', 'reason_too_long'],
  'src/client-rules.ts': ['bad_client', 'bad_redirect'],
};
/** Edges of programs and of other pages, known here by type alone. */
const OTHER_EDGES = /^src\/(cli|oauth|scim|interaction)\//;

test('every code that a page of the dashboard or the account can meet has its words in every language', () => {
  const missing: string[] = [];
  for (const [code, files] of codesWithin(reachable())) {
    if (ELSEWHERE[code] !== undefined) continue;
    const own = files.every((file) => file.startsWith('src/account/') || file.startsWith('src/federation/'));
    const onPageG = (stoppedCodes as readonly string[]).includes(code);
    for (const locale of languages) {
      const { has } = messagesOf(locale);
      if (!has(`adminError.${code}`) && !(own && onPageG)) missing.push(`${locale}: ${code} (${files.join(', ')})`);
    }
  }
  assert.deepEqual(missing, []);
});

test('the list of codes that no page shows names none that is gone, and none that has words', () => {
  const codes = codesWithin(reachable());
  const { has } = messagesOf('en');
  assert.deepEqual(
    Object.keys(ELSEWHERE).filter((code) => !codes.has(code) || has(`adminError.${code}`)),
    [],
  );
});

describe('a form that is refused', () => {
  let consentry: Consentry;
  let owner: Colleague;
  before(async () => {
    consentry = await startConsentry();
    owner = await arrive(consentry, 'owner');
  });
  after(() => consentry?.close());

  async function refused(path: string, typed: Record<string, string>, language: string): Promise<string> {
    const headers = { 'accept-language': language };
    const form = await owner.browser.open(`${consentry.issuer}/admin${path}`, { headers });
    const page = await owner.browser.submit(form, typed, { action: `/admin${path}`, headers });
    assert.equal(page.status, 400, page.html);
    return page.html;
  }

  for (const [language, label, wanted] of [
    ['ja', '名前', '200 文字以内で入力してください。'],
    ['en', 'Name', 'Use at most 200 characters.'],
  ] as const) {
    it(`names the field and what it wants, beside it too, and keeps what was typed: ${language}`, async () => {
      const typed = { email: 'somebody@example.com', name: 'n'.repeat(201) };
      const html = await refused('/people/add', typed, language);
      assert.match(plain(html), new RegExp(`${label}(：|: ) ?${wanted}`));
      const [field = ''] = /<input[^>]+id="field-name"[^>]*>/.exec(html) ?? [];
      assert.match(field, /aria-invalid="true" aria-describedby="error-name"/);
      assert.ok(field.includes(typed.name));
      assert.match(
        plain(/<p class="field-error" id="error-name">[\s\S]*?<\/p>/.exec(html)?.[0] ?? ''),
        new RegExp(wanted),
      );
      assert.match(html, /value="somebody@example\.com"/);
      assert.doesNotMatch(html, /Too big|expected string/);
    });
  }

  it('marks the one host of a rule that cannot be one, in Japanese', async () => {
    const html = await refused('/policy/add', { effect: 'deny', clientHost: 'app.example', redirectHost: 'a b' }, 'ja');
    assert.match(plain(html), /戻り先のホスト：/);
    assert.match(/<input[^>]+id="field-redirectHost"[^>]*>/.exec(html)?.[0] ?? '', /aria-invalid="true"/);
    assert.doesNotMatch(/<input[^>]+id="field-clientHost"[^>]*>/.exec(html)?.[0] ?? 'aria-invalid', /aria-invalid/);
  });

  it('says the rule that was broken and by what, in Japanese', async () => {
    const typed = { name: 'A', kind: 'app', authMethod: 'none', redirectUris: 'http://app.example/callback' };
    const html = plain(await refused('/clients/add', typed, 'ja'));
    assert.match(html, /http:\/\/app\.example\/callback ?は戻り先にできません/);
  });
});

function plain(html: string): string {
  return html.replace(/<[^>]+>/g, '').replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));
}

function messagesOf(locale: 'en' | 'ja') {
  return readMessages(new URL('../../views/messages/', import.meta.url), locale);
}

/** What the dashboard and the account's pages import, and what that imports, types included: rooms are handed over by type. */
function reachable(): Set<string> {
  const found = new Set<string>();
  const ahead = globSync('src/{admin,account}/**/*.ts', { cwd: root });
  for (let file = ahead.pop(); file !== undefined; file = ahead.pop()) {
    if (found.has(file) || file.includes('/generated/')) continue;
    found.add(file);
    for (const [, target = ''] of read(file).matchAll(/\bfrom\s+'(\.[^']+)'/g))
      ahead.push(path.normalize(path.join(path.dirname(file), target)));
  }
  return found;
}

/** Code → the files that refuse with it. */
function codesWithin(files: Iterable<string>): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const add = (code: string, file: string) => found.set(code, [...(found.get(code) ?? []), file]);
  for (const file of files) {
    if (OTHER_EDGES.test(file)) continue;
    for (const [, code] of read(file).matchAll(
      /(?:new AppError|extends AppError[\s\S]*?\bsuper)\(\s*(?:'([a-z_]+)')?/g,
    )) {
      if (code !== undefined) add(code, file);
      else assert.ok(COMPOSED[file], `${file} composes a code: list it above`);
    }
    for (const code of COMPOSED[file] ?? []) add(code, file);
  }
  return found;
}

function read(file: string): string {
  return readFileSync(path.join(root, file), 'utf8');
}
