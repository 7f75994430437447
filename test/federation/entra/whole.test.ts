/** People of Entra ID in a whole Consentry: who they are here, what they read, and what an attacker gets. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { CONTOSO, EVIL, FABRIKAM } from '../../fakes/entra/directory.ts';
import { authorizationUrl } from '../../flow.ts';
import { addPerson, sql } from '../../harness.ts';
import { given, heading, isConnectPage, isConsentPage, words } from '../../interaction/kit.ts';
import type { Person } from '../../person.ts';
import { connectWhole, signInWhole, startWhole, toEntra, type Whole } from './whole-kit.ts';

describe('a Consentry whose people come from Entra ID', () => {
  let whole: Whole;
  before(async () => {
    whole = await startWhole();
  });
  beforeEach(() => whole.reset());
  after(() => whole?.close());

  const identities = () =>
    sql<{ account_id: string; issuer: string; subject: string }>(
      whole.consentry,
      'SELECT account_id, issuer, subject FROM identities ORDER BY created_at',
    );
  const accountOf = async (oid: string) => (await identities()).find(({ subject }) => subject === oid)?.account_id;

  it('a person signs in there, consents here, and the client gets its tokens; nothing of the client went there', async () => {
    const { status, body } = await connectWhole(whole, whole.newPerson());
    assert.equal(status, 200);
    assert.ok(body.access_token && body.refresh_token);
    const [sent] = whole.fake.authorizations.slice(-1);
    for (const name of ['resource', 'login_hint']) assert.equal(sent?.has(name), false);
    assert.ok(!String(sent).includes(encodeURIComponent(whole.consentry.mail.uri)));
    assert.ok(!String(sent).includes(whole.clientId));
    const [identity] = await identities();
    assert.deepEqual(
      [identity?.issuer, identity?.subject],
      [`https://login.microsoftonline.com/${CONTOSO}/v2.0`, whole.ana.oid],
    );
  });

  it('the refresh token of Entra is stored sealed', async () => {
    await connectWhole(whole, whole.newPerson());
    const rows = await sql<{ text: string }>(
      whole.consentry,
      'SELECT encode(refresh_token, $1) AS text FROM identities',
      ['escape'],
    );
    assert.ok(rows.some(({ text }) => text));
    for (const { text } of rows) assert.doesNotMatch(String(text), /1\.[\w-]{80}/);
  });

  it('somebody with a victim’s address does not become the victim: neither a local account’s nor a colleague’s (F10)', async () => {
    const local = await addPerson(whole.consentry.rooms, 'owner@contoso.example');
    const mallory = whole.fake.directory.person({
      upn: 'owner@contoso.example',
      tenant: FABRIKAM,
      email: 'owner@contoso.example',
    });
    whole.fake.behaviour.person = mallory;
    await signInWhole(whole, whole.newPerson(), { connection: 'both' });
    assert.notEqual(await accountOf(mallory.oid), local.id);
    const [same] = await sql<{ count: number }>(
      whole.consentry,
      'SELECT count(*)::int AS count FROM identities WHERE account_id = $1',
      [local.id],
    );
    assert.equal(same?.count, 0);
  });

  it('renamed people keep their account and consents; who gets the recycled name starts with nothing (F11, F12)', async () => {
    const cy = whole.fake.directory.person({ upn: 'cy@contoso.example' });
    whole.fake.behaviour.person = cy;
    await connectWhole(whole, whole.newPerson());
    const account = await accountOf(cy.oid);
    cy.upn = 'cy.wed@contoso.example';
    await connectWhole(whole, whole.newPerson());
    assert.equal(await accountOf(cy.oid), account);
    const heir = whole.fake.directory.person({ upn: 'cy@contoso.example' });
    whole.fake.behaviour.person = heir;
    const page = await signInWhole(whole, whole.newPerson());
    assert.ok(isConsentPage(page), words(page));
    assert.notEqual(await accountOf(heir.oid), account);
  });

  it('the same object id in two tenants is two accounts, and by two connections too (F8)', async () => {
    const twin = whole.fake.directory.person({ upn: 'twin@fabrikam.example', tenant: FABRIKAM, oid: whole.ana.oid });
    await signInWhole(whole, whole.newPerson(), { connection: 'both' });
    whole.fake.behaviour.person = twin;
    await signInWhole(whole, whole.newPerson(), { connection: 'both' });
    const accounts = (await identities()).filter(({ subject }) => subject === twin.oid).map((one) => one.account_id);
    assert.equal(new Set(accounts).size, accounts.length);
    assert.ok(accounts.length >= 2);
  });

  it('tenants that are not allowed, guests and people without assignment read why, and nothing is written (F2, F13)', async () => {
    const { directory, behaviour } = whole.fake;
    const strangers = [
      [directory.person({ upn: 'mallory@evil.example', tenant: EVIL }), 'both'],
      [directory.person({ upn: 'gil#EXT#@contoso.example', homeTenant: FABRIKAM }), 'contoso'],
      [directory.person({ upn: 'nobody@contoso.example', assigned: false }), 'contoso'],
    ] as const;
    const headings = new Set<string>();
    const [before, known] = [await given(whole.consentry), await identities()];
    for (const [person, connection] of strangers) {
      behaviour.person = person;
      const page = await signInWhole(whole, whole.newPerson(), { connection });
      assert.equal(page.status, 400, words(page));
      assert.doesNotMatch(page.html, /AADSTS/);
      headings.add(`${heading(page)} ${words(page)}`);
    }
    assert.equal(headings.size, 3, 'each in words of its own');
    assert.deepEqual([await given(whole.consentry), await identities()], [before, known]);
  });

  it('what Entra, or whoever writes like it, says in an error is not shown (F22)', async () => {
    whole.fake.behaviour.authorizeError = {
      error: 'server_error',
      error_description: 'AADSTS1: <img src=x onerror=alert(1)>\r\nSet-Cookie: a=b',
    };
    const page = await signInWhole(whole, whole.newPerson());
    assert.equal(page.status, 503);
    assert.doesNotMatch(page.html, /onerror|AADSTS/);
    assert.equal(
      page.headers.getSetCookie().some((line) => line.startsWith('a=b')),
      false,
    );
  });

  it('a claims challenge sends the browser there once more with it, and a second one stops (F23)', async () => {
    const claims = '{"access_token":{"capolids":{"essential":true,"values":["9a2c"]}}}';
    const person = whole.newPerson();
    whole.fake.behaviour.challenge = { claims };
    const { back } = await toEntra(whole, person);
    const again = await person.open(back.href);
    assert.equal(again.left?.searchParams.get('claims'), claims);
    const there = await whole.fake.visit(again.left as URL);
    assert.ok(isConsentPage(await person.open(String(there.left))));
    whole.fake.behaviour.challenge = { claims, forever: true };
    const other = whole.newPerson();
    const first = await other.open((await toEntra(whole, other)).back.href);
    const second = await whole.fake.visit(first.left as URL);
    const stopped = await other.open(String(second.left));
    assert.equal(stopped.left, undefined);
    assert.equal(stopped.status, 400, words(stopped));
  });

  it('an answer posted by a form is no answer, and one whose parameters come twice neither (F21, F40)', async () => {
    const person = whole.newPerson();
    const { back } = await toEntra(whole, person);
    const before = await given(whole.consentry);
    const posted = await person.open(`${back.origin}${back.pathname}`, { method: 'POST', body: back.searchParams });
    assert.ok(posted.status >= 400, String(posted.status));
    for (const name of ['state', 'code']) {
      const doubled = new URL(back);
      doubled.searchParams.append(name, String(back.searchParams.get(name)));
      const page = await person.open(doubled.href);
      assert.equal(page.status, 400, name);
    }
    assert.deepEqual(await given(whole.consentry), before);
  });

  it('the callback is one address, letter for letter: with a slash more it is still not another’s (F36)', async () => {
    const person = whole.newPerson();
    const { back } = await toEntra(whole, person);
    assert.equal(back.pathname, '/federation/contoso/callback');
    const other = new URL(back);
    other.pathname = '/federation/both/callback';
    assert.equal((await person.open(other.href)).status, 400, 'another connection’s callback');
    assert.ok(isConsentPage(await person.open(back.href)));
  });

  it('a forged admin-consent answer lets no tenant in (F34)', async () => {
    const person = whole.newPerson();
    const { back } = await toEntra(whole, person, { connection: 'both' });
    const forged = new URL(back);
    forged.search = new URLSearchParams({
      admin_consent: 'True',
      tenant: EVIL,
      state: String(back.searchParams.get('state')),
    }).toString();
    assert.equal((await person.open(forged.href)).status, 400);
    whole.fake.behaviour.person = whole.fake.directory.person({ upn: 'm@evil.example', tenant: EVIL });
    assert.equal((await signInWhole(whole, whole.newPerson(), { connection: 'both' })).status, 400);
  });

  it('signing out at Entra ends the session that began there; an unknown sid, a replay or another tenant’s changes nothing (F33)', async () => {
    const [person, other] = [whole.newPerson(), whole.newPerson()];
    await connectWhole(whole, person);
    const frames = whole.fake.logoutFrames(whole.ana);
    const frame = frames.at(-1) as URL;
    const colleague = whole.fake.directory.person({ upn: 'dee@contoso.example' });
    whole.fake.behaviour.person = colleague;
    await connectWhole(whole, other);
    const isIn = async (who: Person) =>
      !isConnectPage(await who.open(authorizationUrl(whole.consentry, whole.clientId).url));
    for (const [name, value] of [
      ['sid', '7c0e4f6e-0000-4000-8000-000000000000'],
      ['iss', `https://login.microsoftonline.com/${FABRIKAM}/v2.0`],
    ] as const) {
      const forged = new URL(frame);
      forged.searchParams.set(name, value);
      await fetch(forged);
      const elsewhere = new URL(frame);
      elsewhere.pathname = elsewhere.pathname.replace('/contoso/', '/both/');
      await fetch(elsewhere);
      assert.ok(await isIn(person), name);
    }
    assert.equal((await fetch(frame)).status, 200);
    assert.equal(await isIn(person), false);
    assert.ok(await isIn(other));
    await signInWhole(whole, person);
    await fetch(frame);
    assert.ok(await isIn(person), 'the same address again ends no session that began later');
  });
});

describe('a Consentry whose Entra ID is down at boot (F37)', () => {
  it('starts, serves its own keys and page A, and lets people in once Entra is back', async () => {
    const whole = await startWhole({ discovery: 'down' });
    try {
      assert.equal((await fetch(`${whole.consentry.issuer}/jwks`)).status, 200);
      const person = whole.newPerson();
      whole.fake.behaviour.person = whole.ana;
      await assert.rejects(toEntra(whole, person));
      whole.fake.behaviour.discovery = 'up';
      whole.clock.ahead = 5_000;
      assert.ok(isConsentPage(await signInWhole(whole, person)));
    } finally {
      await whole.close();
    }
  });
});
