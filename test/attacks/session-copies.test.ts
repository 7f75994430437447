/** A copy of somebody's cookies: what it was good for ends when they show anew that it is them, and nothing is lost for them. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import pg from 'pg';
import { signInAt } from '../account/kit.ts';
import { arrive } from '../admin/kit.ts';
import { approve, authorizationUrl, registerClient, signIn } from '../flow.ts';
import { addPerson, type Consentry, sql, startConsentry, staticClient } from '../harness.ts';
import { heading, isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person, type Step } from '../person.ts';

describe('a copy of the cookies', () => {
  let consentry: Consentry;
  let clientId: string;
  let who: { id: string; email: string; password: string };
  let people = 0;
  const clock = { ahead: 0 };
  before(async () => {
    consentry = await startConsentry({}, () => new Date(Date.now() + clock.ahead));
    clientId = (await registerClient(consentry.issuer)).client_id;
  });
  after(() => consentry?.close());
  beforeEach(async () => {
    people += 1;
    await sql(consentry, 'DELETE FROM sign_in_throttles');
    who = await addPerson(consentry.rooms, `copied${people}@contoso.test`);
  });

  const at = (path: string) => `${consentry.issuer}${path}`;
  const copyOf = ({ jar }: Person) => {
    const thief = createPerson(consentry.issuer);
    thief.jar.push(...jar.map((cookie) => ({ ...cookie })));
    return thief;
  };
  const nameOf = ({ jar }: Person) => jar.find(({ name }) => name === 'consentry_session')?.value ?? assert.fail();
  const stale = () => {
    clock.ahead += 301_000;
  };
  /** For longer than what was under way goes on. */
  const moment = () => {
    clock.ahead += 11_000;
  };
  const signedIn = async () => {
    const person = createPerson(consentry.issuer);
    await signInAt(consentry, person, who);
    return person;
  };
  const prove = async (person: Person, to = '/account/security') =>
    person.submit(await person.open(at(`/account/prove?to=${to}`)), { password: who.password });
  const begin = (person: Person, scope = 'mail:read') =>
    person.open(authorizationUrl(consentry, clientId, { scope }).url);
  const codeOf = ({ left }: Step) => left?.searchParams.get('code');
  const isNobody = (page: Step) => page.html.includes('name="email"') && !page.html.includes(who.email);
  const devices = () =>
    sql(consentry, 'SELECT session_uid FROM session_devices WHERE account_id = $1 ORDER BY created_at', [who.id]);

  it('is not as fresh as the person once they show that it is them: from then on it is nobody', async () => {
    const person = await signedIn();
    stale();
    const thief = copyOf(person);
    const [session] = await devices();
    const page = await prove(person);
    assert.equal(heading(page), 'Security');
    for (const path of ['/account/security', '/account/ways-in', '/account', '/account/sessions']) {
      const seen = await thief.open(at(path));
      assert.ok(isNobody(seen), `${path}: ${words(seen)}`);
    }
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.html)?.[1] ?? '';
    await thief.submit(page, { act: 'begin', csrf }, { action: '/account/security' });
    assert.equal(await consentry.rooms.secondFactor.begun(who), undefined);
    assert.notEqual(nameOf(person), nameOf(thief));
    assert.deepEqual(await devices(), [session], 'one session, the same as before');
    moment();
    assert.ok(isNobody(await begin(thief)));
    const other = await begin(person);
    assert.ok(isConsentPage(other), words(other));
    assert.equal(heading(await person.open(at('/account/security'))), 'Security');
  });

  it('opens nothing at the dashboard either, where it held the cookie of that too; the owner goes on there', async () => {
    const owner = await arrive(consentry, 'owner', `owner${people}@contoso.test`);
    clock.ahead += 16 * 60_000;
    const thief = copyOf(owner.browser);
    const asked = await owner.browser.open(at('/admin/keys/rotate'));
    assert.match(asked.url, /\/account\/prove/);
    const form = await owner.browser.submit(asked, { password: owner.password });
    assert.equal(form.url, at('/admin/keys/rotate'));
    const keys = () => consentry.rooms.keyset.list();
    const before = await keys();
    assert.match((await thief.open(at('/admin/keys/rotate'))).url, /\/account\/prove/);
    const pressed = await thief.submit(form, { when: '86400' }, { action: '/admin/keys/rotate' });
    assert.equal(pressed.status, 401, words(pressed));
    assert.match((await thief.open(at('/admin/consents'))).url, /\/account\/prove/);
    assert.deepEqual(await keys(), before);
    const done = await owner.browser.submit(form, { when: '86400' }, { action: '/admin/keys/rotate' });
    assert.match(done.html, /The next key is published/);
  });

  it('nor after a proof in the middle of an authorization: neither for a sensitive scope nor for a change of the account', async () => {
    const person = createPerson(consentry.issuer);
    await approve(person, await signIn(person, await begin(person), who));
    const { client_id: other } = await registerClient(consentry.issuer, { client_name: 'Other' });
    const beginOther = (browser: Person, scope: string) =>
      browser.open(authorizationUrl(consentry, other, { scope }).url);
    assert.ok(codeOf(await approve(person, await beginOther(person, 'mail:read'))));
    stale();
    const thief = copyOf(person);
    const wider = await begin(person, 'mail:read mail:send');
    const done = await approve(person, wider, { password: who.password, scope: ['mail:read', 'mail:send'] });
    assert.ok(codeOf(done), words(done));
    const seen = await thief.open(at('/account/security'));
    assert.ok(isNobody(seen), words(seen));
    // For a moment it is who it was, and no more.
    const asked = await beginOther(thief, 'mail:read mail:send');
    assert.match(asked.html, /name="password"/, words(asked));
    moment();
    const later = await beginOther(thief, 'mail:read mail:send');
    assert.ok(isNobody(later), words(later));
    assert.doesNotMatch((await beginOther(person, 'mail:read mail:send')).html, /name="password"/);
    assert.equal(heading(await person.open(at('/account/security'))), 'Security');
  });

  it('what is under way in other tabs ends as it would have: pages that were open, and a form of the account', async () => {
    const person = await signedIn();
    const [open, widerLater] = [await begin(person), await begin(person, 'mail:read mail:label')];
    const sessions = await person.open(at('/account/sessions'));
    stale();
    await prove(person);
    moment();
    assert.ok(codeOf(await approve(person, open)));
    assert.ok(codeOf(await approve(person, widerLater)));
    const ended = await person.submit(sessions, { all: 'yes' }, { action: '/account/sessions' });
    assert.equal(ended.status, 200, words(ended));
    await prove(person);
    assert.equal(heading(await person.open(at('/account/security'))), 'Security');
  });

  it('of two proofs at once both hold, and nobody is signed out; round after round', async () => {
    const person = await signedIn();
    for (let round = 0; round < 3; round += 1) {
      stale();
      const before = nameOf(person);
      const forms = [await person.open(at('/account/prove')), await person.open(at('/account/prove'))];
      const answers = await Promise.all(forms.map((form) => person.submit(form, { password: who.password })));
      for (const answer of answers) assert.equal(heading(answer), 'Connected apps', words(answer));
      assert.notEqual(nameOf(person), before);
      moment();
      assert.equal(heading(await person.open(at('/account/security'))), 'Security');
    }
    assert.equal((await devices()).length, 1);
    const listed = await person.open(at('/account/sessions'));
    assert.equal(listed.html.match(/this one/g)?.length, 1);
  });

  it('nor is anybody by a proof while requests resume in other tabs, which all go on; round after round', async () => {
    const person = await signedIn();
    for (let round = 0; round < 3; round += 1) {
      stale();
      const scopes = round % 2 === 0 ? 'mail:read' : 'mail:read mail:label';
      const pages = [await begin(person, scopes), await begin(person, scopes)];
      const form = await person.open(at('/account/prove?to=/account/security'));
      const [first, proof, second, third] = await Promise.all([
        approve(person, pages[0] as Step),
        person.submit(form, { password: who.password }),
        approve(person, pages[1] as Step),
        begin(person, scopes),
      ]);
      assert.equal(proof.status, 200, words(proof));
      for (const answer of [first, second]) assert.ok(codeOf(answer), `${round}: ${words(answer)}`);
      assert.ok(codeOf(third) || isConsentPage(third) || !isNobody(third), words(third));
      moment();
      assert.equal(heading(await person.open(at('/account/security'))), 'Security', `round ${round}`);
    }
  });

  it('three sign-ins of one person that resume at once in one browser leave them signed in', async () => {
    const person = await signedIn();
    for (let round = 0; round < 3; round += 1) {
      stale();
      const params = { prompt: 'login' };
      const pages: Step[] = [];
      for (let tab = 0; tab < 3; tab += 1)
        pages.push(await person.open(authorizationUrl(consentry, clientId, params).url));
      const answers = await Promise.all(pages.map((page) => signIn(person, page, who)));
      for (const answer of answers) assert.ok(isConsentPage(answer) || codeOf(answer), words(answer));
      moment();
      assert.equal(heading(await person.open(at('/account/security'))), 'Security', `round ${round}`);
    }
  });

  it('a session that was ended is not brought back by what was under way in it', async () => {
    const person = await signedIn();
    for (let round = 0; round < 4; round += 1) {
      const elsewhere = await signedIn();
      const page = await person.open(at('/account/sessions'));
      await Promise.all([
        person.submit(page, { all: 'yes' }, { action: '/account/sessions' }),
        begin(elsewhere),
        begin(elsewhere),
        begin(elsewhere),
      ]);
      assert.ok(isNobody(await elsewhere.open(at('/account'))), `round ${round}`);
    }
  });

  it('two apps that are approved at once in two tabs are both in the session, and both told when it ends', async () => {
    const told = { backchannelLogoutUri: 'https://told.example/bye', redirectUris: ['http://127.0.0.1/callback'] };
    const app = { kind: 'app', authMethod: 'none', ...told } as const;
    const apps = [
      await staticClient(consentry.rooms, { ...app, name: 'One' }),
      await staticClient(consentry.rooms, { ...app, name: 'Two' }),
    ];
    for (let round = 0; round < 4; round += 1) {
      const person = await signedIn();
      const pages: Step[] = [];
      for (const one of apps)
        pages.push(await person.open(authorizationUrl(consentry, one.clientId, { scope: 'mail:read' }).url));
      const answers = await Promise.all(pages.map((page) => approve(person, page)));
      for (const answer of answers) assert.ok(codeOf(answer), words(answer));
      await sql(consentry, 'DELETE FROM outbox_messages');
      await consentry.rooms.sessions.endOf(who.id);
      const kept = await sql(consentry, "SELECT 1 FROM outbox_messages WHERE kind = 'session.ended'");
      assert.equal(kept.length, 2, `round ${round}`);
    }
  });

  /** Declined: stock gives the session another name then. */
  const declineLogout = async (browser: Person) => {
    const page = await browser.open(at(`/logout?client_id=${clientId}`));
    const html = page.html.replace(/<input type="hidden" name="logout"[^>]*>/, '');
    return () => browser.submit({ ...page, html });
  };
  const sessions = async () => {
    const text = "SELECT id FROM artifacts WHERE kind = 'Session' AND account_id = $1";
    return (await sql<{ id: string }>(consentry, text, [who.id])).map(({ id }) => id);
  };
  /** Holds sessions while `act` is under way, does `change` to them, and lets go. */
  async function amid<T>(ids: readonly string[], act: () => Promise<T>, change: string): Promise<T> {
    const client = new pg.Client({ connectionString: consentry.databaseUrl });
    await client.connect();
    try {
      const theirs = "kind = 'Session' AND id = ANY($1)";
      await client.query('BEGIN');
      await client.query(`SELECT 1 FROM artifacts WHERE ${theirs} FOR UPDATE`, [ids]);
      const going = act();
      await waitForLock(consentry);
      await client.query(`${change} WHERE ${theirs}`, [ids]);
      await client.query('COMMIT');
      return await going;
    } finally {
      await client.end();
    }
  }

  it('takes the session from nobody by the name before, in the moment in which that is followed', async () => {
    const person = await signedIn();
    stale();
    const thief = copyOf(person);
    await prove(person);
    await (await declineLogout(thief))();
    moment();
    assert.ok(isNobody(await thief.open(at('/account/sessions'))));
    assert.equal(heading(await person.open(at('/account/security'))), 'Security');
  });

  for (const what of ['a proof', 'a declined logout'] as const) {
    it(`a session that is ended while ${what} is under way stays ended`, async () => {
      const person = await signedIn();
      const decline = await declineLogout(person);
      const form = await person.open(at('/account/prove?to=/account/security'));
      const act = what === 'a proof' ? () => person.submit(form, { password: who.password }) : decline;
      await amid(await sessions(), act, 'DELETE FROM artifacts');
      assert.deepEqual(await sessions(), []);
      assert.ok(isNobody(await person.open(at('/account'))));
    });
  }

  it('a session that gets another name while it is being ended is ended all the same', async () => {
    await signedIn();
    const others = await sessions();
    const person = await signedIn();
    const page = await person.open(at('/account/sessions'));
    const end = () => person.submit(page, { all: 'yes' }, { action: '/account/sessions' });
    await amid(others, end, "UPDATE artifacts SET id = id || '-renamed'");
    assert.deepEqual(
      (await sessions()).filter((id) => id.endsWith('-renamed')),
      [],
    );
  });
});

/** Until somebody waits for a row. */
async function waitForLock(consentry: Consentry): Promise<void> {
  const text = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
  for (let tries = 0; tries < 600; tries += 1) {
    if ((await sql(consentry, text)).length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail('nobody waits for the sessions');
}
