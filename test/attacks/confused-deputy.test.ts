/** The confused deputy: an upstream provider knows our one client ID, asks nobody twice, and an attacker's client rides on it. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Step } from '../person.ts';
import { type Client, type Clients, EVIL, openClients } from './client.ts';
import { startDeputy } from './consentry-target.ts';
import type { DeputyTarget } from './target.ts';
import { assertAsks, assertGets, assertNothing, assertRefused, type Browser, codeOf, openBrowser } from './victim.ts';

describe('a confused deputy', () => {
  let target: DeputyTarget & { close(): Promise<void> };
  let clients: Clients;
  let honest: Client;
  let evil: Client;
  before(async () => {
    target = await startDeputy();
    clients = await openClients(target);
    honest = await clients.register();
    evil = await clients.register(EVIL, { client_name: 'Claude' });
  });
  beforeEach(() => target.upstream.become('victim'));
  after(() => target?.close());

  /** Signs in by way of the provider: the page that follows. */
  async function signInUpstream(browser: Browser, page: Step): Promise<Step> {
    const { left } = await target.upstream.choose(browser, page);
    assert.ok(left);
    return browser.follow((await target.upstream.pass(left)).href);
  }
  /** Has a session here, one at the provider, and agreed to an honest client before. */
  async function victim() {
    const browser = openBrowser(target);
    const begun = clients.begin(honest);
    const page = await signInUpstream(browser, await browser.launch(begun.url));
    await assertGets(clients, honest, begun, codeOf(await target.recipe.agree(browser, page)));
    return browser;
  }
  /** What the attacker prepares: a flow of their own client, up to the redirect to the provider. */
  async function halfWay(client = evil) {
    const browser = openBrowser(target);
    const begun = clients.begin(client);
    const page = await browser.launch(begun.url);
    const { left } = await target.upstream.choose(browser, page);
    assert.ok(left);
    return { browser, begun, page, away: left };
  }
  const NAMES = ['Claude', 'evil.example.test', 'Mail'];

  it('gives an attacker’s link nothing but a page that names their client and host, whoever is signed in where (threats 2, 20, 45)', async () => {
    const living = await victim();
    const switched = await victim();
    await target.recipe.signOut(switched);
    for (const [browser, kind] of [
      [openBrowser(target), 'sign-in'],
      [switched, 'sign-in'],
      [living, 'consent'],
    ] as const) {
      const visits = target.upstream.visits();
      const page = await browser.follow(clients.begin(evil).url);
      assertAsks(target, page, ...NAMES, /website or a link/);
      assert.equal(target.recipe.kindOf(page), kind);
      assert.equal(target.upstream.visits(), visits, 'nobody is sent on before the press');
    }
  });

  it('gives it nothing either when the person signs in there and presses nothing more', async () => {
    const browser = openBrowser(target);
    const page = await signInUpstream(browser, await browser.follow(clients.begin(evil).url));
    assertAsks(target, page, ...NAMES);
    assert.equal(target.recipe.kindOf(page), 'consent');
    assertNothing(await browser.open(page.url));
  });

  it('gives a code to whoever the person pressed for, and to nobody else', async () => {
    const browser = await victim();
    const begun = clients.begin(evil);
    const page = await browser.follow(begun.url);
    const done = await target.recipe.agree(browser, page);
    assert.equal(done.left?.host, 'evil.example.test', 'the listener hears what it is told');
    await assertGets(clients, evil, begun, codeOf(done));
  });

  it('takes no provider’s answer in a browser that was sent there by somebody else’s press (threat 1)', async () => {
    const living = await victim();
    const waiting = await victim();
    await waiting.follow(clients.begin(evil).url);
    for (const browser of [openBrowser(target), living, waiting]) {
      const { away } = await halfWay();
      // The victim follows a link to the provider itself, which lets them through unseen.
      const back = await target.upstream.pass(away);
      assertRefused(target, await browser.follow(back.href), 403);
      assertRefused(target, await browser.launch(back.href), 403);
    }
    assertAsks(target, await living.follow(clients.begin(evil).url), ...NAMES);
  });

  it('goes by no answer that is crafted: foreign, guessed, repeated, mixed or without what it was sent with', async () => {
    const browser = await victim();
    const mine = await halfWay();
    const back = await target.upstream.pass(mine.away);
    const own = await halfWay(honest);
    const state = String(mine.away.searchParams.get('state'));
    const code = String(back.searchParams.get('code'));
    const callback = (params: Record<string, string>) =>
      `${target.upstream.callback}?${new URLSearchParams(params).toString()}`;
    const crafted = [
      target.upstream.callback,
      callback({ code }),
      callback({ code, state: '' }),
      callback({ code, state: 'A'.repeat(43) }),
      callback({ code, state: String(own.away.searchParams.get('state')) }),
      callback({ error: 'access_denied', state }),
      `${callback({ code, state })}&state=${state}`,
      callback({ code, state: mine.begun.state }),
      callback({ code, state }).replace('/contoso/', '/fabrikam/'),
      callback({ code, state }).replace('/callback', '/callback/../callback/x'),
    ];
    for (const url of crafted) {
      assertRefused(target, await browser.follow(url));
      assertRefused(target, await browser.follow(url, { method: 'POST', body: 'x=1' }));
      assertNothing(await browser.follow(url, { method: 'HEAD' }));
    }
    // And none of it spent the trip of whoever began it.
    assertAsks(target, await mine.browser.follow(back.href), ...NAMES);
    assertRefused(target, await mine.browser.follow(back.href), 400);
  });

  it('opens no page that an attacker began, before and after they went to the provider, in the victim’s browser', async () => {
    const browser = await victim();
    const begun = await halfWay();
    target.upstream.become('attacker');
    const consent = await begun.browser.follow((await target.upstream.pass(begun.away)).href);
    assertAsks(target, consent, ...NAMES);
    for (const { url } of [begun.page, consent]) {
      const uid = new URL(url).pathname.split('/').at(-1);
      assertRefused(target, await browser.follow(url));
      assertRefused(target, await browser.follow(`${target.issuer}/authorize/${uid}`));
    }
    // The victim's own press on a copied form neither.
    assertRefused(target, await browser.submit(consent, { decision: 'approve' }), 403);
  });

  it('signs nobody in for an attacker who plants every cookie of theirs: nothing that they keep opens anything', async () => {
    for (const signedInAlready of [false, true]) {
      target.upstream.become('attacker');
      const mine = openBrowser(target);
      if (signedInAlready) {
        const begun = clients.begin(evil);
        await target.recipe.agree(mine, await signInUpstream(mine, await mine.launch(begun.url)));
      }
      const begun = clients.begin(evil, { prompt: 'login' });
      const page = await mine.launch(begun.url);
      const { left: away } = await target.upstream.choose(mine, page);
      assert.ok(away);
      const browser = openBrowser(target);
      browser.jar.push(...mine.jar.map((cookie) => ({ ...cookie })));
      target.upstream.become('victim');
      const consent = await browser.follow((await target.upstream.pass(away)).href);
      assertAsks(target, consent, ...NAMES, 'victim@upstream.test');
      // The attacker holds what the browser had before, and asks in its name.
      for (const url of [consent.url, page.url, clients.begin(evil).url, clients.begin(honest).url]) {
        const seen = await mine.launch(url);
        assertNothing(seen);
        assert.doesNotMatch(seen.html, /victim@upstream\.test/);
      }
      assertNothing(await mine.submit(consent, { decision: 'approve' }));
    }
  });

  it('lets no press for one client count for another that asks in the same browser', async () => {
    const browser = openBrowser(target);
    const [page, other] = [
      await browser.launch(clients.begin(honest).url),
      await browser.follow(clients.begin(evil).url),
    ];
    // The token of the one form in the other.
    const swapped = await browser.submit(
      { ...page, url: other.url, html: other.html },
      {
        csrf: /name="csrf" value="([^"]*)"/.exec(page.html)?.[1] ?? '',
        connection: 'contoso',
      },
    );
    assert.equal(swapped.left, undefined);
    const { left } = await target.upstream.choose(browser, page);
    assert.ok(left);
    const consent = await browser.follow((await target.upstream.pass(left)).href);
    assert.doesNotMatch(consent.html, /evil\.example/);
    const done = await target.recipe.agree(browser, consent);
    assert.equal(done.left?.host, new URL(honest.redirectUri).host);
    // The attacker's page is as it was: now with a session, and still without a press.
    assertAsks(target, await browser.open(other.url), ...NAMES);
    assertAsks(target, await browser.follow(clients.begin(evil).url), ...NAMES);
  });

  it('tells the provider nothing of what the client wrote, so that no client can choose what happens there (threat 44)', async () => {
    const browser = openBrowser(target);
    const begun = clients.begin(evil, {
      ...{ login_hint: 'boss@x.test', domain_hint: 'x.test', acr_values: 'low', nonce: 'n0nce', prompt: 'consent' },
      ...{
        scope: 'openid mail:read',
        connection: 'fabrikam',
        kc_idp_hint: 'fabrikam',
        ui_locales: 'ja',
        display: 'popup',
      },
    });
    const { left } = await target.upstream.choose(browser, await browser.follow(begun.url));
    assert.ok(left);
    for (const [name, value] of new URL(begun.url).searchParams) {
      if (['response_type', 'code_challenge_method'].includes(name)) continue;
      assert.ok(![...left.searchParams.values()].includes(value), name);
    }
  });
});
