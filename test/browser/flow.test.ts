/** The flow in a real browser: by mouse in Japanese on a phone, by keyboard alone, and what happens after Deny. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { authorizationUrl, redeem, registerClient } from '../flow.ts';
import { type Consentry, startConsentry } from '../harness.ts';
import { accessibilityProblems } from './accessibility.ts';
import { launchBrowser } from './chromium.ts';

const screenshots = new URL('../../test-output/flow/', import.meta.url).pathname;

/** A program on this computer that waits for its code (RFC 8252 §7.3). */
async function listenForCode(): Promise<{ redirectUri: string; answer: Promise<URLSearchParams>; server: Server }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const answer = new Promise<URLSearchParams>((resolve) => {
    server.on('request', (request, response) => {
      response.setHeader('content-type', 'text/html');
      response.end('<!doctype html><title>Back in the program</title><h1>You can close this window.</h1>');
      const url = new URL(String(request.url), 'http://127.0.0.1');
      if (url.pathname === '/callback') resolve(url.searchParams);
    });
  });
  return { redirectUri: `http://127.0.0.1:${port}/callback`, answer, server };
}

describe('the flow in a real browser', () => {
  let consentry: Consentry;
  let browser: Browser;
  let program: Awaited<ReturnType<typeof listenForCode>>;
  before(async () => {
    mkdirSync(screenshots, { recursive: true });
    [consentry, browser] = await Promise.all([startConsentry(), launchBrowser()]);
    program = await listenForCode();
  });
  after(async () => {
    await browser?.close();
    program?.server.closeAllConnections();
    program?.server.close();
    await consentry?.close();
  });

  async function begin(
    options: BrowserContextOptions,
    params: Record<string, string> = {},
    metadata: Record<string, unknown> = {},
  ) {
    const client = await registerClient(consentry.issuer, metadata);
    const begun = authorizationUrl(consentry, client.client_id, {
      redirect_uri: program.redirectUri,
      scope: 'mail:read mail:send mail:label openid email',
      ...params,
    });
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const problems: string[] = [];
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(begun.url);
    return { client, begun, page, context, problems };
  }

  async function look(page: Page, name: string): Promise<void> {
    await page.screenshot({ path: `${screenshots}${name}.png`, fullPage: true });
    assert.deepEqual(await accessibilityProblems(page), [], `${name} is accessible`);
  }

  it('signs a person in and returns the code, by keyboard alone', async () => {
    const { client, begun, page, context, problems } = await begin({
      viewport: { width: 1280, height: 900 },
      locale: 'en-US',
    });
    await look(page, 'connect-en');
    await tabTo(page, 'email');
    await page.keyboard.type(consentry.ana.email);
    await tabTo(page, 'password');
    await page.keyboard.type(consentry.ana.password);
    // Nobody types that fast: the page takes no press for half a second.
    await page.locator('button[value=continue]:not([aria-disabled="true"])').waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Approve', exact: true }).waitFor();
    assert.equal(await page.evaluate('document.activeElement?.tagName'), 'BODY', 'neither button has the focus');
    await look(page, 'consent-en');
    await tabTo(page, 'approve');
    await Promise.all([page.waitForURL(/\/callback/), pressWhenReady(page)]);
    const answer = await program.answer;
    assert.equal(answer.get('state'), begun.state);
    assert.equal(answer.get('iss'), consentry.issuer);
    const tokens = await redeem(consentry, client.client_id, {
      code: String(answer.get('code')),
      verifier: begun.verifier,
      redirectUri: begun.redirectUri,
    });
    assert.equal(tokens.status, 200);
    assert.deepEqual(problems, []);
    await context.close();
  });

  it('speaks Japanese on a phone, in the dark, without JavaScript', async () => {
    const { page, context } = await begin({
      viewport: { width: 390, height: 844 },
      locale: 'ja-JP',
      colorScheme: 'dark',
      javaScriptEnabled: false,
    });
    await page.screenshot({ path: `${screenshots}connect-ja-phone.png`, fullPage: true });
    await page.getByLabel('メール').first().fill(consentry.ana.email);
    await page.getByLabel('パスワード').first().fill(consentry.ana.password);
    await page.getByRole('button', { name: '続ける', exact: true }).click();
    await page.getByRole('button', { name: '承認', exact: true }).waitFor();
    await page.screenshot({ path: `${screenshots}consent-ja-phone.png`, fullPage: true });
    await page.getByRole('button', { name: '承認', exact: true }).click();
    await page.waitForURL(/\/callback\?code=/);
    await context.close();
  });

  it('shows a page with a link, and goes nowhere by itself, when a person denies a site that nobody approved', async () => {
    const { page, context } = await begin(
      { viewport: { width: 1280, height: 900 }, locale: 'en-US' },
      { redirect_uri: 'https://app.example/callback' },
      { redirect_uris: ['https://app.example/callback'], client_name: 'Claude' },
    );
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    const link = page.getByRole('link', { name: /app\.example/ });
    await link.waitFor();
    await look(page, 'stopped-en');
    assert.equal(new URL(page.url()).origin, consentry.issuer);
    assert.match(String(await link.getAttribute('href')), /^https:\/\/app\.example\/callback\?error=access_denied/);
    await context.close();
  });

  it('lets a person change the password on the account page', async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-US' });
    const page = await context.newPage();
    await page.goto(`${consentry.issuer}/account/password`);
    await look(page, 'account-en');
    await page.goto(`${consentry.issuer}/`);
    await look(page, 'home-en');
    await context.close();
  });
});

/** Presses Tab until the element with this name or value has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 40; presses += 1) {
    const focused = await page.evaluate(
      '[document.activeElement?.getAttribute("name"), document.activeElement?.getAttribute("value")]',
    );
    if ((focused as string[]).includes(name)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`${name} cannot be reached with the Tab key`);
}

/** The page takes no press for half a second after it gained the focus. */
async function pressWhenReady(page: Page): Promise<void> {
  await page.locator('button:focus:not([aria-disabled="true"])').waitFor();
  await page.keyboard.press('Enter');
}
