/** Browsers and what they carry: nothing that an attacker forges, copies, plants or keeps stands for the person. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Step } from '../person.ts';
import { type Client, type Clients, EVIL, openClients } from './client.ts';
import { startDeputy } from './consentry-target.ts';
import type { DeputyTarget } from './target.ts';
import { assertAsks, assertNothing, assertRefused, type Browser, codeOf, openBrowser } from './victim.ts';

describe('a browser', () => {
  let target: DeputyTarget & { close(): Promise<void> };
  let clients: Clients;
  let client: Client;
  before(async () => {
    target = await startDeputy();
    clients = await openClients(target);
    client = await clients.register(EVIL, { client_name: 'Claude' });
  });
  beforeEach(() => target.upstream.become('victim'));
  after(() => target?.close());

  async function away(browser: Browser, params: Record<string, string> = {}): Promise<{ page: Step; back: string }> {
    const page = await browser.follow(clients.begin(client, params).url);
    const { left } = await target.upstream.choose(browser, page);
    assert.ok(left);
    return { page, back: (await target.upstream.pass(left)).href };
  }
  async function consentPage(browser: Browser, params: Record<string, string> = {}): Promise<Step> {
    const page = await browser.follow((await away(browser, params)).back);
    assertAsks(target, page, 'Claude', 'evil.example.test');
    return page;
  }

  it('that was not sent to the provider brings no answer home, also at the same instant as the one that was (threat 1)', async () => {
    const browser = openBrowser(target);
    const { back } = await away(browser);
    const strangers = Array.from({ length: 4 }, () => openBrowser(target));
    const [own, ...answers] = await Promise.all([browser, ...strangers].map((one) => one.follow(back)));
    for (const answer of answers) assertRefused(target, answer);
    assertAsks(target, own as Step, 'victim@upstream.test');
  });

  it('with a cookie that was changed, swapped, cut or unsigned is a browser that nobody knows (threat 44)', async () => {
    const browser = openBrowser(target);
    const page = await consentPage(browser);
    const jar = browser.jar.map((cookie) => ({ ...cookie }));
    const flip = (value: string) => (value.startsWith('A') ? `B${value.slice(1)}` : `A${value.slice(1)}`);
    for (const [index, { name, value, path }] of jar.entries()) {
      // Which browser it is only makes the page longer; the rest is for other addresses.
      if (/browser|upstream/.test(name) || !new URL(page.url).pathname.startsWith(path)) continue;
      for (const forged of [
        flip(value),
        value.slice(0, -1),
        '',
        jar[(index + 1) % jar.length]?.value ?? '',
        undefined,
      ]) {
        const thief = openBrowser(target);
        thief.jar.push(...jar.map((cookie, at) => (at === index ? { ...cookie, value: forged ?? '' } : { ...cookie })));
        if (forged === undefined) thief.jar.splice(index, 1);
        const shown = await thief.open(page.url);
        assert.notEqual(target.recipe.kindOf(shown), 'consent', `${name}=${forged}`);
        const pressed = await thief.submit(page, { decision: 'approve' });
        assert.equal(codeOf(pressed), undefined, `${name}=${forged}`);
      }
    }
  });

  it('into which a host beside ours planted the attacker’s cookies goes on with its own, or not at all', async () => {
    const [mine, victim] = [openBrowser(target), openBrowser(target)];
    await consentPage(victim);
    target.upstream.become('attacker');
    const theirs = await consentPage(mine);
    const own = await victim.launch(clients.begin(client).url);
    for (const first of [true, false]) {
      const copy = openBrowser(target);
      const planted = mine.jar.filter(({ name }) => !/session|browser/.test(name)).map((cookie) => ({ ...cookie }));
      const kept = victim.jar.map((cookie) => ({ ...cookie }));
      copy.jar.push(...(first ? [...planted, ...kept] : [...kept, ...planted]));
      // Their page is about their session, which this is not.
      const shown = await copy.open(theirs.url);
      assert.doesNotMatch(shown.html, /attacker@upstream\.test/);
      assert.equal(codeOf(await copy.submit(theirs, { decision: 'approve' })), undefined);
      assertNothing(await copy.open(own.url));
    }
  });

  it('gives whoever comes back as somebody else a session of their own and nothing of the first (threat 83)', async () => {
    const browser = openBrowser(target);
    const first = await consentPage(browser);
    assert.ok(codeOf(await target.recipe.agree(browser, first)));
    const open = await browser.launch(clients.begin(client).url);
    const session = browser.jar.map((cookie) => ({ ...cookie }));
    target.upstream.become('somebody-else');
    const page = await consentPage(browser, { prompt: 'login' });
    assert.equal(target.recipe.kindOf(page), 'consent');
    assertAsks(target, page, 'somebody-else@upstream.test');
    for (const stale of [first, open, { ...page, html: open.html }]) {
      const answer = await target.recipe.agree(browser, stale);
      assert.equal(codeOf(answer), undefined);
      assert.doesNotMatch(answer.html, /victim@upstream\.test/);
    }
    // And the first person's session, kept by somebody, opens nothing of the second's.
    const thief = openBrowser(target);
    thief.jar.push(...session);
    assert.doesNotMatch((await thief.open(page.url)).html, /somebody-else@upstream\.test/);
  });

  it('signed out, or in which a session ended, presses nothing that was open before', async () => {
    const browser = openBrowser(target);
    const page = await consentPage(browser);
    await target.recipe.signOut(browser);
    const answer = await target.recipe.agree(browser, page);
    assertAsks(target, answer);
    assert.equal(target.recipe.kindOf(answer), 'sign-in');
  });

  it('with many flows of the attacker’s still knows its own last one', async () => {
    const browser = openBrowser(target);
    for (let flow = 0; flow < 20; flow += 1) await browser.follow(clients.begin(client).url);
    assertAsks(target, await consentPage(browser), 'victim@upstream.test');
    const cookies = browser.jar.reduce((sum, { name, value }) => sum + name.length + value.length + 3, 0);
    assert.ok(cookies < 8_000, `${cookies} bytes of cookies`);
  });

  it('that says yes at the provider to a trip begun twice has said it once', async () => {
    const browser = openBrowser(target);
    const { page, back } = await away(browser);
    const { left } = await target.upstream.choose(browser, page);
    assert.ok(left);
    const again = (await target.upstream.pass(left)).href;
    assertAsks(target, await browser.follow(back));
    for (const url of [back, again]) {
      const late = await browser.follow(url);
      assertNothing(late);
      assert.equal(target.recipe.kindOf(late), 'other');
    }
  });
});
