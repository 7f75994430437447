/** Attacks of the same families that nobody has published: each tries to get a code, or a shorter page, without a press that was meant. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Step } from '../person.ts';
import { type Clients, DOCUMENT, EVIL, openClients, publishDocument } from './client.ts';
import { startTarget } from './consentry-target.ts';
import type { Target } from './target.ts';
import {
  assertAsks,
  assertNothing,
  assertRefused,
  type Browser,
  codeOf,
  connected,
  livingBrowser,
  openBrowser,
} from './victim.ts';

const uidOf = ({ url }: Step) => new URL(url).pathname.split('/').at(-1);

describe('no code comes', () => {
  let target: Target & { close(): Promise<void> };
  let clients: Clients;
  let undo: () => Promise<void> = async () => {};
  before(async () => {
    target = await startTarget();
    clients = await openClients(target);
    await publishDocument(target);
  });
  afterEach(async () => {
    await undo();
    undo = async () => {};
  });
  after(() => target?.close());

  const none = (page: Step, why = '') => assert.equal(codeOf(page), undefined, why);
  const living = () => livingBrowser(target, clients);

  it('from a sign-in on a page that was then left, when the person agrees to the same client elsewhere', async () => {
    await target.operator.revoke(target.people.victim, DOCUMENT.clientId);
    const browser = openBrowser(target);
    // The attacker's link: the person signs in, does not like what they see, and leaves it.
    const left = await target.recipe.signIn(
      browser,
      await browser.follow(clients.begin(DOCUMENT).url),
      target.people.victim,
    );
    assert.equal(target.recipe.kindOf(left), 'consent');
    const own = await browser.launch(clients.begin(DOCUMENT).url);
    assert.ok(codeOf(await target.recipe.agree(browser, own)));
    for (const url of [left.url, `${target.issuer}/authorize/${uidOf(left)}`]) {
      const page = await browser.open(url);
      none(page, 'a tab that is loaded again is no press');
      assertAsks(target, page, 'Claude', 'Mail');
    }
  });

  it('from Continue, Stop or nonsense on a page that asks for everything, nor from a page that calls itself shorter or longer', async () => {
    const browser = await living();
    const client = await clients.register(EVIL);
    for (const [query, decision] of [
      ['', 'continue'],
      ['?page=short', 'continue'],
      ['?page=full', 'continue'],
      ['?page=connect', 'stop'],
      ['', 'ask'],
      ['', 'without'],
      ['', 'Approve'],
      ['', 'approve '],
    ] as const) {
      const page = await browser.follow(
        clients.begin(await clients.register(EVIL, { client_name: `App ${query} ${decision} ${Math.random()}` })).url,
      );
      const shown = await browser.open(`${page.url}${query}`);
      assert.equal(target.recipe.kindOf(shown), 'consent');
      none(await browser.submit(shown, { decision }), decision);
    }
    assertAsks(target, await browser.follow(clients.begin(client).url));
  });

  it('from the form of a short page for more than it was about', async () => {
    const { browser, client } = await connected(target, clients);
    const short = await browser.launch(clients.begin(client).url);
    const wide = await browser.launch(
      clients.begin(client, { scope: `${target.scopes.usual} ${target.scopes.more}` }).url,
    );
    assert.deepEqual([target.recipe.kindOf(short), target.recipe.kindOf(wide)], ['confirm', 'consent']);
    const moved = {
      ...short,
      url: wide.url,
      html: short.html.replaceAll(new URL(short.url).pathname, new URL(wide.url).pathname),
    };
    none(await target.recipe.agree(browser, moved));
    const begun = clients.begin(client);
    const page = await browser.launch(begun.url);
    const done = await target.recipe.agree(browser, page, {
      scope: [target.scopes.usual, target.scopes.more],
      expiry: 'max',
    });
    const { body } = await clients.redeem(client, begun, String(codeOf(done)));
    assert.equal(body.scope, target.scopes.usual);
  });

  it('from Continue once what it would go on under has ended or changed', async () => {
    for (const change of ['revoked', 'renamed', 'ruled out'] as const) {
      const { browser, client } = await connected(target, clients);
      const page = await browser.launch(clients.begin(client).url);
      assert.equal(target.recipe.kindOf(page), 'confirm');
      if (change === 'revoked') await target.operator.revoke(target.people.victim, client.clientId);
      if (change === 'renamed') await clients.update(client, { client_name: 'Your bank' });
      if (change === 'ruled out') undo = await target.operator.admitOnly({ clientHost: 'client.example.test' });
      const answer = await target.recipe.agree(browser, page);
      none(answer, change);
      assertNothing(answer);
    }
  });

  it('from Approve for a client that was taken back, or took itself back, while the page was open', async () => {
    const browser = await living();
    const client = await clients.register(EVIL);
    const page = await browser.follow(clients.begin(client).url);
    const { registration_client_uri: uri, registration_access_token: token } = client.registration;
    await fetch(String(uri), { method: 'DELETE', headers: { authorization: `Bearer ${token}` } });
    for (const answer of [
      await browser.open(page.url),
      await target.recipe.agree(browser, page),
      await browser.open(`${target.issuer}/authorize/${uidOf(page)}`),
    ]) {
      none(answer);
      assertRefused(target, answer, 400);
    }
  });

  it('from going on without a press, by any method and at any step of the way', async () => {
    const client = await clients.register(EVIL);
    const browser = openBrowser(target);
    const first = await browser.follow(clients.begin(client).url);
    for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS', 'PUT'])
      none(await browser.open(`${target.issuer}/authorize/${uidOf(first)}`, { method }));
    const shown = await browser.follow(clients.begin(client).url);
    const consent = await target.recipe.signIn(browser, shown, target.people.victim);
    for (const method of ['HEAD', 'OPTIONS', 'POST', 'GET']) {
      none(await browser.open(`${target.issuer}/authorize/${uidOf(consent)}`, { method }));
      none(await browser.open(`${target.issuer}/authorize/${uidOf(shown)}`, { method }));
      none(await browser.open(`${target.issuer}/device/${uidOf(consent)}`, { method }));
      none(await browser.open(consent.url, { method }));
    }
  });

  it('from combinations of prompt and max_age that would make one page stand for another', async () => {
    const browser = await living();
    await target.recipe.agree(browser, await browser.launch(clients.begin(DOCUMENT).url));
    for (const params of [
      { prompt: 'login consent' },
      { prompt: 'consent login select_account' },
      { prompt: 'select_account consent', max_age: '0', scope: `openid ${target.scopes.usual}` },
      { prompt: 'consent', max_age: '1', scope: `openid ${target.scopes.usual}` },
    ]) {
      let page = await browser.follow(clients.begin(DOCUMENT, params).url);
      for (let step = 0; step < 3 && target.recipe.kindOf(page) === 'sign-in'; step += 1) {
        assertAsks(target, page, 'Claude', 'Mail');
        page = await target.recipe.signIn(browser, page, target.people.victim);
      }
      none(page, JSON.stringify(params));
      assert.equal(target.recipe.kindOf(page), 'consent', JSON.stringify(params));
    }
  });

  it('from a press by whoever is not there any more: an account disabled, a session over', async () => {
    const browser: Browser = await living();
    const page = await browser.follow(clients.begin(await clients.register(EVIL)).url);
    browser.jar.splice(0, browser.jar.length, ...browser.jar.filter(({ name }) => !/session/.test(name)));
    const answer = await target.recipe.agree(browser, page);
    none(answer);
    assert.equal(target.recipe.kindOf(answer), 'sign-in');
  });
});
