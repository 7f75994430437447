import assert from 'node:assert/strict';
import { test } from 'node:test';
import { locales } from '../../src/web/locale.ts';
import type { Pages } from '../../src/web/pages.ts';
import { readStaticFiles } from '../../src/web/static.ts';
import { createViews } from '../../src/web/views.ts';
import { withText } from './hostile-pages.ts';
import { samples } from './sample-pages.ts';

const views = createViews({
  brandName: 'Contoso',
  supportUrl: 'mailto:ai@contoso.example',
  statics: readStaticFiles(),
});

test('text from outside cannot turn around the words beside it: on every page it stands by itself', () => {
  for (const [name, sample] of Object.entries(samples)) {
    for (const locale of locales) {
      const { page, model } = withText(sample, marker);
      assert.deepEqual(exposed(views.render(page, model as never, locale)), [], `${name} in ${locale}`);
    }
  }
});

test('no page shows a tick of approval', () => {
  for (const name of Object.keys(samples)) assert.doesNotMatch(render(name), /[✓✔☑✅🗸]/u, name);
});

test('a client that a proxy names is never said to be checked, whatever kind it is', () => {
  for (const name of Object.keys(samples).filter((one) => one.includes('through'))) {
    const html = render(name);
    assert.match(words(html), /“Gateway” says that it acts for .*We cannot check that\./, name);
    assert.match(html, /<div class="row row-caution">\s*<dt>[\s\S]*?Who asks/, name);
    assert.match(html, /“Gateway”<\/bdi> at <strong><bdi>gw\.example<\/bdi><\/strong>/, name);
    assert.doesNotMatch(html, /\bproved|class="logo"/, name);
    assert.match(words(render(name, 'ja')), /「Gateway」は、.*本当かどうかは確認できません。/, name);
  }
});

test('the sentence of a request through a proxy names the client and the proxy with their hosts', () => {
  const headings = (name: string) => locales.map((locale) => heading(render(name, locale)));
  assert.deepEqual(headings('consent-through'), [
    '“Claude” (claude.ai) through “Gateway” (gw.example) wants to use Mail',
    '「Gateway」（gw.example）経由の「Claude」（claude.ai）がMailの利用を求めています',
  ]);
  assert.equal(
    heading(render('consent-through-local')),
    '“Claude Code” (a program on this computer) through “Gateway” (gw.example) wants to use Mail',
  );
  assert.equal(
    heading(render('connect-through-resembling')),
    'c1aude.example, which calls itself “Claude”, through “Gateway” (gw.example) wants to use Mail',
  );
});

test('where a proxy names nobody, the page says that anyone may be behind it', () => {
  assert.match(
    words(render('consent-nobody')),
    /Anyone who uses gw\.example may be behind this, so we ask you every time\. Approve only if/,
  );
  assert.match(words(render('consent-nobody-local')), /Anyone who uses “Gateway” may be behind this/);
});

test('a logo stands only beside a name that is proven or an administrator’s, and comes from our origin', () => {
  const logo = '/static/icon.svg';
  const shows = (more: Partial<Pages['consent']>, path = logo) => {
    const client = { name: 'Claude', id: 'x', logo: path, ...more.client };
    return /<img class="logo" src="[^"]+" alt="" width="40" height="40">/.test(consent({ ...more, client }));
  };
  assert.ok(shows({ provenance: 'proven-host' }));
  assert.ok(shows({ provenance: 'administrator' }));
  for (const provenance of ['shared-host', 'local-program', 'unproven-site'] as const)
    assert.ok(!shows({ provenance }));
  assert.ok(!shows({ client: { name: 'Claude', id: 'x', resembles: true } }));
  for (const path of ['https://a.example/x.png', '//a.example/x.png', '/\\a.example', 'x.png', 'data:image/png,x'])
    assert.ok(!shows({}, path), path);
});

test('page D has one sentence, one primary button and nothing to choose', () => {
  const html = render('short');
  assert.equal(heading(html), 'Continue connecting “Claude” to Mail as ana@contoso.example?');
  assert.match(words(html), /Same as you approved on October 3, 2026\./);
  assert.equal(html.match(/button primary/g)?.length, 1);
  assert.doesNotMatch(html, /<input (?!type="hidden" name="csrf")/);
  assert.deepEqual(buttons(html), ['Continue', 'Cancel', 'Not you?', 'Stop this app']);
  assert.deepEqual(buttons(render('short', 'ja')), [
    '続ける',
    'キャンセル',
    '別のアカウントを使う',
    'このアプリを停止',
  ]);
  assert.match(html, /<strong><bdi>claude\.ai<[\s\S]*<strong><bdi>mail\.contoso\.example</);
  assert.match(words(render('short-local')), /we cannot check that it is\. Continue only if you started it just now\./);
});

test('at a step-up the new scopes come first and stand open, the old ones are folded below', () => {
  const html = render('consent-more');
  assert.equal(heading(html), '“Claude” wants to do more with Mail');
  const [before = '', held = ''] = html.split('<details class="panel held">');
  assert.match(before, /value="mail:send"/);
  assert.deepEqual(
    [...held.matchAll(/name="scope" value="([^"]+)"/g)].map(([, name]) => name),
    ['mail:read', 'mail:sort', 'openid', 'email'],
  );
});

test('presence is asked for where a sensitive scope is added, and says why', () => {
  assert.doesNotMatch(render('consent'), /type="password"/);
  assert.match(words(render('consent-more')), /sensitive\. Type your password to show that it is really you\./);
  assert.match(render('consent-more-wrong'), /role="alert"[\s\S]*not right[\s\S]*aria-invalid="true"/);
  assert.match(words(render('consent-more-connection')), /you first sign in again at Contoso/);
});

test('after two refusals the page offers to block or deny, and nothing to approve', () => {
  const html = render('consent-twice');
  assert.equal(heading(html), 'You said no to this twice');
  assert.deepEqual(buttons(html), ['Not you?', 'Block', 'Deny']);
  assert.doesNotMatch(html, /name="scope"|value="approve"|name="expiry"/);
});

test('page E says what is missing and who decides, and keeps the reason of a person whose press was refused', () => {
  assert.match(words(render('approval-ask')), /Send mail in your name .*administrators of Contoso/);
  assert.match(render('approval-ask-all'), /<textarea [^>]*aria-invalid="true"[^>]*>\nI sort the mail/);
  const offered = (name: string) => buttons(render(name)).slice(1);
  assert.deepEqual(offered('approval-ask'), ['Ask', 'Connect without it', 'Go back']);
  assert.deepEqual(offered('approval-ask-all'), ['Ask', 'Go back']);
  assert.deepEqual(offered('approval-waiting'), ['Connect without it', 'Go back']);
  assert.deepEqual(offered('approval-denied-silent'), ['Go back']);
  assert.deepEqual(buttons(render('approval-approved')), []);
  for (const name of ['approval-over-ask', 'approval-over-waiting']) assert.deepEqual(buttons(render(name)), [], name);
  assert.match(words(render('approval-over-waiting')), /looks again by itself every 5 minutes/);
  assert.equal(heading(render('approval-approved')), 'Approved. Go back to “Claude” and connect again.');
  assert.match(words(render('approval-denied')), /They wrote: “Not before the audit in December\.”/);
});

test('every form that decides something is guarded, and nothing on its page takes the focus', () => {
  for (const name of Object.keys(samples).filter((one) => /^(consent|short|approval)/.test(one))) {
    const html = render(name);
    assert.doesNotMatch(html, /autofocus/, name);
    for (const [form] of html.matchAll(/<form[\s\S]*?<\/form>/g)) {
      assert.equal(/data-guarded/.test(form), /name="decision"/.test(form), name);
    }
  }
});

test('what could mean that somebody else took the client’s place stands out; the rest informs', () => {
  const note = (differences: Pages['consent']['differences']) =>
    /class="note note-(\w+)"/.exec(consent({ differences }))?.[1];
  assert.equal(note([{ kind: 'scope', after: 'Read' }]), 'info');
  assert.equal(note([{ kind: 'redirect', before: 'claude.ai', after: 'x.example' }]), 'caution');
  assert.match(
    words(consent({ differences: [{ kind: 'redirect', before: 'claude.ai', after: 'x.example' }] })),
    /It used to send you back to claude\.ai, now to x\.example\./,
  );
});

const marker = 'QQQQ';

/** Texts with the marker in them whose direction nothing isolates. A title has no markup; its text is normalised. */
function exposed(html: string): string[] {
  const open: string[] = [];
  const found: string[] = [];
  for (const [token, close, name = ''] of html.matchAll(/<(\/?)(\w+)[^>]*>|[^<]+/g)) {
    if (!token.startsWith('<')) {
      if (token.includes(marker) && !open.some((tag) => /^<(bdi|title|[^>]* dir="auto")/.test(tag))) found.push(token);
    } else if (close) open.splice(open.findLastIndex((tag) => tag.slice(1).startsWith(name)));
    else if (!/^(meta|link|img|input|br|path|circle)$/.test(name)) open.push(token);
  }
  return found;
}

function render(name: string, locale: 'en' | 'ja' = 'en'): string {
  const sample = samples[name];
  assert.ok(sample, name);
  return views.render(sample.page, sample.model as never, locale);
}

function consent(more: Partial<Pages['consent']>): string {
  return views.render('consent', { ...(samples.consent?.model as Pages['consent']), ...more }, 'en');
}

function words(html: string): string {
  return html.replace(/<[^>]+>/g, '').replace(/\s+/g, ' ');
}

function heading(html: string): string {
  return words(/<h1>([\s\S]*?)<\/h1>/.exec(html)?.[1] ?? '');
}

function buttons(html: string): string[] {
  return [...html.matchAll(/<button(?![^>]*hidden)[^>]*>([\s\S]*?)<\/button>/g)].map(([, text = '']) => words(text));
}
