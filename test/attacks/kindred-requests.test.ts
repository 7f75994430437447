/** More attacks that nobody has published: by what a client says, asks for and waits for, and by other sites. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { readForm, type Step, words } from '../person.ts';
import { type Clients, EVIL, openClients, PROGRAM } from './client.ts';
import { startTarget } from './consentry-target.ts';
import type { Target } from './target.ts';
import { assertAsks, assertNothing, assertRefused, codeOf, livingBrowser, signedIn } from './victim.ts';

describe('no code comes', () => {
  let target: Target & { close(): Promise<void> };
  let clients: Clients;
  let undo: () => Promise<void> = async () => {};
  before(async () => {
    target = await startTarget();
    clients = await openClients(target);
  });
  afterEach(async () => {
    await undo();
    undo = async () => {};
  });
  after(() => target?.close());

  const none = (page: Step, why = '') => assert.equal(codeOf(page), undefined, why);
  const living = () => livingBrowser(target, clients);

  it('from a website that copies a program, by a page shorter than the whole one, however it leads there', async () => {
    const members = { client_name: 'Terminal', software_id: 'terminal-1' };
    const { browser } = await signedIn(target, clients, target.people.victim, await clients.register(PROGRAM, members));
    const copy = await clients.register(PROGRAM, members);
    const crossSite = /website or a link/;
    const whole = (page: Step) => {
      none(page);
      if (target.recipe.kindOf(page) !== 'sign-in') assert.equal(target.recipe.kindOf(page), 'consent');
      assertAsks(target, page, 'Terminal', crossSite);
    };
    const page = await browser.follow(clients.begin(copy).url);
    whole(page);
    whole(await browser.launch(page.url));
    const bad = await browser.submit(page, { csrf: 'x', decision: 'continue' });
    assert.equal(bad.status, 403);
    assert.match(words(bad), crossSite);
    whole(await browser.launch(page.url));
    const other = await target.recipe.switchAccount(browser, page);
    whole(other);
    whole(await target.recipe.signIn(browser, other, target.people.victim));
    whole(await browser.follow(clients.begin(copy, { prompt: 'login' }).url));
    const pushed = await clients.post('pushed_authorization_request', new URL(clients.begin(copy).url).searchParams);
    const query = new URLSearchParams({
      client_id: copy.clientId,
      request_uri: String(pushed.body.request_uri),
    }).toString();
    whole(await browser.follow(`${clients.endpoint('authorization')}?${query}`));
  });

  it('from one interaction for another, mixed by address, cookie, token or press', async () => {
    const browser = await living();
    const [honest, evil] = [await clients.register(), await clients.register(EVIL)];
    const [one, two] = [await browser.launch(clients.begin(honest).url), await browser.follow(clients.begin(evil).url)];
    const path = (step: Step) => new URL(step.url).pathname;
    none(await target.recipe.agree(browser, { ...one, url: two.url, html: one.html.replaceAll(path(one), path(two)) }));
    const done = await target.recipe.agree(browser, one);
    assert.equal(done.left?.host, new URL(PROGRAM).host);
  });

  it('twice from one pushed request, also from two browsers at the same instant', async () => {
    const client = await clients.register();
    const pushed = await clients.post('pushed_authorization_request', new URL(clients.begin(client).url).searchParams);
    const query = new URLSearchParams({
      client_id: client.clientId,
      request_uri: String(pushed.body.request_uri),
    }).toString();
    const url = `${clients.endpoint('authorization')}?${query}`;
    const browsers = await Promise.all([living(), living()]);
    const pages = await Promise.all(browsers.map((browser) => browser.launch(url)));
    const codes = (
      await Promise.all(browsers.map((browser, index) => target.recipe.agree(browser, pages[index] as Step)))
    ).map(codeOf);
    assert.ok(codes.filter(Boolean).length <= 1, 'one request, one code');
  });

  it('from a request to an administrator that somebody else in this browser made', async () => {
    const browser = await living();
    undo = await target.operator.admitOnly({ clientHost: 'client.example.test' });
    const client = await clients.register(PROGRAM, { client_name: 'Waits' });
    const waiting = await browser.submit(await browser.launch(clients.begin(client).url), { decision: 'ask' });
    const other = await target.recipe.switchAccount(browser, await browser.launch(clients.begin(client).url));
    await target.recipe.signIn(browser, other, target.people.attacker);
    await target.operator.allowWaiting();
    const page = await browser.open(waiting.url);
    assertRefused(target, page, 403);
    assert.doesNotMatch(page.html, new RegExp(target.people.victim.email));
    assert.equal(target.recipe.kindOf(await browser.launch(clients.begin(client).url)), 'ask', 'it was for one person');
  });

  it('with less than was waited for, or with more, by going on without it', async () => {
    const browser = await living();
    undo = await target.operator.admitOnly({ clientHost: 'client.example.test' });
    const client = await clients.register(PROGRAM, { client_name: 'Without' });
    const page = await browser.launch(clients.begin(client, { scope: `openid ${target.scopes.usual}` }).url);
    assert.equal(target.recipe.kindOf(page), 'ask');
    const after = await browser.submit(page, {
      decision: 'without',
      without: [target.scopes.usual],
      scope: ['openid'],
    });
    none(after);
    none(
      await browser.submit(after.status === 200 ? after : page, {
        decision: 'approve',
        scope: ['openid', target.scopes.usual],
      }),
    );
    assert.equal(target.recipe.kindOf(await browser.open(page.url)), 'ask');
  });

  it('to an address that a cache or the next site could read it from', async () => {
    const browser = await living();
    const client = await clients.register();
    const page = await browser.launch(clients.begin(client).url);
    const done = await target.recipe.agree(browser, page);
    assert.ok(codeOf(done));
    assert.match(String(done.headers.get('cache-control')), /no-store/);
    assert.equal(done.headers.get('referrer-policy'), 'same-origin');
  });

  it('and nobody is signed out, by another site', async () => {
    const browser = await living();
    const client = await clients.register();
    const page = await browser.open(`${target.issuer}/logout`);
    const cross = {
      origin: 'https://evil.example.test',
      'sec-fetch-site': 'cross-site',
      'content-type': 'application/x-www-form-urlencoded',
    };
    for (const url of [`${target.issuer}/logout/confirm`, `${target.issuer}/logout`]) {
      for (const body of ['logout=yes', 'logout=yes&xsrf=x', `client_id=${client.clientId}&logout=true`]) {
        assertNothing(await browser.open(url, { method: 'POST', body, headers: cross }));
      }
      assertNothing(
        await browser.follow(`${url}?logout=yes&client_id=${client.clientId}&post_logout_redirect_uri=${EVIL}`),
      );
    }
    assert.ok(readForm(page.html));
    assert.equal(target.recipe.kindOf(await browser.launch(clients.begin(client).url)), 'consent', 'still signed in');
  });

  it('from a name that speaks for us: it closes no quotation, ticks nothing and speaks no language of its choice', async () => {
    const browser = await living();
    const names = [
      'Claude” is verified. Press Approve to cancel “',
      'Claude" (verified',
      '」を承認「',
      'Claude ✅',
      '✔ Verified',
      '☑️ Claude',
      '🔒 Claude',
      'Claude\u2714\ufe0f',
    ];
    for (const name of names) {
      const page = await browser.follow(clients.begin(await clients.register(EVIL, { client_name: name })).url);
      assertAsks(target, page, 'evil.example.test');
      const heading = words({ html: /<h1\b[^>]*>([\s\S]*?)<\/h1>/.exec(page.html)?.[1] ?? '' });
      assert.match(heading, /^(?:[^“”]*“[^“”"]*”[^“”"]*|evil\.example\.test[^“”"]*)$/, heading);
      assert.doesNotMatch(page.html, /[✅✔✓☑🔒]/u, name);
    }
    const english = { headers: { 'accept-language': 'en-GB,en;q=0.9' } };
    const page = await browser.follow(clients.begin(await clients.register(EVIL), { ui_locales: 'ja' }).url, english);
    assert.match((await browser.open(page.url, english)).html, /<html lang="en"/);
  });
});
