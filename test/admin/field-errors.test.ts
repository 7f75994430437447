/** Every form of the dashboard that something is typed into: what is refused is said beside the field, and stays typed. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it, test } from 'node:test';
import { type ConnectionWorld, startConnectionWorld } from '../cli/connection-kit.ts';
import { type Consentry, staticClient } from '../harness.ts';
import { type Step, words } from '../person.ts';
import { startMcpServer } from '../resources/mcp-server-kit.ts';
import { connect, mailId } from '../reviews/kit.ts';
import { ask, register } from './approval-kit.ts';
import { type Case, cases, ELSEWHERE, PROOF } from './field-cases.ts';
import { arrive, type Colleague, watch } from './kit.ts';

test('no form of the dashboard that something is typed into is left out below', () => {
  const told = new Set([...cases.map(({ form }) => form), ...Object.keys(ELSEWHERE)]);
  const found = typedForms();
  assert.ok(found.length > 15, found.join('\n'));
  assert.deepEqual(
    found.filter((form) => !told.has(form)),
    [],
  );
  assert.deepEqual(
    [...told].filter((form) => !found.includes(form)),
    [],
  );
});

describe('what is refused in a form', () => {
  let world: ConnectionWorld;
  let consentry: Consentry;
  let kit: Awaited<ReturnType<typeof startMcpServer>>;
  let owner: Colleague;
  const made: Record<string, string> = {};

  before(async () => {
    world = await startConnectionWorld();
    consentry = world.server;
    kit = await startMcpServer(consentry.issuer);
    owner = await arrive(consentry, 'owner');
    await world.addOidc();
    made.ana = consentry.ana.id;
    made.server = await mailId(consentry);
    made.client = (await staticClient(consentry.rooms, { kind: 'service', redirectUris: [] })).clientId;
    made.request = (await ask(consentry, await register(consentry, 'Asker'))).id;
    made.look = new URL((await lookAt()).url).pathname.replace('/admin', '');
    const { clientId } = await connect(consentry);
    const form = await open(`/reviews/start?client=${clientId}`);
    const typed = { name: 'Spring', subject: 'client', days: '7' };
    const review = await owner.browser.submit(form, typed, { action: '/admin/reviews/start' });
    made.review = new URL(review.url).pathname.split('/').at(-1) ?? '';
    made.item = /<tr id="i-([^"]+)"/.exec(review.html)?.[1] ?? assert.fail(review.html);
  });
  after(async () => {
    await kit?.close();
    await world?.close();
  });

  const open = (page: string, headers = {}) => owner.browser.open(`${consentry.issuer}/admin${page}`, { headers });
  const filled = (text: string) => text.replace(/\{(\w+)\}/g, (_, name) => made[name] ?? assert.fail(name));

  async function lookAt(): Promise<Step> {
    const form = await open('/servers/add');
    return watch(owner, owner.browser.submit(form, { url: kit.uri }, { action: '/admin/servers/add/look' }));
  }

  async function send({ page, action, typed }: Case, language: string): Promise<Step> {
    const headers = { 'accept-language': language };
    const fields = Object.fromEntries(
      Object.entries(typed).map(([name, value]) => [name, typeof value === 'string' ? filled(value) : value]),
    );
    const form = await open(filled(page), headers);
    return owner.browser.submit(form, fields, { action: `/admin${filled(action)}`, headers });
  }

  for (const one of cases) {
    it(`is said beside ${one.wrong.join(', ')} of ${one.form}, and stays typed`, async () => {
      for (const language of ['en', 'ja']) {
        const page = await send(one, language);
        assert.ok(page.status >= 400 && page.status < 500, `${page.status}: ${words(page)}`);
        for (const field of one.wrong) assertSaid(page.html, field);
        assert.deepEqual(marked(page.html).toSorted(), one.wrong.toSorted(), words(page));
        for (const [name, value] of Object.entries(one.typed))
          for (const each of [value].flat()) assertTyped(page.html, name, filled(each), one);
        if (one.secret) assert.ok(!page.html.includes(one.secret));
        if (language === 'ja') assert.match(banner(page.html), /[ぁ-ん]/);
        assert.doesNotMatch(banner(page.html), /Too big|Invalid|expected/);
      }
    });
  }

  it('that asks for a secret once more says so beside it, as it was not kept', async () => {
    const one = cases.find(({ secret }) => secret === PROOF.clientSecret) ?? assert.fail();
    assert.match(saidAt((await send(one, 'en')).html, 'clientSecret'), /^Type the secret again/);
    assert.match(saidAt((await send(one, 'ja')).html, 'clientSecret'), /もう一度入力/);
  });

  it('of a registration leaves on the page what was found at the MCP server, and what is warned of', async () => {
    kit.behave({ document: { authorization_servers: ['https://other.example'] } });
    const look = await lookAt();
    const typed = { name: '', tokenSeconds: '600', consentDays: '90' };
    const again = await owner.browser.submit(look, typed, { action: '/admin/servers/add' });
    kit.behave();
    assert.equal(again.status, 400);
    const found = (html: string) =>
      [...html.matchAll(/<div class="(?:finding|note note-caution)"[\s\S]*?<\/p>/g)].map(String);
    assert.ok(found(look.html).length > 1, words(look));
    assert.deepEqual(found(again.html), found(look.html));
  });
});

/** The field says that it is wrong and by what it is described; the banner names it as the form does, and leads there. */
function assertSaid(html: string, field: string): void {
  const [element = ''] =
    new RegExp(`<(?:input|select|textarea|fieldset)\\b[^>]*\\bid="field-${field}"[^>]*>`).exec(html) ?? [];
  assert.ok(element, `there is no field-${field}`);
  if (!element.startsWith('<fieldset') || element.includes('radiogroup')) {
    assert.match(element, /aria-invalid="true"/, field);
    assert.match(element, new RegExp(`aria-describedby="error-${field}[ "]`), field);
  }
  assert.ok(saidAt(html, field).length > 5, field);
  const label =
    new RegExp(`<label [^>]*for="field-${field}"[^>]*>([\\s\\S]*?)</label>`).exec(html)?.[1] ??
    new RegExp(`id="field-${field}"[^>]*>\\s*<legend>([\\s\\S]*?)</legend>`).exec(html)?.[1] ??
    assert.fail(`field-${field} has no label`);
  const link = new RegExp(`<a href="#field-${field}">([\\s\\S]*?)</a>`).exec(alert(html))?.[1];
  assert.equal(link === undefined ? undefined : words({ html: link }), words({ html: label }), alert(html));
}

function saidAt(html: string, field: string): string {
  return words({
    html: new RegExp(`<p class="field-error" id="error-${field}">([\\s\\S]*?)</p>`).exec(html)?.[1] ?? '',
  });
}

function marked(html: string): string[] {
  return [...html.matchAll(/ id="error-([\w-]+)"/g)].map(([, field = '']) => field);
}

function alert(html: string): string {
  return /<div class="note note-error" role="alert">[\s\S]*?<\/div>\s*<\/div>/.exec(html)?.[0] ?? '';
}

function banner(html: string): string {
  return words({ html: alert(html) });
}

/** In an input, a text or as what is chosen; what a page does not offer cannot be chosen. */
function assertTyped(html: string, name: string, value: string, { secret, wrong }: Case): void {
  if (value === '' || value === secret) return;
  const tags = [...html.matchAll(/<(input|select|textarea)\b[^>]*>/g)].filter(([tag]) =>
    tag.includes(` name="${name}"`),
  );
  assert.ok(tags.length > 0, `${name} is not in the form`);
  const text = value.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
  const chosen = new RegExp(`<option value="${text}" selected`).test(html);
  const kept = tags.some(({ 0: tag, 1: kind, index }) =>
    kind === 'textarea'
      ? html.slice(index + tag.length, html.indexOf('</textarea>', index)).includes(text)
      : kind === 'input' && tag.includes(` value="${text}"`) && (!/checkbox|radio/.test(tag) || / checked/.test(tag)),
  );
  const offered = tags.some(([tag, kind]) => kind === 'select' || /type="(?:checkbox|radio)"/.test(tag));
  const field = name.startsWith('scope.') ? new RegExp(`^scope-\\d+-${name.slice(6)}$`) : new RegExp(`^${name}$`);
  if (offered && wrong.some((one) => field.test(one))) return;
  assert.ok(kept || chosen, `${name} was typed and is gone`);
}

/** The forms that are posted and have a field for something but a tick: `<template> <action>`. */
function typedForms(): string[] {
  const root = path.resolve(import.meta.dirname, '../../views/admin');
  const field =
    /\{\{ (?:text|area|numeral|choice|proof|scopeRow|nameAndLives)\(|<textarea|<select|<input type="(?!hidden|checkbox|submit)/;
  return globSync('**/*.njk', { cwd: root })
    .toSorted()
    .flatMap((file) => {
      const html = readFileSync(path.join(root, file), 'utf8');
      return [...html.matchAll(/<form method="post" action="((?:\{\{.*?\}\}|[^"])*)"[^>]*>([\s\S]*?)<\/form>/g)]
        .filter(([, , content = '']) => field.test(content))
        .map(([, action]) => `${file.replace('.njk', '')} ${action}`);
    });
}
