/** Access reviews worked by keys in a real browser, and how their pages and those of the record are for everybody. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { accessibilityProblems } from '../browser/accessibility.ts';
import { launchBrowser } from '../browser/chromium.ts';
import { type Consentry, startConsentry } from '../harness.ts';
import { plant } from '../reviews/kit.ts';
import { arrive, type Colleague } from './kit.ts';

const SHOTS = process.env.SHOTS;

describe('an access review in a browser', () => {
  let consentry: Consentry;
  let browser: Browser;
  let admin: Colleague;
  before(async () => {
    consentry = await startConsentry();
    browser = await launchBrowser();
    admin = await arrive(consentry, 'admin');
  });
  after(async () => {
    await browser?.close();
    await consentry?.close();
  });

  /** A browser that is signed in as the administrator is. */
  async function enter(options: Parameters<Browser['newContext']>[0] = {}): Promise<BrowserContext> {
    const context = await browser.newContext(options);
    await context.addCookies(admin.browser.jar.map(({ name, value }) => ({ name, value, url: consentry.issuer })));
    return context;
  }
  async function start(people: number): Promise<string> {
    const wanted = { subject: 'client', subjectId: await plant(consentry, people), name: 'Spring', days: 7 } as const;
    return (await consentry.rooms.reviews.start({ accountId: admin.id, reach: undefined }, wanted)).id;
  }
  const countsOf = async (id: string) => (await consentry.rooms.reviews.find(id, { reach: undefined })).counts;
  /** The person whose row has the focus. */
  const focused = (page: Page) => page.evaluate("document.activeElement?.querySelector('th')?.textContent ?? ''");
  async function key(page: Page, name: string): Promise<void> {
    await Promise.all([page.waitForEvent('load'), page.keyboard.press(name)]);
  }

  it('is answered by one key a row, and each answer leads to the next row', async () => {
    const id = await start(4);
    const page = await (await enter()).newPage();
    await page.goto(`${consentry.issuer}/admin/reviews/${id}?decision=pending`);
    await page.getByRole('button', { name: 'Begin at the first row' }).press('Enter');
    assert.equal(await focused(page), 'person1@contoso.test');
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('k');
    assert.equal(await focused(page), 'person2@contoso.test');
    await key(page, 'a');
    assert.equal(await focused(page), 'person3@contoso.test', 'the row that came in its place');
    await key(page, 'r');
    assert.deepEqual(await countsOf(id), { pending: 2, kept: 1, revoked: 1, expired: 0, gone: 0 });
    await page.goto(`${consentry.issuer}/admin/reviews/${id}`);
    await page.getByRole('button', { name: 'Begin at the first row' }).press('Enter');
    await page.keyboard.press('j');
    await key(page, 'u');
    assert.equal(await focused(page), 'person3@contoso.test', 'the row after one that stays');
    assert.deepEqual(await countsOf(id), { pending: 3, kept: 0, revoked: 1, expired: 0, gone: 0 });
    await page.context().close();
  });

  it('takes no key for an answer where somebody types, holds a modifier, or looks elsewhere', async () => {
    const id = await start(2);
    const page = await (await enter()).newPage();
    const posts: string[] = [];
    page.on('request', (request) => request.method() === 'POST' && posts.push(request.url()));
    await page.goto(`${consentry.issuer}/admin/reviews/${id}?decision=pending`);
    await page.keyboard.press('r');
    await page.getByLabel('Note (optional)').pressSequentially('arrears');
    await page.getByRole('checkbox').nth(1).press('r');
    await page.getByRole('button', { name: 'Begin at the first row' }).press('Enter');
    await page.keyboard.press('Control+a');
    await page.keyboard.press('u');
    assert.deepEqual(posts, []);
    assert.equal((await countsOf(id)).pending, 2);
    await page.context().close();
  });

  it('works by plain buttons without JavaScript, where no key is promised', async () => {
    const id = await start(2);
    const page = await (await enter({ javaScriptEnabled: false })).newPage();
    await page.goto(`${consentry.issuer}/admin/reviews/${id}?decision=pending`);
    assert.equal(await page.getByText('one key answers').isVisible(), false);
    await page.getByRole('button', { name: /Keep the access of .* person1/ }).click();
    await page.getByRole('button', { name: /Revoke the access of .* person2/ }).click();
    assert.match((await page.getByRole('main').textContent()) ?? '', /2 of 2 done/);
    assert.deepEqual(await countsOf(id), { pending: 0, kept: 1, revoked: 1, expired: 0, gone: 0 });
    await page.context().close();
  });

  it('is for everybody, as are the pages of the record: on a phone and a desktop, in both languages, light and dark', async () => {
    const id = await start(3);
    const paths = [
      '/reviews',
      `/reviews/${id}`,
      '/reviews/start',
      `/reviews/${id}/close`,
      '/audit',
      `/audit/person/${admin.id}`,
    ];
    for (const [locale, width, colorScheme] of [
      ['en', 1280, 'light'],
      ['ja', 390, 'dark'],
    ] as const) {
      const context = await enter({ locale, viewport: { width, height: 800 }, colorScheme });
      const page = await context.newPage();
      const faults: string[] = [];
      page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
      page.on('pageerror', (error) => faults.push(error.message));
      for (const path of paths) {
        await page.goto(`${consentry.issuer}/admin${path}`);
        assert.equal(new URL(page.url()).pathname, `/admin${path}`);
        assert.deepEqual(await accessibilityProblems(page), [], `${path} ${locale}`);
        const wide = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
        assert.ok(Number(wide) <= 0, `${path} ${locale} scrolls sideways by ${wide}`);
        if (SHOTS)
          await page.screenshot({
            path: `${SHOTS}/${locale}${path.replaceAll('/', '-').replaceAll(id, 'id').slice(0, 30)}.png`,
            fullPage: true,
          });
      }
      assert.deepEqual(faults, []);
      await context.close();
    }
  });
});
