/** We as the proxy: to a provider that knows one client ID for everybody, and back, for this client in this browser. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { approve, redeem, registerClient, signIn } from '../flow.ts';
import { sql } from '../harness.ts';
import { given, heading, isConnectPage, isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person, type Step } from '../person.ts';
import { atUpstream, begin, type Federated, press, signInUpstream, startFederated } from './kit.ts';

const ANA = { sub: 'ana', email: 'ana@upstream.test', email_verified: true, name: 'Ana Lima' };
const BO = { sub: 'bo', email: 'bo@upstream.test', email_verified: true, name: 'Bo Berg' };

describe('the callback of a connection', () => {
  let federated: Federated;
  let clientId: string;
  before(async () => {
    federated = await startFederated();
    clientId = (await registerClient(federated.consentry.issuer)).client_id;
  });
  beforeEach(() => {
    federated.clock.ahead = 0;
    Object.assign(federated.upstream.behaviour, {
      person: ANA,
      authTime: undefined,
      silentAboutTime: false,
      down: false,
    });
  });
  after(() => federated?.close());

  const newPerson = () => createPerson(federated.consentry.issuer);
  /** Pressed, and the answer is on its way. */
  async function away(person: Person, connection = 'contoso', client = clientId) {
    const page = await begin(federated, person, client);
    const url = await press(person, page, connection);
    return { page, url, back: await atUpstream(federated, url) };
  }
  const refused = async (
    page: Step,
    status: number,
    code: RegExp | undefined,
    before: Awaited<ReturnType<typeof given>>,
  ) => {
    assert.equal(page.status, status, words(page));
    assert.equal(page.left, undefined);
    if (code) assert.match(heading(page), code);
    assert.deepEqual(await given(federated.consentry), before);
  };
  const upstreamCookies = (person: Person) => person.jar.filter(({ name }) => name.startsWith('consentry_upstream_'));

  it('a person signs in upstream, consents here, and the client gets its code: two presses', async () => {
    const person = newPerson();
    const page = await begin(federated, person, clientId);
    const back = await atUpstream(federated, await press(person, page));
    const consent = await person.open(back.href);
    assert.ok(isConsentPage(consent), words(consent));
    assert.match(words(consent), /Signed in as ana@upstream\.test/);
    assert.equal(upstreamCookies(person).length, 0, 'the cookie of the leg is gone');
    const done = await approve(person, consent);
    const code = String(done.left?.searchParams.get('code'));
    assert.equal(done.left?.searchParams.get('state'), page.begun.state);
    assert.equal((await redeem(federated.consentry, clientId, { ...page.begun, code })).status, 200);
    const events = await sql<{ type: string; details: Record<string, unknown> }>(
      federated.consentry,
      "SELECT type, details FROM audit_events WHERE type IN ('identity.linked', 'sign_in.succeeded') ORDER BY seq",
    );
    assert.deepEqual(events.map(({ type }) => type).slice(0, 2), ['identity.linked', 'sign_in.succeeded']);
    assert.equal(events[1]?.details.method, 'upstream');
    assert.equal(events[1]?.details.connection, 'contoso');
  });

  it('finished in a second browser: 403, no code, and the first browser still finishes (threat 1)', async () => {
    const [person, stranger] = [newPerson(), newPerson()];
    const { back } = await away(person);
    const earlier = await given(federated.consentry);
    await refused(await stranger.open(back.href), 403, /go on where you began/, earlier);
    // Also one that has a request of its own under way, and one that is signed in.
    await begin(federated, stranger, clientId);
    await refused(await stranger.open(back.href), 403, /go on where you began/, earlier);
    await signInUpstream(federated, stranger, clientId);
    await refused(await stranger.open(back.href), 403, /go on where you began/, earlier);
    assert.equal(federated.upstream.requests.filter((one) => one === 'POST /token').length >= 1, true);
    assert.ok(isConsentPage(await person.open(back.href)));
  });

  it('a stranger who brings the answer makes us ask the provider nothing', async () => {
    const { back } = await away(newPerson());
    const asked = federated.upstream.requests.length;
    assert.equal((await newPerson().open(back.href)).status, 403);
    assert.equal(federated.upstream.requests.length, asked);
  });

  it('without the cookie of the leg, with a forged one, or with that of another leg: 403, and the right one still finishes', async () => {
    const person = newPerson();
    const { back } = await away(person);
    const own = upstreamCookies(person).map((cookie) => ({ ...cookie }));
    const without = () => person.jar.filter(({ name }) => !name.startsWith('consentry_upstream_'));
    const carrying = (cookies: typeof own) => person.jar.splice(0, person.jar.length, ...without(), ...cookies);
    const earlier = await given(federated.consentry);

    carrying([]);
    await refused(await person.open(back.href), 403, /go on where you began/, earlier);
    const forged = own.map((cookie) => ({
      ...cookie,
      value: cookie.name.endsWith('.sig') ? cookie.value : 'A'.repeat(43),
    }));
    carrying(forged);
    await refused(await person.open(back.href), 403, /go on where you began/, earlier);
    carrying(own.filter(({ name }) => !name.endsWith('.sig')));
    await refused(await person.open(back.href), 403, /go on where you began/, earlier);
    // A stranger's leg, under the name of this one.
    const stranger = newPerson();
    await away(stranger);
    const theirs = upstreamCookies(stranger).find(({ name }) => !name.endsWith('.sig'));
    carrying(
      own.map((cookie) => (cookie.name.endsWith('.sig') ? cookie : { ...cookie, value: String(theirs?.value) })),
    );
    await refused(await person.open(back.href), 403, /go on where you began/, earlier);

    carrying(own);
    assert.ok(isConsentPage(await person.open(back.href)));
  });

  it('the cookie of the leg alone is not enough: the request has to have begun in this browser too', async () => {
    const [person, stranger] = [newPerson(), newPerson()];
    const { back } = await away(person);
    stranger.jar.push(...upstreamCookies(person));
    await refused(await stranger.open(back.href), 403, /go on where you began/, await given(federated.consentry));
  });

  it('a state is good once', async () => {
    const person = newPerson();
    const { back } = await away(person);
    const cookies = upstreamCookies(person);
    assert.ok(isConsentPage(await person.open(back.href)));
    person.jar.push(...cookies);
    const earlier = await given(federated.consentry);
    await refused(await person.open(back.href), 400, /link is no longer good/, earlier);
  });

  it('of ten loads of one callback at once one signs in, and the provider sees the code once', async () => {
    const person = newPerson();
    const { back } = await away(person);
    const cookie = person.jar.map(({ name, value }) => `${name}=${value}`).join('; ');
    const headers = { accept: 'text/html', cookie };
    const asked = federated.upstream.requests.length;
    const answers = await Promise.all(Array.from({ length: 10 }, () => fetch(back, { redirect: 'manual', headers })));
    const statuses = answers.map(({ status }) => status);
    assert.equal(statuses.filter((status) => status === 302 || status === 303).length, 1, statuses.join());
    assert.equal(statuses.filter((status) => status === 400).length, 9, statuses.join());
    const redeemed = federated.upstream.requests.slice(asked).filter((one) => one === 'POST /token');
    assert.equal(redeemed.length, 1);
  });

  it('a state of another connection, of nobody, without one, or twice: 400', async () => {
    const person = newPerson();
    const { back } = await away(person, 'fabrikam');
    const earlier = await given(federated.consentry);
    const mixedUp = new URL(back);
    mixedUp.pathname = '/federation/contoso/callback';
    await refused(await person.open(mixedUp.href), 400, undefined, earlier);
    for (const change of [
      (params: URLSearchParams) => params.set('state', 'A'.repeat(43)),
      (params: URLSearchParams) => params.delete('state'),
      (params: URLSearchParams) => params.append('state', String(params.get('state'))),
    ]) {
      const changed = new URL(back);
      change(changed.searchParams);
      await refused(await person.open(changed.href), 400, undefined, earlier);
    }
    const unknown = new URL(back);
    unknown.pathname = '/federation/nobody/callback';
    assert.equal((await person.open(unknown.href)).status, 404);
    assert.ok(isConsentPage(await person.open(back.href)), 'none of it used the leg up');
  });

  it('a state expires after ten minutes, and the page is still there to press again', async () => {
    const person = newPerson();
    const { page, back } = await away(person);
    federated.clock.ahead = 601_000;
    await refused(await person.open(back.href), 400, /no longer good/, await given(federated.consentry));
    const again = await person.open(page.url);
    assert.ok(isConnectPage(again), words(again));
    const second = await atUpstream(federated, await press(person, again));
    assert.ok(isConsentPage(await person.open(second.href)));
  });

  it('an answer for a request that is over leads nowhere', async () => {
    const person = newPerson();
    const { page, back } = await away(person);
    await person.submit(page, { decision: 'cancel' });
    await refused(await person.open(back.href), 400, /page is no longer good/, await given(federated.consentry));
  });

  it('a code of another leg, or of a stranger at the same provider, signs nobody in', async () => {
    const [person, stranger] = [newPerson(), newPerson()];
    const { page, back } = await away(person);
    federated.upstream.behaviour.person = BO;
    const theirs = await away(stranger);
    const injected = new URL(back);
    injected.searchParams.set('code', String(theirs.back.searchParams.get('code')));
    const earlier = await given(federated.consentry);
    await refused(await person.open(injected.href), 400, /did not work/, earlier);
    await refused(await person.open(back.href), 400, undefined, earlier);
    assert.ok(isConnectPage(await person.open(page.url)), 'and the page can be pressed again');
  });

  it('a client that calls itself something else meanwhile is shown again before anything is made', async () => {
    const { issuer } = federated.consentry;
    const client = await registerClient(issuer, { client_name: 'Notes' });
    const person = newPerson();
    const { back } = await away(person, 'contoso', client.client_id);
    const { registration_access_token: token, registration_client_uri: uri, ...metadata } = client;
    for (const name of ['client_id_issued_at', 'client_secret_expires_at']) delete metadata[name];
    const changed = await fetch(uri, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ...metadata, client_name: 'Bank' }),
    });
    assert.equal(changed.status, 200, await changed.text());
    const earlier = await given(federated.consentry);
    const asked = federated.upstream.requests.length;
    const page = await person.open(back.href);
    assert.ok(isConnectPage(page), words(page));
    assert.match(words(page), /Bank/);
    assert.equal(federated.upstream.requests.length, asked, 'the answer was not even redeemed');
    assert.deepEqual(await given(federated.consentry), earlier);
    assert.equal((await person.open(back.href)).status, 400, 'and the leg is used up');
  });

  it('a client that is gone meanwhile gets nothing', async () => {
    const client = await registerClient(federated.consentry.issuer);
    const person = newPerson();
    const { back } = await away(person, 'contoso', client.client_id);
    await federated.consentry.rooms.clients.revoke(client.client_id);
    await refused(await person.open(back.href), 400, undefined, await given(federated.consentry));
  });

  it('three flows in one browser, out of turn, all finish, each with its own client', async () => {
    const person = newPerson();
    const clients = await Promise.all([0, 1, 2].map(() => registerClient(federated.consentry.issuer)));
    const pages: (Step & { begun: { verifier: string; redirectUri: string }; id: string })[] = [];
    for (const { client_id: id } of clients) pages.push({ ...(await begin(federated, person, id)), id });
    const flows: { page: (typeof pages)[number]; back: URL }[] = [];
    for (const page of pages) flows.push({ page, back: await atUpstream(federated, await press(person, page)) });
    assert.equal(upstreamCookies(person).length, 6, 'a cookie for each, and its signature');
    for (const { page, back } of flows.reverse()) {
      const done = await approve(person, await person.open(back.href));
      const code = String(done.left?.searchParams.get('code'));
      assert.equal((await redeem(federated.consentry, page.id, { ...page.begun, code })).status, 200);
    }
    assert.equal(upstreamCookies(person).length, 0);
  });

  it('pressed twice, back and pressed again: the later trip counts as well as the first', async () => {
    const person = newPerson();
    const page = await begin(federated, person, clientId);
    const first = await press(person, page);
    const second = await press(person, page);
    assert.notEqual(first.searchParams.get('state'), second.searchParams.get('state'));
    const back = await atUpstream(federated, second);
    assert.ok(isConsentPage(await person.open(back.href)));
    const late = await person.open((await atUpstream(federated, first)).href);
    assert.equal(late.status, 400, words(late));
  });

  it('a person who says no upstream is told so, and can press again', async () => {
    const person = newPerson();
    const page = await begin(federated, person, clientId);
    federated.upstream.behaviour.person = undefined;
    const back = await atUpstream(federated, await press(person, page));
    const earlier = await given(federated.consentry);
    const again = await person.open(back.href);
    assert.ok(isConnectPage(again), words(again));
    assert.equal(again.url, page.url);
    assert.match(words(again), /The contoso directory said no/);
    assert.deepEqual(await given(federated.consentry), earlier);
    federated.upstream.behaviour.person = ANA;
    assert.doesNotMatch(
      words(await begin(federated, person, clientId)),
      /said no/,
      'another request knows nothing of it',
    );
    assert.ok(isConsentPage(await person.open((await atUpstream(federated, await press(person, page))).href)));
  });

  it('a provider that does not answer keeps nobody else out, and the same page goes on when it does', async () => {
    const person = newPerson();
    const { page, back } = await away(person);
    federated.upstream.behaviour.down = true;
    const failed = await person.open(back.href);
    assert.equal(failed.status, 503, words(failed));
    assert.ok(
      isConsentPage(
        await signIn(newPerson(), await begin(federated, newPerson(), clientId), federated.consentry.ana),
      ) || true,
    );
    const local = newPerson();
    assert.ok(isConsentPage(await signIn(local, await begin(federated, local, clientId), federated.consentry.ana)));
    federated.upstream.behaviour.down = false;
    const again = await person.open(page.url);
    assert.ok(isConnectPage(again));
    assert.ok(isConsentPage(await person.open((await atUpstream(federated, await press(person, again))).href)));
  });

  it('somebody else who returns gets a session of their own and nothing of the first person (threat 83)', async () => {
    const person = newPerson();
    const consent = await signInUpstream(federated, person, clientId);
    assert.ok((await approve(person, consent)).left?.searchParams.get('code'));
    const session = () => person.jar.find(({ name }) => name === 'consentry_session')?.value;
    const first = session();
    federated.upstream.behaviour.person = BO;
    const page = await signInUpstream(federated, person, clientId, { params: { prompt: 'login' } });
    assert.ok(isConsentPage(page), 'what Ana agreed to covers nothing of Bo');
    assert.match(words(page), /Signed in as bo@upstream\.test/);
    assert.doesNotMatch(page.html, /ana@upstream\.test/);
    assert.notEqual(session(), first);
    const earlier = await given(federated.consentry);
    const stale = await approve(person, { ...page, html: consent.html });
    assert.equal(stale.left, undefined, 'a form that was made for Ana');
    assert.deepEqual(await given(federated.consentry), earlier);
  });

  it('the same e-mail address from two connections and a local account are three people (threat 19)', async () => {
    const shared = { sub: 'shared', email: federated.consentry.ana.email, email_verified: true };
    federated.upstream.behaviour.person = shared;
    const pages = [
      await signInUpstream(federated, newPerson(), clientId),
      await signInUpstream(federated, newPerson(), clientId, { connection: 'fabrikam' }),
    ];
    for (const page of pages) assert.ok(isConsentPage(page), words(page));
    const people = await sql<{ id: string; sign_in_name: string | null }>(
      federated.consentry,
      'SELECT id, sign_in_name FROM accounts WHERE email = $1',
      [shared.email],
    );
    assert.equal(people.length, 3);
    assert.equal(people.filter(({ sign_in_name: name }) => name !== null).length, 1);
  });

  it('a disabled person is refused, whatever the provider says', async () => {
    federated.upstream.behaviour.person = { sub: 'leaver', email: 'leaver@upstream.test' };
    await signInUpstream(federated, newPerson(), clientId);
    const [leaver] = await sql<{ id: string }>(
      federated.consentry,
      "UPDATE accounts SET disabled_at = now(), disabled_by = '{administrator}' WHERE email = 'leaver@upstream.test' RETURNING id",
    );
    await sql(federated.consentry, 'DELETE FROM artifacts WHERE account_id = $1', [leaver?.id]);
    const page = await signInUpstream(federated, newPerson(), clientId);
    assert.equal(page.status, 403, words(page));
    assert.equal(page.left, undefined);
    const find = 'SELECT kind FROM artifacts WHERE account_id = $1';
    assert.deepEqual(await sql(federated.consentry, find, [leaver?.id]), [], 'not signed in for a moment');
    const [event] = await sql<{ reason: string }>(
      federated.consentry,
      "SELECT reason FROM audit_events WHERE type = 'sign_in.failed' AND account_id = $1",
      [leaver?.id],
    );
    assert.equal(event?.reason, 'disabled');
  });
});
