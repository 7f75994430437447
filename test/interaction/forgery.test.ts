/** Only a press on our own page, in the browser that asked, by the person it was shown to, counts (threats 1, 4, 44, 67). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { approve, authorizationUrl, authorize, registerClient, signIn } from '../flow.ts';
import { addPerson, type Consentry, sql, startConsentry } from '../harness.ts';
import { createPerson, type Person, readForm, type Step } from '../person.ts';
import { given, heading, isConnectPage, isConsentPage, words } from './kit.ts';

describe('forged presses', () => {
  let consentry: Consentry;
  let ana: Person;
  let bob: Person;
  let clientId: string;
  before(async () => {
    consentry = await startConsentry();
    clientId = (await registerClient(consentry.issuer)).client_id;
    ana = createPerson(consentry.issuer);
    await authorize(consentry, clientId, { person: ana });
    bob = createPerson(consentry.issuer);
    await signIn(
      bob,
      await bob.open(authorizationUrl(consentry, clientId).url),
      await addPerson(consentry.rooms, 'bob@contoso.test'),
    );
  });
  after(() => consentry?.close());

  const consentPage = async (person: Person) => {
    const page = await person.open(authorizationUrl(consentry, clientId).url);
    assert.ok(isConsentPage(page));
    return page;
  };
  const connectPage = async (person: Person) => {
    const page = await person.open(authorizationUrl(consentry, clientId).url);
    assert.ok(isConnectPage(page));
    return page;
  };
  const csrfOf = (page: Step) =>
    Object.fromEntries(readForm(page.html, new URL(page.url).pathname).fields).csrf as string;

  it('Approve with no token, a foreign one, or that of another page or person stores nothing and shows the page again', async () => {
    const page = await consentPage(ana);
    const own = csrfOf(page);
    const foreign = {
      missing: [],
      empty: '',
      random: 'A'.repeat(own.length),
      'cut short': own.slice(0, -1),
      'given twice': [own, own],
      'of another page of the same person': csrfOf(await consentPage(ana)),
      "of another person's page": csrfOf(await consentPage(bob)),
      'of a sign-in page': csrfOf(await connectPage(createPerson(consentry.issuer))),
    };
    const earlier = await given(consentry);
    for (const [what, csrf] of Object.entries(foreign)) {
      const refused = await approve(ana, page, { csrf });
      assert.equal(refused.status, 403, what);
      assert.equal(refused.left, undefined, what);
      assert.match(refused.html, /value="approve"/, what);
    }
    assert.deepEqual(await given(consentry), earlier);
    assert.ok((await approve(ana, page)).left?.searchParams.get('code'), 'the genuine page still works');
  });

  it('a sign-in with no token or a foreign one signs nobody in, however right the password (threat 67)', async () => {
    const visitor = createPerson(consentry.issuer);
    const page = await connectPage(visitor);
    for (const csrf of [[], 'A'.repeat(43), csrfOf(await connectPage(createPerson(consentry.issuer)))]) {
      const refused = await visitor.submit(page, { ...consentry.ana, csrf, decision: 'continue' });
      assert.equal(refused.status, 403);
      assert.match(refused.html, /autocomplete="current-password"/);
    }
    assert.ok(isConnectPage(await visitor.open(authorizationUrl(consentry, clientId).url)));
    const cancelled = await visitor.submit(page, { csrf: 'x', decision: 'cancel' });
    assert.equal(cancelled.status, 403);
  });

  it('a press that another site sends is refused, with the right token too', async () => {
    const earlier = await given(consentry);
    const headers: Record<string, string>[] = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: consentry.issuer.replace('127.0.0.1', 'localhost') },
      { origin: consentry.issuer.replace(/:\d+$/, ':1') },
      { origin: consentry.issuer.replace('http:', 'https:') },
      { origin: `${consentry.issuer}.evil.example` },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
    ];
    const consent = await consentPage(ana);
    const visitor = createPerson(consentry.issuer);
    const connect = await connectPage(visitor);
    for (const header of headers) {
      const approved = await ana.submit(consent, { decision: 'approve' }, { headers: header });
      assert.equal(approved.status, 403, JSON.stringify(header));
      assert.match(heading(approved), /could not trust that press/);
      const signedIn = await visitor.submit(connect, { ...consentry.ana, decision: 'continue' }, { headers: header });
      assert.equal(signedIn.status, 403, JSON.stringify(header));
      const switched = await ana.submit(
        consent,
        {},
        { action: `${new URL(consent.url).pathname}/switch-account`, headers: header },
      );
      assert.equal(switched.status, 403, JSON.stringify(header));
    }
    assert.deepEqual(await given(consentry), earlier);
    assert.ok(isConsentPage(await ana.open(consent.url)), 'Ana is still signed in');
  });

  it('only a form counts: fields in the address, JSON, multipart, plain text and other methods press nothing', async () => {
    const page = await consentPage(ana);
    const fields = new URLSearchParams({ csrf: csrfOf(page), decision: 'approve', scope: 'mail:read', expiry: 'max' });
    const earlier = await given(consentry);
    assert.ok(isConsentPage(await ana.open(`${page.url}?${fields}`)));
    const same = { origin: consentry.issuer, 'sec-fetch-site': 'same-origin' };
    const json = JSON.stringify(Object.fromEntries(fields));
    for (const [type, body] of [
      ['application/json', json],
      ['text/plain', fields.toString()],
      ['multipart/form-data; boundary=x', '--x--'],
      ['', fields.toString()],
    ] as const) {
      const answer = await ana.open(page.url, {
        method: 'POST',
        body: Buffer.from(body),
        headers: { ...same, 'content-type': type },
      });
      assert.equal(answer.status, 415, type);
    }
    const queried = await ana.open(`${page.url}?${fields}`, {
      method: 'POST',
      body: new URLSearchParams(),
      headers: same,
    });
    assert.equal(queried.status, 403);
    for (const method of ['PUT', 'PATCH', 'DELETE']) {
      const answer = await ana.open(page.url, {
        method,
        body: fields.toString(),
        headers: { ...same, 'content-type': 'application/x-www-form-urlencoded' },
      });
      assert.ok(answer.status === 404 || answer.status === 405, method);
      assert.equal(answer.left, undefined);
    }
    const overridden = await ana.open(`${page.url}?_method=POST`, { headers: { 'x-http-method-override': 'POST' } });
    assert.ok(isConsentPage(overridden));
    assert.deepEqual(await given(consentry), earlier);
  });

  it('another browser can neither see nor press a page, whoever is signed in there: 403 and no code (threat 1)', async () => {
    const page = await consentPage(ana);
    const uid = new URL(page.url).pathname.split('/').at(-1);
    const stranger = createPerson(consentry.issuer);
    const earlier = await given(consentry);
    for (const person of [stranger, bob]) {
      const seen = await person.open(page.url);
      assert.equal(seen.status, 403);
      assert.match(heading(seen), /go on where you began/);
      assert.doesNotMatch(seen.html, new RegExp(`${consentry.ana.email}|value="approve"|name="csrf"`));
      const pressed = await person.submit(page, { decision: 'approve' });
      assert.equal(pressed.status, 403);
      const resumed = await person.open(`${consentry.issuer}/authorize/${uid}`);
      assert.equal(resumed.left, undefined);
      assert.equal(resumed.status, 400);
    }
    assert.deepEqual(await given(consentry), earlier);
  });

  it('a cookie that we did not sign opens nothing (threat 44)', async () => {
    const page = await consentPage(ana);
    const { pathname } = new URL(page.url);
    const uid = String(pathname.split('/').at(-1));
    const thief = createPerson(consentry.issuer);
    const signature = ana.jar.find(
      ({ name, path }) => name === 'consentry_interaction.sig' && path === pathname,
    )?.value;
    assert.ok(signature);
    for (const forged of [undefined, 'A'.repeat(signature.length), '']) {
      thief.jar.splice(0);
      thief.jar.push({ name: 'consentry_interaction', value: uid, path: '/' });
      if (forged !== undefined) thief.jar.push({ name: 'consentry_interaction.sig', value: forged, path: '/' });
      assert.equal((await thief.open(page.url)).status, 403);
    }
    thief.jar.splice(0);
    const session = ana.jar.find(({ name }) => name === 'consentry_session');
    assert.ok(session);
    thief.jar.push({ ...session }, { name: 'consentry_session.sig', value: 'x', path: '/' });
    assert.ok(
      isConnectPage(await thief.open(authorizationUrl(consentry, clientId).url)),
      'a session without its signature is no session',
    );
  });

  it("another interaction's cookie opens no page but its own", async () => {
    const mine = await consentPage(bob);
    const hers = await consentPage(ana);
    const path = new URL(hers.url).pathname;
    for (const cookie of [...bob.jar].filter(({ path: at }) => at === new URL(mine.url).pathname))
      bob.jar.push({ ...cookie, path });
    assert.equal((await bob.open(hers.url)).status, 403);
    assert.equal((await bob.submit(hers, { decision: 'approve' })).status, 403);
  });

  it('a page that nobody began, or that has expired, says so and stores nothing', async () => {
    for (const uid of ['x', 'A'.repeat(21), '..%2f..', '%00', 'a'.repeat(3000)]) {
      const answer = await ana.open(`${consentry.issuer}/interaction/${uid}`);
      assert.ok(answer.status === 400 || answer.status === 404, `${uid.slice(0, 20)}: ${answer.status}`);
      assert.doesNotMatch(words(answer), /Prisma|Error:|at \//);
    }
    const page = await consentPage(ana);
    const earlier = await given(consentry);
    await sql(consentry, "UPDATE artifacts SET expires_at = now() - interval '1 second' WHERE kind = 'Interaction'");
    for (const answer of [
      await ana.open(page.url),
      await approve(ana, page),
      await ana.submit(page, {}, { action: `${new URL(page.url).pathname}/switch-account` }),
    ]) {
      assert.equal(answer.status, 400);
      assert.match(heading(answer), /no longer good/);
    }
    assert.deepEqual(await given(consentry), earlier);
  });

  it('nothing lets another origin read a page: no CORS headers, not for preflights either', async () => {
    const page = await consentPage(ana);
    for (const path of [page.url, `${consentry.issuer}/account/password`, authorizationUrl(consentry, clientId).url]) {
      for (const method of ['GET', 'OPTIONS']) {
        const answer = await ana.send(path, {
          method,
          headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
        });
        for (const header of ['access-control-allow-origin', 'access-control-allow-credentials'])
          assert.equal(answer.headers.get(header), null, `${method} ${path}`);
      }
    }
    for (const path of ['/token', '/register', '/jwks', '/.well-known/oauth-authorization-server', '/revoke']) {
      const answer = await ana.send(consentry.issuer + path, {
        method: 'OPTIONS',
        headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
      });
      assert.equal(answer.headers.get('access-control-allow-credentials'), null, path);
    }
  });
});
