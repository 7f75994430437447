/** Until when: nothing lasts longer than its server allows or the person chose, however it is used (consent.md §3, C). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import {
  ask,
  assertPage,
  type Browser,
  codeOf,
  connect,
  consentRows,
  openBrowser,
  press,
  startWorld,
  type World,
} from '../consents/kit.ts';
import { authorizationUrl, introspect, redeem, refresh } from '../flow.ts';
import { MAIL, type Registered, register, sql } from '../harness.ts';
import { isConnectPage, words } from './kit.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
const dated = (date: Date) => new Intl.DateTimeFormat('en', { dateStyle: 'long', timeZone: 'UTC' }).format(date);

describe('a consent', () => {
  let world: World;
  let ten: Registered;
  let year: Registered;
  let ana: Browser;
  let clientId: string;
  before(async () => {
    world = await startWorld({ REFRESH_GRACE_SECONDS: '0' });
    const { rooms } = world.consentry;
    ten = await register(rooms, { ...MAIL, uri: 'http://127.0.0.1:9/ten', name: 'Ten', consentDays: 10 });
    year = await register(rooms, { ...MAIL, uri: 'http://127.0.0.1:9/year', name: 'Year', consentDays: 365 });
  });
  after(() => world?.close());
  beforeEach(async () => {
    clientId = await world.register(world.newName());
    ana = openBrowser(world.consentry);
    await signIn();
  });

  const now = () => new Date(Date.now() + world.clock.ahead);
  const of = (resource: Registered) => ({ params: { resource: resource.uri } });
  /** Time passes, and the session with it; Ana signs in for another program. */
  async function later(ms: number): Promise<void> {
    world.clock.ahead += ms;
    await signIn();
  }
  async function signIn(): Promise<void> {
    const { page } = await ask(world, ana, await world.register(world.newName()));
    assert.ok(!isConnectPage(page), words(page));
  }
  async function daysLeft(id = clientId): Promise<number> {
    const [row] = await consentRows(world, id);
    return Math.round(((row?.expires_at.getTime() ?? 0) - now().getTime()) / DAY);
  }

  it('lives no longer than its server allows: ten days are offered as the most, and no thirty', async () => {
    const { page } = await ask(world, ana, clientId, of(ten));
    const offered = [...page.html.matchAll(/name="expiry" value="([^"]+)"( checked)?/g)];
    assert.deepEqual(
      offered.map(([, choice, checked]) => [choice, checked !== undefined]),
      [
        ['once', false],
        ['max', true],
      ],
    );
    assert.ok(words(page).includes(dated(new Date(now().getTime() + 10 * DAY))), words(page));
    codeOf(await press(ana, page, { expiry: '30d' }));
    assert.equal(await daysLeft(), 10, 'though thirty were posted');
    const { page: mail } = await ask(world, ana, clientId);
    assert.deepEqual(
      [...mail.html.matchAll(/name="expiry" value="([^"]+)"/g)].map(([, choice]) => choice),
      ['once', '30d', 'max'],
    );
  });

  it('is not outlived by its refresh tokens and access tokens, however often they are renewed', async () => {
    const resource = { clientId: ten.clientId, clientSecret: ten.clientSecret };
    let { refreshToken, accessToken } = await connect(world, ana, clientId, of(ten));
    for (let days = 0; days < 9; days += 3) {
      world.clock.ahead += 3 * DAY;
      const { status, body } = await refresh(world.consentry, clientId, refreshToken);
      assert.equal(status, 200, JSON.stringify(body));
      refreshToken = String(body.refresh_token);
      accessToken = String(body.access_token);
      assert.equal((await introspect(world.consentry, accessToken, resource)).body.active, true);
    }
    world.clock.ahead += DAY;
    const refused = await refresh(world.consentry, clientId, refreshToken);
    assert.deepEqual([refused.status, refused.body.error], [400, 'invalid_grant']);
    assert.deepEqual((await introspect(world.consentry, accessToken, resource)).body, { active: false });
    assert.ok((await daysLeft()) <= 0);
  });

  it('that has ended gets the full page, which tells when it was last looked at, and begins anew by the press alone', async () => {
    const { refreshToken } = await connect(world, ana, clientId, of(ten));
    const [ended] = await consentRows(world, clientId);
    await later(10 * DAY);
    const { page } = await ask(world, ana, clientId, of(ten));
    assertPage(page, 'full');
    assert.ok(
      words(page).includes(`You last looked at this page on ${dated(ended?.full_page_at ?? now())}`),
      words(page),
    );
    codeOf(await press(ana, page));
    assert.equal(await daysLeft(), 10);
    assert.equal((await refresh(world.consentry, clientId, refreshToken)).body.error, 'invalid_grant');
  });

  it('that is continued is not prolonged, however many times and under however many client IDs', async () => {
    const name = world.newName();
    const first = await world.register(name);
    await connect(world, ana, first, { fields: { expiry: '30d' } });
    const [agreed] = await consentRows(world, first);
    for (const days of [10, 10, 9]) {
      await later(days * DAY);
      const next = await world.register(name);
      const { page, refreshToken } = await connect(world, ana, next, {
        fields: { expiry: 'max', scope: ['mail:read', 'mail:send'] },
      });
      assertPage(page, 'short');
      const [own] = await consentRows(world, next);
      assert.deepEqual(
        [own?.expires_at, own?.full_page_at, own?.scopes],
        [agreed?.expires_at, agreed?.full_page_at, ['mail:read']],
      );
      const over = `SELECT 1 FROM grants g JOIN consents c ON c.id = g.consent_id
                    WHERE c.client_id = $1 AND g.expires_at > c.expires_at`;
      assert.deepEqual(await sql(world.consentry, over, [next]), []);
      assert.equal((await refresh(world.consentry, next, refreshToken)).status, 200);
    }
    await later(2 * DAY);
    assertPage((await ask(world, ana, await world.register(name))).page, 'full');
  });

  it('whose full page is 90 days old gets it again, with the date, although it lives on', async () => {
    await connect(world, ana, clientId, of(year));
    const [agreed] = await consentRows(world, clientId);
    await later(89 * DAY);
    const short = await connect(world, ana, clientId, of(year));
    assertPage(short.page, 'short');
    await later(DAY);
    const { page } = await ask(world, ana, clientId, of(year));
    assertPage(page, 'full');
    assert.ok(words(page).includes(`You last looked at this page on ${dated(agreed?.full_page_at ?? now())}`));
    // Refresh asks for no page.
    assert.equal((await refresh(world.consentry, clientId, short.refreshToken)).status, 200);
    codeOf(await press(ana, page));
    assertPage((await ask(world, ana, clientId, of(year))).page, 'short');
  });

  it('“just this once” has no refresh token and never a short page, and ends within minutes', async () => {
    const once = await connect(world, ana, clientId, { fields: { expiry: 'once' } });
    assert.equal(once.refreshToken, undefined);
    assertPage((await ask(world, ana, clientId)).page, 'full');
    const sealed = await ask(world, ana, clientId);
    const code = codeOf(await press(ana, sealed.page, { expiry: 'once' }));
    await later(15 * MINUTE + 1_000);
    assertPage((await ask(world, ana, clientId)).page, 'full');
    assert.deepEqual((await introspect(world.consentry, once.accessToken)).body, { active: false });
    const late = await redeem(world.consentry, clientId, { ...sealed.begun, code });
    assert.equal(late.body.error, 'invalid_grant');
  });

  it('“just this once” takes nothing from what was given for longer, and adds nothing to it', async () => {
    const { refreshToken } = await connect(world, ana, clientId, { fields: { expiry: '30d' } });
    const params = { prompt: 'consent' };
    const once = await connect(world, ana, clientId, { params, fields: { expiry: 'once' } });
    assertPage(once.page, 'full');
    assert.equal(once.refreshToken, undefined);
    await later(16 * MINUTE);
    assert.equal((await refresh(world.consentry, clientId, refreshToken)).status, 200);
    assert.equal(await daysLeft(), 30);
    assert.deepEqual((await introspect(world.consentry, once.accessToken)).body, { active: false });
  });

  it('has no way to be longer from the address or the form', async () => {
    const { page, begun } = await ask(world, ana, clientId, { params: { max_age: undefined, expires_in: '99999999' } });
    assert.equal(new URL(begun.url).searchParams.get('expires_in'), '99999999');
    codeOf(await press(ana, page, { expiry: ['30d', 'max', '9999d'] }));
    assert.ok((await daysLeft()) <= 90);
    const other = await world.register(world.newName());
    const waiting = authorizationUrl(world.consentry, other, { scope: 'mail:read' });
    codeOf(await press(ana, await ana.arrive(waiting.url), { expiry: 'P99Y', until: '2999-01-01', expiresAt: '9e15' }));
    assert.ok((await daysLeft(other)) <= 90);
  });
});
