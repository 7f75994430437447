/** Approvals and consents by keyboard alone, in a real browser, at two widths and in both languages; axe-core on the way. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { addResource } from '../../src/registrations.ts';
import { ask, publish, register, rename, stateOf } from '../admin/approval-kit.ts';
import { addColleague, type Colleague, PASSWORD } from '../admin/kit.ts';
import { authorize } from '../flow.ts';
import { type Consentry, MAIL, sql, startConsentry } from '../harness.ts';
import { accessibilityProblems } from './accessibility.ts';
import { launchBrowser } from './chromium.ts';

const FILES = 'http://127.0.0.1:9/files';
const screenshots = new URL('../../test-output/admin-approvals/', import.meta.url).pathname;
const DESKTOP = { viewport: { width: 1280, height: 800 }, locale: 'en' };
const PHONE = { viewport: { width: 390, height: 844 }, locale: 'ja', colorScheme: 'dark' as const };
/** More than any of these pages has to go through. */
const MAX_TABS = 80;

describe('approvals and consents by keyboard', () => {
  let consentry: Consentry;
  let browser: Browser;
  let admin: Colleague;
  let clock = Date.now();

  before(async () => {
    mkdirSync(screenshots, { recursive: true });
    [consentry, browser] = await Promise.all([startConsentry({}, () => new Date(clock)), launchBrowser()]);
    await sql(consentry, `UPDATE policy_rules SET match = '{"above": "medium"}' WHERE id = 'default'`);
    await addResource(consentry.rooms, { ...MAIL, uri: FILES, name: 'Files' });
    admin = await addColleague(consentry, 'admin');
    await addColleague(consentry, 'owner');
  });
  after(async () => {
    await browser?.close();
    await consentry?.close();
  });

  /** Goes on by Tab until what has the focus fits, and it must be seen to have it. */
  async function tabTo(page: Page, selector: string): Promise<void> {
    for (let tabs = 0; tabs < MAX_TABS; tabs += 1) {
      await page.keyboard.press('Tab');
      const there = await page.evaluate(`document.activeElement?.matches(${JSON.stringify(selector)}) === true`);
      if (!there) continue;
      const outline = await page.evaluate(
        "(() => { const style = getComputedStyle(document.activeElement); return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0; })()",
      );
      assert.ok(outline, `the focus on ${selector} is seen`);
      return;
    }
    assert.fail(`no Tab reaches ${selector} on ${page.url()}`);
  }

  async function pressOn(page: Page, selector: string): Promise<void> {
    await tabTo(page, selector);
    await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  }

  async function signIn(options: BrowserContextOptions, path: string): Promise<Page> {
    const page = await (await browser.newContext(options)).newPage();
    await page.goto(`${consentry.issuer}${path}`);
    const focused = await page.evaluate("document.activeElement?.matches('[name=email]') === true");
    if (!focused) await tabTo(page, '[name=email]');
    await page.keyboard.type(admin.email);
    await tabTo(page, '[name=password]');
    await page.keyboard.type(PASSWORD);
    await Promise.all([page.waitForURL(`**${path}`), page.keyboard.press('Enter')]);
    return page;
  }

  async function look(page: Page, name: string): Promise<void> {
    await page.screenshot({ path: `${screenshots}${name}.png`, fullPage: true });
    assert.deepEqual(await accessibilityProblems(page), [], name);
    const width = page.viewportSize()?.width ?? 0;
    assert.ok(
      Number(await page.evaluate('document.documentElement.scrollWidth')) <= width,
      `${name} is wider than the screen`,
    );
  }

  for (const [name, options] of [
    ['desktop-en', DESKTOP],
    ['phone-ja', PHONE],
  ] as const) {
    it(`the queue is worked through without a mouse (${name})`, async () => {
      await sql(consentry, 'DELETE FROM approval_requests');
      const proven = await publish(consentry, `${name}.example`, 'Mail desk');
      const approved = await ask(consentry, proven, { reason: 'for the report' });
      clock += 1000;
      const denied = await ask(consentry, await register(consentry, 'Desk'));
      const page = await signIn(options, '/admin/approvals');
      await look(page, `${name}-queue`);
      await tabTo(page, 'tbody th a');
      await page.keyboard.press('j');
      assert.equal(await page.evaluate('document.activeElement.getAttribute("href")'), `/admin/approvals/${denied.id}`);
      await page.keyboard.press('k');
      await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
      await look(page, `${name}-card`);
      await tabTo(page, '[name=days]');
      await page.keyboard.press('ControlOrMeta+a');
      await page.keyboard.type('30');
      await pressOn(page, 'form[action$="/approve"] button');
      assert.equal(await stateOf(consentry, approved), 'approved');
      await look(page, `${name}-approved`);

      await pressOn(page, `a[href$="/${denied.id}"]`);
      await tabTo(page, '#field-reason');
      await page.keyboard.type('Use the desktop app.');
      await pressOn(page, 'form[action$="/deny"] button');
      const { state, note } = (await consentry.rooms.approvals.find(denied.id)) ?? {};
      assert.deepEqual([state, note], ['denied', 'Use the desktop app.']);

      await page.goto(`${consentry.issuer}/admin/approvals/${approved.id}`);
      await pressOn(page, 'a[href$="/rule"]');
      await look(page, `${name}-rule`);
      await pressOn(page, 'form[method=post] button.primary');
      await pressOn(page, 'a[href$="/revoke"]');
      await look(page, `${name}-revoke`);
      await pressOn(page, 'form[action$="/revoke"] button');
      assert.equal(await stateOf(consentry, approved), 'withdrawn');
      await page.context().close();
    });
  }

  for (const [name, options] of [
    ['desktop-en', DESKTOP],
    ['phone-ja', PHONE],
  ] as const) {
    it(`the same client at another MCP server is ticked and approved with it, without a mouse (${name})`, async () => {
      await sql(consentry, 'DELETE FROM approval_requests');
      const client = await publish(consentry, `several-${name}.example`, 'Mail desk');
      const request = await ask(consentry, client);
      const scopes = ['mail:send', 'mail:read'];
      const others = [
        await ask(consentry, client, { resourceUri: FILES, reason: 'for the report', scopes }),
        await ask(consentry, client, { resourceUri: FILES, scopes }),
      ];
      const page = await signIn(options, `/admin/approvals/${request.id}`);
      await sql(
        consentry,
        "UPDATE resource_scopes SET description = description || '.' WHERE name = 'mail:read' AND resource_id = (SELECT id FROM resources WHERE uri = $1)",
        [FILES],
      );
      await tabTo(page, `form[action$="/approve"] [name=also][value^="${others[0]?.id}"]`);
      await page.keyboard.press('Space');
      await pressOn(page, 'form[action$="/approve"] button');
      await look(page, `${name}-several-changed`);
      await tabTo(page, `form[action$="/approve"] [name=also][value^="${others[0]?.id}"]`);
      await page.keyboard.press('Space');
      await look(page, `${name}-several`);
      await pressOn(page, 'form[action$="/approve"] button');
      const states: unknown[] = [];
      for (const one of [request, ...others]) states.push(await stateOf(consentry, one));
      assert.deepEqual(states, ['approved', 'approved', 'pending']);
      await look(page, `${name}-several-approved`);
      await page.context().close();
    });
  }

  for (const [name, options] of [
    ['desktop-en', DESKTOP],
    ['phone-ja', PHONE],
  ] as const) {
    it(`after the proof that an approval for everyone takes, the browser is at the form, which says what is left to do (${name})`, async () => {
      await sql(consentry, 'DELETE FROM approval_requests');
      const request = await ask(consentry, await publish(consentry, `everyone-${name}.example`, 'Mail desk'));
      const page = await signIn(options, `/admin/approvals/${request.id}`);
      clock += 301_000;
      await page.check('[name=audience][value=everyone]');
      await pressOn(page, 'form[action$="/approve"] button');
      await page.fill('[name=password]', PASSWORD);
      await Promise.all([page.waitForURL('**/approve?*#decide'), page.keyboard.press('Enter')]);
      assert.equal(await page.evaluate('document.activeElement?.id'), 'decide');
      const seen =
        '(() => { const { top, bottom } = document.querySelector("#decide h2").getBoundingClientRect(); return top >= 0 && bottom <= innerHeight; })()';
      assert.equal(await page.evaluate(seen), true, 'where the eyes are');
      await look(page, `${name}-proved`);
      await pressOn(page, 'form[action$="/approve"] button');
      assert.equal(await stateOf(consentry, request), 'approved');
      assert.equal((await consentry.rooms.approvals.find(request.id))?.audience, 'everyone');
      await page.context().close();
    });
  }

  it('what changed while the page stood open is told, and nothing is approved', async () => {
    await sql(consentry, 'DELETE FROM approval_requests');
    const client = await publish(consentry, 'changing.example', 'Mail desk');
    const request = await ask(consentry, client);
    const page = await signIn(DESKTOP, `/admin/approvals/${request.id}`);
    await rename(consentry, client, 'Bank');
    await pressOn(page, 'form[action$="/approve"] button');
    assert.equal(await stateOf(consentry, request), 'pending');
    assert.match((await page.textContent('[role=alert] ul')) ?? '', /Bank/);
    await look(page, 'changed');
    await page.context().close();
  });

  for (const [name, options] of [
    ['desktop-en', DESKTOP],
    ['phone-ja', PHONE],
  ] as const) {
    it(`a consent is found, read and ended without a mouse (${name})`, async () => {
      await sql(consentry, `UPDATE policy_rules SET match = '{"above": "high"}' WHERE id = 'default'`);
      const client = await register(consentry, `Desk of ${name}`);
      await authorize(consentry, client, { params: { scope: 'mail:read mail:send' } });
      const page = await signIn(options, '/admin/consents');
      await tabTo(page, '#filter-search');
      await page.keyboard.type(`Desk of ${name}`);
      await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
      await look(page, `${name}-consents`);
      await pressOn(page, 'tbody th a');
      await look(page, `${name}-consent`);
      await pressOn(page, 'a[href$="/receipt"]');
      await look(page, `${name}-receipt`);
      await page.goBack();
      await pressOn(page, 'a[href*="/consents/revoke?"]');
      await look(page, `${name}-end`);
      await pressOn(page, 'form[method=post][action$="/revoke"] button');
      const [row] = await sql(consentry, 'SELECT revoked_reason FROM consents WHERE client_id = $1', [client]);
      assert.equal(row?.revoked_reason, 'administrator');
      await page.context().close();
    });
  }
});
