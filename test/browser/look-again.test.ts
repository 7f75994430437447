import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser } from './chromium.ts';
import { serveSamples } from './sample-server.ts';

let browser: Browser;
let server: Awaited<ReturnType<typeof serveSamples>>;
before(async () => {
  [browser, server] = await Promise.all([
    launchBrowser(),
    serveSamples({
      change: (sample) =>
        sample.page === 'approval' ? { page: 'approval', model: { ...sample.model, refreshSeconds: 1 } } : sample,
    }),
  ]);
});
after(async () => {
  await browser?.close();
  server?.close();
});

test('a page that waits looks again by itself, with and without JavaScript', async () => {
  for (const javaScriptEnabled of [true, false]) {
    const page = await browser.newPage({ javaScriptEnabled });
    await page.goto(`${server.url}/en/approval-waiting`);
    // It is there again before its tab is closed: closing one in the middle of a navigation was seen to wait for ever.
    await Promise.all([seen(page), page.waitForEvent('load')]);
    await page.close();
  }
});

test('a page that waits is left alone while the person is at it', async () => {
  const page = await browser.newPage();
  // Pressed from within the page, so that no slow machine lets the second pass.
  await page.addInitScript("addEventListener('DOMContentLoaded', () => dispatchEvent(new Event('keydown')))");
  await page.goto(`${server.url}/en/approval-waiting`);
  await assert.rejects(seen(page, 2500));
  await page.close();
});

test('a page that waits for a person only does not look again', async () => {
  const look = async (name: string) => {
    const page = await browser.newPage();
    await page.goto(`${server.url}/en/${name}`);
    await assert.rejects(seen(page, 2000), name);
    await page.close();
  };
  await Promise.all(['approval-ask', 'approval-denied', 'approval-approved'].map(look));
});

/** Resolves when the page is asked for again. */
function seen(page: Page, timeout = 30_000): Promise<unknown> {
  return page.waitForRequest((request) => request.isNavigationRequest() && request.method() === 'GET', { timeout });
}
