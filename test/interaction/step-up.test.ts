/** Page F: what is new on top, and whoever adds something sensitive proves to be the person who signed in (consent.md §3). */
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
  type Tokens,
  type World,
} from '../consents/kit.ts';
import { redeem, refresh } from '../flow.ts';
import { addPerson, sql } from '../harness.ts';
import type { Step } from '../person.ts';
import { given, heading, words } from './kit.ts';

const READ = 'mail:read';
const LABEL = 'mail:label';
const SEND = 'mail:send';
/** Longer than a sign-in counts as fresh. */
const LATER = 301_000;

describe('wider scopes', () => {
  let world: World;
  let who: { id: string; email: string; password: string };
  let people = 0;
  let browser: Browser;
  let clientId: string;
  let first: Tokens;
  before(async () => {
    world = await startWorld({ REFRESH_GRACE_SECONDS: '0' });
  });
  after(() => world?.close());
  // Somebody new each time, whose wrong passwords are nobody else's, and who gave this program reading and labels.
  beforeEach(async () => {
    people += 1;
    who = await addPerson(world.consentry.rooms, `person${people}@contoso.test`);
    browser = openBrowser(world.consentry);
    clientId = await world.register(world.newName());
    first = await connect(world, browser, clientId, { who, params: { scope: `${READ} ${LABEL}` } });
  });

  const later = () => {
    world.clock.ahead += LATER;
  };
  const widen = async (scope = `${READ} ${LABEL} ${SEND}`) => ask(world, browser, clientId, { params: { scope } });
  const asksPassword = ({ html }: Step) => /autocomplete="current-password"/.test(html);
  const ticked = ({ html }: Step) =>
    [...html.matchAll(/name="scope" value="([^"]+)" checked/g)].map(([, scope]) => scope).sort();
  const exchange = async (begun: Awaited<ReturnType<typeof widen>>['begun'], done: Step) => {
    const { body } = await redeem(world.consentry, clientId, { ...begun, code: codeOf(done) });
    return { refreshToken: body.refresh_token, scopes: String(body.scope).split(' ').sort() };
  };

  it('show what is new on top and what is held folded below, all of it ticked', async () => {
    const { begun, page } = await widen();
    assertPage(page, 'wider');
    assert.match(heading(page), /wants to do more with Mail/);
    const held = page.html.indexOf('<details class="panel held">');
    const place = (scope: string) => page.html.indexOf(`value="${scope}"`);
    assert.ok(place(SEND) > 0 && place(SEND) < held, 'the new one is above');
    assert.ok(place(READ) > held && place(LABEL) > held, 'the old ones are below');
    assert.match(words(page), /What is new.*Send mail as you Sensitive.*What you allowed already/);
    assert.doesNotMatch(words(page), /It now also asks for/);
    assert.deepEqual(ticked(page), [LABEL, READ, SEND]);
    assert.deepEqual((await exchange(begun, await press(browser, page))).scopes, [LABEL, READ, SEND]);
  });

  it('that are sensitive ask for no password of whoever signed in less than five minutes ago', async () => {
    const { page } = await widen();
    assert.ok(!asksPassword(page));
    world.clock.ahead += LATER - 3_000;
    const still = await browser.open(page.url);
    assert.ok(!asksPassword(still));
    codeOf(await press(browser, still));
  });

  it('that are sensitive ask whoever signed in before that; the right password is a sign-in, and is not asked again', async () => {
    later();
    const { begun, page } = await widen();
    assertPage(page, 'wider');
    assert.ok(asksPassword(page));
    const done = await press(browser, page, { password: who.password });
    assert.deepEqual((await exchange(begun, done)).scopes, [LABEL, READ, SEND]);
    const other = await world.register(world.newName());
    await connect(world, browser, other);
    const next = await ask(world, browser, other, { params: { scope: `${READ} ${SEND}` } });
    assertPage(next.page, 'wider');
    assert.ok(!asksPassword(next.page));
  });

  it('refuse a wrong password, none, and that of somebody else: nothing is stored, and the page comes back as it was left', async () => {
    const bob = await addPerson(world.consentry.rooms, `bob${people}@contoso.test`, 'another battery horse staple');
    later();
    let { page } = await widen();
    const earlier = await given(world.consentry);
    const [before] = await consentRows(world, clientId);
    const attempts: Record<string, string>[] = [
      { password: 'wrong' },
      { password: '' },
      {},
      { password: bob.password, email: bob.email },
    ];
    for (const attempt of attempts) {
      const refused = await press(browser, page, { scope: [READ, SEND], expiry: '30d', ...attempt });
      assert.deepEqual([refused.status, refused.left], [401, undefined], words(refused));
      assert.match(words(refused), /This password is not right/);
      assert.deepEqual(ticked(refused), [READ, SEND]);
      assert.ok(!refused.html.includes('value="wrong"'), 'the password is not on the page');
      page = refused;
    }
    assert.deepEqual(await given(world.consentry), earlier);
    assert.deepEqual(await consentRows(world, clientId), [before]);
    assert.equal((await refresh(world.consentry, clientId, first.refreshToken)).status, 200);
    const failures = await sql(
      world.consentry,
      "SELECT reason FROM audit_events WHERE type = 'sign_in.failed' AND account_id = $1",
      [who.id],
    );
    assert.deepEqual(
      failures,
      attempts.map(() => ({ reason: 'presence' })),
    );
    const done = await press(browser, page, { scope: [READ, SEND], password: who.password });
    assert.ok(done.left?.searchParams.get('code'));
  });

  it('let nobody guess: after five wrong passwords the right one has to wait as well', async () => {
    later();
    const { page } = await widen();
    const earlier = await given(world.consentry);
    for (let count = 0; count < 5; count += 1) {
      assert.equal((await press(browser, page, { password: `guess ${count}` })).status, 401);
    }
    const throttled = await press(browser, page, { password: who.password });
    assert.deepEqual([throttled.status, throttled.left], [429, undefined]);
    assert.match(throttled.headers.get('retry-after') ?? '', /^\d+$/);
    assert.match(words(throttled), /Too many tries/);
    assert.deepEqual(await given(world.consentry), earlier);
    world.clock.ahead += 1_000 * Number(throttled.headers.get('retry-after'));
    assert.ok((await press(browser, page, { password: who.password })).left?.searchParams.get('code'));
  });

  it('ask for nothing where what is sensitive stays unticked, was held before, or nothing of it is new', async () => {
    later();
    const { begun, page } = await widen(`openid ${READ} ${SEND}`);
    assert.ok(asksPassword(page));
    const without = await press(browser, page, { scope: ['openid', READ] });
    assert.deepEqual((await exchange(begun, without)).scopes, [READ]);
    const label = await world.register(world.newName());
    await connect(world, browser, label, { who, params: { scope: READ } });
    const medium = await ask(world, browser, label, { params: { scope: `${READ} ${LABEL}` } });
    assertPage(medium.page, 'wider');
    assert.ok(!asksPassword(medium.page));
    const holder = await world.register(world.newName());
    await connect(world, browser, holder, { params: { scope: SEND } });
    const held = await ask(world, browser, holder, { params: { scope: `${READ} ${SEND}` } });
    assertPage(held.page, 'wider');
    assert.ok(!asksPassword(held.page));
    codeOf(await press(browser, held.page));
  });

  it('ask too where more differs than the scopes, and where the request came by a link', async () => {
    const name = world.newName();
    const document = await world.publish(name, {});
    await connect(world, browser, document, { params: { scope: READ } });
    await world.publish(name, { client_name: 'Renamed' });
    later();
    const params = { scope: `${READ} ${SEND}` };
    const renamed = await ask(world, browser, document, { params });
    assertPage(renamed.page, 'full');
    const linked = await ask(world, browser, clientId, { params, site: 'cross-site' });
    for (const { page } of [renamed, linked]) {
      assert.ok(asksPassword(page), words(page));
      assert.equal((await press(browser, page, { password: 'wrong' })).status, 401);
    }
  });

  it('may take back what was held: the refresh tokens that carry it end, and only they (threat 59)', async () => {
    const little = await connect(world, browser, clientId, { params: { scope: READ } });
    const { begun, page } = await widen();
    const tokens = await exchange(begun, await press(browser, page, { scope: [READ, SEND] }));
    assert.deepEqual(tokens.scopes, [READ, SEND]);
    const [row] = await consentRows(world, clientId);
    assert.deepEqual(row?.scopes.toSorted(), [READ, SEND]);
    const ended = await refresh(world.consentry, clientId, first.refreshToken);
    assert.deepEqual([ended.status, ended.body.error], [400, 'invalid_grant']);
    const narrowed = await refresh(world.consentry, clientId, first.refreshToken, { scope: READ });
    assert.equal(narrowed.body.error, 'invalid_grant', 'also where it asks for the rest alone');
    for (const { refreshToken } of [little, tokens]) {
      assert.equal((await refresh(world.consentry, clientId, refreshToken)).status, 200);
    }
  });

  it('denied leave what was agreed to as it was', async () => {
    const [before] = await consentRows(world, clientId);
    later();
    const { page } = await widen();
    const { left } = await browser.submit(page, { decision: 'deny' });
    assert.equal(left?.searchParams.get('error'), 'access_denied');
    assert.deepEqual(await consentRows(world, clientId), [before]);
    assert.equal((await refresh(world.consentry, clientId, first.refreshToken)).status, 200);
    assertPage((await ask(world, browser, clientId)).page, 'short');
  });
});
