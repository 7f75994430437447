/** The confused deputy played in full in a real browser, with a covering consent, a session here and one at the provider alive. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { launchBrowser } from '../browser/chromium.ts';
import { startWeb, type Web } from '../fakes/attacker.ts';
import { type Client, type Clients, DOCUMENT, EVIL, openClients, publishDocument } from './client.ts';
import { startDeputy } from './consentry-target.ts';
import { agreeTo, assertAsksIn, LURE, lures, openContext } from './in-chromium.ts';
import type { DeputyTarget } from './target.ts';
import { openBrowser } from './victim.ts';

describe('a confused deputy in a real browser', () => {
  let target: DeputyTarget & { close(): Promise<void> };
  let clients: Clients;
  let browser: Browser;
  let web: Web;
  let evil: Client;
  let honest: Client;
  /** Everything that could be used against the person is alive. */
  let living: BrowserContext;
  before(async () => {
    [target, browser, web] = await Promise.all([startDeputy(), launchBrowser(), startWeb()]);
    clients = await openClients(target);
    evil = await clients.register(EVIL, { client_name: 'Claude' });
    living = await openContext(browser, web);
    honest = await clients.register();
    await agreeTo(living, target, clients.begin(honest).url, (page) => target.upstream.buttonIn(page).click());
  });
  beforeEach(() => {
    web.forget();
    target.upstream.become('victim');
  });
  after(async () => {
    await browser?.close();
    await web?.close();
    await target?.close();
  });

  const NAMES = ['Claude', 'evil.example.test', 'Mail'];
  const nothing = () => assert.deepEqual(web.loot('evil.example.test').map(String), [], 'the attacker has something');
  async function visit(context: BrowserContext, path: string, act?: (page: Page) => Promise<unknown>): Promise<Page> {
    const page = await context.newPage();
    // From one page of the attacker's to the next: what leads to us is then no longer the person's own doing.
    await page.goto(LURE);
    await page.evaluate(`location.assign(${JSON.stringify(path)})`);
    await act?.(page);
    return page;
  }

  for (const alive of [true, false]) {
    it(`gets an attacker nothing from a person ${alive ? 'with' : 'without'} a living session, however they are lured to the link (threats 2, 20, 45)`, async () => {
      const context = alive ? living : await openContext(browser, web);
      for (const { name, reply, act } of lures(() => clients.begin(evil).url)) {
        const visits = target.upstream.visits();
        web.pages.set(`lure.example.test/${name}`, reply);
        const page = await visit(context, `/${name}`, act);
        const shown = context.pages().at(-1) ?? page;
        await shown.waitForURL(`${target.issuer}/interaction/*`);
        await assertAsksIn(shown, target, ...NAMES, 'A website or a link');
        assert.equal(target.upstream.visits(), visits, name);
        nothing();
        for (const one of [shown, page]) await one.close();
      }
    });
  }

  it('gets them nothing either where the person opened the attacker’s address by hand, which browsers do not tell from ours', async () => {
    web.pages.set('lure.example.test/mail', { redirect: clients.begin(evil).url });
    const page = await living.newPage();
    await page.goto(`${LURE}/mail`);
    await assertAsksIn(page, target, ...NAMES);
    nothing();
    await page.close();
  });

  it('answers no frame, image, script, fetch or form of another site, whatever cookies the browser has', async () => {
    const url = () => JSON.stringify(clients.begin(evil).url);
    const body = `<iframe src=${url()}></iframe><iframe sandbox="allow-scripts allow-forms" src=${url()}></iframe>
      <img src=${url()}><object data=${url()}></object><link rel="prefetch" href=${url()}>`;
    web.pages.set(
      'lure.example.test/parts',
      `<!doctype html><title>parts</title>${body}<script>
        const all = [fetch(${url()}, { mode: 'no-cors', credentials: 'include' }), fetch(${url()}, { credentials: 'include' })];
        Promise.allSettled(all).then((results) => { document.title = results.map((one) => one.status).join(' '); });
      </script>`,
    );
    const page = await visit(living, '/parts');
    await page.waitForFunction('document.title !== "parts"');
    assert.match(await page.title(), /rejected$/, 'nothing of ours can be read');
    await page.waitForLoadState('networkidle');
    for (const frame of page.frames().slice(1)) {
      assert.doesNotMatch(await frame.content(), /<form|value="approve"/, 'nothing of ours can be framed');
    }
    nothing();
    await page.close();
  });

  it('takes no answer of the provider that the attacker’s own press asked for (threat 1)', async () => {
    // The attacker goes as far as the redirect to the provider, and sends the victim there.
    const mine = openBrowser(target);
    const first = await mine.launch(clients.begin(evil).url);
    const { left: away } = await target.upstream.choose(mine, first);
    assert.ok(away);
    const visits = target.upstream.visits();
    web.pages.set('lure.example.test/provider', { redirect: away.href });
    web.pages.set('lure.example.test/page', { redirect: first.url });
    web.pages.set('lure.example.test/resume', { redirect: first.url.replace('/interaction/', '/authorize/') });
    for (const path of ['/provider', '/page', '/resume']) {
      const page = await visit(living, path);
      await page.waitForURL(`${target.issuer}/**`);
      assert.equal(await target.recipe.chromium.yes(page).count(), 0, path);
      nothing();
      await page.close();
    }
    assert.equal(target.upstream.visits(), visits + 1, 'the provider let the victim through, unseen');
    // Nor can the attacker go on: nobody signed in for them.
    assert.equal(target.recipe.kindOf(await mine.open(first.url)), 'sign-in');
  });

  it('takes no click or key that was meant for the page before: an opener that swaps the page under the pointer gets nothing (threat 55)', async () => {
    const swapped = await swap(living, () => clients.begin(evil).url, target.recipe.chromium.yes);
    await assertAsksIn(swapped, target, ...NAMES);
    nothing();
    await swapped.close();
  });

  it('takes none on the way to the provider either, where a covering consent would make it the only one (threat 55)', async () => {
    await publishDocument(target, 'Desk');
    const context = await openContext(browser, web);
    const signIn = (page: Page) => target.upstream.buttonIn(page).click();
    await agreeTo(context, target, clients.begin(DOCUMENT).url, signIn);
    const page = await context.newPage();
    await target.recipe.chromium.signOut(page);
    web.forget();
    const visits = target.upstream.visits();
    const swapped = await swap(context, () => clients.begin(DOCUMENT).url, target.upstream.buttonIn);
    await assertAsksIn(swapped, target, 'Desk', 'client.example.test');
    assert.equal(target.upstream.visits(), visits);
    assert.deepEqual(web.loot('client.example.test'), []);
    await context.close();
  });

  /** Opens a page of ours in a window, and another under the person's finger. @returns the window */
  async function swap(context: BrowserContext, next: () => string, button: (page: Page) => Locator): Promise<Page> {
    const viewport = { width: 1280, height: 1400 };
    web.pages.set('lure.example.test/ask', { redirect: next() });
    const measure = await visit(context, '/ask');
    await measure.waitForURL(`${target.issuer}/interaction/*`);
    await measure.setViewportSize(viewport);
    const box = await button(measure).boundingBox();
    await measure.close();
    assert.ok(box);
    const open = `window.popup = open(${JSON.stringify(clients.begin(honest).url)}, "consent", "width=1280,height=1400")`;
    web.pages.set('lure.example.test/swap', `<!doctype html><title>x</title><button onclick='${open}'>Play</button>`);
    const page = await visit(context, '/swap');
    const [popup] = await Promise.all([page.waitForEvent('popup'), page.click('button')]);
    await popup.setViewportSize(viewport);
    // It stays the first moment of every page, so that no slow machine lets the half second pass.
    await popup.addInitScript('performance.now = () => 1000');
    await popup.waitForURL(`${target.issuer}/interaction/*`);
    const before = popup.url();
    await page.evaluate(`popup.location = ${JSON.stringify(next())}`);
    await popup.waitForURL((url) => url.origin === target.issuer && url.href !== before, {
      waitUntil: 'domcontentloaded',
    });
    for (let press = 0; press < 3; press += 1) {
      await popup.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
      for (const key of ['Enter', 'Space']) await popup.keyboard.press(key);
    }
    await popup.waitForTimeout(300);
    await page.close();
    return popup;
  }

  it('takes no press before the page can tell whether it was meant: also on a slow line, where its script comes late', async () => {
    const slow = await openContext(browser, web);
    await agreeTo(slow, target, clients.begin(honest).url, (page) => target.upstream.buttonIn(page).click());
    await slow.route('**/press.js*', async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 600));
      await route.continue();
    });
    web.pages.set('lure.example.test/ask', { redirect: clients.begin(evil).url });
    // Once its script is there it stays the first moment of the page.
    await slow.addInitScript('performance.now = () => 1000');
    const page = await visit(slow, '/ask');
    await page.waitForURL(`${target.issuer}/interaction/*`, { waitUntil: 'commit' });
    const early = await page.waitForSelector('button[value=approve]', { timeout: 400 }).catch(() => undefined);
    await early?.click({ force: true, noWaitAfter: true, timeout: 300 });
    await page.waitForTimeout(700);
    await assertAsksIn(page, target, ...NAMES);
    nothing();
    await slow.close();
  });

  it('gets the code to the attacker only when the person presses on the page that names them', async () => {
    web.pages.set('lure.example.test/ask', { redirect: clients.begin(evil).url });
    const page = await visit(living, '/ask');
    await page.waitForURL(`${target.issuer}/interaction/*`);
    await assertAsksIn(page, target, ...NAMES);
    nothing();
    await target.recipe.chromium.agree(page);
    await page.waitForURL('https://evil.example.test/**');
    assert.equal(web.loot('evil.example.test').length, 1, 'the listener hears what it is told');
    await page.close();
  });
});
