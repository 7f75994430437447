/** Cross-site request forgery and clickjacking: a press counts only when the person made it, on the page that they saw. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type Person, readForm, type Step, words } from '../person.ts';
import { type Client, type Clients, EVIL, openClients } from './client.ts';
import { startTarget } from './consentry-target.ts';
import type { Target } from './target.ts';
import { assertAsks, assertNothing, type Browser, codeOf, openBrowser, signedIn } from './victim.ts';

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

describe('a forged press', () => {
  let target: Target & { close(): Promise<void> };
  let clients: Clients;
  let evil: Client;
  let victim: Browser;
  let page: Step;
  before(async () => {
    target = await startTarget();
    clients = await openClients(target);
    evil = await clients.register(EVIL, { client_name: 'Claude' });
    victim = (await signedIn(target, clients, target.people.victim)).browser;
  });
  beforeEach(async () => {
    page = await victim.follow(clients.begin(evil).url);
    assertAsks(target, page, 'evil.example.test');
  });
  after(() => target?.close());

  /** What the form of the page would send if it were pressed, token and all. */
  function pressOf(shown: Step): URLSearchParams {
    const { fields } = readForm(shown.html, new URL(shown.url).pathname);
    return new URLSearchParams([...fields, ['decision', 'approve']]);
  }
  const post = (person: Person, url: string, body: string, headers: Record<string, string>) =>
    person.open(url, { method: 'POST', body, headers });
  async function assertStillAsks(): Promise<void> {
    assertAsks(target, await victim.open(page.url), 'evil.example.test');
  }

  const origins: Record<string, string>[] = [
    { origin: 'https://evil.example.test', 'sec-fetch-site': 'cross-site' },
    { origin: 'https://evil.example.test', 'sec-fetch-site': 'same-origin' },
    { origin: 'null', 'sec-fetch-site': 'cross-site' },
    { origin: 'null', 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
  ];
  for (const headers of origins) {
    it(`by ${JSON.stringify(headers)} counts for nothing, even with the right token (threat 4)`, async () => {
      const answer = await post(victim, page.url, pressOf(page).toString(), { ...FORM, ...headers });
      assertNothing(answer);
      assert.equal(answer.status, 403);
      await assertStillAsks();
    });
  }

  it('from a host beside ours, which may send our cookies, counts for nothing (threat 4)', async () => {
    const { protocol, port } = new URL(target.issuer);
    for (const origin of [
      `${protocol}//localhost:${port}`,
      `${protocol}//127.0.0.1:1`,
      `${target.issuer}.evil.test`,
      `${target.issuer}/`,
    ]) {
      assertNothing(await post(victim, page.url, pressOf(page).toString(), { ...FORM, origin }));
    }
    await assertStillAsks();
  });

  it('without the token, or with that of another page, client, person or form, stores nothing (threat 4)', async () => {
    const stranger = (await signedIn(target, clients, target.people.attacker)).browser;
    const theirs = await stranger.launch(clients.begin(evil).url);
    const other = await victim.launch(clients.begin(await clients.register()).url);
    const again = await victim.launch(clients.begin(evil).url);
    const connect = await openBrowser(target).launch(clients.begin(evil).url);
    const own = pressOf(page).get(target.recipe.token) ?? '';
    const tokens = [theirs, other, again, connect].map(
      (one) => readForm(one.html).fields.find(([name]) => name === target.recipe.token)?.[1],
    );
    for (const token of [...tokens, undefined, '', 'x', own.slice(0, -1), `${own}A`, own.toUpperCase()]) {
      const body = pressOf(page);
      if (token === undefined) body.delete(target.recipe.token);
      else body.set(target.recipe.token, token);
      const answer = await post(victim, page.url, body.toString(), { ...FORM, origin: target.issuer });
      assertNothing(answer);
      assert.equal(answer.status, 403, String(token));
    }
    const twice = `${pressOf(page).toString()}&${target.recipe.token}=x`;
    assertNothing(await post(victim, page.url, twice, { ...FORM, origin: target.issuer }));
    await assertStillAsks();
  });

  it('by any method but POST, or in any other form, stores nothing (threat 4)', async () => {
    const body = pressOf(page);
    const fields = Object.fromEntries(body);
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'PATCH', 'DELETE']) {
      const init =
        method === 'GET' || method === 'HEAD' ? { method } : { method, body: body.toString(), headers: FORM };
      assertNothing(await victim.open(`${page.url}?${body.toString()}`, init));
    }
    for (const [type, text] of [
      ['application/json', JSON.stringify(fields)],
      ['text/plain', body.toString()],
      ['text/plain', `{"x":"${body.toString()}"}`],
      [
        'multipart/form-data; boundary=x',
        `--x\r\nContent-Disposition: form-data; name="decision"\r\n\r\napprove\r\n--x--`,
      ],
    ] as const) {
      assertNothing(await post(victim, page.url, text, { 'content-type': type, origin: target.issuer }));
    }
    const override = { ...FORM, 'x-http-method-override': 'POST', 'x-http-method': 'POST' };
    assertNothing(await victim.open(`${page.url}?_method=POST&${body.toString()}`, { headers: override }));
    await assertStillAsks();
  });

  it('on a page made for somebody else who was signed in stores nothing, and shows the page again to whoever is here (threat 54)', async () => {
    const browser = (await signedIn(target, clients, target.people.victim)).browser;
    const mine = await browser.launch(clients.begin(evil).url);
    const other = await target.recipe.switchAccount(browser, await browser.launch(clients.begin(evil).url));
    await target.recipe.signIn(browser, other, target.people.attacker);
    const answer = await target.recipe.agree(browser, mine);
    assertAsks(target, answer, target.people.attacker.email);
    assert.doesNotMatch(answer.html, new RegExp(target.people.victim.email));
  });

  it('signs nobody in: not as the attacker, whose account the victim’s program would then write to (threat 67)', async () => {
    const browser = openBrowser(target);
    const shown = await browser.launch(clients.begin(await clients.register()).url);
    const mine = openBrowser(target);
    const prepared = await mine.launch(clients.begin(evil).url);
    const { email, password } = target.people.attacker;
    const credentials = (one: Step) => {
      const body = new URLSearchParams([...readForm(one.html).fields, ['decision', 'continue']]);
      body.set('email', email);
      body.set('password', password);
      return body.toString();
    };
    for (const [url, body] of [
      [shown.url, credentials(shown)],
      [shown.url, credentials(prepared)],
      [prepared.url, credentials(prepared)],
    ] as const) {
      const cross = { ...FORM, origin: 'https://evil.example.test', 'sec-fetch-site': 'cross-site' };
      assertNothing(await post(browser, url, body, cross));
      if (body !== credentials(shown))
        assertNothing(await post(browser, url, body, { ...FORM, origin: target.issuer }));
    }
    const after = await browser.launch(clients.begin(evil).url);
    assert.equal(target.recipe.kindOf(after), 'sign-in', words(after));
  });

  it('has no frame to hide in, and the page keeps what a press needs: its opener and its origin (threats 55, 68)', async () => {
    const signIn = await openBrowser(target).follow(clients.begin(evil).url);
    for (const shown of [page, signIn]) {
      const policy = String(shown.headers.get('content-security-policy'));
      assert.match(policy, /frame-ancestors 'none'/);
      assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval|form-action/);
      assert.equal(shown.headers.get('x-frame-options'), 'DENY');
      assert.equal(shown.headers.get('cross-origin-opener-policy'), null);
      assert.equal(shown.headers.get('referrer-policy'), 'same-origin');
      assert.match(String(shown.headers.get('cache-control')), /no-store/);
      assert.doesNotMatch(shown.html, /<[^>]+\son[a-z]+=|<script(?![^>]*\bsrc=)|autofocus/i);
      assert.equal(shown.headers.get('access-control-allow-origin'), null);
    }
  });

  it('counts once: pressed again, or its way on opened again, it gives no second code', async () => {
    const done = await target.recipe.agree(victim, page);
    assert.ok(codeOf(done));
    const uid = new URL(page.url).pathname.split('/').at(-1);
    assert.equal(codeOf(await target.recipe.agree(victim, page)), undefined);
    for (const url of [page.url, `${target.issuer}/authorize/${uid}`])
      assert.equal(codeOf(await victim.open(url)), undefined);
  });
});
