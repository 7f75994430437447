/** From an MCP client to a tool call through Entra ID, in a real browser; and what becomes of the client when the person leaves. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { decodeJwt } from 'jose';
import type { Browser, Page } from 'playwright-core';
import { callbackUrl } from '../../src/federation/connection.ts';
import { CONTOSO, type FakePerson } from '../fakes/entra/directory.ts';
import { type FakeEntra, startFakeEntra } from '../fakes/entra/fake.ts';
import { LOOPBACK } from '../flow.ts';
import { sql } from '../harness.ts';
import { createHost } from '../sdk/host.ts';
import { passMinutes, startWithDemo, type WithDemo } from '../sdk/with-demo.ts';
import { accessibilityProblems } from './accessibility.ts';
import { launchBrowser } from './chromium.ts';

const ID = '3d0c4e5a-6b1f-4c57-9a55-7f0f5f6a1b2c';
const SECRET = 'a secret of the application';
const screenshots = new URL('../../test-output/entra/', import.meta.url).pathname;

describe('an MCP client whose person is in Entra ID', () => {
  let entra: FakeEntra;
  let consentry: WithDemo;
  let browser: Browser;
  let ana: FakePerson;
  let client: Client;
  /** Of her tokens. */
  let sub: string;
  const host = createHost();

  before(async () => {
    mkdirSync(screenshots, { recursive: true });
    entra = await startFakeEntra({ https: true });
    const { proxyUrl = '', caFile = '' } = entra.tls ?? {};
    [consentry, browser] = await Promise.all([
      startWithDemo({ OUTBOUND_PROXY: proxyUrl, OUTBOUND_CA_FILE: caFile }),
      launchBrowser(),
    ]);
    ana = entra.directory.person({ upn: 'ana@contoso.test', name: 'Ana Lima', email: 'ana@contoso.test' });
    const app = entra.directory.app({
      redirectUris: [callbackUrl(consentry.issuer, ID)],
      secrets: [{ value: SECRET, expiresAt: Date.now() / 1000 + 86_400 }],
      optionalClaims: new Set(['acct', 'sid', 'auth_time']),
    });
    entra.behaviour.interactive = true;
    const { settings } = entra.record({ settings: { clientId: app.clientId, tenants: [CONTOSO] } });
    const shared = { exclusive: true, provisioning: 'first_sign_in', origin: 'cli' } as const;
    const secrets = { clientSecret: SECRET, certificates: [] };
    await consentry.rooms.connectionStore.create({
      id: ID,
      name: 'Contoso',
      kind: 'entra',
      settings,
      secrets,
      ...shared,
    });
  });
  after(async () => {
    await client?.close();
    await browser?.close();
    await consentry?.close();
    await entra?.close();
  });

  async function look(page: Page, name: string): Promise<void> {
    await page.screenshot({ path: `${screenshots}${name}.png`, fullPage: true });
    assert.deepEqual(await accessibilityProblems(page), [], name);
  }

  async function connect(): Promise<void> {
    client = new Client({ name: 'test', version: '1.0.0' });
    const { provider: authProvider, fetch } = host;
    await client.connect(new StreamableHTTPClientTransport(consentry.demoUrl, { authProvider, fetch }));
  }

  async function list(): Promise<unknown> {
    const { content } = await client.callTool({ name: 'list_notes', arguments: {} });
    return content;
  }

  it('is connected by two presses of ours and one there, and calls a tool', async () => {
    await assert.rejects(connect(), UnauthorizedError);
    const context = await browser.newContext({
      proxy: { server: String(entra.tls?.proxyUrl), bypass: '127.0.0.1' },
      ignoreHTTPSErrors: true,
      locale: 'en-US',
    });
    const page = await context.newPage();
    await page.goto(host.asked().last.href);
    assert.equal(await page.locator('input[type=password]').count(), 0, 'the connection is exclusive');
    assert.equal(entra.authorizations.length, 0, 'Entra hears of nobody before the press');
    await look(page, 'connect');
    await page.locator('button[name=connection]:not([aria-disabled="true"])').click();
    await page.getByRole('button', { name: ana.upn }).click();
    const approve = page.getByRole('button', { name: 'Approve', exact: true });
    await approve.waitFor();
    const text = String(await page.locator('body').textContent());
    for (const shown of ['ana@contoso.test', 'Notes Desk', 'Demo notes']) assert.ok(text.includes(shown), shown);
    await look(page, 'consent');
    const answer = page.waitForRequest((request) => request.url().startsWith(LOOPBACK));
    await page.locator('button[value=approve]:not([aria-disabled="true"])').click();
    const { searchParams } = new URL((await answer).url());
    const { provider: authProvider, fetch } = host;
    await new StreamableHTTPClientTransport(consentry.demoUrl, { authProvider, fetch }).finishAuth(searchParams);
    await connect();
    assert.ok(await list());
    const claims = decodeJwt(String(host.kept().tokens?.access_token));
    sub = String(claims.sub);
    assert.equal(claims.aud, consentry.demoUrl.href);
    assert.notEqual(sub, ana.oid);
    const [asked] = entra.authorizations;
    assert.equal(asked?.get('scope'), 'openid profile email offline_access');
    assert.equal(asked?.get('resource'), null);
    assert.equal(asked?.get('code_challenge_method'), 'S256');
  });

  it('and as an owner lands in the dashboard, signed in, straight from Entra', async () => {
    await sql(consentry, "UPDATE accounts SET role = 'owner' WHERE id = $1", [sub]);
    const context = await browser.newContext({
      proxy: { server: String(entra.tls?.proxyUrl), bypass: '127.0.0.1' },
      ignoreHTTPSErrors: true,
      locale: 'en-US',
    });
    const page = await context.newPage();
    await page.goto(`${consentry.issuer}/admin/people?state=active`);
    await page.locator('button[name=connection]:not([aria-disabled="true"])').click();
    await page.getByRole('button', { name: ana.upn }).click();
    await page.waitForURL(`${consentry.issuer}/admin/people?state=active`);
    assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), 'People');
    const cookies = await context.cookies();
    assert.equal(cookies.find(({ name }) => name === 'consentry_admin')?.sameSite, 'Strict');
    // The last owner would be let stay below.
    await sql(consentry, "UPDATE accounts SET role = 'user' WHERE id = $1", [sub]);
  });

  it('goes on while Entra vouches for the person, and ends when it no longer does', async () => {
    const redemptions = () => entra.tokenRequests.filter((one) => one.get('grant_type') === 'refresh_token').length;
    passMinutes(11);
    assert.ok(await list());
    assert.equal(redemptions(), 1);
    ana.disabled = true;
    passMinutes(11);
    await assert.rejects(list());
    assert.equal(redemptions(), 2);
    const [account] = await sql(consentry, 'SELECT disabled_by FROM accounts WHERE id = $1', [sub]);
    assert.deepEqual(account, { disabled_by: [`upstream:${ID}`] });
    assert.deepEqual(await sql(consentry, "SELECT 1 FROM artifacts WHERE kind IN ('RefreshToken', 'Session')"), []);
  });
});
