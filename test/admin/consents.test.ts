/** Consents in the dashboard: what was agreed to against how things are, and how it ends, one or many. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { revocationReasons } from '../../src/consents/revocation.ts';
import { addResource } from '../../src/registrations.ts';
import { readMessages } from '../../src/web/messages.ts';
import { authorize, redeem, refresh, registerClient } from '../flow.ts';
import { type Consentry, MAIL, sql, startConsentry } from '../harness.ts';
import { createPerson, type Step } from '../person.ts';
import { publish } from './approval-kit.ts';
import { addColleague, arrive, type Colleague, enter, giveServer, recorded } from './kit.ts';

const HOME = '/admin/consents';
const FILES = 'http://127.0.0.1:9/files';
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0';

describe('consents in the dashboard', () => {
  let consentry: Consentry;
  let admin: Colleague;
  let auditor: Colleague;
  let keeper: Colleague;

  before(async () => {
    consentry = await startConsentry();
    await addResource(consentry.rooms, { ...MAIL, uri: FILES, name: 'Files' });
    admin = await arrive(consentry, 'admin');
    auditor = await arrive(consentry, 'auditor');
    keeper = await arrive(consentry, 'resource-owner');
    await giveServer(consentry, keeper, consentry.mail.uri);
  });
  after(() => consentry?.close());

  const open = (who: Colleague, path: string, headers: Record<string, string> = {}) =>
    who.browser.open(`${consentry.issuer}${path}`, { headers });
  const words = ({ html }: Step) =>
    html
      .replace(/<[^>]+>/g, ' ')
      .replace(/&quot;/g, '"')
      .replace(/&#39;/g, "'")
      .replace(/\s+/g, ' ');
  const rows = ({ html }: Step) => html.match(/<th scope="row"><a href="\/admin\/consents\/[^?"]+"/g)?.length ?? 0;
  async function forge(who: Colleague, path: string, fields: Record<string, string>): Promise<Response> {
    const csrf = /name="csrf" value="([^"]+)"/.exec((await open(who, HOME)).html)?.[1] ?? '';
    const body = new URLSearchParams({ csrf, ...fields });
    return who.browser.send(`${consentry.issuer}${path}`, {
      method: 'POST',
      body,
      headers: { origin: consentry.issuer },
    });
  }

  /** Ana lets a new client of this name in; it has a sign-in. */
  async function connect(name = 'Claude', scope = 'mail:read mail:send', userAgent = FIREFOX) {
    const { client_id: clientId } = await registerClient(consentry.issuer, { client_name: name });
    const person = createPerson(consentry.issuer, { 'user-agent': userAgent });
    const { body } = await redeem(
      consentry,
      clientId,
      await authorize(consentry, clientId, { person, params: { scope } }),
    );
    const [row] = await sql<{ id: string }>(consentry, 'SELECT id FROM consents WHERE client_id = $1', [clientId]);
    return { id: row?.id ?? '', clientId, refreshToken: body.refresh_token };
  }

  /** As many people with a consent each, without sign-ins. @returns the client they gave it to */
  async function plant(count: number, resourceUri = consentry.mail.uri): Promise<string> {
    const clientId = `planted-${randomUUID()}`;
    const resource = await consentry.rooms.resources.findByUri(resourceUri);
    await sql(
      consentry,
      `WITH k AS (INSERT INTO clients (id, origin, kind, metadata) VALUES ($1, 'dynamic', 'app', '{"client_name":"Planted"}') RETURNING id),
        a AS (INSERT INTO accounts (id, email) SELECT $1 || n, 'person' || lpad(n::text, 4, '0') || '@contoso.test' FROM generate_series(1, $2::int) n RETURNING id)
       INSERT INTO consents (id, account_id, client_id, resource_id, redirect_uri, client_fingerprint, scope_digests, browser_id, scopes, approved_at, expires_at, living_key)
       SELECT 'c' || a.id, a.id, k.id, $3, 'https://app.example/cb', 'x', '{}', 'x', '{mail:read}', now(), now() + interval '90 days', a.id FROM a, k`,
      [clientId, count, resource?.id],
    );
    return clientId;
  }
  const living = async (clientId: string) =>
    (await sql(consentry, 'SELECT 1 FROM consents WHERE client_id = $1 AND revoked_at IS NULL', [clientId])).length;

  describe('one consent', () => {
    it('says who, which client, which server, what in which words, and since when', async () => {
      const { id, clientId } = await connect('Mail desk');
      const page = await open(auditor, `${HOME}/${id}`);
      const said = words(page);
      for (const expected of [
        /ana@contoso\.test and “Mail desk”/,
        /Status Active/,
        new RegExp(clientId),
        /Mail http:\/\/127\.0\.0\.1:9\/mail/,
        /version 1 Approved from Firefox on Linux Last shown in full/,
        /Sign-ins under it 1 active/,
        /Name “ ?Mail desk ?” “ ?Mail desk ?”/,
        /Proves itself by nothing \(a public client\)/,
        /http:\/\/127\.0\.0\.1:33418\/callback still its address/,
        /mail:send Send mail as you send_mail Send mail as you send_mail/,
      ])
        assert.match(said, expected);
      assert.ok(page.html.includes(`href="/admin/audit?consent=${id}"`));
      const inJapanese = words(await open(auditor, `${HOME}/${id}`, { 'accept-language': 'ja' }));
      assert.match(inJapanese, /mail:send あなたとしてメールを送る send_mail あなたとしてメールを送る send_mail/);
    });

    it('says in both languages what the person read then, however it reads now, and in which browser', async () => {
      const { id } = await connect();
      const old = await connect('Older', 'mail:send', 'a browser that does not say');
      await sql(
        consentry,
        `UPDATE consents SET scope_words = (SELECT jsonb_object_agg(key, value - 'descriptionJa') FROM jsonb_each(scope_words))
         WHERE id = $1`,
        [old.id],
      );
      const reword = (english: string, japanese: string) =>
        sql(consentry, "UPDATE resource_scopes SET description = $1, description_ja = $2 WHERE name = 'mail:send'", [
          english,
          japanese,
        ]);
      const japanese = { 'accept-language': 'ja' };
      const before = words(await open(auditor, `${HOME}/${old.id}`, japanese));
      assert.match(before, /承認したブラウザー 不明 .*mail:send あなたとしてメールを送る send_mail あなたとして/);
      await reword('Send whatever', '何でも送る');
      try {
        assert.match(
          words(await open(auditor, `${HOME}/${id}`)),
          /mail:send Send mail as you send_mail changed Send whatever/,
        );
        assert.match(
          words(await open(auditor, `${HOME}/${id}`, japanese)),
          /承認したブラウザー Linux の Firefox .*mail:send あなたとしてメールを送る send_mail 変更あり 何でも送る/,
        );
        assert.match(
          words(await open(auditor, `${HOME}/${id}/receipt`, japanese)),
          /同意したブラウザー Linux の Firefox .*あなたとしてメールを送る mail:send/,
        );
        // One from before has its English words alone, and says nothing of the browser.
        assert.match(
          words(await open(auditor, `${HOME}/${old.id}`, japanese)),
          /mail:send Send mail as you send_mail 変更あり 何でも送る/,
        );
        const receipt = words(await open(auditor, `${HOME}/${old.id}/receipt`, japanese));
        assert.match(receipt, /Send mail as you mail:send/);
        assert.doesNotMatch(receipt, /同意したブラウザー/);
      } finally {
        await reword('Send mail as you', 'あなたとしてメールを送る');
      }
    });

    it('names in words what differs from what was agreed to, and what suspended it', async () => {
      const client = await publish(consentry, 'changing.example', 'Mail desk');
      const { id } = await connect();
      const stated = { name: 'Mail desk', authMethod: 'private_key_jwt', keysHost: 'keys.example', resembles: false };
      await sql(
        consentry,
        `UPDATE consents SET client_id = $2, redirect_uri = 'https://changing.example/old', stated = $3, living_key = $1,
           scope_digests = scope_digests || '{"mail:send":"other"}', scopes = scopes || '{mail:gone}',
           scope_words = scope_words || '{"mail:gone":{"description":"Old words","tools":["old_tool"]}}',
           suspended_at = now(), suspended_reason = 'redirect_removed client_proof_weaker' WHERE id = $1`,
        [id, client, JSON.stringify({ client: stated })],
      );
      const said = words(await open(auditor, `${HOME}/${id}`));
      for (const expected of [
        /suspended because it is no longer what was agreed to/,
        /no longer has the address that it returned to: “ ?https:\/\/changing\.example\/old ?”/,
        /proves less of who it is: “ ?none ?” now, “ ?private_key_jwt ?” then/,
        /has its keys at “ ?– ?” now, at “ ?keys\.example ?” then/,
        /mail:send : the wording or the tools changed/,
        /mail:gone : the MCP server does not have it now/,
        /Old words old_tool not there any more/,
        /no longer its address/,
        /Suspended .*the client no longer has the address that it returned to the client proves less of who it is/,
      ])
        assert.match(said, expected);
      assert.match(words(await open(auditor, `${HOME}?state=suspended`)), /the client proves less of who it is/);
    });

    it('every reason for which a consent can end or be suspended has words in both languages', () => {
      const suspending = ['redirect_removed', 'client_proof_weaker', 'client_keys_moved', 'client_resembles'];
      for (const locale of ['en', 'ja'] as const) {
        const { has } = readMessages(new URL('../../views/messages/', import.meta.url), locale);
        for (const code of [...revocationReasons, ...suspending])
          assert.ok(has(`consents.reasons.${code}`), `${code} ${locale}`);
      }
    });

    it('ends with all its tokens after a page that names whose it is; once', async () => {
      const { id, clientId, refreshToken } = await connect();
      const page = await open(admin, `${HOME}/revoke?id=${id}`);
      assert.match(words(page), /1 consent of 1 person will end, for 1 client at 1 MCP server\. ana@contoso\.test/);
      const done = await admin.browser.submit(page);
      assert.match(words(done), /Ended 1 consent/);
      assert.equal((await refresh(consentry, clientId, refreshToken)).status, 400);
      const [event] = await recorded(consentry, 'consent.revoked');
      assert.deepEqual([event?.actor, event?.consent_id, event?.reason], [`account:${admin.id}`, id, 'administrator']);
      assert.match(words(await open(auditor, `${HOME}/${id}`)), /Revoked by an administrator/);
      assert.match(words(await admin.browser.submit(page)), /Ended 0 consents/);
    });

    it('gives its receipt as a page to print and as a file', async () => {
      const { id } = await connect('Mail desk');
      const page = await open(auditor, `${HOME}/${id}/receipt`);
      assert.match(words(page), /“ ?Mail desk ?”.*Send mail as you mail:send send_mail/);
      const file = await auditor.browser.send(`${consentry.issuer}${HOME}/${id}/receipt.json`);
      assert.match(
        file.headers.get('content-disposition') ?? '',
        new RegExp(`attachment; filename="consent-${id}\\.1\\.json"`),
      );
      const receipt = (await file.json()) as {
        person: { email: string };
        scopes: { description: string }[];
        issuer: string;
      };
      assert.equal(receipt.person.email, 'ana@contoso.test');
      assert.ok(receipt.scopes.some(({ description }) => description === 'Send mail as you'));
      assert.equal(receipt.issuer, consentry.issuer);
    });

    it('shows what a client calls itself, and what is kept of browser and words, as text in both languages', async () => {
      const { id } = await connect('<img src=x onerror=alert(1)>');
      const kept = `UPDATE consents SET browser_label = '<img src=x> on <img src=x>', scope_words = (SELECT jsonb_object_agg(key,
        value || '{"description":"<img src=x>","descriptionJa":"<img src=x>"}') FROM jsonb_each(scope_words)) WHERE id = $1`;
      await sql(consentry, kept, [id]);
      for (const language of ['en', 'ja']) {
        for (const path of [`${HOME}/${id}`, `${HOME}/${id}/receipt`, `${HOME}/revoke?id=${id}`, HOME]) {
          const page = await open(admin, path, { 'accept-language': language });
          assert.equal(page.status, 200);
          assert.ok(!page.html.includes('<img src=x'), path);
          assert.match(page.html, new RegExp(`<html lang="${language}"`));
        }
      }
    });
  });

  it('are filtered by person, client, server and scope, and found by part of a name', async () => {
    const { clientId } = await connect('Peculiar tool', 'mail:label');
    const { id: resourceId } = (await consentry.rooms.resources.findByUri(consentry.mail.uri)) ?? {};
    for (const query of [`client=${clientId}`, 'scope=mail:label', 'search=peculiar']) {
      assert.equal(rows(await open(auditor, `${HOME}?${query}`)), 1, query);
    }
    assert.ok(rows(await open(auditor, `${HOME}?account=${consentry.ana.id}&server=${resourceId}`)) > 1);
    assert.match(
      words(await open(auditor, `${HOME}?client=${clientId}`)),
      new RegExp(`Only those of: client ${clientId}`),
    );
    assert.match(words(await open(auditor, `${HOME}?client=nobody`)), /No consent matches/);
  });

  describe('many', () => {
    it('ticked ones are named before they end, ten at most, and each person once', async () => {
      const clientId = await plant(12);
      const ids = (
        await sql<{ id: string }>(consentry, 'SELECT id FROM consents WHERE client_id = $1', [clientId])
      ).map(({ id }) => id);
      const page = await open(admin, `${HOME}/revoke?${ids.map((id) => `id=${id}`).join('&')}`);
      assert.match(
        words(page),
        /12 consents of 12 people will end, for 1 client at 1 MCP server\. person0001@contoso\.test .*person0010@contoso\.test and 2 more/,
      );
      assert.ok(!words(page).includes('person0011'));
      await admin.browser.submit(page, { id: ids });
      assert.equal(await living(clientId), 0);
    });

    it('all that match end at once up to 500, and nothing where others match by now', async () => {
      const clientId = await plant(30);
      const page = await open(admin, `${HOME}/revoke-matching?client=${clientId}`);
      assert.match(words(page), /30 consents of 30 people/);
      const late = await admin.browser.submit(page, { expected: '29' });
      assert.deepEqual([late.status, await living(clientId)], [409, 30]);
      assert.match(words(await admin.browser.submit(page)), /Ended 30 consents/);
      assert.equal(await living(clientId), 0);
    });

    it('all that match are told by the filter in words, their clients and servers, in both languages', async () => {
      await plant(2);
      await plant(1, FILES);
      const scope = 'state=living&scope=mail:read&search=planted';
      const [row] = await sql<{ consents: number; people: number; clients: number; servers: number }>(
        consentry,
        `SELECT count(*)::int AS consents, count(DISTINCT account_id)::int AS people, count(DISTINCT client_id)::int AS clients,
          count(DISTINCT resource_id)::int AS servers FROM consents
         WHERE client_id LIKE 'planted-%' AND revoked_at IS NULL AND suspended_at IS NULL`,
      );
      assert.ok(row && row.clients > 1 && row.servers === 2);
      const said = words(await open(admin, `${HOME}/revoke-matching?${scope}`));
      const { consents, people, clients, servers } = row;
      assert.match(said, /All that match: Person or client: “ ?planted ?” Status: Active scope mail:read/);
      const counted = `${consents} consents of ${people} people will end, for ${clients} clients at ${servers} MCP servers.`;
      assert.ok(said.includes(counted), said);
      const japanese = words(await open(admin, `${HOME}/revoke-matching?${scope}`, { 'accept-language': 'ja' }));
      assert.match(japanese, /状態: 有効 .*クライアント \d+ 件、 ?MCP サーバー 2 件/);
      const { id: server } = (await consentry.rooms.resources.findByUri(FILES)) ?? {};
      const named = words(await open(admin, `${HOME}/revoke-matching?server=${server}`));
      assert.match(named, /All that match: MCP server Files /);
    });

    it('the list stays filtered after an act, after none, and where it was not to be', async () => {
      const clientId = await plant(2);
      const filter = `state=living&client=${clientId}`;
      const at = `${HOME}?${filter}`;
      const pathOf = ({ url }: Step) => new URL(url).pathname + new URL(url).search;
      const nothing = await open(admin, `${HOME}/revoke?${filter}`);
      assert.equal(pathOf(nothing), at);
      assert.match(words(nothing), /Tick what you want to end first/);
      assert.match(nothing.html, new RegExp(`<input type="hidden" name="client" value="${clientId}">`));
      const [one] = await sql<{ id: string }>(consentry, 'SELECT id FROM consents WHERE client_id = $1', [clientId]);
      const ticked = await open(admin, `${HOME}/revoke?${filter}&id=${one?.id}`);
      assert.ok(ticked.html.includes(`href="${at.replace('&', '&amp;')}"`), 'cancel leads back too');
      const ended = await admin.browser.submit(ticked);
      assert.match(words(ended), /Ended 1 consent/);
      assert.equal(pathOf(ended), at);
      const rest = await admin.browser.submit(await open(admin, `${HOME}/revoke-matching?${filter}`));
      assert.match(words(rest), /Ended 1 consent/);
      assert.equal(pathOf(rest), at);
    });

    it('more go on by themselves while a page says how far it is, and each is on record', async () => {
      const clientId = await plant(600);
      const page = await open(admin, `${HOME}/revoke-matching?client=${clientId}`);
      assert.match(words(page), /600 consents of 600 people/);
      let progress = await admin.browser.submit(page);
      assert.match(progress.url, /\/admin\/work\//);
      assert.match(progress.html, /<progress max="600"/);
      assert.equal((await open(auditor, new URL(progress.url).pathname)).status, 404, 'is nobody else’s to see');
      for (let turn = 0; turn < 1_000 && !/Finished/.test(words(progress)); turn += 1) {
        await sleep(25);
        progress = await open(admin, new URL(progress.url).pathname);
      }
      assert.match(words(progress), /Finished: 600 of 600/);
      assert.equal(await living(clientId), 0);
      const text =
        'SELECT DISTINCT actor, count(*)::int AS n FROM audit_events WHERE type = $1 AND client_id = $2 GROUP BY actor';
      const events = await sql(consentry, text, ['consent.revoked', clientId]);
      assert.deepEqual(events, [{ actor: `account:${admin.id}`, n: 600 }]);
    });
  });

  describe('of who looks after an MCP server', () => {
    it('are those at their own servers: nothing of another is seen, counted or ended', async () => {
      const [mine, others] = [await plant(1), await plant(1, FILES)];
      const [there] = await sql<{ id: string }>(consentry, 'SELECT id FROM consents WHERE client_id = $1', [others]);
      assert.equal(rows(await open(keeper, `${HOME}?client=${mine}`)), 1);
      assert.equal(rows(await open(keeper, `${HOME}?client=${others}`)), 0);
      for (const path of [
        `${HOME}/${there?.id}`,
        `${HOME}/${there?.id}/receipt`,
        `${HOME}/${there?.id}/receipt.json`,
      ]) {
        assert.equal((await open(keeper, path)).status, 404, path);
      }
      const confirm = await open(keeper, `${HOME}/revoke?id=${there?.id}`);
      assert.match(words(confirm), /0 consents of 0 people/);
      assert.ok(!words(confirm).includes('person0001'));
      assert.equal((await forge(keeper, `${HOME}/revoke`, { id: there?.id ?? '' })).status, 404);
      assert.equal((await forge(keeper, `${HOME}/revoke-matching`, { client: others, expected: '1' })).status, 409);
      assert.equal(await living(others), 1);
    });

    it('may be ended by them', async () => {
      const clientId = await plant(1);
      const [row] = await sql<{ id: string }>(consentry, 'SELECT id FROM consents WHERE client_id = $1', [clientId]);
      const page = await open(keeper, `${HOME}/revoke?id=${row?.id}`);
      assert.match(words(await keeper.browser.submit(page)), /Ended 1 consent/);
      assert.equal(await living(clientId), 0);
    });
  });

  it('what an address or a role does not allow is said within the dashboard, and names the filter, in both languages', async () => {
    const paths = [
      { who: admin, path: `${HOME}?state=active`, status: 400, en: /Status ?: .*Choose/, ja: /状態 ?：/ },
      { who: admin, path: `${HOME}/unknown`, status: 404, en: /There is no such thing here/, ja: /ここにはありません/ },
      {
        who: auditor,
        path: `${HOME}/revoke?id=x`,
        status: 403,
        en: /Your role does not allow this/,
        ja: /あなたの役割では/,
      },
    ];
    for (const { who, path, status, ...said } of paths) {
      for (const language of ['en', 'ja'] as const) {
        const page = await open(who, path, { 'accept-language': language });
        assert.equal(page.status, status, path);
        assert.match(page.html, /<nav class="sections"/, path);
        assert.match(page.html, /<a href="\/admin\/consents" aria-current="page">/, path);
        assert.match(words(page), said[language]);
      }
    }
    const stranger = createPerson(consentry.issuer);
    const unknown = await stranger.open(`${consentry.issuer}${HOME}/revoke`, { method: 'POST' });
    assert.equal(unknown.status, 401);
    assert.doesNotMatch(unknown.html, /<nav class="sections"/);
  });

  it('auditors look and end nothing, others do not come in, and who is unknown is 404', async () => {
    const { id, clientId } = await connect();
    assert.doesNotMatch((await open(auditor, `${HOME}/${id}`)).html, /\/revoke\?/);
    assert.equal((await open(auditor, `${HOME}/revoke?id=${id}`)).status, 403);
    assert.equal((await forge(auditor, `${HOME}/revoke`, { id })).status, 403);
    assert.equal((await forge(auditor, `${HOME}/revoke-matching`, { client: clientId, expected: '1' })).status, 403);
    const user = await addColleague(consentry, 'user');
    assert.equal((await enter(consentry, user, `${HOME}/${id}`)).status, 403);
    assert.equal((await open(admin, `${HOME}/unknown`)).status, 404);
    assert.equal(await living(clientId), 1);
  });
});
