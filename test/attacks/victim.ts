/** The person who is attacked, in a browser of theirs, and what an attack must not get out of it. */
import assert from 'node:assert/strict';
import { createPerson, type Step, words } from '../person.ts';
import type { Begun, Client, Clients, Params } from './client.ts';
import type { Target, Who } from './target.ts';

export type Browser = ReturnType<typeof openBrowser>;

/** Without JavaScript; says where each navigation comes from, as browsers do (Fetch Metadata, `Sec-Fetch-Site`). */
export function openBrowser({ issuer }: Pick<Target, 'issuer'>) {
  const headers = { 'sec-fetch-site': 'same-origin' };
  const person = createPerson(issuer, headers);

  async function goes(site: string, url: string, init: RequestInit = {}): Promise<Step> {
    headers['sec-fetch-site'] = site;
    try {
      return await person.open(url, init);
    } finally {
      headers['sec-fetch-site'] = 'same-origin';
    }
  }

  return {
    ...person,
    /** A link or a redirect of somebody else's page. */
    follow: (url: string, init?: RequestInit) => goes('cross-site', url, init),
    /** A program on the computer opens the browser. */
    launch: (url: string) => goes('none', url),
  };
}

/** In a new browser, signed in by a client of their own, to which they gave what it asked for. */
export async function signedIn(target: Target, clients: Clients, who: Who, client?: Client) {
  const browser = openBrowser(target);
  const own = client ?? (await clients.register());
  const begun = clients.begin(own);
  const page = await target.recipe.signIn(browser, await browser.launch(begun.url), who);
  const code = codeOf(await target.recipe.agree(browser, page));
  assert.ok(code, 'the person signs in and agrees');
  return { browser, client: own, begun, code };
}

/** The same, with tokens. */
export async function connected(target: Target, clients: Clients, who = target.people.victim, params: Params = {}) {
  const browser = openBrowser(target);
  const client = await clients.register();
  const begun = clients.begin(client, params);
  const page = await target.recipe.signIn(browser, await browser.launch(begun.url), who);
  const code = codeOf(await target.recipe.agree(browser, page));
  assert.ok(code, words(page));
  const { status, body } = await clients.redeem(client, begun, code);
  assert.equal(status, 200, JSON.stringify(body));
  return { browser, client, begun, code, tokens: body as Record<string, string> };
}

/** The browser of a person with a session; what they agreed to is another client's. */
export async function livingBrowser(target: Target, clients: Clients): Promise<Browser> {
  const own = await clients.register(undefined, { client_name: 'Own' });
  return (await signedIn(target, clients, target.people.victim, own)).browser;
}

/** What a browser would hand over to whoever has the redirect URI. */
export function codeOf({ left }: Step): string | undefined {
  return left?.searchParams.get('code') ?? undefined;
}

/** The browser stayed where it was: nothing went to anybody. */
export function assertNothing({ left, status, headers }: Step): void {
  assert.equal(left?.href, undefined, 'the browser left the server');
  assert.equal(headers.get('refresh'), null);
  assert.ok(status < 500, `${status}`);
}

/** It is a page that waits for a press and names these: who asks, where it returns, for which server. */
export function assertAsks({ recipe }: Pick<Target, 'recipe'>, page: Step, ...names: (string | RegExp)[]): void {
  assertNothing(page);
  assert.ok(['sign-in', 'consent', 'confirm'].includes(recipe.kindOf(page)), `${page.status} ${words(page)}`);
  for (const name of names) {
    const found = typeof name === 'string' ? words(page).includes(name) : name.test(words(page));
    assert.ok(found, `no ${name} in: ${words(page)}`);
  }
}

/** It is a page that says no, with nothing to say yes to. */
export function assertRefused({ recipe }: Pick<Target, 'recipe'>, page: Step, status?: number): void {
  assertNothing(page);
  assert.equal(recipe.kindOf(page), 'other', words(page));
  if (status !== undefined) assert.equal(page.status, status, words(page));
  else assert.ok(page.status >= 400, `${page.status} ${words(page)}`);
}

/** The code is good for this client and gives tokens: what an attack would have got. */
export async function assertGets(clients: Clients, client: Client, begun: Begun, code: string | undefined) {
  assert.ok(code, 'no code');
  const { status, body } = await clients.redeem(client, begun, code);
  assert.equal(status, 200, JSON.stringify(body));
  return body as Record<string, string>;
}
