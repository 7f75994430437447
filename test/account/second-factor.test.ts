/** Codes after the password: wherever it is asked for, it alone neither signs in nor shows that somebody is here. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { approve, authorizationUrl, registerClient } from '../flow.ts';
import { addPerson, type Consentry, sql, startConsentry } from '../harness.ts';
import { given, heading, isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person, type Step } from '../person.ts';
import { type Somebody, setUpCodes, signInAt } from './kit.ts';

describe('a password with codes', () => {
  let consentry: Consentry;
  let clientId: string;
  let who: Somebody;
  let codes: Awaited<ReturnType<typeof setUpCodes>>;
  let people = 0;
  const clock = { ahead: 0 };
  const now = () => new Date(Date.now() + clock.ahead);
  before(async () => {
    const env = { WEBHOOK_URL: 'https://hook.contoso.test/', WEBHOOK_SECRET: randomBytes(32).toString('base64') };
    consentry = await startConsentry(env, now);
    clientId = (await registerClient(consentry.issuer)).client_id;
  });
  after(() => consentry?.close());
  beforeEach(async () => {
    people += 1;
    await sql(consentry, 'DELETE FROM sign_in_throttles');
    who = await addPerson(consentry.rooms, `coded${people}@contoso.test`);
    codes = await setUpCodes(consentry, who, now);
    // The code that confirmed it is spent.
    clock.ahead += 60_000;
  });

  const newPerson = () => createPerson(consentry.issuer);
  const begin = (person: Person, scope = 'mail:read') =>
    person.open(authorizationUrl(consentry, clientId, { scope }).url);
  const account = (person: Person) => person.open(`${consentry.issuer}/account`);
  const asksCode = (page: Step) => page.html.includes('autocomplete="one-time-code"');
  const isApps = (page: Step) => page.status === 200 && heading(page) === 'Connected apps';
  const events = (type: string) =>
    sql(consentry, 'SELECT type, reason, details FROM audit_events WHERE account_id = $1 AND type = $2', [
      who.id,
      type,
    ]);
  const connectForm = async (person: Person, page: Step) =>
    person.submit(page, { email: who.email, password: who.password, decision: 'continue' });

  it('on page A asks for the code after it, and only the code signs in', async () => {
    const person = newPerson();
    const second = await connectForm(person, await begin(person));
    assert.ok(asksCode(second) && !isConsentPage(second), words(second));
    assert.ok(!/name="password"/.test(second.html));
    assert.ok(!isApps(await account(person)), 'nobody is signed in yet');
    assert.equal((await events('sign_in.succeeded')).length, 1, 'but for setting it up');
    const wrong = await person.submit(second, { code: '000000', decision: 'continue' });
    assert.ok(wrong.status === 401 && asksCode(wrong), words(wrong));
    const done = await person.submit(wrong, { code: codes.app.code(), decision: 'continue' });
    assert.ok(isConsentPage(done), words(done));
    assert.ok((await approve(person, done)).left?.searchParams.get('code'));
    const [session] = await sql(
      consentry,
      'SELECT amr FROM session_devices WHERE account_id = $1 ORDER BY created_at DESC',
      [who.id],
    );
    assert.deepEqual(session, { amr: ['pwd', 'otp'] });
  });

  it('on the page of the proof too, for who is not signed in and for who is', async () => {
    const person = newPerson();
    const second = await signInAt(consentry, person, who);
    assert.ok(asksCode(second), words(second));
    assert.ok(!isApps(await account(person)));
    assert.ok(isApps(await person.submit(second, { code: codes.app.code() })));
    clock.ahead += 301_000;
    const stale = await signInAt(consentry, person, who, '/account/security');
    assert.ok(asksCode(stale), words(stale));
    const security = () => person.open(`${consentry.issuer}/account/security`);
    assert.equal(heading(await security()), 'Show that it is you', 'the password alone showed nothing');
    assert.equal(heading(await person.submit(stale, { code: codes.app.code() })), 'Security');
  });

  it('and where a sensitive scope is added: the password alone is no presence', async () => {
    const person = newPerson();
    const page = await person.submit(await connectForm(person, await begin(person)), {
      code: codes.app.code(),
      decision: 'continue',
    });
    await approve(person, page);
    clock.ahead += 301_000;
    const wider = await begin(person, 'mail:read mail:send');
    const before = await given(consentry);
    const second = await approve(person, wider, { password: who.password, scope: ['mail:read', 'mail:send'] });
    assert.ok(second.left === undefined && asksCode(second), words(second));
    const wrong = await approve(person, second, { code: '000000', scope: ['mail:read', 'mail:send'] });
    assert.ok(wrong.left === undefined && wrong.status === 401 && asksCode(wrong), words(wrong));
    assert.deepEqual(await given(consentry), before);
    const done = await approve(person, wrong, { code: codes.app.code(), scope: ['mail:read', 'mail:send'] });
    assert.ok(done.left?.searchParams.get('code'), words(done));
  });

  it('cannot be changed by who knows it alone, who may not learn more by trying either', async () => {
    const page = await newPerson().open(`${consentry.issuer}/account/password`);
    const thief = newPerson();
    const change = async (person: Person, fields: Record<string, string> = {}) =>
      person.submit(await person.open(`${consentry.issuer}/account/password`), {
        current_password: who.password,
        new_password: 'a new and better phrase',
        repeat_password: 'a new and better phrase',
        ...fields,
      });
    assert.equal(page.status, 200);
    const refused = await change(thief, { email: who.email });
    assert.equal(refused.status, 403);
    assert.match(words(refused), /asks for a code too/);
    const person = newPerson();
    await person.submit(await signInAt(consentry, person, who), { code: codes.app.code() });
    const other = await addPerson(consentry.rooms, `other${people}@contoso.test`);
    await signInAt(consentry, thief, other);
    await sql(consentry, 'UPDATE accounts SET email = $1, sign_in_name = NULL WHERE id = $2', [who.email, other.id]);
    assert.equal((await change(thief, { email: who.email })).status, 403, 'being here as somebody else does not count');
    assert.match(heading(await change(person)), /password is changed/);
  });

  it('guesses of the code slow down like guesses of the password, and a right password in between helps nobody', async () => {
    const statuses: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      const thief = newPerson();
      let page = await signInAt(consentry, thief, who);
      if (page.status === 429) statuses.push(429);
      for (let guess = 0; guess < 2 && asksCode(page); guess += 1) {
        page = await thief.submit(page, { code: '000000' });
        statuses.push(page.status);
      }
    }
    // The owner's own address is known since they set it up: its counter is what counts here.
    assert.deepEqual(statuses.slice(0, 5), [401, 401, 401, 401, 401]);
    assert.ok(
      statuses.slice(5).every((status) => status === 429),
      String(statuses),
    );
  });

  it('the ticket between password and code is of this browser, this page and this password, and ends', async () => {
    const [person, thief] = [newPerson(), newPerson()];
    const second = await signInAt(consentry, person, who);
    const ticket = String(/name="ticket" value="([^"]+)"/.exec(second.html)?.[1]);
    const form = await thief.open(`${consentry.issuer}/account/prove?to=/account`);
    const stolen = await thief.submit(form, { ticket, code: codes.app.code() });
    assert.equal(stolen.status, 401);
    assert.ok(!isApps(await account(thief)));
    const connect = await person.submit(await begin(person), { ticket, code: codes.app.code(), decision: 'continue' });
    assert.ok(connect.status === 401 && !isConsentPage(connect), words(connect));
    clock.ahead += 300_001;
    assert.equal((await person.submit(second, { code: codes.app.code() })).status, 401, 'too old');
    const anew = await signInAt(consentry, person, who);
    const passwordHash = await consentry.rooms.passwords.hash('another one entirely');
    await sql(consentry, 'UPDATE accounts SET password_hash = $1 WHERE id = $2', [passwordHash, who.id]);
    assert.equal((await person.submit(anew, { code: codes.app.code() })).status, 401, 'of a password that is no more');
  });

  it('somebody who is shut out between the two comes in by neither (threat 87)', async () => {
    const person = newPerson();
    const second = await signInAt(consentry, person, who);
    await consentry.rooms.accountStore.disable(who.id, new Date());
    assert.equal((await person.submit(second, { code: codes.app.code() })).status, 401);
    assert.ok(!isApps(await account(person)));
  });

  it('a recovery code stands in for it once, and the person is told; so they are of setting up and of taking away', async () => {
    const [code = ''] = codes.recovery;
    const person = newPerson();
    assert.ok(isApps(await person.submit(await signInAt(consentry, person, who), { code })));
    const again = newPerson();
    assert.equal((await again.submit(await signInAt(consentry, again, who), { code })).status, 401);
    const security = await person.open(`${consentry.issuer}/account/security`);
    assert.match(words(security), /9 recovery codes are left/);
    await person.submit(security, { act: 'remove' }, { action: '/account/security' });
    const asked = await person.open(`${consentry.issuer}/account/security/remove-codes`);
    assert.match(words(asked), /Your 9 recovery codes end/);
    assert.equal(await consentry.rooms.secondFactor.isOn(who.id), true, 'nothing went by looking, or by one press');
    const off = await person.submit(asked, {}, { action: '/account/security/remove-codes' });
    assert.match(words(off), /takes no code any more/);
    assert.ok(isApps(await signInAt(consentry, newPerson(), who)));
    for (const type of ['second_factor.added', 'second_factor.code_used', 'second_factor.removed'])
      assert.equal((await events(type)).length, 1, type);
    const told = await sql<{ count: number }>(
      consentry,
      "SELECT count(*)::int FROM outbox_messages WHERE kind = 'factor.changed'",
    );
    assert.ok(Number(told[0]?.count) >= 3);
    await sql(consentry, "DELETE FROM outbox_messages WHERE kind = 'factor.changed'");
  });

  it('recovery codes come as a file from the page that shows them: one’s own, to who is signed in, kept by nobody', async () => {
    const { person, done, recovery } = codes;
    const action = '/account/security/recovery-codes.txt';
    // However long the person took to read.
    clock.ahead += 3_600_000;
    const file = await person.submit(done, {}, { action });
    assert.equal(file.status, 200);
    assert.match(String(file.headers.get('content-type')), /^text\/plain/);
    assert.match(String(file.headers.get('content-disposition')), /^attachment; filename="recovery-codes\.txt"/);
    assert.equal(file.headers.get('cache-control'), 'no-store');
    assert.deepEqual(file.html.trim().split('\n').slice(-10), recovery);
    assert.ok(file.html.includes(who.email));
    const other = await addPerson(consentry.rooms, `unrelated${people}@contoso.test`);
    const theirs = await setUpCodes(consentry, other, now);
    const mixed = `${theirs.recovery[0]} <script> ${recovery[1]}`;
    const own = await person.submit(done, { codes: mixed }, { action });
    assert.deepEqual(own.html.trim().split('\n').slice(4), [recovery[1]]);
    assert.equal((await person.submit(done, { codes: String(theirs.recovery[0]) }, { action })).status, 404);
    assert.equal((await person.submit(done, { csrf: 'x' }, { action })).status, 403);
    assert.ok(!(await newPerson().submit(done, {}, { action })).html.includes(String(recovery[0])));
  });

  it('making new recovery codes takes a fresh proof and ends those before; the page says how many are left', async () => {
    const { person, done, recovery } = codes;
    assert.match(words(done), /10 recovery codes are left/);
    clock.ahead += 301_000;
    const stale = await person.submit(done, { act: 'renew' }, { action: '/account/security' });
    assert.equal(heading(stale), 'Show that it is you');
    const proof = await person.submit(stale, { password: who.password });
    const security = await person.submit(proof, { code: codes.app.code() });
    const renewed = await person.submit(security, { act: 'renew' }, { action: '/account/security' });
    const anew = [...renewed.html.matchAll(/<li><code dir="auto">([a-z0-9-]+)<\/code>/g)].map(([, code = '']) => code);
    assert.equal(anew.length, 10);
    assert.ok(!anew.some((code) => recovery.includes(code)));
    for (const code of [recovery[0], recovery[9]]) {
      const refused = newPerson();
      assert.equal((await refused.submit(await signInAt(consentry, refused, who), { code: String(code) })).status, 401);
    }
    await sql(consentry, 'DELETE FROM sign_in_throttles');
    for (const code of anew.slice(0, 8)) {
      const taken = newPerson();
      assert.ok(isApps(await taken.submit(await signInAt(consentry, taken, who), { code })));
    }
    const few = await person.open(`${consentry.issuer}/account/security`);
    assert.match(words(few), /2 recovery codes are left\. Few recovery codes are left/);
  });

  it('is set up and taken away only by who showed a moment ago that it is them, by a form of this session', async () => {
    const person = newPerson();
    const security = await person.submit(await signInAt(consentry, person, who, '/account/security'), {
      code: codes.app.code(),
    });
    const action = '/account/security/remove-codes';
    assert.match(security.html, new RegExp(`href="${action}"`));
    const asked = await person.open(consentry.issuer + action);
    const forged = await person.submit(asked, { csrf: 'x' }, { action });
    assert.equal(forged.status, 403);
    clock.ahead += 301_000;
    const stale = await person.submit(asked, {}, { action });
    assert.equal(heading(stale), 'Show that it is you');
    assert.match(words(stale), /Then you go on with: asking for no code any more/);
    assert.match(stale.html, /<a href="\/account">Cancel<\/a>/);
    const wrong = await person.submit(stale, { password: 'not this one' });
    assert.match(words(wrong), /This password is not right/);
    assert.doesNotMatch(words(wrong), /e-mail/i);
    assert.equal(await consentry.rooms.secondFactor.isOn(who.id), true);
  });

  it('the secret is stored sealed', async () => {
    const [row] = await sql<{ secret: Buffer }>(consentry, 'SELECT secret FROM totp_secrets WHERE account_id = $1', [
      who.id,
    ]);
    assert.ok(row && row.secret.length > 40, 'longer than twenty bytes by what seals them');
  });
});
