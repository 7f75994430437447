/** A real person's browser on the attacker's web: web security and site isolation are on. */
import assert from 'node:assert/strict';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { Reply, Web } from '../fakes/attacker.ts';
import type { Target } from './target.ts';

/** Where the attacker lures people to. */
export const LURE = 'http://lure.example.test';

export function openContext(browser: Browser, web: Web): Promise<BrowserContext> {
  return browser.newContext({ proxy: web.proxy, ignoreHTTPSErrors: true, locale: 'en-US' });
}

/** A program of the person's own opens the browser; they sign in and agree. A session and a consent are alive afterwards. */
export async function agreeTo(
  context: BrowserContext,
  { recipe }: Target,
  url: string,
  signIn: (page: Page) => Promise<void>,
): Promise<void> {
  const page = await context.newPage();
  await page.goto(url);
  await signIn(page);
  const left = page.waitForRequest((request) => new URL(request.url()).searchParams.has('code'));
  await recipe.chromium.agree(page);
  // The tab stays: closing one in the middle of a navigation was seen to wait for ever.
  await left;
}

/** Stands still on a page of the server that names these and waits for a press. */
export async function assertAsksIn(page: Page, { issuer }: Target, ...names: string[]): Promise<void> {
  await page.waitForLoadState('load');
  assert.equal(new URL(page.url()).origin, issuer, page.url());
  const text = String(await page.locator('body').textContent());
  for (const name of names) assert.ok(text.includes(name), `no ${name} in: ${text}`);
  assert.ok((await page.locator('form[method=post] button').count()) > 0, text);
}

/** Every code that a browser was about to hand over, to whatever host. */
export function watchCodes(context: BrowserContext): URL[] {
  const seen: URL[] = [];
  context.on('request', (request) => {
    const url = new URL(request.url());
    if (url.searchParams.has('code') || /[?&]code=/.test(request.postData() ?? '')) seen.push(url);
  });
  return seen;
}

export interface Lure {
  name: string;
  reply: Reply;
  /** What the person does there, where nothing happens by itself. */
  act?: (page: Page) => Promise<unknown>;
}

/** How a page gets a browser to an address. @param next a new address for each */
export function lures(next: () => string): Lure[] {
  const page = (body: string) => `<!doctype html><meta charset="utf-8"><title>You won</title>${body}`;
  const script = (text: string) => page(`<script>${text}</script>`);
  const url = () => JSON.stringify(next());
  return [
    { name: 'redirect', reply: { redirect: next() } },
    { name: 'script', reply: script(`location.replace(${url()})`) },
    { name: 'refresh', reply: page(`<meta http-equiv="refresh" content="0;url=${inAttribute(next())}">`) },
    { name: 'form', reply: page(`${getForm(next())}<script>document.forms[0].submit()</script>`) },
    { name: 'link', reply: page(`<a href="${inAttribute(next())}">Claim</a>`), act: (one) => one.click('a') },
    {
      name: 'popup',
      reply: page(`<button onclick='open(${url().replaceAll("'", '&#39;')}, "_blank", "popup")'>Claim</button>`),
      act: (one) => Promise.all([one.waitForEvent('popup'), one.click('button')]),
    },
    {
      name: 'opener',
      reply: page(`<a href="${inAttribute(next())}" target="_blank" rel="noreferrer">Claim</a>`),
      act: (one) => Promise.all([one.context().waitForEvent('page'), one.click('a')]),
    },
  ];
}

function getForm(url: string): string {
  const { origin, pathname, searchParams } = new URL(url);
  const fields = [...searchParams].map(([name, value]) => `<input name="${name}" value="${inAttribute(value)}">`);
  return `<form action="${origin}${pathname}">${fields.join('')}</form>`;
}

function inAttribute(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
}
