/** Page D: given where everything holds, one press, and nothing that the full page before it did not give (consent.md §1, §3). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { decodeJwt } from 'jose';
import {
  ask,
  assertPage,
  type Browser,
  CLAUDE,
  codeOf,
  connect,
  consentRows,
  notYou,
  openBrowser,
  press,
  recordOf,
  startWorld,
  type World,
} from '../consents/kit.ts';
import { redeem, refresh, signIn } from '../flow.ts';
import { addPerson, CALENDAR, register, sql } from '../harness.ts';
import { given, heading, words } from './kit.ts';

const LINKS = ['cross-site', 'same-site', 'same-origin', ''];

describe('the short page', () => {
  let world: World;
  let bob: { id: string; email: string; password: string };
  let ana: Browser;
  let name: string;
  let clientId: string;
  before(async () => {
    world = await startWorld();
    bob = await addPerson(world.consentry.rooms, 'bob@contoso.test');
    await register(world.consentry.rooms, CALENDAR);
    await world.know(CLAUDE);
  });
  after(() => world?.close());
  // A program that Ana approved a moment ago, in this browser.
  beforeEach(async () => {
    name = world.newName();
    clientId = await world.register(name);
    ana = openBrowser(world.consentry);
    assertPage((await connect(world, ana, clientId)).page, 'full');
  });
  const again = () => world.register(name);

  it('is given to the same program under a new client ID: one press, its own consent, and the scopes it asked for', async () => {
    const sister = await again();
    const { begun, page } = await ask(world, ana, sister, {
      params: { redirect_uri: 'http://127.0.0.1:50505/callback' },
    });
    assertPage(page, 'short');
    assert.equal(heading(page), `Continue connecting “${name}” to Mail as ${world.consentry.ana.email} ?`);
    assert.match(
      words(page),
      /Same as you approved on .*calls itself “Program \d+”.*Continue only if you started it just now.*127\.0\.0\.1.*Mail/,
    );
    assert.doesNotMatch(page.html, /type="checkbox"|type="radio"/);
    const { body } = await redeem(world.consentry, sister, { ...begun, code: codeOf(await press(ana, page)) });
    assert.equal(decodeJwt(String(body.access_token)).scope, 'mail:read');
    assert.equal((await refresh(world.consentry, sister, body.refresh_token)).status, 200);

    const [[before], [own]] = [await consentRows(world, clientId), await consentRows(world, sister)];
    assert.ok(before && own && before.id !== own.id);
    assert.deepEqual(
      [own.expires_at, own.full_page_at, own.scopes],
      [before.expires_at, before.full_page_at, ['mail:read']],
    );
    assert.deepEqual(await recordOf(world, sister), ['consent.continued short']);
    const [recorded] = await sql<{ consent_id: string; details: Record<string, unknown> }>(
      world.consentry,
      "SELECT consent_id, details FROM audit_events WHERE type = 'consent.continued' AND client_id = $1",
      [sister],
    );
    assert.equal(recorded?.consent_id, own.id);
    assert.deepEqual([recorded?.details.under, recorded?.details.differences], [before.id, []]);
    // Each has its own: what is taken from one stays with the other.
    await world.consentry.rooms.consents.revoke({ clientId }, 'test');
    assert.equal((await refresh(world.consentry, sister, body.refresh_token)).status, 200);
  });

  it('is given to a document that returns to this computer, and to any client that proves nothing, only straight from a program (threat 51)', async () => {
    const document = await world.publish(name, {});
    await connect(world, ana, document);
    for (const id of [document, clientId]) {
      assertPage((await ask(world, ana, id)).page, 'short');
      for (const site of LINKS) assertPage((await ask(world, ana, id, { site })).page, 'full', `${id} ${site}`);
    }
  });

  it('is given to a proven document also by a link, and then says so', async () => {
    const params = { redirect_uri: CLAUDE.redirectUri };
    await connect(world, ana, CLAUDE.clientId, { params });
    const straight = await ask(world, ana, CLAUDE.clientId, { params });
    assertPage(straight.page, 'short');
    assert.doesNotMatch(words(straight.page), /website or a link/);
    const linked = await ask(world, ana, CLAUDE.clientId, { params, site: 'cross-site' });
    assertPage(linked.page, 'short');
    assert.match(words(linked.page), /Came from A website or a link.*If you did not start it yourself, choose Cancel/);
    codeOf(await press(ana, linked.page));
  });

  it('gives no scope beyond what is asked for, and asks the full page for more', async () => {
    const wide = await connect(world, ana, clientId, { params: { scope: 'openid mail:read mail:label' } });
    assert.deepEqual(wide.scopes, ['mail:label', 'mail:read']);
    const narrow = await connect(world, ana, clientId, { params: { scope: 'mail:label' } });
    assertPage(narrow.page, 'short');
    assert.deepEqual(narrow.scopes, ['mail:label']);
    const more = await ask(world, ana, clientId, { params: { scope: 'mail:read mail:send' } });
    assertPage(more.page, 'wider');
  });

  it('leads to the full page for whoever wants to see or change what it may do', async () => {
    const { page } = await ask(world, ana, clientId);
    const href = /href="([^"]*\?page=full)"/.exec(page.html)?.[1] ?? assert.fail('no link');
    const full = await ana.open(new URL(href, page.url).href);
    assertPage(full, 'full');
    assert.match(words(full), /Read your mail.*list_mail.*Until when/);
    codeOf(await press(ana, full, { expiry: '30d' }));
    assert.deepEqual((await recordOf(world, clientId)).slice(-1), ['consent.approved full']);
    const { page: next } = await ask(world, ana, clientId);
    const second = await ana.open(`${next.url}?page=full`);
    const denied = await ana.submit(second, { decision: 'deny' });
    assert.equal(denied.left?.searchParams.get('error'), 'access_denied');
  });

  it('cancelled goes back without a code, changes nothing, and is not counted as a no', async () => {
    const earlier = await given(world.consentry);
    for (let count = 0; count < 3; count += 1) {
      const { page } = await ask(world, ana, clientId);
      assertPage(page, 'short');
      const { left } = await ana.submit(page, { decision: 'cancel' });
      assert.equal(left?.searchParams.get('error'), 'access_denied');
    }
    assert.deepEqual(await given(world.consentry), earlier);
  });

  it('“Stop this app” ends every registration of the program for this server, and their refresh tokens', async () => {
    const sister = await connect(world, ana, await again());
    const elsewhere = await connect(world, ana, clientId, {
      params: { resource: CALENDAR.uri, scope: 'calendar:read' },
    });
    const others = openBrowser(world.consentry);
    const bobs = await connect(world, others, clientId, { who: bob });
    const stranger = await connect(world, ana, await world.register(world.newName()));
    const { page } = await ask(world, ana, await again());
    const stopped = await ana.submit(page, { decision: 'stop' });
    assert.equal(stopped.left, undefined);
    assert.match(heading(stopped), /You stopped this app/);
    for (const [tokens, status] of [
      [sister, 400],
      [elsewhere, 200],
      [bobs, 200],
      [stranger, 200],
    ] as const) {
      const answer = await refresh(world.consentry, tokens.clientId, tokens.refreshToken, {});
      assert.equal(answer.status, status, JSON.stringify(answer.body));
      if (status === 400) assert.equal(answer.body.error, 'invalid_grant');
    }
    const revoked = [...(await consentRows(world, clientId)), ...(await consentRows(world, sister.clientId))].filter(
      (row) => row.revoked_at !== null,
    );
    assert.deepEqual(
      revoked.map((row) => row.revoked_reason),
      ['stopped_by_person', 'stopped_by_person'],
    );
    assert.ok((await recordOf(world, sister.clientId)).includes('consent.revoked stopped_by_person'));
    // A tombstone denies: the next time begins from nothing.
    assertPage((await ask(world, ana, clientId)).page, 'full');
    // The page itself is over.
    const after = await press(ana, page);
    assert.equal(after.left, undefined, words(after));
  });

  it('“Not you?” leads to page A and from there to the full page, whoever signs in', async () => {
    await connect(world, ana, clientId, { who: bob });
    for (const who of [world.consentry.ana, bob]) {
      const browser = openBrowser(world.consentry);
      await connect(world, browser, clientId, { who });
      const { page } = await ask(world, browser, clientId);
      assertPage(page, 'short');
      const connectPage = await notYou(browser, page);
      assertPage(connectPage, 'connect');
      const full = await signIn(browser, connectPage, who);
      assertPage(full, 'full');
      assert.match(words(full), new RegExp(`Signed in as ${who.email}`));
      codeOf(await press(browser, full));
      // Of another request nobody said so.
      assertPage((await ask(world, browser, clientId)).page, 'short');
    }
  });

  it('is the full one in another browser, for another account, for another server, and where the client asks for it', async () => {
    const elsewhere = openBrowser(world.consentry);
    assertPage((await ask(world, elsewhere, clientId)).page, 'full', 'another browser');
    assertPage((await ask(world, ana, clientId, { params: { prompt: 'consent' } })).page, 'full', 'asked for');
    const calendar = { params: { resource: CALENDAR.uri, scope: 'calendar:read' } };
    assertPage((await ask(world, ana, clientId, calendar)).page, 'full', 'another server');
    const swapped = await notYou(ana, (await ask(world, ana, clientId)).page);
    await signIn(ana, swapped, bob);
    assertPage((await ask(world, ana, clientId)).page, 'full', 'another account');
  });

  it('is the full one with the difference in words where the way back is another (threat 43)', async () => {
    const redirects = ['https://claude.example/callback', 'http://127.0.0.1/callback'];
    const moving = await world.register(world.newName(), { redirect_uris: redirects });
    await connect(world, ana, moving, { params: { redirect_uri: String(redirects[0]) } });
    const { page } = await ask(world, ana, moving);
    assertPage(page, 'full');
    assert.match(words(page), /It used to send you back to claude\.example , now to 127\.0\.0\.1/);
    // Both are agreed to from then on, each by itself.
    codeOf(await press(ana, page));
    assertPage((await ask(world, ana, moving)).page, 'short');
    assert.equal((await consentRows(world, moving)).length, 2);
  });

  it('stands as it was loaded twice, and pressed at once gives one code (threat 56)', async () => {
    const { page } = await ask(world, ana, clientId);
    const [one, two] = await Promise.all([ana.open(page.url), ana.open(page.url)]);
    assertPage(one, 'short');
    assertPage(two, 'short');
    const earlier = await given(world.consentry);
    const answers = await Promise.all([press(ana, one), press(ana, two), press(ana, page)]);
    assert.ok(answers.some(({ left }) => left?.searchParams.get('code')));
    for (const answer of answers) assert.ok(answer.status < 500, words(answer));
    assert.equal((await given(world.consentry)).codes, earlier.codes + 1);
  });

  it('made for Ana and pressed after Bob signed in stores nothing and comes back as Bob’s (threat 54)', async () => {
    const { page } = await ask(world, ana, clientId);
    await signIn(ana, await notYou(ana, (await ask(world, ana, clientId)).page), bob);
    const earlier = await given(world.consentry);
    const answer = await press(ana, page);
    assertPage(answer, 'full');
    assert.match(words(answer), /Signed in as bob@contoso\.test/);
    assert.deepEqual(await given(world.consentry), earlier);
  });

  it('counts for nothing where the consent it stands on has ended meanwhile: the full page comes instead', async () => {
    const ends = [
      () => world.consentry.rooms.consents.revoke({ clientId }, 'test'),
      () =>
        sql(
          world.consentry,
          "UPDATE consents SET suspended_at = now(), suspended_reason = 'test' WHERE client_id = $1",
          [clientId],
        ),
      () => sql(world.consentry, "UPDATE consents SET browsers = '{}' WHERE client_id = $1", [clientId]),
    ];
    for (const end of ends) {
      const { page } = await ask(world, ana, clientId);
      assertPage(page, 'short');
      const { codes, grants } = await given(world.consentry);
      await end();
      const answer = await press(ana, page);
      assert.deepEqual([answer.status, answer.left], [403, undefined]);
      assert.match(answer.html, /value="approve"/);
      assert.ok((await given(world.consentry)).codes <= codes && (await given(world.consentry)).grants <= grants);
      codeOf(await press(ana, { ...answer, status: 200 }));
    }
  });

  it('takes the press on a full page that was open before it would have done, and no Continue from there', async () => {
    const program = await world.register(world.newName());
    const [first, second] = [await ask(world, ana, program), await ask(world, ana, program)];
    codeOf(await press(ana, second.page));
    assertPage(await ana.open(first.page.url), 'short');
    const hasty = await ana.submit(first.page, { decision: 'continue' });
    assert.deepEqual([hasty.status, hasty.left], [403, undefined]);
    codeOf(await press(ana, first.page, { expiry: '30d' }));
    assert.deepEqual(await recordOf(world, program), ['consent.approved full', 'consent.approved full']);
  });

  it('forged, or pressed with the token of another page, gives nothing', async () => {
    const { page } = await ask(world, ana, clientId);
    const full = await ask(world, ana, clientId, { site: 'cross-site' });
    const token = /name="csrf" value="([^"]+)"/.exec(full.page.html)?.[1] ?? '';
    for (const csrf of ['', 'x', token]) {
      const answer = await press(ana, page, { csrf });
      assert.deepEqual([answer.status, answer.left], [403, undefined], csrf);
    }
    const forged = await ana.submit(page, { decision: 'continue' }, { headers: { 'sec-fetch-site': 'cross-site' } });
    assert.deepEqual([forged.status, forged.left], [403, undefined]);
  });
});
