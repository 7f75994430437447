/** An exclusive connection: local passwords are off, but for break-glass accounts; and which connections page A offers. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { authorizationUrl, registerClient, signIn } from '../flow.ts';
import { addPerson, PASSWORD, sql } from '../harness.ts';
import { given, heading, isConnectPage, isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person, type Step } from '../person.ts';
import { type Federated, press, signInUpstream, startFederated } from './kit.ts';

describe('an exclusive connection', () => {
  let federated: Federated;
  let clientId: string;
  let glass: { id: string; email: string; password: string };
  before(async () => {
    federated = await startFederated({
      env: { WEBHOOK_URL: 'https://hook.contoso.test/', WEBHOOK_SECRET: randomBytes(32).toString('base64') },
    });
    clientId = (await registerClient(federated.consentry.issuer)).client_id;
    glass = await addPerson(federated.consentry.rooms, 'glass@contoso.test');
    await federated.consentry.rooms.accountStore.setBreakGlass(glass.id, true);
  });
  beforeEach(() => {
    exclusive(true);
    federated.upstream.behaviour.person = { sub: 'ana', email: 'ana@upstream.test' };
  });
  after(() => federated?.close());

  const exclusive = (on: boolean) => federated.alter({ exclusive: on }, 'contoso');
  const newPerson = () => createPerson(federated.consentry.issuer);
  const open = (person: Person, params: Record<string, string> = {}) =>
    person.open(authorizationUrl(federated.consentry, clientId, params).url);
  const emergency = async (person: Person, page: Step) => {
    const [, href = ''] = /href="([^"]*step=emergency)"/.exec(page.html) ?? [];
    return person.open(new URL(href, page.url).href);
  };
  const isSignedIn = (person: Person) => person.jar.some(({ name }) => name === 'consentry_session');
  const setConnections = (ids: string[]) =>
    sql(federated.consentry, 'UPDATE resources SET connection_ids = $1 WHERE uri = $2', [
      ids,
      federated.consentry.mail.uri,
    ]);

  it('takes the password fields off page A; the connections stay, and emergencies have a step of their own', async () => {
    const person = newPerson();
    const page = await open(person);
    assert.equal(page.status, 200);
    assert.doesNotMatch(page.html, /name="password"|name="email"/);
    assert.match(page.html, /value="contoso"/);
    const step = await emergency(person, page);
    assert.ok(isConnectPage(step), words(step));
    assert.doesNotMatch(step.html, /name="connection"/);
    exclusive(false);
    assert.ok(isConnectPage(await open(newPerson())), 'and they come back with its end');
    assert.doesNotMatch((await open(newPerson())).html, /step=emergency/);
  });

  it('offers no step for emergencies where nobody could take it', async () => {
    const { setBreakGlass, disable, enable } = federated.consentry.rooms.accountStore;
    const offers = async () => /step=emergency/.test((await open(newPerson())).html);
    assert.equal(await offers(), true);
    await disable(glass.id, new Date());
    assert.equal(await offers(), false, 'a disabled account counts for nothing');
    await enable(glass.id);
    await setBreakGlass(glass.id, false);
    assert.equal(await offers(), false);
    const { url } = authorizationUrl(federated.consentry, clientId);
    const person = newPerson();
    const step = await person.open(`${(await person.open(url)).url}?step=emergency`);
    assert.doesNotMatch(step.html, /name="password"/, 'nor by typing its address');
    await setBreakGlass(glass.id, true);
    assert.equal(await offers(), true);
  });

  it('refuses a right password as it refuses a wrong one, whatever the form looked like', async () => {
    const person = newPerson();
    const page = await open(person);
    const earlier = await given(federated.consentry);
    const step = await emergency(person, page);
    const answers: string[] = [];
    for (const [from, password] of [
      [page, PASSWORD],
      [step, PASSWORD],
      [step, 'a wrong password'],
    ] as const) {
      const answer = await person.submit(from, {
        email: federated.consentry.ana.email,
        password,
        decision: 'continue',
      });
      assert.deepEqual([answer.status, answer.left, isSignedIn(person)], [401, undefined, false], words(answer));
      if (from === step) answers.push(words(answer));
    }
    assert.equal(answers[0], answers[1]);
    assert.deepEqual(await given(federated.consentry), earlier);
    const events = await sql(federated.consentry, "SELECT reason FROM audit_events WHERE type = 'sign_in.failed'");
    assert.ok(events.some(({ reason }) => reason === 'not_break_glass'));
  });

  it('lets a break-glass account in, loudly: an event of its own, and word to every owner', async () => {
    const person = newPerson();
    const page = await signIn(person, await emergency(person, await open(person)), glass);
    assert.ok(isConsentPage(page), words(page));
    const [event] = await sql(
      federated.consentry,
      "SELECT outcome, account_id, client_id FROM audit_events WHERE type = 'sign_in.break_glass'",
    );
    assert.deepEqual([event?.outcome, event?.account_id, event?.client_id], ['allowed', glass.id, clientId]);
    const notices = await sql(
      federated.consentry,
      "SELECT sink FROM outbox_messages WHERE kind = 'sign_in.break_glass'",
    );
    assert.deepEqual(notices, [{ sink: 'webhook' }]);
  });

  it('hears of a break-glass account’s password on the ways-in page too, and a password session of before opens it no more', async () => {
    const waysIn = `${federated.consentry.issuer}/account/ways-in`;
    const { rooms } = federated.consentry;
    const keeper = await addPerson(rooms, 'keeper@contoso.test');
    await rooms.accountStore.setBreakGlass(keeper.id, true);
    const loud = async () => {
      const events = await sql(
        federated.consentry,
        "SELECT 1 FROM audit_events WHERE type = 'sign_in.break_glass' AND details->>'page' = 'account'",
      );
      const notices = await sql(
        federated.consentry,
        "SELECT 1 FROM outbox_messages WHERE kind = 'sign_in.break_glass'",
      );
      return [events.length, notices.length];
    };
    exclusive(false);
    const [usual, emergencyPerson] = [newPerson(), newPerson()];
    for (const [person, { email, password }] of [
      [usual, federated.consentry.ana],
      [emergencyPerson, keeper],
    ] as const) {
      const page = await person.submit(await person.open(waysIn), { email, password });
      assert.match(page.html, /class="ways"/, words(page));
    }
    const [, before = 0] = await loud();
    exclusive(true);
    assert.doesNotMatch((await usual.open(waysIn)).html, /class="ways"/);
    assert.match((await emergencyPerson.open(waysIn)).html, /class="ways"/);
    // Ten minutes later it is asked once more.
    federated.clock.ahead = 600_000;
    const again = await emergencyPerson.open(waysIn);
    const shown = await emergencyPerson.submit(again, { password: keeper.password });
    federated.clock.ahead = 0;
    assert.match(shown.html, /class="ways"/, words(shown));
    assert.deepEqual(await loud(), [1, before + 1]);
    await rooms.accountStore.setBreakGlass(keeper.id, false);
  });

  it('who signed in by a password before it became exclusive signs in anew; a break-glass account goes on', async () => {
    exclusive(false);
    const [person, keeper] = [newPerson(), newPerson()];
    const before = await signIn(person, await open(person), federated.consentry.ana);
    assert.ok(isConsentPage(before));
    assert.ok(isConsentPage(await signIn(keeper, await open(keeper), glass)));
    exclusive(true);
    const earlier = await given(federated.consentry);
    const pressed = await person.submit(before, { decision: 'approve' });
    for (const page of [pressed, await open(person)]) {
      assert.deepEqual([page.left, page.html.includes('value="contoso"')], [undefined, true], words(page));
      assert.doesNotMatch(page.html, /name="password"|value="approve"/);
    }
    assert.deepEqual(await given(federated.consentry), earlier);
    assert.ok(isConsentPage(await open(keeper)));
  });

  it('a break-glass account on an ordinary day makes no noise', async () => {
    exclusive(false);
    const find = "SELECT 1 FROM audit_events WHERE type = 'sign_in.break_glass'";
    const { length } = await sql(federated.consentry, find);
    const person = newPerson();
    assert.ok(isConsentPage(await signIn(person, await open(person), glass)));
    assert.equal((await sql(federated.consentry, find)).length, length);
  });

  it('the page of the password follows: only break-glass accounts change theirs', async () => {
    const change = async ({ email }: { email: string }) => {
      const person = newPerson();
      return person.submit(await person.open(`${federated.consentry.issuer}/account/password`), {
        email,
        current_password: PASSWORD,
        new_password: 'another fine long password',
        repeat_password: 'another fine long password',
      });
    };
    assert.equal((await change(federated.consentry.ana)).status, 401);
    const ownOf = 'SELECT password_hash FROM accounts WHERE id = $1';
    const hash = (await sql(federated.consentry, ownOf, [federated.consentry.ana.id]))[0]?.password_hash;
    const other = await addPerson(federated.consentry.rooms, 'other-glass@contoso.test');
    await federated.consentry.rooms.accountStore.setBreakGlass(other.id, true);
    assert.equal((await change(other)).status, 200);
    assert.equal((await sql(federated.consentry, ownOf, [federated.consentry.ana.id]))[0]?.password_hash, hash);
  });

  it('somebody shut out upstream is out by the password too (threat 87)', async () => {
    exclusive(false);
    const { rooms } = federated.consentry;
    const leaver = await addPerson(rooms, 'leaver@contoso.test');
    const key = { connectionId: 'contoso', issuer: federated.upstream.issuer, subject: 'leaver' };
    assert.equal(await rooms.ways.link(leaver.id, key, new Date()), 'linked');
    await rooms.identityStore.noteSignIn(key, key);
    const first = newPerson();
    assert.ok(isConsentPage(await signIn(first, await open(first), leaver)), 'so far by both');
    assert.equal(await rooms.leavers.end({ accountId: leaver.id, by: 'upstream:contoso', reason: 'test' }), 'ended');
    const person = newPerson();
    const page = await signIn(person, await open(person), leaver);
    assert.deepEqual([page.status, isSignedIn(person)], [401, false], words(page));
    assert.ok(isConnectPage(await open(first)), 'and the session of before is over');
  });

  it('page A has buttons only of connections that the MCP server accepts, and no other is taken (threat 85)', async () => {
    await setConnections(['fabrikam']);
    const page = await open(newPerson());
    assert.match(page.html, /value="fabrikam"/);
    assert.doesNotMatch(page.html, /value="contoso"/);
    const refused = await newPerson().submit(page, { connection: 'contoso' });
    assert.notEqual(refused.left?.origin, federated.upstream.issuer);
    const person = newPerson();
    const own = await open(person);
    const answer = await person.submit(own, { connection: 'contoso' });
    assert.deepEqual([answer.status, answer.left], [400, undefined], words(answer));
    assert.ok((await person.submit(own, { connection: 'fabrikam' })).left);
    await setConnections(['gone']);
    const none = await open(newPerson());
    assert.match(words(none), /there is no way to sign in for Mail here/);
    assert.match(none.html, /value="cancel"/);
    await setConnections([]);
  });

  it('nothing that a client sends chooses or preselects a connection, or goes upstream (threat 85)', async () => {
    const plain = await open(newPerson());
    const buttons = ({ html }: Step) => [...html.matchAll(/<button[^>]*>/g)].map(([tag]) => tag);
    for (const name of ['login_hint', 'idp_hint', 'kc_idp_hint', 'domain_hint', 'acr_values', 'connection', 'idp']) {
      for (const value of ['fabrikam', 'The fabrikam directory', 'ana@fabrikam.test']) {
        const person = newPerson();
        const page = await open(person, { [name]: value });
        // Some are refused outright, which also chooses nothing.
        if (page.left) {
          assert.ok(page.left.searchParams.get('error'), page.left.href);
          continue;
        }
        assert.deepEqual(buttons(page), buttons(plain), `${name}=${value}`);
        assert.doesNotMatch(page.html, /autofocus/);
        const url = await press(person, page, 'contoso');
        assert.ok(url.searchParams.get('redirect_uri')?.includes('/federation/contoso/'));
        assert.deepEqual([url.searchParams.get(name), url.href.includes('fabrikam')], [null, false], url.href);
      }
    }
  });

  it('people of the connection sign in as ever', async () => {
    const person = newPerson();
    const page = await open(person);
    const left = (await person.submit(page, { connection: 'contoso' })).left;
    assert.ok(left);
    assert.equal(heading(page), '“Claude Code” wants to use Mail');
    exclusive(false);
    assert.ok(isConsentPage(await signInUpstream(federated, newPerson(), clientId)));
  });
});
