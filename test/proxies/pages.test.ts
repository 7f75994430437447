/** What a person sees when a gateway asks, and when one button is enough (consent.md §4; threats 120, 123, 125). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { decodeJwt } from 'jose';
import { basic, redeem, registerClient, signIn } from '../flow.ts';
import { type Consentry, sql, staticClient } from '../harness.ts';
import { given, isConnectPage, isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person, readForm } from '../person.ts';
import {
  agree,
  ask,
  begin,
  CLAUDE,
  connect,
  DESK,
  type Gateway,
  headline,
  isShortPage,
  type Named,
  type Proxies,
  reach,
  refreshWith,
  startProxies,
  TERMINAL,
} from './kit.ts';

const NOBODY = /Anyone who uses gw\.example may be behind this/;

describe('the page of a gateway', () => {
  let world: Proxies;
  let consentry: Consentry;
  let ana: Person;
  before(async () => {
    world = await startProxies();
    ({ consentry } = world);
  });
  after(() => world?.close());
  beforeEach(async () => {
    ana = createPerson(consentry.issuer, { 'sec-fetch-site': 'none' });
  });

  const addGateway = (name = 'Gateway') => world.addClient(name, 'https://gw.example/callback');

  /** The browser that a program opens, in the front channel and without PAR. */
  const front = (client: Gateway, params = {}) => reach(consentry, begin(consentry, client, params).url, ana);

  async function assertFullEveryTime(client: Gateway): Promise<void> {
    for (let time = 0; time < 3; time += 1) {
      const begun = begin(consentry, client);
      const page = await reach(consentry, begun.url, ana);
      assert.ok(isConsentPage(page), `time ${time}`);
      assert.match(words(page), NOBODY);
      const code = await agree(ana, page);
      const { status, body } = await redeem(consentry, client.clientId, { ...begun, code }, {}, client.headers);
      assert.deepEqual([status, body.refresh_token, body.authorization_details], [200, undefined, undefined]);
      assert.deepEqual(decodeJwt(String(body.access_token)).act, { sub: client.clientId });
    }
  }

  it('that names nobody is the full one every time, says that anyone may be behind it, and brings no refresh token', async () => {
    await assertFullEveryTime(await addGateway());
  });

  it('that names nobody stays connected only where an operator said so of this very proxy, and is still asked every time (threat 125)', async () => {
    const redirectUri = 'https://gw.example/callback';
    const made = await staticClient(consentry.rooms, {
      kind: 'proxy',
      redirectUris: [redirectUri],
      unnamedRefresh: true,
    });
    const gateway = { clientId: made.clientId, headers: basic(made.clientId, made.clientSecret), redirectUri };
    const { tokens } = await connect(consentry, gateway, undefined, { person: ana });
    const { status, body } = await refreshWith(consentry, gateway, tokens.refresh_token);
    assert.equal(status, 200, JSON.stringify(body));
    const page = await front(gateway);
    assert.ok(isConsentPage(page));
    assert.match(words(page), NOBODY);
    // What a client says of itself is not what an operator said.
    const own = await registerClient(consentry.issuer, { consentry_unnamed_refresh: true });
    assert.equal(JSON.stringify(own).includes('unnamed'), false);
  });

  it('whose kind was never declared is the same (threat 120)', async () => {
    await assertFullEveryTime(await world.addUndeclared('Gateway', 'https://gw.example/callback'));
  });

  it('is not the short one for want of anything else: an app in its place gets that, and a refresh token', async () => {
    const app = await world.addClient('Gateway', 'https://gw.example/callback', 'app');
    const begun = begin(consentry, app);
    const code = await agree(ana, await reach(consentry, begun.url, ana));
    const { body } = await redeem(consentry, app.clientId, { ...begun, code }, {}, app.headers);
    assert.equal(typeof body.refresh_token, 'string');
    assert.equal(decodeJwt(String(body.access_token)).act, undefined);
    const page = await front(app);
    assert.ok(isShortPage(page));
    assert.doesNotMatch(words(page), NOBODY);
  });

  it('that names nobody follows the press on the sign-in page too: that one covers nothing', async () => {
    const gateway = await addGateway();
    await connect(consentry, gateway, undefined, { person: ana });
    forgetSession(ana);
    const first = await ana.open(begin(consentry, gateway).url);
    assert.ok(isConnectPage(first));
    assert.match(words(first), NOBODY);
    assert.ok(isConsentPage(await signIn(ana, first, consentry.ana)));
  });

  it('names the client and the gateway with their hosts, signed in or not, and where each is sent', async () => {
    const gateway = await addGateway();
    const { page } = await ask(consentry, gateway, CLAUDE, { person: ana });
    assert.equal(headline(page), '“Claude” (claude.example) through “Gateway” (gw.example) wants to use Mail');
    assert.match(words(page), /“Gateway” says that it acts for “Claude” of claude\.example ?\. We cannot check that/);
    assert.match(words(page), /from there, it says, to claude\.example/);
    assert.doesNotMatch(words(page), NOBODY);
    forgetSession(ana);
    const signedOut = await ask(consentry, gateway, TERMINAL, { person: createPerson(consentry.issuer) });
    assert.match(headline(signedOut.page), /^“Terminal” \(terminal\.example\) through “Gateway” \(gw\.example\)/);
  });

  it('shortens for a client that it named before in this browser: one press, and a code', async () => {
    const gateway = await addGateway();
    await connect(consentry, gateway, CLAUDE, { person: ana });
    const { page, ...begun } = await ask(consentry, gateway, CLAUDE, { person: ana });
    assert.ok(isShortPage(page));
    assert.match(headline(page), /“Claude” \(claude\.example\) through “Gateway” \(gw\.example\)/);
    const code = await agree(ana, page);
    const { body } = await redeem(consentry, gateway.clientId, { ...begun, code }, {}, gateway.headers);
    assert.equal(typeof body.refresh_token, 'string');
    const elsewhere = await ask(consentry, gateway, CLAUDE);
    assert.ok(isConsentPage(elsewhere.page), 'another browser sees everything');
  });

  it('is the full one for a program on a computer that a website or a link started, whoever is between (threat 51)', async () => {
    const gateway = await addGateway();
    await connect(consentry, gateway, TERMINAL, { person: ana });
    assert.ok(isShortPage((await ask(consentry, gateway, TERMINAL, { person: ana })).page));
    const sent = createPerson(consentry.issuer, { 'sec-fetch-site': 'cross-site' });
    sent.jar.push(...ana.jar);
    assert.ok(isConsentPage((await ask(consentry, gateway, TERMINAL, { person: sent })).page));
    await connect(consentry, gateway, CLAUDE, { person: ana });
    assert.ok(isShortPage((await ask(consentry, gateway, CLAUDE, { person: sent })).page), 'its own host is proven');
  });

  it('is none after the press on a sign-in page that named them both, where a consent covers it', async () => {
    const gateway = await addGateway();
    await connect(consentry, gateway, CLAUDE, { person: ana });
    forgetSession(ana);
    const pushed = await ask(consentry, gateway, CLAUDE, { person: createPerson(consentry.issuer) });
    const first = await ana.open(pushed.front);
    assert.match(headline(first), /“Claude” \(claude\.example\) through “Gateway” \(gw\.example\)/);
    const done = await signIn(ana, first, consentry.ana);
    assert.ok(done.left?.searchParams.has('code'), words(done));
  });

  it('is asked for by no silent request, whatever was agreed to before', async () => {
    const gateway = await addGateway();
    await connect(consentry, gateway, CLAUDE, { person: ana });
    await connect(consentry, gateway, undefined, { person: ana });
    for (const named of [CLAUDE, undefined]) {
      const { page } = await ask(consentry, gateway, named, { person: ana, params: { prompt: 'none' } });
      assert.equal(page.left?.searchParams.get('error'), 'interaction_required');
      assert.equal(page.left?.searchParams.get('code'), null);
    }
  });

  it('lets Deny go back to the gateway with nothing stored', async () => {
    const { page, person } = await ask(consentry, await addGateway(), CLAUDE, { person: ana });
    const before = await given(consentry);
    const { left } = await person.submit(page, { decision: 'deny' });
    assert.equal(left?.searchParams.get('error'), 'access_denied');
    assert.deepEqual(await given(consentry), before);
  });

  it('shows an attacker who registered at an honest gateway under a good name, and gives no code without the press', async () => {
    const gateway = await addGateway();
    await connect(consentry, gateway, CLAUDE, { person: ana });
    await connect(consentry, gateway, undefined, { person: ana });
    const attacker: Named = {
      clientId: 'https://gw.example/clients/31337.json',
      redirectUri: 'https://evil.example/callback',
    };
    await world.publish(attacker, { client_name: 'Claude' });
    const crossSite = createPerson(consentry.issuer, { 'sec-fetch-site': 'cross-site' });
    crossSite.jar.push(...ana.jar);
    const before = await given(consentry);
    const { page } = await ask(consentry, gateway, attacker, { person: crossSite });
    assert.ok(isConsentPage(page), 'agreed to before was another client of that name');
    assert.match(headline(page), /“Claude”.*through “Gateway” \(gw\.example\)/);
    assert.match(words(page), /“Gateway” says that it acts for a site at evil\.example that calls itself “Claude”/);
    assert.match(words(page), /from there, it says, to evil\.example/);
    assert.match(words(page), /A website or a link, not straight from an app/);
    assert.deepEqual(await given(consentry), before);
  });

  it('is about this client alone: a press on a page whose client has changed meanwhile counts for nothing', async () => {
    const gateway = await addGateway();
    const changing: Named = { clientId: 'https://changing.example/client.json', redirectUri: DESK.redirectUri };
    await world.publish(changing, { client_name: 'Paper' });
    const { page } = await ask(consentry, gateway, changing, { person: ana });
    await world.publish(changing, { client_name: 'Scissors' });
    const before = await given(consentry);
    const answer = await ana.submit(page, { decision: 'approve' });
    assert.deepEqual([answer.status, answer.left], [403, undefined]);
    assert.match(headline(answer), /Scissors/);
    assert.deepEqual(await given(consentry), before);
  });

  it('that names nobody lists everything it asks for, also what somebody behind it was given before', async () => {
    const gateway = await addGateway();
    await connect(consentry, gateway, undefined, { person: ana });
    const page = await front(gateway, { scope: 'mail:read mail:label' });
    assert.ok(isConsentPage(page));
    assert.ok(!page.html.includes('What you allowed already'), headline(page));
    const { fields } = readForm(page.html, new URL(page.url).pathname);
    const scopes = fields.filter(([name]) => name === 'scope').map(([, value]) => value);
    assert.deepEqual(scopes.toSorted(), ['mail:label', 'mail:read']);
  });

  describe('of a person who wants to hear no more', () => {
    let resourceId: string;
    before(async () => {
      [{ id: resourceId }] = (await sql<{ id: string }>(consentry, 'SELECT id FROM resources')) as [{ id: string }];
    });

    async function stopped(blocked: string, gateway: Gateway, named: Named | undefined): Promise<boolean> {
      const client = { clientId: blocked, clientName: 'Blocked' };
      const subject = { accountId: consentry.ana.id, subjectKey: `client ${blocked}`, resourceId };
      await consentry.rooms.refusals.block(subject, client);
      const { page } = await ask(consentry, gateway, named, { person: ana });
      await sql(consentry, 'DELETE FROM blocks');
      return page.status === 403 && !isConsentPage(page) && !isShortPage(page);
    }

    it('of a client is stopped for it through a gateway too, as if it had come itself (threat 123)', async () => {
      assert.ok(await stopped(CLAUDE.clientId, await addGateway(), CLAUDE));
      assert.ok(!(await stopped(CLAUDE.clientId, await addGateway(), DESK)));
    });

    it('of a gateway is stopped for it, whomever it names', async () => {
      const gateway = await addGateway();
      assert.ok(await stopped(gateway.clientId, gateway, undefined));
      assert.ok(await stopped(gateway.clientId, gateway, CLAUDE));
    });
  });

  /** The session has ended; the browser is still the same. */
  function forgetSession(person: Person): void {
    const kept = person.jar.filter(({ name }) => !name.includes('consentry_session'));
    person.jar.splice(0, person.jar.length, ...kept);
  }
});
