/** Signing in on page A names the client and is a press: where a consent covers the request no second page follows (consent.md §3). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { authorizationUrl, signIn } from '../flow.ts';
import { addPerson, sql } from '../harness.ts';
import { given, words } from '../interaction/kit.ts';
import { readForm, type Step } from '../person.ts';
import {
  ask,
  assertPage,
  type Browser,
  CLAUDE,
  codeOf,
  connect,
  consentRows,
  notYou,
  openBrowser,
  recordOf,
  startWorld,
  type World,
} from './kit.ts';

describe('signing in on page A, where a consent covers the request', () => {
  let world: World;
  let bob: { id: string; email: string; password: string };
  before(async () => {
    world = await startWorld();
    bob = await addPerson(world.consentry.rooms, 'bob@contoso.test');
    await world.know(CLAUDE);
  });
  after(() => world?.close());

  /** A program that Ana approved in this browser, where nobody is signed in any more. */
  async function known(params: Record<string, string> = {}, fields: Record<string, string> = {}) {
    const browser = openBrowser(world.consentry);
    const name = world.newName();
    const clientId = await world.register(name);
    await connect(world, browser, clientId, { params, fields });
    await signOutEverywhere();
    return { browser, name, clientId };
  }
  const signOutEverywhere = () => sql(world.consentry, "DELETE FROM artifacts WHERE kind = 'Session'");
  const begin = (clientId: string, params: Record<string, string> = {}) =>
    authorizationUrl(world.consentry, clientId, { scope: 'mail:read', ...params }).url;
  /** Page A of a new request. */
  async function pageA(browser: Browser, clientId: string, { site = 'none', params = {} } = {}): Promise<Step> {
    const page = await browser.arrive(begin(clientId, params), site);
    assertPage(page, 'connect');
    return page;
  }

  it('is the press: the code follows, under what was agreed to before and not a day longer', async () => {
    const { browser, clientId, name } = await known();
    const [agreed] = await consentRows(world, clientId);
    const page = await pageA(browser, clientId);
    assert.match(words(page), new RegExp(`“${name}”.*127\\.0\\.0\\.1.*Mail`));
    codeOf(await signIn(browser, page, world.consentry.ana));
    assert.deepEqual(await recordOf(world, clientId), ['consent.approved full', 'consent.continued connect']);
    const [continued] = await consentRows(world, clientId);
    assert.deepEqual(
      [continued?.expires_at, continued?.full_page_at, continued?.version],
      [agreed?.expires_at, agreed?.full_page_at, 2],
    );
  });

  it('is the press for the same program under a new client ID, and for a proven client also by a link', async () => {
    const { browser, name } = await known();
    const sister = await world.register(name);
    codeOf(await signIn(browser, await pageA(browser, sister), world.consentry.ana));
    const params = { redirect_uri: CLAUDE.redirectUri };
    await connect(world, browser, CLAUDE.clientId, { params });
    await signOutEverywhere();
    const page = await pageA(browser, CLAUDE.clientId, { site: 'cross-site', params });
    assert.match(words(page), /Came from A website or a link.*choose Cancel/);
    codeOf(await signIn(browser, page, world.consentry.ana));
  });

  it('is not where it came by a link to a client that proves nothing, in another browser, or as somebody else', async () => {
    const { browser, clientId } = await known();
    for (const site of ['cross-site', 'same-site', 'same-origin', '']) {
      assertPage(await signIn(browser, await pageA(browser, clientId, { site }), world.consentry.ana), 'full', site);
      await signOutEverywhere();
    }
    const elsewhere = openBrowser(world.consentry);
    assertPage(await signIn(elsewhere, await pageA(elsewhere, clientId), world.consentry.ana), 'full', 'elsewhere');
    assertPage(await signIn(browser, await pageA(browser, clientId), bob), 'full', 'as Bob');
  });

  it('is not after “Not you?”, whoever signs in then', async () => {
    const { browser, clientId } = await known();
    codeOf(await signIn(browser, await pageA(browser, clientId), world.consentry.ana));
    const { page } = await ask(world, browser, clientId);
    assertPage(page, 'short');
    assertPage(await signIn(browser, await notYou(browser, page), world.consentry.ana), 'full');
  });

  it('is not where anything differs, was agreed to just this once, or the client asks for the page', async () => {
    const { browser, clientId } = await known();
    const asked = async (id: string, params: Record<string, string>) => {
      const page = await signIn(browser, await pageA(browser, id, { params }), world.consentry.ana);
      await signOutEverywhere();
      return page;
    };
    assertPage(await asked(clientId, { prompt: 'consent' }), 'full');
    assertPage(await asked(clientId, { scope: 'mail:read mail:label' }), 'wider');
    const once = await known({}, { expiry: 'once' });
    assertPage(await signIn(once.browser, await pageA(once.browser, once.clientId), world.consentry.ana), 'full');
    await world.consentry.rooms.consents.revoke({ clientId }, 'test');
    assertPage(await asked(clientId, {}), 'full');
  });

  it('is where the client wanted the sign-in, though somebody was signed in', async () => {
    const scope = 'openid mail:read';
    const { browser, clientId } = await known({ scope });
    for (const params of [{ prompt: 'login' }, { prompt: 'select_account' }, { max_age: '0' }] as const) {
      const page = await pageA(browser, clientId, { params: { scope, ...params } });
      codeOf(await signIn(browser, page, world.consentry.ana));
    }
  });

  it('is not where the document changed between the page and the press (threat 42)', async () => {
    const browser = openBrowser(world.consentry);
    const name = world.newName();
    const clientId = await world.publish(name, {});
    await connect(world, browser, clientId);
    await signOutEverywhere();
    const page = await pageA(browser, clientId);
    await world.publish(name, { client_name: 'Another' });
    const refused = await signIn(browser, page, world.consentry.ana);
    assert.deepEqual([refused.status, refused.left], [403, undefined]);
    assert.match(words(refused), /“Another” wants to use Mail/);
    const full = await signIn(browser, refused, world.consentry.ana);
    assertPage(full, 'full');
    assert.match(words(full), new RegExp(`It used to call itself “${name}” , now “Another”`));
  });

  it('is not where the document changed between the press and what follows it (threat 42)', async () => {
    const browser = openBrowser(world.consentry);
    const name = world.newName();
    const clientId = await world.publish(name, {});
    await connect(world, browser, clientId);
    await signOutEverywhere();
    const page = await pageA(browser, clientId);
    const resume = await submitOnly(browser, page);
    await world.publish(name, { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: `${world.stub.url}/jwks` });
    const { codes } = await given(world.consentry);
    assertPage(await browser.open(resume), 'full');
    assert.equal((await given(world.consentry)).codes, codes);
  });

  it('is not any more where the page after it was shown and left open: that one waits for its own press', async () => {
    const { browser, clientId } = await known();
    const params = { scope: 'mail:read mail:label' };
    const waiting = await signIn(browser, await pageA(browser, clientId, { params }), world.consentry.ana);
    assertPage(waiting, 'wider');
    await connect(world, browser, clientId, { params });
    const { codes } = await given(world.consentry);
    assertPage(await browser.open(waiting.url), 'short');
    assert.equal((await given(world.consentry)).codes, codes);
  });

  /** Signs in, and stops before going on. */
  async function submitOnly(browser: Browser, page: Step): Promise<string> {
    const body = new URLSearchParams(readForm(page.html, new URL(page.url).pathname).fields);
    const { email, password } = world.consentry.ana;
    for (const [name, value] of Object.entries({ email, password, decision: 'continue' })) body.set(name, value);
    const answer = await browser.send(page.url, { method: 'POST', body });
    assert.equal(answer.status, 302);
    return String(answer.headers.get('location'));
  }

  it('counts for the request that the page named, and for no other that waits in the browser', async () => {
    const [one, two] = [await known(), await known()];
    const { browser } = one;
    await connect(world, browser, two.clientId);
    await signOutEverywhere();
    const pages = [await pageA(browser, one.clientId), await pageA(browser, two.clientId)] as const;
    const { codes } = await given(world.consentry);
    codeOf(await signIn(browser, pages[0], world.consentry.ana));
    assert.equal((await given(world.consentry)).codes, codes + 1);
    // The other still waits for its own press.
    assertPage(await browser.open(pages[1].url), 'connect');
    const uid = new URL(pages[1].url).pathname.split('/').at(-1);
    assertPage(await browser.open(`${world.consentry.issuer}/authorize/${uid}`), 'full');
    assert.equal((await given(world.consentry)).codes, codes + 1);
  });
});
