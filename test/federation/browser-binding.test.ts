/** An interaction belongs to the browser it began in, and a cookie with a path, which others can plant, does not prove it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { raw } from '../attacks/raw.ts';
import { approve, authorizationUrl, registerClient, signIn } from '../flow.ts';
import { type Consentry, startConsentry, staticClient } from '../harness.ts';
import { given, heading, isConnectPage, isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person, type Step } from '../person.ts';

const HTTPS = 'https://auth.example.test';

describe('the browser of an interaction', () => {
  let consentry: Consentry;
  let secure: Consentry;
  let clientId: string;
  before(async () => {
    [consentry, secure] = await Promise.all([startConsentry(), startConsentry({ ISSUER: HTTPS })]);
    clientId = (await registerClient(consentry.issuer)).client_id;
  });
  after(async () => {
    await Promise.all([consentry?.close(), secure?.close()]);
  });

  const newPerson = () => createPerson(consentry.issuer);
  const begin = (person: Person) => person.open(authorizationUrl(consentry, clientId).url);
  const bindings = (person: Person) => person.jar.filter(({ name }) => name.startsWith('consentry_at_'));
  /** What a sibling host can plant: everything with a path of its own or a name without `__Host-`. */
  const plant = (from: Person, into: Person, path?: string) => {
    for (const cookie of from.jar) {
      if (/^consentry_(interaction|resume)/.test(cookie.name)) into.jar.push({ ...cookie, path: path ?? cookie.path });
    }
  };
  const isOtherBrowser = (page: Step) => {
    assert.equal(page.status, 403, words(page));
    assert.match(heading(page), /go on where you began/);
    assert.equal(page.left, undefined);
  };

  it('cookies of oidc-provider planted in another browser open no page and answer none', async () => {
    const [attacker, victim] = [newPerson(), newPerson()];
    const page = await begin(attacker);
    plant(attacker, victim);
    isOtherBrowser(await victim.open(page.url));
    isOtherBrowser(await signIn(victim, page, consentry.ana));
    isOtherBrowser(await victim.submit(page, { decision: 'cancel' }));
    assert.ok(isConsentPage(await signIn(attacker, page, consentry.ana)), 'and the first browser goes on');
  });

  it('nor do they resume what an attacker prepared: nobody is signed in as the attacker, by any spelling of the path', async () => {
    const [attacker, victim] = [newPerson(), newPerson()];
    const page = await begin(attacker);
    const uid = String(new URL(page.url).pathname.split('/').at(-1));
    const resume = `${consentry.issuer}/authorize/${uid}`;
    // Answered, and not yet resumed.
    const { action, fields } = { action: page.url, fields: new URLSearchParams({ decision: 'continue' }) };
    for (const [name, value] of Object.entries({ ...consentry.ana, csrf: csrfOf(page) }))
      fields.set(name, String(value));
    const answered = await attacker.send(action, {
      method: 'POST',
      body: fields.toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: consentry.issuer },
    });
    assert.equal(answered.headers.get('location'), resume);
    plant(attacker, victim, '/');
    const others = [
      `/Authorize/${uid}`,
      `/authorize/${uid}/`,
      '/authorize/another',
      `/device/${uid}`,
      `/DEVICE/${uid}`,
    ];
    for (const url of [resume, ...others.map((path) => `${consentry.issuer}${path}`)]) {
      const answer = await victim.send(url);
      assert.equal(answer.status, 403, url);
      assert.equal(answer.headers.get('location'), null);
    }
    assert.ok(!victim.jar.some(({ name }) => name === 'consentry_session'), 'nobody is signed in');
    assert.ok(isConsentPage(await attacker.open(resume)));
  });

  it('a binding of one request proves nothing for another, and a guessed one nothing at all', async () => {
    const [attacker, victim] = [newPerson(), newPerson()];
    const page = await begin(attacker);
    await begin(victim);
    plant(attacker, victim);
    const [own] = bindings(victim);
    const [theirs] = bindings(attacker);
    assert.ok(own && theirs);
    for (const value of [own.value, theirs.name.slice(-8), '', 'A'.repeat(43)]) {
      victim.jar.push({ ...theirs, value });
      isOtherBrowser(await victim.open(page.url));
      victim.jar.pop();
    }
  });

  it('it is set in the answer that begins the request, renewed with each step, and gone when the flow leaves us', async () => {
    const person = newPerson();
    const started = await person.send(authorizationUrl(consentry, clientId).url);
    const [line] = started.headers.getSetCookie().filter((one) => one.startsWith('consentry_at_'));
    assert.match(String(line), /; path=\/; expires=.*; samesite=lax; httponly/i);
    const page = await person.open(new URL(String(started.headers.get('location')), consentry.issuer).href);
    const first = bindings(person).map(({ name }) => name);
    assert.equal(first.length, 1);
    const consent = await signIn(person, page, consentry.ana);
    const second = bindings(person).map(({ name }) => name);
    assert.equal(second.length, 1);
    assert.notDeepEqual(second, first);
    assert.ok((await approve(person, consent)).left?.searchParams.get('code'));
    assert.equal(bindings(person).length, 0);
    const cancelled = await person.submit(await begin(person), { decision: 'deny' });
    assert.ok(cancelled.left || cancelled.status < 500);
    assert.equal(bindings(person).length, 0);
  });

  it('three flows at once, two loads of one page, and the back button all go on', async () => {
    const person = newPerson();
    const pages = await Promise.all([begin(person), begin(person), begin(person)]);
    assert.equal(bindings(person).length, 3);
    const [again, twice] = await Promise.all([person.open(pages[1].url), person.open(pages[1].url)]);
    assert.ok(isConnectPage(again) && isConnectPage(twice));
    for (const page of pages) {
      const consent = await signIn(person, page, consentry.ana);
      assert.ok(isConsentPage(consent), words(consent));
      assert.equal(heading(await person.open(page.url)), 'This page is no longer good', 'answered already');
      assert.ok((await approve(person, await person.open(consent.url))).left?.searchParams.get('code'));
    }
  });

  it('flows that are abandoned do not pile up: the oldest give way, the newest go on', async () => {
    const person = newPerson();
    const pages: Step[] = [];
    for (let flow = 0; flow < 16; flow += 1) pages.push(await begin(person));
    assert.equal(bindings(person).length, 12);
    isOtherBrowser(await person.open(String(pages[0]?.url)));
    for (const page of pages.slice(-12)) assert.ok(isConnectPage(await person.open(page.url)));
  });

  it('a device is connected in the browser where its code was entered', async () => {
    const device = { kind: 'app', redirectUris: [], authMethod: 'none', deviceFlow: true } as const;
    const { clientId: television } = await staticClient(consentry.rooms, device);
    const body = new URLSearchParams({ client_id: television, resource: consentry.mail.uri });
    const asked = await fetch(`${consentry.issuer}/device_authorization`, { method: 'POST', body });
    const { user_code: code } = (await asked.json()) as { user_code: string };
    const [attacker, victim] = [newPerson(), newPerson()];
    const entered = await attacker.submit(await attacker.open(`${consentry.issuer}/device`), { user_code: code });
    const page = await attacker.submit(entered);
    assert.ok(isConnectPage(page), words(page));
    const earlier = await given(consentry);
    plant(attacker, victim);
    isOtherBrowser(await victim.open(page.url));
    const uid = new URL(page.url).pathname.split('/').at(-1);
    assert.equal((await victim.send(`${consentry.issuer}/device/${uid}`)).status, 403);
    assert.deepEqual(await given(consentry), earlier);
    const done = await approve(attacker, await signIn(attacker, page, consentry.ana));
    assert.equal(done.status, 200);
    assert.equal(bindings(attacker).length, 0);
  });

  it('on https it is a `__Host-` cookie, which no sibling host can set, and the one without the prefix counts for nothing', async () => {
    const { clientId: id } = await staticClient(secure.rooms, { kind: 'app', authMethod: 'none' });
    const origin = `http://127.0.0.1:${secure.config.port}`;
    const get = (path: string, cookie = '') =>
      raw(origin, `GET ${path} HTTP/1.1`, 'Host: auth.example.test', 'Accept: text/html', `Cookie: ${cookie}`);
    const begun = new URL(authorizationUrl(secure, id).url);
    const started = await get(`${begun.pathname}${begun.search}`);
    const lines = [...started.matchAll(/^set-cookie: (.*)\r$/gim)].map(([, line = '']) => line);
    const binding = lines.find((line) => line.startsWith('__Host-consentry_at_'));
    assert.match(String(binding), /; path=\/;.*; samesite=lax; secure; httponly/i);
    const location = String(/^location: (.*)\r$/im.exec(started)?.[1]);
    const pairs = lines.map((line) => String(line.split(';')[0]));
    assert.match(await get(location, pairs.join('; ')), /^HTTP\/1\.1 200/);
    const planted = pairs.map((pair) => pair.replace('__Host-consentry_at_', 'consentry_at_'));
    assert.match(await get(location, planted.join('; ')), /^HTTP\/1\.1 403/);
  });
});

function csrfOf(page: Step): string {
  return /name="csrf" value="([^"]*)"/.exec(page.html)?.[1] ?? '';
}
