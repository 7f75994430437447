/** `/account/password`: a person changes their password, and nobody else does. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { authorizationUrl, registerClient, signIn } from '../flow.ts';
import { addPerson, type Consentry, sql, startConsentry } from '../harness.ts';
import { given, heading, isConnectPage, isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person, readForm, type Step } from '../person.ts';

const NEXT = 'a new and better phrase';

describe('changing the password', () => {
  let consentry: Consentry;
  let clientId: string;
  let people = 0;
  before(async () => {
    consentry = await startConsentry();
    clientId = (await registerClient(consentry.issuer)).client_id;
  });
  after(() => consentry?.close());

  const newPerson = () => {
    people += 1;
    return addPerson(consentry.rooms, `person${people}@contoso.test`);
  };
  const begin = (person: Person) => person.open(authorizationUrl(consentry, clientId).url);
  const change = async (
    person: Person,
    who: { email: string; password: string },
    fields: Record<string, string | string[]> = {},
  ) =>
    person.submit(await person.open(`${consentry.issuer}/account/password`), {
      email: who.email,
      current_password: who.password,
      new_password: NEXT,
      repeat_password: NEXT,
      ...fields,
    });
  const hashOf = async (id: string) =>
    (await sql<{ password_hash: string }>(consentry, 'SELECT password_hash FROM accounts WHERE id = $1', [id]))[0]
      ?.password_hash;
  /** What a stranger sees, without what they typed and what changes with every page. */
  const seen = (page: Step, email: string) => ({
    status: page.status,
    html: page.html.replaceAll(email, '…').replace(/value="[\w-]{43}"/g, 'value="…"'),
    retryAfter: page.headers.has('retry-after'),
  });

  it('the new password works, the old one does not, every session of the account ends, and the record says so', async () => {
    const who = await newPerson();
    const first = createPerson(consentry.issuer);
    const second = createPerson(consentry.issuer);
    for (const person of [first, second]) assert.ok(isConsentPage(await signIn(person, await begin(person), who)));
    const other = createPerson(consentry.issuer);
    await signIn(other, await begin(other), consentry.ana);
    const done = await change(createPerson(consentry.issuer), who);
    assert.equal(done.status, 200);
    assert.match(heading(done), /password is changed/);
    for (const person of [first, second]) assert.ok(isConnectPage(await begin(person)));
    assert.ok(isConsentPage(await begin(other)), 'other people stay signed in');
    const page = await begin(first);
    assert.equal((await signIn(first, page, who)).status, 401);
    assert.ok(isConsentPage(await signIn(first, page, { ...who, password: NEXT })));
    const rows = await sql<{ type: string; account_id: string }>(
      consentry,
      'SELECT type, account_id FROM audit_events WHERE request_id = $1',
      [done.headers.get('x-request-id')],
    );
    assert.deepEqual(rows, [{ type: 'password.changed', account_id: who.id }]);
  });

  it('a sign-in with the old password that was held back opens nothing after the change', async () => {
    const who = await newPerson();
    const thief = createPerson(consentry.issuer);
    const page = await begin(thief);
    const { fields } = readForm(page.html, new URL(page.url).pathname);
    const body = new URLSearchParams([
      ...fields.filter(([name]) => name === 'csrf'),
      ['email', who.email],
      ['password', who.password],
      ['decision', 'continue'],
    ]);
    const held = await thief.send(page.url, { method: 'POST', body });
    assert.equal(held.status, 302);
    assert.equal((await change(createPerson(consentry.issuer), who)).status, 200);
    const resumed = await thief.open(String(held.headers.get('location')));
    assert.ok(!isConsentPage(resumed), 'signed in with a password that is no more');
    assert.ok(isConnectPage(await begin(thief)));
  });

  it('an open consent page of the account cannot be pressed after the change', async () => {
    const who = await newPerson();
    const person = createPerson(consentry.issuer);
    const page = await signIn(person, await begin(person), who);
    assert.equal((await change(createPerson(consentry.issuer), who)).status, 200);
    const earlier = await given(consentry);
    assert.equal((await person.submit(page, { decision: 'approve' })).left, undefined);
    assert.deepEqual(await given(consentry), earlier);
  });

  it('a wrong password, an unknown account and a disabled one get the same answer, whatever the new password is worth', async () => {
    const who = await newPerson();
    const disabled = await newPerson();
    await consentry.rooms.accountStore.disable(disabled.id, new Date());
    const before = await hashOf(who.id);
    for (const worth of [NEXT, 'short', 'aaaaaaaaaaaaaaa', 'the address itself']) {
      const answers: ReturnType<typeof seen>[] = [];
      for (const [email, password] of [
        [who.email, 'not the password'],
        ['nobody@contoso.test', 'not the password'],
        ['nobody@contoso.test\u0000', 'not the password'],
        [disabled.email, disabled.password],
        [disabled.email, 'not the password'],
      ] as const) {
        const next = worth === 'the address itself' ? email : worth;
        const typed = { new_password: next, repeat_password: next };
        const answer = await change(createPerson(consentry.issuer), { email, password }, typed);
        answers.push(seen(answer, email));
        assert.ok(answer.status === 401 || answer.status === 400 || answer.status === 429);
        assert.doesNotMatch(answer.html, /not the password|a new and better/);
      }
      for (const answer of answers) assert.deepEqual(answer, answers[0], worth);
      await sql(consentry, 'DELETE FROM sign_in_throttles');
    }
    assert.equal(await hashOf(who.id), before);
  });

  it('a wrong current password of a known account is on record, like a failed sign-in', async () => {
    const who = await newPerson();
    const failed = await change(createPerson(consentry.issuer), { ...who, password: 'not the password' });
    assert.equal(failed.status, 401);
    const rows = await sql<{ type: string; account_id: string; reason: string }>(
      consentry,
      'SELECT type, account_id, reason FROM audit_events WHERE request_id = $1',
      [failed.headers.get('x-request-id')],
    );
    assert.deepEqual(rows, [{ type: 'sign_in.failed', account_id: who.id, reason: 'credentials' }]);
  });

  it('guessing is slowed down with 429 and Retry-After, and counts with the guesses at the sign-in page', async () => {
    for (const email of [(await newPerson()).email, 'stranger@contoso.test']) {
      const person = createPerson(consentry.issuer);
      for (let tries = 0; tries < 3; tries += 1)
        assert.equal((await change(person, { email, password: `guess ${tries}` })).status, 401);
      const page = await begin(person);
      for (let tries = 0; tries < 2; tries += 1)
        assert.equal((await signIn(person, page, { email, password: `guess ${tries}` })).status, 401);
      const throttled = await change(person, { email, password: 'correct horse battery staple' });
      assert.equal(throttled.status, 429);
      assert.match(String(throttled.headers.get('retry-after')), /^[1-9]\d*$/);
      assert.match(words(throttled), /Too many tries/);
    }
    await sql(consentry, 'DELETE FROM sign_in_throttles');
  });

  it('a weak, repeated or mistyped new password is refused and changes nothing', async () => {
    const who = await newPerson();
    const before = await hashOf(who.id);
    const cases: [Record<string, string | string[]>, number, RegExp][] = [
      [{ new_password: 'short', repeat_password: 'short' }, 400, /too easy to guess/],
      [{ new_password: '', repeat_password: '' }, 400, /too easy to guess/],
      [{ new_password: 'x'.repeat(20), repeat_password: 'x'.repeat(20) }, 400, /too easy to guess/],
      [{ new_password: NEXT, repeat_password: `${NEXT}!` }, 400, /not the same/],
      [{ new_password: [NEXT, NEXT] }, 400, /not the same/],
      [{ new_password: who.password, repeat_password: who.password }, 400, /password you have now/],
    ];
    for (const [fields, status, said] of cases) {
      const answer = await change(createPerson(consentry.issuer), who, fields);
      assert.equal(answer.status, status, JSON.stringify(fields));
      assert.match(words(answer), said, JSON.stringify(fields));
    }
    assert.equal(await hashOf(who.id), before);
    const person = createPerson(consentry.issuer);
    assert.ok(isConsentPage(await signIn(person, await begin(person), who)));
  });

  it('only our own form in this browser counts: no token, a foreign one, another site, another method', async () => {
    const who = await newPerson();
    const before = await hashOf(who.id);
    const person = createPerson(consentry.issuer);
    const page = await person.open(`${consentry.issuer}/account/password`);
    const foreign = Object.fromEntries(
      readForm((await createPerson(consentry.issuer).open(`${consentry.issuer}/account/password`)).html).fields,
    ).csrf as string;
    const fields = { email: who.email, current_password: who.password, new_password: NEXT, repeat_password: NEXT };
    for (const csrf of [[], 'x', foreign]) {
      const refused = await person.submit(page, { ...fields, csrf });
      assert.equal(refused.status, 403);
      assert.match(words(refused), /open for too long/);
      assert.doesNotMatch(refused.html, /battery|better phrase/);
    }
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
    ] as Record<string, string>[]) {
      assert.equal((await person.submit(page, fields, { headers })).status, 403);
    }
    assert.equal((await createPerson(consentry.issuer).submit(page, fields)).status, 403, 'another browser');
    const own = Object.fromEntries(readForm(page.html).fields).csrf as string;
    const query = new URLSearchParams({ ...fields, csrf: own });
    assert.equal((await person.open(`${consentry.issuer}/account/password?${query}`)).status, 200);
    const json = await person.open(`${consentry.issuer}/account/password`, {
      method: 'POST',
      body: JSON.stringify({ ...fields, csrf: own }),
      headers: { 'content-type': 'application/json' },
    });
    assert.equal(json.status, 403);
    assert.equal(await hashOf(who.id), before);
    assert.equal((await person.submit(page, fields)).status, 200, 'the genuine form works');
  });

  it('two changes at the same instant leave one password, and the page in Japanese says the same', async () => {
    const who = await newPerson();
    const answers = await Promise.all([
      change(createPerson(consentry.issuer), who),
      change(createPerson(consentry.issuer), who, {
        new_password: 'another good phrase',
        repeat_password: 'another good phrase',
      }),
    ]);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 401]);
    const japanese = await createPerson(consentry.issuer, { 'accept-language': 'ja' }).open(
      `${consentry.issuer}/account/password`,
    );
    assert.match(words(japanese), /パスワード/);
  });
});
