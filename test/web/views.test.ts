import assert from 'node:assert/strict';
import { globSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { locales } from '../../src/web/locale.ts';
import { type Pages, stoppedCodes } from '../../src/web/pages.ts';
import { readStaticFiles } from '../../src/web/static.ts';
import { createViews } from '../../src/web/views.ts';
import { hostile, plainMarker, withText } from './hostile-pages.ts';
import { type Sample, samples } from './sample-pages.ts';

const viewsDirectory = new URL('../../views/', import.meta.url);
const views = createViews({
  brandName: 'Contoso',
  supportUrl: 'mailto:ai@contoso.example',
  statics: readStaticFiles(),
});
const everyPage = Object.entries(samples).flatMap(([name, sample]) =>
  locales.map((locale) => ({ name: `${name} in ${locale}`, sample, locale, html: render(sample, locale) })),
);
const connect = (more: Partial<Pages['connect']> = {}, locale: 'en' | 'ja' = 'en') =>
  views.render('connect', { ...(samples.connect?.model as Pages['connect']), ...more }, locale);
const consent = (more: Partial<Pages['consent']> = {}, locale: 'en' | 'ja' = 'en') =>
  views.render('consent', { ...(samples.consent?.model as Pages['consent']), ...more }, locale);

test('markup in any field of any page comes out as text', () => {
  for (const { name, sample, locale } of everyPage) {
    const expected = skeleton(render(withText(sample, plainMarker), locale));
    for (const text of hostile) assert.deepEqual(skeleton(render(withText(sample, text), locale)), expected, name);
  }
});

test('the operator name and the support address cannot bring markup or a script address', () => {
  const [text = ''] = hostile;
  const html = createViews({ brandName: text, supportUrl: 'javascript:alert(1)', statics: readStaticFiles() }).render(
    'home',
    { issuer: 'https://a.example' },
    'en',
  );
  assert.doesNotMatch(html, /<script>|<img src=x|href="javascript:/);
});

test('a return link with a script address is not shown', () => {
  for (const href of [
    'javascript:alert(1)',
    ' JavaScript:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,x',
    'x',
  ]) {
    const html = views.render('stopped', { code: 'denied', returnLink: { href, host: 'a.example' } }, 'en');
    assert.doesNotMatch(html, /a\.example/);
  }
});

test('a return link goes to https, loopback and app addresses alike', () => {
  for (const href of ['https://a.example/cb?error=x', 'http://127.0.0.1:1234/cb', 'cursor://anysphere/cb']) {
    const html = views.render('stopped', { code: 'denied', returnLink: { href, host: 'a.example' } }, 'en');
    assert.match(
      html,
      /<a class="button secondary" href="[^"]+" rel="noreferrer">Return to <bdi>a\.example<\/bdi><\/a>/,
    );
  }
});

test('both catalogues have the same keys with the same placeholders and the same emphasis', () => {
  const [en, ja] = locales.map((locale) => readCatalogue(locale));
  assert.deepEqual(Object.keys(en ?? {}).sort(), Object.keys(ja ?? {}).sort());
  for (const key of Object.keys(en ?? {})) assert.deepEqual(signature(ja?.[key]), signature(en?.[key]), key);
});

test('every message that a template names exists', () => {
  const catalogue = Object.keys(readCatalogue('en'));
  for (const file of readdirSync(viewsDirectory, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.njk')) continue;
    const source = readFileSync(new URL(file, viewsDirectory), 'utf8');
    for (const [, key = '', dynamic] of source.matchAll(/\b(?:t|plain)\('([\w.-]+)'( \+)?/g)) {
      const found = dynamic ? catalogue.some((known) => known.startsWith(key)) : catalogue.includes(key);
      assert.ok(found, `${file} names ${key}`);
    }
  }
});

test('every reason to stop says what happened and what to do, in both languages', () => {
  for (const locale of locales) {
    const catalogue = readCatalogue(locale);
    for (const code of stoppedCodes) {
      for (const part of ['heading', 'what', 'next'])
        assert.ok(catalogue[`stopped.${code}.${part}`], `${code}.${part}`);
    }
  }
});

test('a stale client is told to remove the server and add it again', () => {
  assert.match(
    views.render('stopped', { code: 'client_stale' }, 'en'),
    /Remove the server in your AI app and add it again/,
  );
});

test('no page has an inline script, an inline style or an event attribute', () => {
  for (const { name, html } of everyPage) {
    assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=|javascript:/i, name);
    for (const [script] of html.matchAll(/<script[^>]*>[^<]*/g)) {
      assert.match(
        script,
        /^<script(?: type="module")? src="\/static\/(press|look-again|passkey|copy)\.js\?v=[\w-]{16}">$/,
        name,
      );
    }
  }
});

test('every page states its language, its operator and where to get help', () => {
  for (const { name, html, locale } of everyPage) {
    assert.match(html, new RegExp(`<html lang="${locale}">`), name);
    assert.match(html, /<title>[^<]+ · Contoso<\/title>/, name);
    assert.match(html, /<a href="mailto:ai@contoso\.example">ai@contoso\.example<\/a>/, name);
  }
});

test('every field a person fills in has a label and says what belongs into it', () => {
  for (const { name, html } of everyPage) {
    for (const [input, type] of html.matchAll(/<(?:textarea|input [^>]*?type="(\w+)")[^>]*>/g)) {
      if (type === 'hidden' || type === 'checkbox' || type === 'radio') continue;
      assert.match(html, new RegExp(`<label for="${/ ?id="(\w+)"/.exec(input)?.[1]}">`), name);
      assert.match(input, /autocomplete="(username|current-password|new-password|off)"/, name);
    }
  }
});

test('the buttons are named as documented in both languages', () => {
  assert.deepEqual(buttons(connect()), ['Continue', 'Cancel']);
  assert.deepEqual(buttons(connect({}, 'ja')), ['続ける', 'キャンセル']);
  assert.deepEqual(buttons(consent()), ['Not you?', '', 'Approve', 'Deny']);
  assert.deepEqual(buttons(consent({}, 'ja')), ['別のアカウントを使う', '', '承認', '拒否']);
  assert.deepEqual(buttons(connect({ connections: [{ id: 'a', name: 'Contoso' }], local: null })), [
    'Continue with Contoso',
    'Cancel',
  ]);
});

test('Enter in the sign-in fields presses Continue, whatever connections there are', () => {
  const html = connect({ connections: [{ id: 'a', name: 'Contoso' }] });
  const form = html.slice(html.lastIndexOf('<form'));
  assert.match(form, /^[\s\S]*?type="password"[\s\S]*?<button type="submit" name="decision" value="continue"/);
  assert.equal(buttons(form)[0], 'Continue');
});

test('the default button of the consent form does nothing, and nothing on the page takes the focus', () => {
  const form = consent().split('data-guarded>')[1] ?? '';
  assert.match(form, /^\s*<button type="submit" formmethod="dialog" hidden><\/button>/);
  assert.doesNotMatch(consent(), /autofocus/);
});

test('a required scope is sent although its box cannot be unticked', () => {
  assert.match(consent(), /<input type="hidden" name="scope" value="openid"><input type="checkbox" checked disabled>/);
});

test('at most five scope lines stand open, the rest is folded by group behind a count', () => {
  const html = render(samples['consent-many'] as Sample, 'en');
  assert.match(html, /<details class="folded">[\s\S]*?<span class="count">6 permissions/);
  const open = html.replace(/<details class="folded">[\s\S]*?<\/ul>\s*<\/details>\s*<div/g, '<div');
  assert.equal(open.match(/<li class="scope/g)?.length, 5);
});

test('a name that looks like another stands after the host it came from', () => {
  const client = { name: 'Claude', id: 'x', host: 'evil.example', resembles: true };
  assert.match(connect({ client }), /<h1><bdi>evil\.example<\/bdi>, which calls itself <bdi>“Claude”<\/bdi>, wants/);
});

test('a stated name cannot close its own quotation', () => {
  const client = { name: 'Mail” by “Contoso」', id: 'x' };
  assert.match(connect({ client }), /<bdi>“Mail&#39; by &#39;Contoso&#39;”<\/bdi>/);
  assert.match(connect({ client }, 'ja'), /<bdi>「Mail&#39; by &#39;Contoso&#39;」<\/bdi>/);
});

test('only a proven host is said to have proved anything', () => {
  for (const provenance of ['shared-host', 'local-program', 'unproven-site', 'administrator'] as const) {
    assert.doesNotMatch(consent({ provenance }), /proved/, provenance);
  }
  assert.match(consent(), /<strong><bdi>claude\.ai<\/bdi><\/strong> proved this address is its own/);
});

test('a missing value is an error, not an empty place on the page', () => {
  assert.throws(() => connect({ client: { id: 'x' } as never }));
  assert.throws(() => connect({ action: undefined as never }));
  assert.throws(() => views.render('stopped', { code: 'constructor' as never }, 'en'));
});

function render(sample: Sample, locale: 'en' | 'ja'): string {
  return views.render(sample.page, sample.model as never, locale);
}

/** The tags of a document with their attributes' names: what must not depend on the text in it. */
function skeleton(html: string): string[] {
  return html.replace(/"[^"]*"/g, '""').match(/<[^>]*>/g) ?? [];
}

function buttons(html: string): string[] {
  return [...html.matchAll(/<button[^>]*>([\s\S]*?)<\/button>/g)].map(([, text = '']) => text.replace(/<[^>]+>/g, ''));
}

function readCatalogue(locale: string): Record<string, string> {
  const found: Record<string, string> = {};
  const walk = (node: Record<string, unknown>, prefix: string) => {
    for (const [name, value] of Object.entries(node)) {
      if (typeof value === 'string') found[prefix + name] = value;
      else if (value && 'other' in (value as object)) found[prefix + name] = (value as { other: string }).other;
      else walk(value as Record<string, unknown>, `${prefix}${name}.`);
    }
  };
  for (const file of globSync(`messages/**/${locale}.json`, { cwd: fileURLToPath(viewsDirectory) }))
    walk(JSON.parse(readFileSync(new URL(file, viewsDirectory), 'utf8')), '');
  return found;
}

function signature(message = '') {
  return { placeholders: [...new Set(message.match(/\{\w+\}/g))].sort(), bold: message.split('**').length };
}
