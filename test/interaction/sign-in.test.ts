/** Page A: signing in, and what a stranger learns from trying. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { approve, authorizationUrl, authorize, redeem, registerClient, signIn } from '../flow.ts';
import { addPerson, type Consentry, PASSWORD, sql, startConsentry } from '../harness.ts';
import { createPerson, type Person, readForm, type Step } from '../person.ts';
import { given, heading, isConnectPage, isConsentPage, words } from './kit.ts';

describe('signing in', () => {
  let consentry: Consentry;
  let clientId: string;
  before(async () => {
    consentry = await startConsentry();
    clientId = (await registerClient(consentry.issuer)).client_id;
  });
  after(() => consentry?.close());
  const begin = (person: Person, params: Record<string, string | undefined> = {}) =>
    person.open(authorizationUrl(consentry, clientId, params).url);

  /** What a stranger sees, without what they typed and what changes with every page. */
  const seen = (page: Step, email: string) => ({
    status: page.status,
    html: page.html
      .replaceAll(email, '…')
      .replace(/value="[\w-]{43}"/g, 'value="…"')
      .replace(/interaction\/[\w-]+/g, 'interaction/…'),
    headers: [...page.headers.keys()].sort(),
  });

  it('a wrong password, an unknown account and a disabled one get the same answer: 401', async () => {
    const disabled = await addPerson(consentry.rooms, 'gone@contoso.test');
    await consentry.rooms.accountStore.disable(disabled.id, new Date());
    const answers: ReturnType<typeof seen>[] = [];
    for (const [email, password] of [
      [consentry.ana.email, 'not the password'],
      ['nobody@contoso.test', 'not the password'],
      ['nobody', PASSWORD],
      [disabled.email, PASSWORD],
      [disabled.email, 'not the password'],
    ] as const) {
      const person = createPerson(consentry.issuer);
      const page = await begin(person);
      const answer = await signIn(person, page, { email, password });
      answers.push(seen(answer, email));
      assert.match(words(answer), /do not belong together/);
      assert.doesNotMatch(answer.html, /not the password|battery/);
      assert.ok(isConnectPage(await begin(person)), 'nobody is signed in');
      const retry = await signIn(person, answer, consentry.ana);
      assert.ok(isConsentPage(retry), 'the page of the answer works');
    }
    for (const answer of answers) {
      assert.equal(answer.status, 401);
      assert.deepEqual(answer, answers[0]);
    }
  });

  it('an e-mail address is taken in any case and with spaces around it', async () => {
    const person = createPerson(consentry.issuer);
    assert.ok(
      isConsentPage(
        await signIn(person, await begin(person), {
          ...consentry.ana,
          email: `  ${consentry.ana.email.toUpperCase()} `,
        }),
      ),
    );
  });

  it('guessing is slowed down with 429 and Retry-After, known account or not, and the right password waits too', async () => {
    const victim = await addPerson(consentry.rooms, 'victim@contoso.test');
    for (const who of [victim.email, 'stranger@contoso.test']) {
      const person = createPerson(consentry.issuer);
      let page = await begin(person);
      for (let tries = 0; tries < 5; tries += 1) {
        page = await signIn(person, page, { email: who, password: `guess ${tries}` });
        assert.equal(page.status, 401);
      }
      const throttled = await signIn(person, page, { email: who, password: victim.password });
      assert.equal(throttled.status, 429);
      assert.match(String(throttled.headers.get('retry-after')), /^[1-9]\d*$/);
      assert.match(words(throttled), /Too many tries/);
      assert.match(throttled.html, /autocomplete="current-password"/);
      assert.ok(isConnectPage(await begin(person)));
    }
  });

  it('throttled tries add no rows to the record: only what reached the password does (threat 146)', async () => {
    const person = createPerson(consentry.issuer);
    const page = await begin(person);
    const rows = () => sql<{ count: number }>(consentry, 'SELECT count(*)::int AS count FROM audit_events');
    const [earlier] = await rows();
    for (let tries = 0; tries < 10; tries += 1) {
      const answer = await signIn(person, page, { email: 'victim@contoso.test', password: PASSWORD });
      assert.equal(answer.status, 429);
    }
    assert.deepEqual(await rows(), [earlier]);
  });

  it('an account disabled while its consent page is open gets no code and no consent', async () => {
    const carla = await addPerson(consentry.rooms, 'carla@contoso.test');
    const person = createPerson(consentry.issuer);
    const page = await signIn(person, await begin(person), carla);
    assert.ok(isConsentPage(page));
    const earlier = await given(consentry);
    await consentry.rooms.accountStore.disable(carla.id, new Date());
    const answer = await approve(person, page);
    assert.equal(answer.left, undefined);
    assert.equal(answer.status, 403);
    assert.match(heading(answer), /switched off/);
    assert.deepEqual(await given(consentry), earlier);
    assert.ok(isConnectPage(await begin(person)), 'its session is over, and another account may sign in');
  });

  it('an account disabled between the press and the code gets no code', async () => {
    const elsa = await addPerson(consentry.rooms, 'elsa@contoso.test');
    const person = createPerson(consentry.issuer);
    const page = await signIn(person, await begin(person), elsa);
    const fields = new URLSearchParams([
      ...readForm(page.html, new URL(page.url).pathname).fields,
      ['decision', 'approve'],
    ]);
    const pressed = await person.send(page.url, { method: 'POST', body: fields });
    assert.equal(pressed.status, 302);
    await consentry.rooms.accountStore.disable(elsa.id, new Date());
    const earlier = await given(consentry);
    const resumed = await person.open(String(pressed.headers.get('location')));
    assert.equal(resumed.left, undefined);
    assert.match(heading(resumed), /switched off/);
    assert.equal((await given(consentry)).codes, earlier.codes);
  });

  it('an account disabled between the code and the token gets no token', async () => {
    const dora = await addPerson(consentry.rooms, 'dora@contoso.test');
    const person = createPerson(consentry.issuer);
    await signIn(person, await begin(person), dora);
    const authorized = await authorize(consentry, clientId, { person });
    await consentry.rooms.accountStore.disable(dora.id, new Date());
    assert.equal((await redeem(consentry, clientId, authorized)).body.error, 'invalid_grant');
  });

  it('what a client hints at chooses neither the account nor a word on the page (threat 64)', async () => {
    const hints = {
      scope: 'openid mail:read',
      login_hint: 'mallory@evil.example',
      acr_values: 'mallory-acr',
      claims: JSON.stringify({ id_token: { sub: { value: 'mallory-sub' }, email: { value: 'mallory@evil.example' } } }),
      display: 'mallory-display',
      claims_locales: 'mallory-locale',
      nonce: 'mallory-nonce',
      audience: 'mallory-audience',
      login: 'mallory',
      email: 'mallory@evil.example',
      connection: 'mallory',
    };
    const person = createPerson(consentry.issuer);
    const page = await begin(person, hints);
    assert.ok(isConnectPage(page), words(page));
    assert.doesNotMatch(page.html, /mallory/i);
    assert.match(page.html, /name="email"[^>]*value=""/);
    const consent = await signIn(person, page, consentry.ana);
    assert.ok(isConsentPage(consent), words(consent));
    assert.doesNotMatch(consent.html, /mallory/i);
    assert.match(words(consent), /Signed in as ana@contoso\.test/);
    const live = await begin(person, hints);
    assert.ok(isConsentPage(live));
    assert.doesNotMatch(live.html, /mallory/i);
  });

  it('an id_token_hint neither signs anybody in nor keeps anybody else out (threat 64)', async () => {
    const bob = await addPerson(consentry.rooms, 'bob@contoso.test');
    const bobs = createPerson(consentry.issuer);
    const params = { scope: 'openid mail:read' };
    await signIn(bobs, await begin(bobs), bob);
    const authorized = await authorize(consentry, clientId, { person: bobs, params });
    const { body } = await redeem(consentry, clientId, authorized);
    assert.ok(body.id_token);
    const hint = { ...params, id_token_hint: String(body.id_token) };
    const person = createPerson(consentry.issuer);
    const page = await begin(person, hint);
    assert.ok(isConnectPage(page));
    assert.doesNotMatch(page.html, /bob@contoso/);
    const consent = await signIn(person, page, consentry.ana);
    assert.ok(isConsentPage(consent), heading(consent));
    assert.match(words(consent), /Signed in as ana@contoso\.test/);
    assert.ok((await approve(person, consent)).left?.searchParams.get('code'));
  });
});
