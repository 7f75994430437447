/** Cross-user session fixation: an attacker begins at a client, and the victim's browser ends what they began. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { launchBrowser } from '../browser/chromium.ts';
import { startWeb, type Web } from '../fakes/attacker.ts';
import { type Clients, DOCUMENT, openClients, publishDocument } from './client.ts';
import { startTarget } from './consentry-target.ts';
import { agreeTo, assertAsksIn, LURE, openContext, watchCodes } from './in-chromium.ts';
import type { Target } from './target.ts';
import { assertAsks, assertNothing, assertRefused, codeOf, openBrowser, signedIn } from './victim.ts';

const NAMES = ['Claude', 'client.example.test', 'Mail'];

describe('what somebody else began', () => {
  let target: Target & { close(): Promise<void> };
  let clients: Clients;
  let browser: Browser;
  let web: Web;
  before(async () => {
    [target, browser, web] = await Promise.all([startTarget(), launchBrowser(), startWeb()]);
    clients = await openClients(target);
    await publishDocument(target);
  });
  after(async () => {
    await browser?.close();
    await web?.close();
    await target?.close();
  });

  /** The attacker begins, and opens the address in their own browser first. */
  async function begunByAttacker() {
    const attacker = openBrowser(target);
    const begun = clients.begin(DOCUMENT);
    const page = await attacker.launch(begun.url);
    return { attacker, begun, page, uid: new URL(page.url).pathname.split('/').at(-1) };
  }

  it('costs the victim a press on a page that says that it came by a link, however covering their consent is (threat 51)', async () => {
    const { browser: victim } = await signedIn(target, clients, target.people.victim, DOCUMENT);
    const { begun } = await begunByAttacker();
    for (let again = 0; again < 2; again += 1) {
      const page = await victim.follow(begun.url);
      assertAsks(target, page, ...NAMES, target.people.victim.email, /website or a link/);
      assertAsks(target, await victim.open(page.url), /website or a link/);
    }
  });

  it('is not ended in the victim’s browser from half-way: not on the attacker’s page, not past it, not with its cookies', async () => {
    const { browser: victim } = await signedIn(target, clients, target.people.victim, DOCUMENT);
    const { attacker, page, uid } = await begunByAttacker();
    const consent = await target.recipe.signIn(attacker, page, target.people.attacker);
    const next = new URL(consent.url).pathname.split('/').at(-1);
    const urls = [page.url, consent.url, ...[uid, next].map((one) => `${target.issuer}/authorize/${one}`)];
    for (const url of urls) assertRefused(target, await victim.follow(url));
    // Whoever can plant cookies, from a host beside ours: those with a path, and those without `__Host-`.
    victim.jar.push(...attacker.jar.filter(({ name }) => /interaction|resume/.test(name)));
    for (const url of urls) assertRefused(target, await victim.follow(url));
    assertRefused(target, await victim.submit(consent, { decision: 'approve' }), 403);
  });

  it('leaves an attacker whose whole cookie jar was planted with nothing of the victim: who signs in gets a new session', async () => {
    const { attacker, page } = await begunByAttacker();
    const victim = openBrowser(target);
    victim.jar.push(...attacker.jar.map((cookie) => ({ ...cookie })));
    const consent = await target.recipe.signIn(victim, await victim.follow(page.url), target.people.victim);
    assertAsks(target, consent, ...NAMES);
    for (const url of [page.url, consent.url, clients.begin(DOCUMENT).url]) {
      const seen = await attacker.launch(url);
      assertNothing(seen);
      assert.doesNotMatch(seen.html, new RegExp(target.people.victim.email));
    }
    assertNothing(await attacker.submit(consent, { decision: 'approve' }));
  });

  it('nor by a pushed request, whose address tells nothing of who asks', async () => {
    const { browser: victim } = await signedIn(target, clients, target.people.victim, DOCUMENT);
    const begun = clients.begin(DOCUMENT);
    const pushed = await clients.post('pushed_authorization_request', new URL(begun.url).searchParams);
    assert.equal(pushed.status, 201, JSON.stringify(pushed.body));
    const url = new URL(clients.endpoint('authorization'));
    url.search = new URLSearchParams({
      client_id: DOCUMENT.clientId,
      request_uri: String(pushed.body.request_uri),
    }).toString();
    const page = await victim.follow(url.href);
    assertAsks(target, page, ...NAMES, /website or a link/);
    assert.ok(codeOf(await target.recipe.agree(victim, page)));
    // Used up: whoever saw the address finds nothing behind it.
    for (const one of [openBrowser(target), victim]) assert.equal(codeOf(await one.launch(url.href)), undefined);
  });

  it('stands still in a real browser, by a link, a redirect and a frame, until the victim presses (threat 51)', async () => {
    const context = await openContext(browser, web);
    const { signIn } = target.recipe.chromium;
    await agreeTo(context, target, clients.begin(DOCUMENT).url, (page) => signIn(page, target.people.victim));
    const codes = watchCodes(context);
    web.forget();
    const { begun, page: theirs } = await begunByAttacker();
    const href = begun.url.replaceAll('&', '&amp;');
    web.pages.set(
      'lure.example.test/',
      `<!doctype html><title>x</title><a href="${href}">Claim</a><iframe src="${href}">`,
    );
    const page = await context.newPage();
    await page.goto(LURE);
    await page.click('a');
    await page.waitForURL(`${target.issuer}/**`);
    await assertAsksIn(page, target, ...NAMES, 'A website or a link', target.people.victim.email);
    await page.goBack();
    await page.goForward();
    await page.waitForTimeout(700);
    await assertAsksIn(page, target, ...NAMES, 'A website or a link');
    await page.goto(theirs.url);
    assert.equal(await target.recipe.chromium.yes(page).count(), 0);
    assert.deepEqual(codes, []);
    assert.deepEqual(web.loot('client.example.test'), []);
    await context.close();
  });
});
