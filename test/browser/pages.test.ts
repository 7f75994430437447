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

/** Pages made of what others have already: axe-core takes its time. */
const variants = /-(long|local|logo|all|expired|silent|over-\w+|approved|throttled|changed)$/;
/** What reaches past the inside of the card, where nobody can read it; a tenth of a pixel is rounding. */
const outside = `(() => {
  const card = document.querySelector('main.card');
  const { right } = card.getBoundingClientRect();
  const end = right - parseFloat(getComputedStyle(card).paddingRight) + 0.1;
  return [...card.querySelectorAll('*')]
    .filter((one) => !one.closest('.unseen') && one.getBoundingClientRect().right > end)
    .map((one) => one.outerHTML.slice(0, 100));
})()`;
const unfold = "for (const details of document.querySelectorAll('details')) details.open = true";

test('axe-core finds nothing serious on any page, and nothing is wider than a phone', async () => {
  // The reasons to stop and the clients of a proxy differ in their words only: one of them stands for all.
  // And one page is gone before anybody can look at it.
  const names = Object.keys(samples).filter(
    (name) => !/^stopped-(?!full)|^connect-through-(?!local-app)|^hop$/.test(name),
  );
  for (const [locale, colorScheme] of [
    ['en', 'light'],
    ['ja', 'dark'],
  ] as const) {
    const page = await browser.newPage({ viewport: { width: 320, height: 740 }, colorScheme });
    for (const name of names) {
      await page.goto(`${server.url}/${locale}/${name}`);
      await page.evaluate(unfold);
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 320, `${name} in ${locale}`);
      assert.deepEqual(await page.evaluate(outside), [], `${name} in ${locale}`);
      if (variants.test(name)) continue;
      assert.deepEqual(await accessibilityProblems(page), [], `${name} in ${locale}`);
    }
    await page.close();
  }
});

test('what a person decides between has the same size, and nothing has the focus', async () => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  for (const [name, values] of [
    ['consent', ['approve', 'deny']],
    ['consent-more-wrong', ['approve', 'deny']],
    ['consent-twice', ['block', 'deny']],
    ['short', ['continue']],
    ['approval-ask', ['ask']],
  ] as const) {
    await page.goto(`${server.url}/en/${name}`);
    const boxes = await Promise.all(values.map((value) => page.locator(`button[value=${value}]`).boundingBox()));
    assert.equal(new Set(boxes.map((box) => box && `${box.width} x ${box.height}`)).size, 1, name);
    assert.equal(await page.evaluate('document.activeElement === document.body'), true, name);
  }
  await page.close();
});

const hostilePages = [
  'connect-sso',
  'connect-logo',
  'consent-many',
  'consent-through',
  'short',
  'approval-ask-all',
  'approval-denied',
  'stopped-full',
  'device-confirm',
];

test('hostile text runs nothing, loads nothing and adds nothing to press', async () => {
  const page = await browser.newPage();
  const strange: string[] = [];
  page.on('dialog', (dialog) => strange.push(dialog.message()));
  page.on('console', (message) => message.type() === 'error' && strange.push(message.text()));
  for (const text of hostile) {
    const bad = await serveSamples({ change: (sample) => withText(sample, text) });
    page.on('request', (request) => !request.url().startsWith(bad.url) && strange.push(request.url()));
    try {
      for (const name of hostilePages) {
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

test('the short page takes no press for half a second, then one for Continue and another to stop the app', async () => {
  const page = await browser.newPage();
  for (const [value, name] of [
    ['continue', 'Continue'],
    ['stop', 'Stop this app'],
  ] as const) {
    await page.goto(`${server.url}/en/short`);
    await page.evaluate(`dispatchEvent(new Event('focus')); document.querySelector('button[value=${value}]').click()`);
    await page.waitForTimeout(100);
    assert.equal(page.url(), `${server.url}/en/short`);
    await page.getByRole('button', { name, exact: true }).click();
    await page.waitForURL('**/interaction/*');
    assert.deepEqual((await posted(page)).slice(1), [['decision', value]]);
  }
  await page.close();
});

test('a reason for the administrator is sent as typed, with several lines', async () => {
  const page = await browser.newPage();
  await page.goto(`${server.url}/en/approval-ask`);
  await page.getByLabel('Why you need it (optional)').pressSequentially('For the audit\nin December');
  await page.getByRole('button', { name: 'Ask', exact: true }).click();
  await page.waitForURL('**/interaction/*');
  assert.deepEqual((await posted(page)).slice(1), [
    ['reason', 'For the audit\r\nin December'],
    ['decision', 'ask'],
  ]);
  await page.close();
});

test('Deny and the ways without an administrator work without the password that Approve needs', async () => {
  const page = await browser.newPage();
  await page.goto(`${server.url}/en/consent-more`);
  await page.getByRole('button', { name: 'Approve', exact: true }).click();
  await page.waitForTimeout(100);
  assert.equal(page.url(), `${server.url}/en/consent-more`);
  await page.getByRole('button', { name: 'Deny', exact: true }).click();
  await page.waitForURL('**/interaction/*');
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
