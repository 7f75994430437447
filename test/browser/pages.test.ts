import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { hostile, withText } from '../web/hostile-pages.ts';
import { samples } from '../web/sample-pages.ts';
import { accessibilityProblems } from './accessibility.ts';
import { launchBrowser } from './chromium.ts';
import { serveSamples } from './sample-server.ts';

let browser: Browser;
let server: Awaited<ReturnType<typeof serveSamples>>;
before(async () => {
  [browser, server] = await Promise.all([launchBrowser(), serveSamples()]);
});
after(async () => {
  await browser?.close();
  server?.close();
});

test('axe-core finds nothing serious on any page, and nothing is wider than a phone', async () => {
  // The reasons to stop differ in their words only: one of them stands for all.
  const names = Object.keys(samples).filter((name) => !/^stopped-(?!full)/.test(name));
  for (const [locale, colorScheme] of [
    ['en', 'light'],
    ['ja', 'dark'],
  ] as const) {
    const page = await browser.newPage({ viewport: { width: 360, height: 740 }, colorScheme });
    for (const name of names) {
      await page.goto(`${server.url}/${locale}/${name}`);
      assert.deepEqual(await accessibilityProblems(page), [], `${name} in ${locale}`);
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 360, `${name} in ${locale}`);
    }
    await page.close();
  }
});

test('hostile text runs nothing, loads nothing and adds nothing to press', async () => {
  const page = await browser.newPage();
  const strange: string[] = [];
  page.on('dialog', (dialog) => strange.push(dialog.message()));
  page.on('console', (message) => message.type() === 'error' && strange.push(message.text()));
  for (const text of hostile) {
    const bad = await serveSamples({ change: (sample) => withText(sample, text) });
    page.on('request', (request) => !request.url().startsWith(bad.url) && strange.push(request.url()));
    try {
      for (const name of ['connect-sso', 'consent-many', 'stopped-full', 'device-confirm']) {
        await page.goto(`${bad.url}/en/${name}`);
        assert.equal(await page.locator('main.card').count(), 1);
      }
    } finally {
      page.removeAllListeners('request');
      bad.close();
    }
  }
  assert.deepEqual(strange, []);
  await page.close();
});

test('Approve takes no click for half a second after the page appears or comes back into view', async () => {
  const page = await browser.newPage();
  // Pressed from within the page, so that no slow machine lets the half second pass.
  const press = "document.querySelector('button[value=approve]')?.click()";
  await page.addInitScript(`addEventListener('DOMContentLoaded', () => ${press})`);
  await page.goto(`${server.url}/en/consent`);
  await page.waitForSelector('button[value=approve]:not([aria-disabled])');
  await page.evaluate(`dispatchEvent(new Event('focus')); ${press}`);
  await page.evaluate(`document.dispatchEvent(new Event('visibilitychange')); ${press}`);
  await page.waitForTimeout(100);
  assert.equal(page.url(), `${server.url}/en/consent`);
  await page.getByRole('button', { name: 'Approve', exact: true }).click();
  await page.waitForURL('**/interaction/*');
  assert.deepEqual(await posted(page), [
    ['csrf', 'q0hZx3mPd2cT8rYw'],
    ['scope', 'mail:read'],
    ['scope', 'mail:sort'],
    ['scope', 'mail:send'],
    ['scope', 'openid'],
    ['scope', 'email'],
    ['expiry', 'max'],
    ['decision', 'approve'],
  ]);
  await page.close();
});

test('Enter neither approves nor denies, neither on load nor in a check box, with and without JavaScript', async () => {
  for (const javaScriptEnabled of [true, false]) {
    const page = await browser.newPage({ javaScriptEnabled });
    await page.goto(`${server.url}/en/consent`);
    await page.waitForSelector('button[value=approve]:not([aria-disabled])');
    await page.keyboard.press('Enter');
    await page.getByRole('checkbox', { name: 'Read your messages' }).press('Enter');
    await page.waitForTimeout(100);
    await page.getByRole('radio', { name: 'Just this once' }).press('Enter');
    await page.waitForTimeout(100);
    assert.equal(page.url(), `${server.url}/en/consent`);
    await page.getByRole('button', { name: 'Deny', exact: true }).click();
    await page.waitForURL('**/interaction/*');
    await page.close();
  }
});

test('without JavaScript the pages work with the keyboard alone', async () => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${server.url}/ja/connect`);
  await page.getByLabel('メールアドレス').fill('ana@contoso.example');
  await page.getByLabel('パスワード').fill('correct horse');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/interaction/*');
  assert.deepEqual((await posted(page)).at(-1), ['decision', 'continue']);

  await page.goto(`${server.url}/ja/consent`);
  const deny = page.getByRole('button', { name: '拒否', exact: true });
  for (let steps = 0; steps < 30 && !(await isFocused(deny)); steps++) await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/interaction/*');
  assert.deepEqual((await posted(page)).at(-1), ['decision', 'deny']);
  await context.close();
});

test('Cancel works with empty fields', async () => {
  const page = await browser.newPage();
  await page.goto(`${server.url}/en/connect`);
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await page.waitForURL('**/interaction/*');
  assert.deepEqual((await posted(page)).at(-1), ['decision', 'cancel']);
  await page.close();
});

async function posted(page: Page): Promise<[string, string][]> {
  return JSON.parse((await page.textContent('body')) ?? '');
}

function isFocused(locator: ReturnType<Page['locator']>): Promise<boolean> {
  // Runs in the page; `ownerDocument` spares the DOM types.
  return locator.evaluate(
    (element) => element === (element as { ownerDocument?: { activeElement: unknown } }).ownerDocument?.activeElement,
  );
}
