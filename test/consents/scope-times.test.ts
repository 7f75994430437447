/** Nothing lasts longer than a page showed it to last: each scope of a consent has its own end and its own last showing. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Consent, ScopeTimes } from '../../src/consents/consent.ts';
import { judge, judgePage } from '../../src/consents/contract.ts';
import { differ, timesOf } from '../../src/consents/differences.ts';
import { nextVersion, type Press } from '../../src/consents/version.ts';
import { authorizationUrl, authorize, basic, redeem, refresh, registerClient, signIn } from '../flow.ts';
import { type Consentry, sql, startConsentry, staticClient } from '../harness.ts';
import { isConnectPage, isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person } from '../person.ts';
import { agree, ask, type Gateway, isShortPage, type Named } from '../proxies/kit.ts';
import { ago, ahead, circumstancesOf, consentOf, DAY, MINUTE, NOW, sight, termsOf } from './fixture.ts';

const READ = 'mail:read';
const SEND = 'mail:send';
const ONCE = 15 * MINUTE;

const SCOPES = {
  scopes: [READ, SEND],
  scopeDigests: { [READ]: 'read 1', [SEND]: 'send 1' },
  scopeWords: { [READ]: { description: 'Read', tools: [] }, [SEND]: { description: 'Send', tools: [] } },
};
const times = (shownAt: Date, until: Date): ScopeTimes => ({ shownAt, until });

describe('the next version of a consent', () => {
  /** Reading was shown 30 days ago and ends in 60, sending was shown 80 days ago and ends in 10. */
  const before: Consent = consentOf({
    ...SCOPES,
    scopeTimes: { [READ]: times(ago(30 * DAY), ahead(60 * DAY)), [SEND]: times(ago(80 * DAY), ahead(10 * DAY)) },
    fullPageAt: ago(30 * DAY),
    expiresAt: ahead(60 * DAY),
  });

  /** A page that shows these scopes, all of which stay ticked. */
  function press(shown: readonly string[], changes: Partial<Press> = {}): Press {
    const terms = termsOf({ ...SCOPES, scopes: shown });
    const browser = { browserId: 'browser', browserLabel: 'Chrome on Windows' };
    return { terms, shown, approved: shown, ...browser, expiresAt: ahead(90 * DAY), ...changes };
  }

  /** As it is read again. */
  function pressed(from: Consent, how: Press, now = NOW): Consent {
    const version = nextVersion(from, how, now);
    const dated = Object.entries(version.scopeWords).map(([scope, { until, shownAt }]) => [
      scope,
      times(new Date(shownAt), new Date(until)),
    ]);
    return {
      ...from,
      ...version,
      scopeTimes: Object.fromEntries(dated),
      browserLabel: version.browserLabel ?? undefined,
      suspendedAt: undefined,
      suspendedReason: undefined,
    };
  }

  const page = (consent: Consent, scopes: readonly string[], now: Date) =>
    judgePage([consent], termsOf({ ...SCOPES, scopes }), circumstancesOf(), { ...sight, now });
  const kinds = ({ differences }: { differences: readonly { kind: string }[] }) => differences.map(({ kind }) => kind);

  it('"just this once" for a wider scope ends then, although the consent lives on, and gives no short page meanwhile', () => {
    const reading = consentOf({ ...SCOPES, scopes: [READ], fullPageAt: ago(DAY), expiresAt: ahead(60 * DAY) });
    const once = pressed(reading, press([READ, SEND], { expiresAt: ahead(ONCE) }));
    assert.deepEqual(once.scopeTimes, { [READ]: times(NOW, ahead(60 * DAY)), [SEND]: times(NOW, ahead(ONCE)) });
    assert.deepEqual(once.expiresAt, ahead(60 * DAY));
    for (const asked of [[READ, SEND], [SEND]]) {
      assert.deepEqual(kinds(page(once, asked, ahead(MINUTE))), ['once'], `${asked}`);
      const over = page(once, asked, ahead(ONCE));
      assert.equal(over.page, 'full');
      assert.deepEqual(over.differences[0], { kind: 'scopes_added', scopes: [SEND] }, `${asked}`);
    }
    assert.equal(page(once, [READ], ahead(ONCE)).page, 'short');
  });

  it('what has ended is in no token from then on, at any mint; what has not goes on', () => {
    const once = pressed(consentOf({ ...SCOPES, scopes: [READ] }), press([READ, SEND], { expiresAt: ahead(ONCE) }));
    for (const moment of ['resume', 'code', 'device', 'refresh'] as const) {
      const covers = (scopes: string[], now: Date) =>
        judge(once, termsOf({ ...SCOPES, scopes }), { ...sight, now, moment }).covered;
      assert.equal(covers([READ, SEND], ahead(ONCE - 1)), true, moment);
      assert.equal(covers([READ, SEND], ahead(ONCE)), false, moment);
      assert.equal(covers([SEND], ahead(ONCE)), false, moment);
      assert.equal(covers([READ], ahead(ONCE)), true, moment);
    }
  });

  it('a scope that was not on the page keeps its own end and its own last showing', () => {
    const next = pressed(before, press([READ]));
    assert.deepEqual(next.scopes, [SEND, READ]);
    assert.deepEqual(next.scopeTimes, {
      [READ]: times(NOW, ahead(90 * DAY)),
      [SEND]: times(ago(80 * DAY), ahead(10 * DAY)),
    });
    assert.equal(page(next, [SEND], ahead(9 * DAY)).page, 'short');
    assert.deepEqual(kinds(page(next, [SEND], ahead(10 * DAY))).slice(0, 1), ['scopes_added'], 'it has ended');
    assert.equal(page(next, [READ], ahead(10 * DAY)).page, 'short');
  });

  it('a scope whose last showing is 90 days ago gets the full page, whenever others of its consent were shown', () => {
    const lasting = { ...before.scopeTimes, [SEND]: times(ago(80 * DAY), ahead(60 * DAY)) };
    const next = pressed({ ...before, scopeTimes: lasting }, press([READ]));
    assert.deepEqual(kinds(page(next, [SEND], ahead(10 * DAY))), ['long_ago']);
    assert.deepEqual(kinds(page(next, [READ, SEND], ahead(10 * DAY))), ['long_ago']);
  });

  it('a scope that has ended is not carried on by a page that did not show it', () => {
    const next = pressed(before, press([READ]), ahead(10 * DAY));
    assert.deepEqual(next.scopes, [READ]);
    assert.deepEqual([next.scopeDigests, Object.keys(next.scopeWords)], [{ [READ]: 'read 1' }, [READ]]);
  });

  it('a short page under a member of the family copies each scope’s end and showing, and lengthens nothing', () => {
    const member = { ...before, clientId: 'member' };
    const how = press([READ, SEND], { basis: member, expiresAt: ahead(90 * DAY) });
    const nothing = consentOf({ version: 0, scopes: [], scopeDigests: {}, scopeWords: {}, expiresAt: ahead(90 * DAY) });
    const first = pressed(nothing, how);
    assert.deepEqual(first.scopeTimes, member.scopeTimes);
    assert.deepEqual([first.fullPageAt, first.expiresAt], [member.fullPageAt, member.expiresAt]);
    const own = consentOf({ ...SCOPES, scopes: [READ], scopeTimes: { [READ]: times(NOW, ahead(90 * DAY)) } });
    assert.deepEqual(pressed(own, how).scopeTimes, {
      [READ]: times(NOW, ahead(90 * DAY)),
      [SEND]: times(ago(80 * DAY), ahead(10 * DAY)),
    });
  });

  it('a suspended consent that is agreed to anew keeps no scope that the page did not show', () => {
    const next = pressed({ ...before, suspendedAt: ago(DAY), suspendedReason: 'client_keys_moved' }, press([READ]));
    assert.deepEqual(next.scopes, [READ]);
    assert.deepEqual(next.scopeTimes, { [READ]: times(NOW, ahead(90 * DAY)) });
    assert.deepEqual(Object.keys(next.scopeDigests), [READ]);
  });

  it('a consent from before scopes had times of their own goes by its own, also what of it is carried on', () => {
    const old = consentOf({ ...SCOPES, fullPageAt: ago(80 * DAY), expiresAt: ahead(10 * DAY) });
    assert.deepEqual(timesOf(old, SEND), times(ago(80 * DAY), ahead(10 * DAY)));
    assert.deepEqual(differ(old, termsOf({ ...SCOPES }), sight), []);
    assert.deepEqual(pressed(old, press([READ])).scopeTimes[SEND], times(ago(80 * DAY), ahead(10 * DAY)));
  });
});

describe('how long', () => {
  let consentry: Consentry;
  let clock = 0;
  before(async () => {
    consentry = await startConsentry({}, () => new Date(Date.now() + clock));
  });
  after(() => consentry?.close());

  /** The browser was opened by a program. */
  const straight = () => createPerson(consentry.issuer, { 'sec-fetch-site': 'none' });
  const program = async (name: string) => (await registerClient(consentry.issuer, { client_name: name })).client_id;
  async function reach(person: Person, clientId: string, scope: string) {
    return person.open(authorizationUrl(consentry, clientId, { scope }).url);
  }
  /** Time passes, and with it the session: signs in again, where it is about something else. */
  async function wait(person: Person, ms: number) {
    clock += ms;
    const page = await reach(person, await program('Something else'), READ);
    if (isConnectPage(page)) await signIn(person, page, consentry.ana);
  }
  const stored = (clientId: string) =>
    sql<{ scopes: string[]; words: Record<string, { until: string; shownAt: string }> }>(
      consentry,
      'SELECT scopes, scope_words AS words FROM consents WHERE client_id = $1',
      [clientId],
    );
  const wordsOf = async (clientId: string) => (await stored(clientId))[0]?.words ?? {};
  const dated = (iso: string | undefined) =>
    new Intl.DateTimeFormat('en', { dateStyle: 'long', timeZone: 'UTC' }).format(new Date(String(iso)));

  it('"just this once" for a wider scope: no short page, over 15 minutes later, and asked for as something new', async () => {
    const [person, id] = [straight(), await program('Once')];
    const reading = await redeem(consentry, id, await authorize(consentry, id, { person, params: { scope: READ } }));
    const once = { person, params: { scope: `${READ} ${SEND}` }, consent: { expiry: 'once' } };
    await authorize(consentry, id, once);
    assert.ok(isConsentPage(await reach(person, id, `${READ} ${SEND}`)));
    await wait(person, ONCE);
    assert.ok(isShortPage(await reach(person, id, READ)), 'reading goes on');
    assert.equal((await refresh(consentry, id, reading.body.refresh_token)).status, 200);
    const wider = await reach(person, id, `${READ} ${SEND}`);
    assert.ok(isConsentPage(wider), words(wider));
    // What is had already is folded away behind a summary; what is asked for stands before it.
    const at = (text: string) => wider.html.indexOf(text);
    assert.ok(at('value="mail:send"') < at('value="mail:read"'), 'not among what it may do already');
    assert.match(wider.html, /name="password"/, 'a sensitive scope is added: is it the person?');
  });

  it('a scope that has ended ends the refresh of the sign-in that had it, and of no other', async () => {
    const [person, id] = [straight(), await program('Ending')];
    const tokens = [];
    for (const scope of [`${READ} ${SEND}`, READ]) {
      const authorized = await authorize(consentry, id, { person, params: { scope, prompt: 'consent' } });
      tokens.push((await redeem(consentry, id, authorized)).body.refresh_token);
    }
    const past = new Date(Date.now() + clock - 1_000).toISOString();
    const set = `UPDATE consents SET scope_words = jsonb_set(scope_words, '{mail:send,until}', to_jsonb($2::text)) WHERE client_id = $1`;
    await sql(consentry, set, [id, past]);
    const [sending, reading] = tokens;
    const refused = await refresh(consentry, id, sending);
    assert.deepEqual([refused.status, refused.body.error], [400, 'invalid_grant']);
    assert.equal((await refresh(consentry, id, reading)).status, 200);
  });

  it('a page about one scope shows nothing of another: that one’s 90 days run on', async () => {
    const [person, id] = [straight(), await program('Shown')];
    await authorize(consentry, id, { person, params: { scope: `${READ} ${SEND}` } });
    const first = await wordsOf(id);
    await wait(person, 80 * DAY);
    await authorize(consentry, id, { person, params: { scope: READ, prompt: 'consent' } });
    const later = await wordsOf(id);
    assert.deepEqual(later[SEND], first[SEND]);
    assert.ok(String(later[READ]?.shownAt) > String(first[READ]?.shownAt));
    await wait(person, 10 * DAY);
    assert.ok(isShortPage(await reach(person, id, READ)));
    for (const scope of [SEND, `${READ} ${SEND}`]) {
      const page = await reach(person, id, scope);
      assert.ok(isConsentPage(page), words(page));
    }
  });

  it('the short page under a member of the family names the shortest of what is asked for, and copies no day more', async () => {
    const [person, one, two] = [straight(), await program('Lender'), await program('Lender')];
    const params = { scope: `${READ} ${SEND}` };
    await authorize(consentry, two, { person, params, consent: { expiry: '30d' } });
    await wait(person, 29 * DAY);
    // Reading is agreed to for another 90 days; sending ends tomorrow.
    await authorize(consentry, two, { person, params: { scope: READ, prompt: 'consent' } });
    const lent = await wordsOf(two);
    const page = await reach(person, one, `${READ} ${SEND}`);
    assert.ok(isShortPage(page), words(page));
    assert.ok(words(page).includes(`Same as you approved on ${dated(lent[SEND]?.shownAt)}`), words(page));
    assert.ok(words(page).includes(dated(lent[SEND]?.until)), words(page));
    assert.ok(!words(page).includes(dated(lent[READ]?.until)), words(page));
    await agree(person, page);
    const copied = await wordsOf(one);
    for (const scope of [READ, SEND]) {
      assert.equal(copied[scope]?.until, lent[scope]?.until, scope);
      assert.equal(copied[scope]?.shownAt, lent[scope]?.shownAt, scope);
    }
    await wait(person, DAY);
    assert.ok(isShortPage(await reach(person, one, READ)));
    assert.ok(isConsentPage(await reach(person, one, SEND)));
  });

  it('a consent that is over as a whole asks for everything, and does not call it more than before', async () => {
    const [person, id] = [straight(), await program('Over')];
    await authorize(consentry, id, { person, params: { scope: READ } });
    await wait(person, 91 * DAY);
    const page = await reach(person, id, READ);
    assert.ok(isConsentPage(page), words(page));
    assert.doesNotMatch(words(page), /also asks|wants to do more/);
  });

  it('a suspended consent that is agreed to anew for one scope gives the others no short page', async () => {
    const [person, id] = [straight(), await program('Moved')];
    await authorize(consentry, id, { person, params: { scope: `${READ} ${SEND}` } });
    await sql(consentry, "UPDATE consents SET suspended_at = now(), suspended_reason = 'moved' WHERE client_id = $1", [
      id,
    ]);
    await authorize(consentry, id, { person, params: { scope: READ } });
    assert.deepEqual((await stored(id))[0]?.scopes, [READ]);
    const page = await reach(person, id, SEND);
    assert.ok(isConsentPage(page), words(page));
  });

  describe('of a program behind a proxy', () => {
    let gateway: Gateway;
    let person: Person;
    let named: (port: number) => Named;
    before(async () => {
      const redirectUri = 'https://gw.example/callback';
      const proxy = { kind: 'proxy', redirectUris: [redirectUri] } as const;
      const { clientId, clientSecret } = await staticClient(consentry.rooms, proxy);
      gateway = { clientId, headers: basic(clientId, clientSecret), redirectUri };
      const tool = await program('Terminal tool');
      named = (port) => ({ clientId: tool, redirectUri: `http://127.0.0.1:${port}/callback` });
      person = straight();
      await agree(person, (await ask(consentry, gateway, named(40404), { person })).page);
    });

    it('another loopback port is the same agreement', async () => {
      const { page } = await ask(consentry, gateway, named(50505), { person });
      assert.ok(isShortPage(page), words(page));
      await agree(person, page);
      assert.equal((await stored(gateway.clientId)).length, 1);
    });

    it('a link is never answered by the short page: the proxy proved itself, and not the program', async () => {
      for (const site of ['cross-site', 'same-site']) {
        const elsewhere = createPerson(consentry.issuer, { 'sec-fetch-site': site });
        elsewhere.jar.push(...person.jar);
        const { page } = await ask(consentry, gateway, named(40404), { person: elsewhere });
        assert.ok(isConsentPage(page), `${site} ${words(page)}`);
      }
    });
  });
});
