/**
 * An authorization server in the middle: a client is the same at every server (metadata documents), so one server bounces
 * the browser to another, and the client hands it the code together with the verifier (GHSA-6x8h-498w-gv8c).
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Browser, BrowserContext } from 'playwright-core';
import { launchBrowser } from '../browser/chromium.ts';
import { startWeb, type Web } from '../fakes/attacker.ts';
import { type Client, type Clients, DOCUMENT, openClients, PROGRAM, publishDocument } from './client.ts';
import { startTarget } from './consentry-target.ts';
import { agreeTo, assertAsksIn, openContext, watchCodes } from './in-chromium.ts';
import type { Target } from './target.ts';
import { assertAsks, codeOf, signedIn, type Browser as Victim } from './victim.ts';

const NAMES = ['Claude', 'client.example.test', 'Mail'];

describe('an authorization server in the middle', () => {
  let target: Target & { close(): Promise<void> };
  let clients: Clients;
  let program: Client;
  let browser: Browser;
  let web: Web;
  before(async () => {
    [target, browser, web] = await Promise.all([startTarget(), launchBrowser(), startWeb()]);
    clients = await openClients(target);
    await publishDocument(target);
    program = await clients.register();
  });
  after(async () => {
    await browser?.close();
    await web?.close();
    await target?.close();
  });

  describe('where a person has a living session and a covering consent', () => {
    let victim: Victim;
    before(async () => {
      ({ browser: victim } = await signedIn(target, clients, target.people.victim, DOCUMENT));
    });

    it('gets a page that names the client and the MCP server, never a code (threat 50)', async () => {
      const page = await victim.follow(clients.begin(DOCUMENT).url);
      assertAsks(target, page, ...NAMES, target.people.victim.email, /website or a link/);
      assert.equal(target.recipe.kindOf(page), 'confirm');
      assertAsks(target, await victim.open(page.url), ...NAMES);
    });

    const tricks: Record<string, string>[] = [
      { prompt: 'none' },
      { prompt: 'login' },
      { prompt: 'consent' },
      { prompt: 'select_account' },
      { max_age: '0', scope: 'openid mail:read' },
      { max_age: '100000', scope: 'openid mail:read' },
      { login_hint: 'ana@contoso.test', display: 'popup', ui_locales: 'ja' },
      { response_mode: 'form_post' },
      { response_mode: 'fragment', prompt: 'none' },
      { response_type: 'none' },
      { response_type: 'code id_token', nonce: 'n' },
      { scope: '' },
      { scope: 'openid' },
      { approval_prompt: 'auto', consent: 'true', decision: 'continue', page: 'short' },
    ];
    for (const params of tricks) {
      it(`gets no code by ${JSON.stringify(params)} either`, async () => {
        for (const go of [victim.follow, victim.launch]) {
          const page = await go(clients.begin(DOCUMENT, params).url);
          assert.equal(codeOf(page), undefined);
          assert.doesNotMatch(page.left?.href ?? '', /[?&#](?:code|id_token|access_token)=/);
        }
      });
    }
  });

  it('gets no code from a person who is signed in nowhere before they press under the client’s name', async () => {
    const { browser: victim } = await signedIn(target, clients, target.people.victim, DOCUMENT);
    await target.recipe.signOut(victim);
    const page = await victim.follow(clients.begin(DOCUMENT).url);
    assertAsks(target, page, ...NAMES, /website or a link/);
    assert.equal(target.recipe.kindOf(page), 'sign-in');
  });

  it('gets a page from a program too, which every program of that name could have asked for', async () => {
    const { browser: victim } = await signedIn(target, clients, target.people.victim, program);
    const twin = await clients.register();
    for (const one of [program, twin]) {
      const page = await victim.follow(clients.begin(one).url);
      assertAsks(target, page, 'Claude Code', 'this computer', 'Mail');
      assert.equal(target.recipe.kindOf(page), 'consent', 'everything is shown again');
    }
  });

  describe('in a real browser', () => {
    let living: BrowserContext;
    let codes: URL[];
    before(async () => {
      living = await openContext(browser, web);
      const { signIn } = target.recipe.chromium;
      for (const client of [DOCUMENT, program]) {
        await agreeTo(living, target, clients.begin(client).url, async (page) => {
          if (client === DOCUMENT) await signIn(page, target.people.victim);
        });
      }
      codes = watchCodes(living);
    });
    beforeEach(() => {
      web.forget();
      codes.splice(0);
    });

    it('gets nothing until the person presses on our page, and the answer tells the client whose it is', async () => {
      const begun = clients.begin(DOCUMENT);
      web.pages.set('client.example.test/', '<!doctype html><title>Claude</title><a href="/connect">Connect</a>');
      web.pages.set('client.example.test/connect', { redirect: 'https://evil.example.test/authorize' });
      web.pages.set('evil.example.test/authorize', { redirect: begun.url });
      const page = await living.newPage();
      await page.goto('https://client.example.test/');
      await page.click('a');
      await page.waitForURL(`${target.issuer}/**`);
      await assertAsksIn(page, target, ...NAMES, 'A website or a link');
      await page.reload();
      await page.waitForTimeout(700);
      await assertAsksIn(page, target, ...NAMES);
      assert.deepEqual(codes, []);
      assert.deepEqual(web.loot('client.example.test'), []);
      await target.recipe.chromium.agree(page);
      await page.waitForURL('https://client.example.test/callback**');
      const [answer] = web.loot('client.example.test');
      assert.equal(answer?.get('iss'), target.issuer, 'a client that compares it hands nothing over (RFC 9207)');
    });

    it('gets nothing where a program opens the browser at the attacker’s server, which sends it on', async () => {
      web.pages.set('evil.example.test/authorize', { redirect: clients.begin(program).url });
      const page = await living.newPage();
      await page.goto('https://evil.example.test/authorize');
      await assertAsksIn(page, target, 'Claude Code', 'this computer', 'Mail');
      await page.waitForTimeout(700);
      assert.deepEqual(codes, []);
      assert.equal(await target.recipe.chromium.yes(page).count(), 1);
    });
  });

  it('finds no address of a client but its own: a code goes nowhere else', async () => {
    const { browser: victim } = await signedIn(target, clients, target.people.victim, DOCUMENT);
    for (const uri of ['https://evil.example.test/callback', `${DOCUMENT.redirectUri}/..`, PROGRAM]) {
      const page = await victim.follow(clients.begin(DOCUMENT, { redirect_uri: uri }).url);
      assert.equal(page.left, undefined);
      assert.equal(page.status, 400);
    }
  });
});
