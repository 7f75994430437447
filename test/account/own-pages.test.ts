/** A person's own pages: what they let use what, where they are signed in, in which language; theirs and nobody else's. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { approve, authorizationUrl, redeem, refresh, registerClient, signIn } from '../flow.ts';
import { addPerson, type Consentry, sql, startConsentry } from '../harness.ts';
import { heading, isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person, type Step } from '../person.ts';
import { type Somebody, signInAt } from './kit.ts';

const CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/153.0.0.0 Safari/537.36';
const SAFARI =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1';

describe('own pages', () => {
  let consentry: Consentry;
  let who: Somebody;
  let people = 0;
  const clock = { ahead: 0 };
  before(async () => {
    consentry = await startConsentry(
      { SUPPORT_URL: 'mailto:help@contoso.test' },
      () => new Date(Date.now() + clock.ahead),
    );
  });
  after(() => consentry?.close());
  beforeEach(async () => {
    people += 1;
    who = await addPerson(consentry.rooms, `own${people}@contoso.test`);
  });

  const newPerson = (headers: Record<string, string> = {}) => createPerson(consentry.issuer, headers);
  const open = (person: Person, path: string) => person.open(consentry.issuer + path);
  const hrefs = ({ html }: Step, end: string) =>
    [...html.matchAll(/href="(\/account\/apps\/[^"]+)"/g)]
      .map(([, href = '']) => href)
      .filter((href) => href.endsWith(end));

  /** Approved by this person: the tokens, and who holds them. */
  async function connect(person: Person, name = 'Claude Code', changes: Record<string, string | string[]> = {}) {
    const { client_id: clientId } = await registerClient(consentry.issuer, { client_name: name });
    const begun = authorizationUrl(consentry, clientId, { scope: 'mail:read mail:label' });
    let page = await person.open(begun.url);
    if (page.html.includes('name="password"')) page = await signIn(person, page, who);
    const done = await approve(person, page, changes);
    const code = done.left?.searchParams.get('code') ?? '';
    const { body } = await redeem(consentry, clientId, { ...begun, code });
    return { clientId, refreshToken: body.refresh_token };
  }

  describe('the page of the proof', () => {
    it('goes on to pages below /account and /admin, and to nothing else whatever it is told', async () => {
      const person = newPerson();
      const away = [
        '//evil.test',
        '/\\evil.test',
        '/\\/evil.test',
        'https://evil.test/account',
        '/account/../x',
        '/account/..%2f..%2fx',
        '/account/%2e%2e/x',
        '/account%0d%0aLocation:%20https://evil.test',
        '/account\r\nx',
        '/account\\@evil.test',
        '/accountx',
        '/account//evil.test',
        'javascript:alert(1)',
        '/authorize',
        '/account#@evil.test',
        '\t//evil.test',
        '/admin/./x',
        '',
      ];
      for (const to of away) {
        const address = `/account/prove?to=${encodeURIComponent(to)}`;
        const page = await open(newPerson(), address);
        assert.equal(/action="([^"]*)"/.exec(page.html)?.[1], '/account/prove?to=/account', to);
        const raw = await person.send(consentry.issuer + address, { redirect: 'manual' });
        assert.ok(raw.status === 200 && !raw.headers.get('location'), to);
      }
      for (const to of ['/account/sessions', '/admin/clients/https%3A%2F%2Fclaude.ai%2Fx', '/admin?after=eyJh&x=%20']) {
        const page = await open(person, `/account/prove?to=${encodeURIComponent(to)}`);
        const fields = new URLSearchParams({
          csrf: String(/name="csrf" value="([^"]+)"/.exec(page.html)?.[1]),
          email: who.email,
          password: who.password,
        });
        const action = String(/action="([^"]*)"/.exec(page.html)?.[1]).replaceAll('&amp;', '&');
        const answer = await person.send(consentry.issuer + action, { method: 'POST', body: fields });
        if (answer.status !== 303) continue;
        assert.equal(answer.headers.get('location'), to);
      }
    });

    it('signs nobody in by a form of another browser, site or person', async () => {
      const [victim, thief] = [newPerson(), newPerson()];
      const page = await open(thief, '/account/prove?to=/account');
      const victims = await open(victim, '/account/prove?to=/account');
      const csrf = String(/name="csrf" value="([^"]+)"/.exec(page.html)?.[1]);
      const fields = { email: who.email, password: who.password };
      assert.equal((await victim.submit(victims, { ...fields, csrf })).status, 403);
      const headers = { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' };
      assert.equal((await victim.submit(victims, fields, { headers })).status, 403);
      assert.equal(heading(await open(victim, '/account')), 'Sign in to your account');
    });
  });

  describe('connected apps', () => {
    it('nobody sees any without signing in, and who has none is told so', async () => {
      const person = newPerson();
      const page = await open(person, '/account');
      assert.equal(heading(page), 'Sign in to your account');
      const own = await signInAt(consentry, person, who);
      assert.equal(heading(own), 'Connected apps');
      assert.match(words(own), /No app is connected/);
    });

    it('each is shown with what it may do where, in words, since when, from where and until when', async () => {
      const person = newPerson();
      await connect(person, 'Claude "<b>Code</b>"', { expiry: '30d' });
      const page = await open(person, '/account');
      const text = words(page);
      assert.match(text, /“Claude '<b>Code<\/b>'” uses Mail/);
      assert.doesNotMatch(page.html, /<b>Code/);
      assert.match(text, /a program on this computer \( 127\.0\.0\.1 \)/);
      assert.match(text, /2 permissions Read Read your mail Change Change labels/);
      assert.match(text, /Approved from this browser Last used (?!not yet)/);
      const elsewhere = newPerson({ 'accept-language': 'ja' });
      const ja = words(await signInAt(consentry, elsewhere, who));
      assert.match(ja, /「Claude '<b>Code<\/b>'」 が Mail を使用.*別のブラウザー.*メールを読む/);
    });

    it('one is stopped after a page that says what ends; its sign-ins are over, the others go on', async () => {
      const person = newPerson();
      const [first, second] = [await connect(person, 'First'), await connect(person, 'Second')];
      const page = await open(person, '/account');
      const stop = hrefs(page, '/stop')[1] ?? '';
      const confirm = await open(person, stop);
      assert.match(heading(confirm), /Stop “First” from using Mail/);
      assert.match(words(confirm), /up to 10 more minutes/);
      assert.equal((await refresh(consentry, first.clientId, first.refreshToken)).status, 200, 'looking ends nothing');
      const done = await person.submit(confirm, {}, { action: stop });
      assert.match(words(done), /It is stopped/);
      assert.doesNotMatch(words(done), /First/);
      assert.equal((await refresh(consentry, second.clientId, second.refreshToken)).status, 200);
      const [row] = await sql(consentry, 'SELECT revoked_reason FROM consents WHERE client_id = $1', [first.clientId]);
      assert.deepEqual(row, { revoked_reason: 'stopped_by_person' });
      const recorded = await sql(
        consentry,
        "SELECT reason FROM audit_events WHERE type = 'consent.revoked' AND client_id = $1",
        [first.clientId],
      );
      assert.deepEqual(recorded, [{ reason: 'stopped_by_person' }]);
      const fresh = await connect(person, 'Third');
      const all = await open(person, '/account/apps/stop-all');
      assert.match(heading(all), /Stop all 2 connected apps/);
      assert.match(words(await person.submit(all, {}, { action: '/account/apps/stop-all' })), /2 apps are stopped/);
      for (const { clientId, refreshToken } of [second, fresh])
        assert.equal((await refresh(consentry, clientId, refreshToken)).status, 400);
    });

    it('nobody stops, sees or keeps a receipt of what is somebody else’s, and no form of elsewhere stops anything', async () => {
      const [person, stranger] = [newPerson(), newPerson()];
      const { clientId, refreshToken } = await connect(person);
      const page = await open(person, '/account');
      const [stop = ''] = hrefs(page, '/stop');
      const [receipt = ''] = hrefs(page, '/receipt');
      await signInAt(consentry, stranger, await addPerson(consentry.rooms, `stranger${people}@contoso.test`));
      for (const path of [stop, receipt, `${receipt}.json`])
        assert.equal((await open(stranger, path)).status, 404, path);
      const theirs = await open(stranger, '/account/sessions');
      const csrf = String(/name="csrf" value="([^"]+)"/.exec(theirs.html)?.[1]);
      const post = (as: Person, fields: Record<string, string>, headers = {}) =>
        as.send(consentry.issuer + stop, { method: 'POST', body: new URLSearchParams(fields), headers });
      await post(stranger, { csrf });
      assert.equal((await post(person, { csrf })).status, 403);
      assert.equal((await post(person, {})).status, 403);
      const own = String(/name="csrf" value="([^"]+)"/.exec(page.html)?.[1]);
      assert.equal((await post(person, { csrf: own }, { origin: 'https://evil.test' })).status, 403);
      assert.equal((await refresh(consentry, clientId, refreshToken)).status, 200);
    });

    it('the receipt says who, what, for whom and until when, in the words of then, and can be kept as JSON', async () => {
      const person = newPerson();
      const { clientId } = await connect(person);
      const [receipt = ''] = hrefs(await open(person, '/account'), '/receipt');
      await sql(consentry, "UPDATE resource_scopes SET description = 'Delete all your mail' WHERE name = 'mail:read'");
      assert.match(words(await open(person, receipt)), /Read your mail/);
      const answer = await person.send(`${consentry.issuer}${receipt}.json`);
      assert.match(String(answer.headers.get('content-disposition')), /^attachment; filename="consent-/);
      const kept = (await answer.json()) as Record<string, never>;
      await sql(consentry, "UPDATE resource_scopes SET description = 'Read your mail' WHERE name = 'mail:read'");
      const {
        client,
        scopes,
        person: whose,
        operator,
        resource,
        consent,
      } = kept as unknown as {
        client: { id: string; name: string; returns_to: string };
        scopes: { name: string; description: string }[];
        person: { id: string };
        operator: object;
        resource: { uri: string };
        consent: { status: string; version: number };
      };
      assert.deepEqual(
        [client.id, client.name, client.returns_to],
        [clientId, 'Claude Code', 'http://127.0.0.1:33418/callback'],
      );
      assert.deepEqual(
        scopes.map(({ description }) => description),
        ['Read your mail', 'Change labels'],
      );
      assert.deepEqual(operator, { name: 'Consentry', contact: 'mailto:help@contoso.test' });
      assert.deepEqual(
        [whose.id, resource.uri, consent.status, consent.version],
        [who.id, consentry.mail.uri, 'living', 1],
      );
    });

    it('come a page at a time, each once, also those of the same moment', async () => {
      const person = newPerson();
      await connect(person, 'App 0');
      await sql(
        consentry,
        `INSERT INTO consents (id, account_id, client_id, resource_id, redirect_uri, living_key, scopes, client_fingerprint, stated,
           scope_digests, scope_words, version, browser_id, browsers, created_at, approved_at, full_page_at, expires_at)
         SELECT 'more-' || n || id, account_id, client_id, resource_id, redirect_uri, 'more' || n || id, scopes, client_fingerprint,
           jsonb_set(stated, '{client,name}', to_jsonb('App ' || n)), scope_digests, scope_words, version, browser_id, browsers,
           created_at, date_trunc('hour', approved_at), full_page_at, expires_at
         FROM consents, generate_series(1, 44) n WHERE account_id = $1`,
        [who.id],
      );
      const seen: string[] = [];
      let page = await open(person, '/account');
      for (let at = 0; at < 5; at += 1) {
        seen.push(
          ...[...page.html.matchAll(/<h2 id="app-[^"]*"><bdi>“App (\d+)”<\/bdi> uses/g)].map(([, name = '']) => name),
        );
        const next = /href="(\/account\?after=[^"]+)"/.exec(page.html)?.[1];
        if (!next) break;
        page = await open(person, next);
      }
      assert.deepEqual(
        seen.map(Number).sort((a, b) => a - b),
        Array.from({ length: 45 }, (_, n) => n),
      );
      assert.equal((await open(person, '/account?after=nonsense')).status, 400);
    });

    it('says why one is on hold, and lets a blocked app ask again', async () => {
      const person = newPerson();
      const { clientId } = await connect(person);
      await sql(
        consentry,
        "UPDATE consents SET suspended_at = now(), suspended_reason = 'redirect_removed client_keys_moved' WHERE client_id = $1",
        [clientId],
      );
      const [resource] = await sql<{ id: string }>(consentry, 'SELECT id FROM resources WHERE uri = $1', [
        consentry.mail.uri,
      ]);
      const subject = { accountId: who.id, resourceId: String(resource?.id) };
      for (const subjectKey of [`client ${clientId}`, 'looks claude code'])
        await consentry.rooms.refusals.block({ ...subject, subjectKey }, { clientId, clientName: 'Claude Code' });
      const page = await open(person, '/account');
      assert.match(words(page), /On hold.*no longer returns to the address that you approved.*keys from another host/);
      const blocks = [...page.html.matchAll(/name="block" value="([^"]+)"/g)].map(([, id = '']) => id);
      assert.equal(blocks.length, 1, 'one app, whatever names it is kept under');
      const done = await person.submit(page, { block: String(blocks[0]) }, { action: '/account/apps/unblock' });
      assert.match(words(done), /may ask you again/);
      assert.deepEqual(await consentry.rooms.refusals.listBlocks(who.id), []);
    });
  });

  describe('sessions', () => {
    it('are named by what the browser says, without addresses; one is ended, the others, or the own', async () => {
      const [here, phone, third] = [
        newPerson({ 'user-agent': CHROME }),
        newPerson({ 'user-agent': SAFARI }),
        newPerson(),
      ];
      for (const person of [here, phone]) await signInAt(consentry, person, who);
      await signIn(
        third,
        await third.open(authorizationUrl(consentry, (await registerClient(consentry.issuer)).client_id).url),
        who,
      );
      const page = await open(here, '/account/sessions');
      assert.match(words(page), /Chrome on Windows this one/);
      assert.match(words(page), /Safari on iPhone/);
      const keys = [...page.html.matchAll(/name="session" value="([^"]+)"/g)].map(([, key = '']) => key);
      assert.equal(keys.length, 2, 'also the one that began at an app, and never the own');
      const [stored] = await sql<{ text: string }>(
        consentry,
        'SELECT string_agg(to_jsonb(d)::text, $2) AS text FROM session_devices d WHERE account_id = $1',
        [who.id, ' '],
      );
      assert.doesNotMatch(String(stored?.text), /127\.0\.0\.1|Mozilla/);
      const phones = await sql<{ session_uid: string }>(
        consentry,
        "SELECT session_uid FROM session_devices WHERE label = 'Safari on iPhone' AND account_id = $1",
        [who.id],
      );
      const one = await here.submit(page, { session: String(phones[0]?.session_uid) }, { action: '/account/sessions' });
      assert.match(words(one), /You are signed out there/);
      assert.equal(heading(await open(phone, '/account')), 'Sign in to your account');
      const all = await here.submit(one, { all: 'yes' }, { action: '/account/sessions' });
      assert.doesNotMatch(words(all), /Sign out there/);
      assert.equal(heading(await open(third, '/account')), 'Sign in to your account');
      assert.equal(heading(await open(here, '/account')), 'Connected apps');
      assert.match(words(await here.submit(all, {}, { action: '/account/sign-out' })), /You are signed out/);
      assert.equal(heading(await open(here, '/account')), 'Sign in to your account');
    });

    it('of somebody else are ended by nobody', async () => {
      const [person, stranger] = [newPerson(), newPerson()];
      await signInAt(consentry, person, who);
      await signInAt(consentry, stranger, await addPerson(consentry.rooms, `nosy${people}@contoso.test`));
      const [row] = await sql<{ session_uid: string }>(
        consentry,
        'SELECT session_uid FROM session_devices WHERE account_id = $1',
        [who.id],
      );
      const page = await open(stranger, '/account/sessions');
      await stranger.submit(page, { session: String(row?.session_uid) }, { action: '/account/sessions' });
      assert.equal(heading(await open(person, '/account')), 'Connected apps');
    });
  });

  describe('the language', () => {
    it('that a person chose is that of every page, wherever they sign in, until they leave it to the browser again', async () => {
      const person = newPerson({ 'accept-language': 'en' });
      await signInAt(consentry, person, who);
      const choose = async (language: string) =>
        person.submit(await open(person, '/account/language'), { language }, { action: '/account/language' });
      assert.equal(heading(await choose('ja')), '言語');
      const { client_id: clientId } = await registerClient(consentry.issuer);
      const consent = await person.open(authorizationUrl(consentry, clientId).url);
      assert.ok(isConsentPage(consent) && /lang="ja"/.test(consent.html), words(consent));
      const elsewhere = newPerson({ 'accept-language': 'en' });
      const page = await signIn(elsewhere, await elsewhere.open(authorizationUrl(consentry, clientId).url), who);
      assert.match(page.html, /lang="ja"/);
      await choose('xx');
      assert.equal(heading(await open(person, '/account/language')), 'Language');
      assert.match((await open(elsewhere, '/account')).html, /lang="en"/);
      const [account] = await sql(consentry, 'SELECT locale FROM accounts WHERE id = $1', [who.id]);
      assert.deepEqual(account, { locale: null });
    });
  });

  it('where the server is reached by an IP address the page of security says why there are no passkeys, in both languages', async () => {
    for (const [language, why] of [
      ['en', /Passkeys take a server with a name, and this one is reached by an IP address/],
      ['ja', /パスキーにはサーバーの名前（ドメイン名）が必要ですが/],
    ] as const) {
      const person = newPerson({ 'accept-language': language });
      const page = await signInAt(consentry, person, who, '/account/security');
      assert.match(words(page), why);
      assert.doesNotMatch(page.html, /data-passkey/);
    }
  });

  it('a password that the server made is asked to be changed until it is', async () => {
    const added = await consentry.rooms.accounts.add({ email: `made${people}@contoso.test`, role: 'user' });
    assert.ok(added.ok && added.password);
    const made = { id: added.account.id, email: added.account.email, password: added.password };
    const person = newPerson();
    assert.match(words(await signInAt(consentry, person, made)), /made by this server/);
    const next = 'one that I chose myself';
    const page = await open(person, '/account/password');
    await person.submit(page, { current_password: made.password, new_password: next, repeat_password: next });
    assert.doesNotMatch(
      words(await signInAt(consentry, newPerson(), { ...made, password: next })),
      /made by this server/,
    );
  });
});
