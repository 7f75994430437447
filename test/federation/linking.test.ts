/** A second way to sign in is added by the person who is here, in this browser and session, and by nobody else (threat 82). */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { approve, authorizationUrl, registerClient, signIn } from '../flow.ts';
import { addPerson, PASSWORD, sql } from '../harness.ts';
import { heading, isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person, type Step } from '../person.ts';
import { atUpstream, type Federated, signInUpstream, startFederated } from './kit.ts';

describe('the ways in', () => {
  let federated: Federated;
  let clientId: string;
  let runs = 0;
  let local: { id: string; email: string; password: string };
  before(async () => {
    federated = await startFederated({
      env: { WEBHOOK_URL: 'https://hook.contoso.test/', WEBHOOK_SECRET: randomBytes(32).toString('base64') },
    });
    clientId = (await registerClient(federated.consentry.issuer)).client_id;
  });
  beforeEach(async () => {
    runs += 1;
    federated.clock.ahead = 0;
    federated.alter({ exclusive: false, provisioning: 'first_sign_in' });
    comes(`way-${runs}`);
    await rows('DELETE FROM sign_in_throttles');
    local = await addPerson(federated.consentry.rooms, `local-${runs}@contoso.test`);
  });
  after(() => federated?.close());

  const rows = (text: string, values: unknown[] = []) => sql(federated.consentry, text, values);
  const comes = (sub: string) => {
    const person = { sub, email: `${sub}@upstream.test`, email_verified: true };
    const { ahead } = federated.clock;
    const authTime = ahead === 0 ? undefined : Math.floor((Date.now() + ahead) / 1000);
    Object.assign(federated.upstream.behaviour, { person, authTime, silentAboutTime: false });
  };
  const newPerson = () => createPerson(federated.consentry.issuer);
  const ways = (person: Person) => person.open(`${federated.consentry.issuer}/account/ways-in`);
  const isWays = (page: Step) => page.status === 200 && heading(page) === 'Ways to sign in';
  const identities = (id = local.id) =>
    rows('SELECT connection_id, subject FROM identities WHERE account_id = $1 ORDER BY connection_id', [id]);
  /** Signed in on the page itself, by the password. */
  async function here(person = newPerson(), who = local): Promise<Step> {
    const page = await person.submit(await ways(person), { email: who.email, password: who.password });
    assert.ok(isWays(page), words(page));
    return page;
  }
  async function add(person: Person, page: Step, connection = 'contoso'): Promise<URL> {
    const { left, ...step } = await press(person, page, { add: connection });
    assert.ok(left, `${step.status} ${words(step)}`);
    return atUpstream(federated, left);
  }
  /** The forms of the page share their address. */
  const press = (person: Person, page: Step, fields: Record<string, string>) => person.submit(page, fields);
  const removable = ({ html }: Step) => /name="remove" value="([^"]*)"/.exec(html)?.[1];
  const signedInAs = async (person: Person) =>
    words(await person.open(authorizationUrl(federated.consentry, clientId).url));

  it('a person adds a connection and signs in by it from then on, as the same account; they are told', async () => {
    const person = newPerson();
    const page = await here(person);
    const done = await person.open((await add(person, page)).href);
    assert.ok(isWays(done), words(done));
    assert.match(words(done), /The contoso directory was added/);
    assert.match(words(done), new RegExp(`as way-${runs}@upstream\\.test`));
    const other = await signInUpstream(federated, newPerson(), clientId);
    assert.ok(isConsentPage(other), words(other));
    assert.match(words(other), new RegExp(`Signed in as ${local.email}`));
    const events = await rows("SELECT type FROM audit_events WHERE account_id = $1 AND type LIKE 'identity%'", [
      local.id,
    ]);
    assert.deepEqual(events, [{ type: 'identity.linked' }]);
    const notices = await rows("SELECT sink FROM outbox_messages WHERE kind = 'identity.linked'");
    assert.deepEqual(notices, [{ sink: 'webhook' }]);
    const [account] = await rows('SELECT email FROM accounts WHERE id = $1', [local.id]);
    assert.equal(account?.email, local.email, 'what the account is called stays');
  });

  it('needs a proof of now: a session of an hour ago proves nothing, the password does, a wrong one does not', async () => {
    const person = newPerson();
    const page = await here(person);
    federated.clock.ahead = 301_000;
    const later = await person.submit(page, { add: 'contoso' });
    assert.equal(later.left, undefined, 'nor does a page that was open before');
    assert.equal(heading(await ways(person)), 'Show that it is you');
    const wrong = await person.submit(await ways(person), { password: 'a wrong password' });
    assert.equal(wrong.status, 401);
    assert.equal((await person.submit(wrong, { add: 'contoso' })).left, undefined);
    assert.ok(isWays(await person.submit(wrong, { password: PASSWORD })));
  });

  it('so does a fresh sign-in upstream by the same person, and only by its auth_time', async () => {
    const person = newPerson();
    assert.ok(isConsentPage(await signInUpstream(federated, person, clientId)));
    federated.clock.ahead = 301_000;
    const confirm = await ways(person);
    assert.equal(heading(confirm), 'Show that it is you');
    assert.doesNotMatch(confirm.html, /name="password"|value="fabrikam"/, 'only what is theirs');
    const url = (await person.submit(confirm, { connection: 'contoso' })).left as URL;
    assert.deepEqual([url.searchParams.get('prompt'), url.searchParams.get('max_age')], ['login', '300']);
    federated.upstream.behaviour.silentAboutTime = true;
    const silent = await person.open((await atUpstream(federated, url)).href);
    assert.match(heading(silent), /did not ask you anew/);
    assert.equal(heading(await ways(person)), 'Show that it is you');
    comes(`way-${runs}`);
    const again = (await person.submit(await ways(person), { connection: 'contoso' })).left as URL;
    const done = await person.open((await atUpstream(federated, again)).href);
    assert.ok(isWays(done), words(done));
  });

  it('comes back to where the person wanted to go, by a page of ours and not by a redirect (threat 102)', async () => {
    for (const path of ['/account/sessions', '/admin/clients?after=x%20y']) {
      const person = newPerson();
      const form = await person.open(`${federated.consentry.issuer}/account/prove?to=${encodeURIComponent(path)}`);
      const url = (await person.submit(form, { connection: 'contoso' })).left as URL;
      const answer = await person.send((await atUpstream(federated, url)).href);
      assert.deepEqual([answer.status, answer.headers.get('location')], [200, null]);
      const html = await answer.text();
      const to = path.replaceAll('&', '&amp;');
      assert.ok(html.includes(`<meta http-equiv="refresh" content="0; url=${to}">`), html);
      assert.ok(html.includes(`href="${to}"`), html);
    }
  });

  it('who came by a password and then by a connection is no longer here by the password', async () => {
    const person = newPerson();
    await person.open((await add(person, await here(person))).href);
    federated.clock.ahead = 301_000;
    comes(`way-${runs}`);
    const confirm = (await person.submit(await ways(person), { connection: 'contoso' })).left as URL;
    await person.open((await atUpstream(federated, confirm)).href);
    federated.alter({ exclusive: true }, 'contoso');
    assert.ok(isWays(await ways(person)));
  });

  it('somebody else who comes back proves nothing, and inherits nothing (threat 83)', async () => {
    comes(`stranger-${runs}`);
    assert.ok(isConsentPage(await signInUpstream(federated, newPerson(), clientId)), 'who has an account here');
    comes(`way-${runs}`);
    const person = newPerson();
    await signInUpstream(federated, person, clientId);
    federated.clock.ahead = 301_000;
    const url = (await person.submit(await ways(person), { connection: 'contoso' })).left as URL;
    comes(`stranger-${runs}`);
    const answer = await person.open((await atUpstream(federated, url)).href);
    assert.deepEqual([answer.status, heading(answer)], [403, 'Another account came back']);
    assert.equal(heading(await ways(person)), 'Show that it is you');
    const whose = 'SELECT account_id FROM identities WHERE subject = $1';
    const [own] = await rows(whose, [`way-${runs}`]);
    assert.notEqual((await rows(whose, [`stranger-${runs}`]))[0]?.account_id, own?.account_id);
  });

  it('finished in another browser it links nothing, and the first one still finishes', async () => {
    const [person, stranger] = [newPerson(), newPerson()];
    const back = await add(person, await here(person));
    const other = await addPerson(federated.consentry.rooms, `other-${runs}@contoso.test`);
    await here(stranger, other);
    assert.equal((await stranger.open(back.href)).status, 403);
    assert.deepEqual([await identities(), await identities(other.id)], [[], []]);
    assert.ok(isWays(await person.open(back.href)));
  });

  it('finished in another session of the same browser it links nothing, not even to the same account', async () => {
    const person = newPerson();
    const back = await add(person, await here(person));
    const asked = federated.upstream.requests.length;
    person.jar.splice(0, person.jar.length, ...person.jar.filter(({ name }) => !name.startsWith('consentry_session')));
    assert.equal((await person.open(back.href)).status, 403, 'nobody is signed in');
    await here(person);
    assert.equal((await person.open(back.href)).status, 403, 'another session of the same person');
    assert.deepEqual(await identities(), []);
    assert.equal(federated.upstream.requests.length, asked, 'and the provider was asked nothing');
  });

  it('finished while another account is signed in it links nothing, to neither', async () => {
    const person = newPerson();
    const back = await add(person, await here(person));
    const other = await addPerson(federated.consentry.rooms, `other-${runs}@contoso.test`);
    const connect = await person.open(authorizationUrl(federated.consentry, clientId, { prompt: 'login' }).url);
    assert.ok(isConsentPage(await signIn(person, connect, other)));
    const answer = await person.open(back.href);
    assert.equal(answer.status, 403, words(answer));
    assert.deepEqual([await identities(), await identities(other.id)], [[], []]);
    assert.match(await signedInAs(person), new RegExp(other.email));
  });

  it('an identity that lets somebody else in is refused in words, and stays theirs', async () => {
    assert.ok(isConsentPage(await signInUpstream(federated, newPerson(), clientId)));
    const [owner] = await rows('SELECT account_id FROM identities WHERE subject = $1', [`way-${runs}`]);
    const person = newPerson();
    const answer = await person.open((await add(person, await here(person))).href);
    assert.deepEqual([answer.status, heading(answer)], [409, 'That account belongs to somebody else here']);
    assert.deepEqual(await identities(), []);
    assert.deepEqual(await rows('SELECT account_id FROM identities WHERE subject = $1', [`way-${runs}`]), [owner]);
    const [event] = await rows(
      "SELECT reason FROM audit_events WHERE type = 'identity.link_refused' AND account_id = $1",
      [local.id],
    );
    assert.equal(event?.reason, 'taken');
  });

  it('is good once, and an account that is shut out meanwhile gains nothing by it', async () => {
    const person = newPerson();
    const back = await add(person, await here(person));
    await federated.consentry.rooms.leavers.end({ accountId: local.id, by: 'administrator', reason: 'test' });
    assert.equal((await person.open(back.href)).status, 403);
    assert.deepEqual(await identities(), []);
  });

  it('where a directory sends the people, nobody links themselves', async () => {
    const person = newPerson();
    const page = await here(person);
    const back = await add(person, page);
    federated.alter({ provisioning: 'scim' }, 'contoso');
    const answer = await person.open(back.href);
    assert.equal(heading(answer), 'You do not have an account here yet');
    assert.doesNotMatch((await ways(person)).html, /name="add" value="contoso"/);
    assert.equal((await person.submit(page, { add: 'contoso' })).status, 400);
    assert.deepEqual(await identities(), []);
  });

  it('forms of another session, account, browser or site, and links by GET, add and remove nothing', async () => {
    const [person, stranger] = [newPerson(), newPerson()];
    const page = await here(person);
    const other = await addPerson(federated.consentry.rooms, `other-${runs}@contoso.test`);
    await here(stranger, other);
    assert.equal((await stranger.submit(page, { add: 'contoso' })).status, 403);
    const crossSite = { headers: { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' } };
    assert.equal((await person.submit(page, { add: 'contoso' }, crossSite)).status, 403);
    assert.equal((await person.open(`${page.url}?add=contoso`)).left, undefined);
    await person.open((await add(person, page)).href);
    const shown = await ways(person);
    assert.equal((await stranger.submit(shown, { remove: String(removable(shown)) })).status, 403);
    assert.equal((await identities()).length, 1);
  });

  it('what was added is taken away again, on record and with word to the person; it lets nobody in any more', async () => {
    const person = newPerson();
    const page = await person.open((await add(person, await here(person))).href);
    const done = await person.submit(page, { remove: String(removable(page)) });
    assert.match(words(done), /The contoso directory was removed/);
    assert.deepEqual(await identities(), []);
    const events = await rows("SELECT type FROM audit_events WHERE account_id = $1 AND type = 'identity.unlinked'", [
      local.id,
    ]);
    assert.equal(events.length, 1);
    assert.equal((await rows("SELECT 1 FROM outbox_messages WHERE kind = 'identity.unlinked'")).length, 1);
    assert.doesNotMatch(words(await signInUpstream(federated, newPerson(), clientId)), new RegExp(local.email));
  });

  it('the last way in stays, also when two are removed at the same moment, and when only a password that is off is left', async () => {
    const person = newPerson();
    await signInUpstream(federated, person, clientId);
    const away = (await person.submit(await ways(person), { connection: 'contoso' })).left as URL;
    const page = await person.open((await atUpstream(federated, away)).href);
    assert.ok(isWays(page), words(page));
    assert.match(words(page), /Nothing else lets you in/);
    assert.equal(removable(page), undefined);
    const both = await person.open((await add(person, page, 'fabrikam')).href);
    const ids = [...both.html.matchAll(/name="remove" value="([^"]*)"/g)].map(([, id = '']) => id);
    assert.equal(ids.length, 2);
    const answers = await Promise.all(ids.map((remove) => person.submit(both, { remove })));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
    const [owner] = await rows('SELECT account_id FROM identities WHERE subject = $1', [`way-${runs}`]);
    assert.equal((await identities(String(owner?.account_id))).length, 1);
  });

  it('of two that are taken away while neither has committed the second waits and sees that it is the last', async () => {
    const { database, ways: store } = federated.consentry.rooms;
    const { issuer } = federated.upstream;
    const keys = ['contoso', 'fabrikam'].map((connectionId) => ({ connectionId, issuer, subject: `way-${runs}` }));
    for (const key of keys) assert.equal(await store.link(local.id, key, new Date()), 'linked');
    const [one, other] = keys.map(
      (key) => () => store.unlink(local.id, key, { connectionIds: ['contoso', 'fabrikam'], password: false }),
    );
    assert.ok(one && other);
    const [removed, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const first = database.unit(async () => {
      const outcome = await one();
      removed.resolve();
      await gate.promise;
      return outcome;
    });
    await removed.promise;
    let settled = false;
    const second = database.unit(other).finally(() => {
      settled = true;
    });
    const isWaiting = async () =>
      (
        await rows(
          'SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.datname = current_database()',
        )
      ).length > 0;
    while (!settled && !(await isWaiting()));
    gate.resolve();
    assert.deepEqual([await first, await second], ['unlinked', 'last']);
  });

  it('an exclusive connection cannot be slipped away from, and its password neither signs in nor proves anything here', async () => {
    const person = newPerson();
    const page = await person.open((await add(person, await here(person))).href);
    const remove = String(removable(page));
    federated.alter({ exclusive: true }, 'contoso');
    const late = await person.submit(page, { remove });
    assert.deepEqual([late.status, (await identities()).length], [200, 1]);
    assert.ok(!isWays(late), 'the session of a password counts no more');
    const { setBreakGlass } = federated.consentry.rooms.accountStore;
    await setBreakGlass(local.id, true);
    const kept = await person.submit(page, { remove });
    assert.deepEqual([kept.status, (await identities()).length], [403, 1]);
    assert.match(words(kept), /want you to sign in with it/);
    await setBreakGlass(local.id, false);
    const anew = newPerson();
    const form = await ways(anew);
    assert.doesNotMatch(form.html, /name="password"/);
    assert.equal((await anew.submit(form, { email: local.email, password: PASSWORD })).status, 400);
    assert.ok(!isWays(await ways(anew)));
  });

  it('of several ways the one by which the person signed in proves that they are here, else their first living one', async () => {
    const setup = newPerson();
    const page = await setup.open((await add(setup, await here(setup))).href);
    await setup.open((await add(setup, page, 'fabrikam')).href);
    const person = newPerson();
    const { client_id: id } = await registerClient(federated.consentry.issuer, { client_name: `Program ${runs}` });
    const open = (scope: string) => person.open(authorizationUrl(federated.consentry, id, { scope }).url);
    await approve(
      person,
      await signInUpstream(federated, person, id, { connection: 'fabrikam', params: { scope: 'mail:read' } }),
    );
    federated.clock.ahead = 301_000;
    assert.match(words(await open('mail:read mail:send')), /sign in again at The fabrikam directory/);
    await rows("DELETE FROM identities WHERE account_id = $1 AND connection_id = 'fabrikam'", [local.id]);
    assert.match(words(await open('mail:read mail:send')), /sign in again at The contoso directory/);
  });

  it('who signs in on this page is signed in, in a session of their own', async () => {
    const person = newPerson();
    await here(person);
    const session = () => person.jar.find(({ name }) => name === 'consentry_session')?.value;
    const first = session();
    assert.match(await signedInAs(person), new RegExp(`Signed in as ${local.email}`));
    const url = (await newPerson().submit(await ways(newPerson()), { connection: 'contoso' })).left;
    assert.equal(url, undefined, 'a form of another browser');
    person.jar.splice(0, person.jar.length, ...person.jar.filter(({ name }) => !name.startsWith('consentry_session')));
    const away = (await person.submit(await ways(person), { connection: 'contoso' })).left as URL;
    const page = await person.open((await atUpstream(federated, away)).href);
    assert.ok(isWays(page), words(page));
    assert.notEqual(session(), first);
    assert.match(await signedInAs(person), new RegExp(`Signed in as way-${runs}@upstream`));
  });
});
