/** The dashboard's clients: families and their rows, what is stated against what was found, and every act on one. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { authorizationUrl, basic, registerClient, tokenRequest } from '../flow.ts';
import { type Consentry, sql, staticClient } from '../harness.ts';
import { words } from '../interaction/kit.ts';
import { createPerson, type Step } from '../person.ts';
import { CLAUDE, connect, type Proxies, startProxies } from '../proxies/kit.ts';
import { arrive, type Colleague } from './kit.ts';

const HOSTILE = '<script>alert(1)</script>';

describe('the clients of the dashboard', () => {
  let proxies: Proxies;
  let consentry: Consentry;
  let owner: Colleague;
  let admin: Colleague;
  let auditor: Colleague;
  before(async () => {
    proxies = await startProxies();
    consentry = proxies.consentry;
    owner = await arrive(consentry, 'owner');
    admin = await arrive(consentry, 'admin');
    auditor = await arrive(consentry, 'auditor');
  });
  after(() => proxies?.close());

  const open = (who: Colleague, path: string) => who.browser.open(`${consentry.issuer}/admin/clients${path}`);
  const one = (id: string) => `/show?id=${encodeURIComponent(id)}`;
  const find = async (id: string) => consentry.rooms.clients.find(id);

  /** Asks for the page of the act, presses, and returns what came. */
  async function act(who: Colleague, name: string, id: string, more = '', fields: Record<string, string> = {}) {
    const page = await open(who, `/${name}?id=${encodeURIComponent(id)}${more}`);
    assert.equal(page.status, 200, words(page));
    return who.browser.submit(page, fields, { action: `/admin/clients/${name}` });
  }

  const recorded = (type: string, id: string) =>
    sql<{ actor: string; details: Record<string, unknown> }>(
      consentry,
      'SELECT actor, details FROM audit_events WHERE type = $1 AND client_id = $2 ORDER BY seq',
      [type, id],
    );

  it('are families first, with their rows inside, and what they call themselves stays inert', async () => {
    const name = `Robot ${HOSTILE}`;
    const ids: string[] = [];
    for (let time = 0; time < 3; time += 1)
      ids.push((await registerClient(consentry.issuer, { client_name: name })).client_id);
    const page = await open(admin, '?search=Robot');
    assert.equal(page.status, 200);
    assert.ok(!page.html.includes(HOSTILE));
    assert.match(words(page), /“Robot <script>alert\(1\)<\/script>” .*registered itself App 3/);
    const href = /href="(\/admin\/clients\/family\?key=[^"]+)"/.exec(page.html)?.[1] ?? '';
    const family = await admin.browser.open(consentry.issuer + href.replaceAll('&amp;', '&'));
    for (const id of ids) assert.ok(family.html.includes(id));
    assert.ok(!family.html.includes(HOSTILE));
  });

  it('are found by name and identifier, and filtered by origin, kind and state; no wildcard of a search counts', async () => {
    const made = await staticClient(consentry.rooms, { kind: 'service', name: 'Nightly_report', redirectUris: [] });
    const ids = async (query: string) => {
      const { html } = await open(auditor, `?${query}`);
      return html.includes(encodeURIComponent(made.clientId));
    };
    assert.deepEqual(
      [
        await ids('search=nightly_'),
        await ids(`search=${made.clientId.slice(3, 20)}`),
        await ids('origin=static&kind=service&state=living'),
        await ids('origin=dynamic'),
        await ids('kind=app'),
        await ids('state=blocked'),
        await ids('search=nightly%25'),
        await ids('search=nightlyXreport'),
      ],
      [true, true, true, false, false, false, false, false],
    );
    assert.match(words(await open(auditor, '?search=nobody-has-this')), /No client matches/);
    assert.equal((await open(auditor, '?cursor=nonsense')).status, 400);
    // A credential of an MCP server is no client.
    assert.ok(
      !(await open(auditor, `?search=${consentry.mail.clientId}`)).html.includes(`>${consentry.mail.clientId}<`),
    );
    assert.equal((await open(auditor, one(consentry.mail.clientId))).status, 404);
  });

  it('come a page at a time, each once and none left out, with 260 of them', async () => {
    await sql(
      consentry,
      `INSERT INTO clients (id, origin, kind, metadata, created_at, family_key)
       SELECT 'many-' || i, 'dynamic', 'app', jsonb_build_object('client_id', 'many-' || i, 'client_name', 'Many'),
         now() - make_interval(secs => i / 2), CASE WHEN i % 2 = 0 THEN 'fam-' || (i % 130) END
       FROM generate_series(1, 260) i`,
    );
    const seen: string[] = [];
    let path: string | undefined = '?search=many-';
    for (let pages = 0; path && pages < 20; pages += 1) {
      const { html } = await open(admin, path);
      for (const [, href = ''] of html.matchAll(/<th scope="row"><a href="([^"]+)"/g)) seen.push(href);
      const next: string | undefined = /rel="next" href="[^"?]*\?([^"]+)"/.exec(html)?.[1];
      path = next && `?${next.replaceAll('&amp;', '&')}`;
    }
    // 130 alone, and 65 families of two.
    assert.deepEqual([seen.length, new Set(seen).size], [195, 195]);
    await sql(consentry, "DELETE FROM clients WHERE id LIKE 'many-%'");
  });

  it('show what a document states beside what was found: host, redirects, keys, copy', async () => {
    await connectThrough(CLAUDE.clientId);
    const text = words(await open(auditor, one(CLAUDE.clientId)));
    assert.match(text, /“Claude”/);
    assert.match(text, /Published on claude\.example/);
    assert.match(text, /Host is its own claude\.example/);
    assert.match(text, /Anybody can state its client ID/);
    assert.match(text, /Read from its host/);
    assert.match(text, /1 active consent of 1 people/);
    await proxies.publish(
      { clientId: 'https://someone.github.io/client.json', redirectUri: 'http://127.0.0.1/callback' },
      { client_name: 'Consentry' },
    );
    const shared = words(await open(auditor, one('https://someone.github.io/client.json')));
    assert.match(shared, /Shared host Many people publish on someone\.github\.io/);
    assert.match(shared, /Some program on a computer/);
    assert.match(shared, /Looks like somebody else/);
    const hostile = await registerClient(consentry.issuer, { client_uri: 'https://evil.example/"><img src=x>' });
    const page = await open(auditor, one(hostile.client_id));
    assert.ok(!page.html.includes('<img src=x'));
    assert.ok(!page.html.includes('href="https://evil.example'), 'what a client states is never a link');
  });

  async function connectThrough(clientId: string) {
    const { gateway } = proxies;
    await connect(consentry, gateway, { ...CLAUDE, clientId });
  }

  it('are blocked and let in again: what they had ends, and the record says who did it', async () => {
    const { client_id: id } = await registerClient(consentry.issuer, { client_name: 'To be blocked' });
    const blocked = await act(admin, 'block', id);
    assert.match(words(blocked), /The client is blocked/);
    assert.ok((await find(id))?.revokedAt);
    assert.equal((await createPerson(consentry.issuer).open(authorizationUrl(consentry, id).url)).status, 400);
    assert.equal((await recorded('client.revoked', id))[0]?.actor, `account:${admin.id}`);
    await act(admin, 'unblock', id);
    assert.equal((await find(id))?.revokedAt, undefined);
    assert.equal((await recorded('client.restored', id))[0]?.actor, `account:${admin.id}`);
    const again = await act(admin, 'unblock', id);
    assert.deepEqual([again.status, /not blocked/.test(words(again))], [409, true]);
  });

  it('say how many consents of how many people end, before they do', async () => {
    const page = await open(admin, `/block?id=${encodeURIComponent(CLAUDE.clientId)}`);
    assert.match(words(page), /1 consent of 1 people ends/);
    assert.equal((await find(CLAUDE.clientId))?.revokedAt, undefined);
  });

  it('of a family are blocked all at once, batch by batch', async () => {
    for (let time = 0; time < 2; time += 1) await registerClient(consentry.issuer, { client_name: 'Swarm' });
    const list = await open(admin, '?search=Swarm');
    const key = /family\?key=([^"]+)"/.exec(list.html)?.[1] ?? '';
    assert.match((await open(admin, `/family?key=${key}`)).html, /Block all registrations…</);
    const page = await open(admin, `/family/block?key=${key}`);
    assert.match(page.html, /Registrations that end<\/dt><dd>2<\/dd>/);
    assert.match(page.html, /Consents that end<\/dt><dd>0<\/dd>/);
    const work = await admin.browser.submit(page, {}, { action: '/admin/clients/family/block' });
    assert.match(work.url, /\/admin\/work\//);
    for (let look = 0; look < 1_000; look += 1) {
      const [row] = await sql(
        consentry,
        "SELECT count(*)::int AS n FROM clients WHERE metadata ->> 'client_name' = 'Swarm' AND revoked_at IS NULL",
      );
      if (row?.n === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.fail('they were not blocked');
  });

  it('that housekeeping removed are not said to be blocked, and a family without a name is not called by its key', async () => {
    const { client_id: id } = await registerClient(consentry.issuer, { client_name: undefined });
    const { client_id: other } = await registerClient(consentry.issuer, { client_name: undefined });
    await sql(consentry, "UPDATE clients SET revoked_at = now(), revoked_reason = 'unused' WHERE id = $1", [id]);
    const shown = await open(admin, `/show?id=${id}`);
    assert.match(shown.html, /Removed, not used/);
    assert.doesNotMatch(shown.html, /Unblock|Blocked/);
    const key = String((await find(other))?.familyKey);
    const removed = await open(admin, `/family?key=${key}&state=removed`);
    assert.ok(removed.html.includes(id) && !removed.html.includes(other));
    assert.ok(!(await open(admin, `/family?key=${key}&state=blocked`)).html.includes(id));
    const page = await open(admin, `/family/block?key=${key}`);
    assert.match(words(page), /which states no name/);
    assert.match(page.html, /Registrations that end<\/dt><dd>1<\/dd>/);
    await consentry.rooms.clients.unblock(id);
    assert.deepEqual(await sql(consentry, 'SELECT revoked_reason FROM clients WHERE id = $1', [id]), [
      { revoked_reason: null },
    ]);
  });

  it('made here get a new secret, shown once on a page that is not kept, while the old one is good', async () => {
    const access = { [consentry.mail.uri]: ['mail:read'] };
    const made = await staticClient(consentry.rooms, { kind: 'service', redirectUris: [], access });
    const works = async (secret: string | undefined) => {
      const fields = { grant_type: 'client_credentials', resource: consentry.mail.uri, scope: 'mail:read' };
      return (await tokenRequest(consentry.issuer, fields, basic(made.clientId, secret))).status === 200;
    };
    const shown = await act(admin, 'rotate-secret', made.clientId, '', { overlapDays: '7' });
    const secret = /<code data-copy[^>]*>([\w-]{64})<\/code>/.exec(shown.html)?.[1];
    assert.equal(shown.headers.get('cache-control'), 'no-store');
    assert.deepEqual([await works(made.clientSecret), await works(secret)], [true, true]);
    assert.ok(!(await open(admin, one(made.clientId))).html.includes(String(secret)));
    await act(admin, 'end-previous-secret', made.clientId);
    assert.deepEqual([await works(made.clientSecret), await works(secret)], [false, true]);
    const { actor, details } = (await recorded('client.secret_rotated', made.clientId))[0] ?? {};
    assert.equal(actor, `account:${admin.id}`);
    assert.ok(!JSON.stringify(details).includes(String(secret)));
  });

  it('are made by a form, which comes back as it was typed where something does not fit', async () => {
    const form = await open(admin, '/add');
    const typed = { name: 'Console', kind: 'app', authMethod: 'client_secret_basic' };
    const refused = await admin.browser.submit(form, { ...typed, redirectUris: 'http://evil.example/cb' });
    assert.equal(refused.status, 400);
    assert.match(words(refused), /must be https/);
    assert.ok(refused.html.includes('value="Console"') && refused.html.includes('http://evil.example/cb</textarea>'));
    const added = await admin.browser.submit(refused, { ...typed, redirectUris: 'https://console.example/cb' });
    const id = /<code>([0-9a-f]{32})<\/code>/.exec(added.html)?.[1] ?? '';
    assert.match(added.html, /<code data-copy[^>]*>[\w-]{64}<\/code>/);
    assert.deepEqual((await find(id))?.metadata.redirect_uris, ['https://console.example/cb']);
    assert.equal((await recorded('client.created', id))[0]?.actor, `account:${admin.id}`);
    const service = { name: 'Batch', kind: 'service', authMethod: 'client_secret_basic' };
    const unknown = await admin.browser.submit(form, {
      ...service,
      access: `${consentry.mail.uri} mail:read mail:nope`,
    });
    assert.equal(unknown.status, 400);
    const made = await admin.browser.submit(form, { ...service, access: `${consentry.mail.uri} mail:read` });
    assert.equal(made.status, 200);
  });

  it('are taken for proxies, and for apps again', async () => {
    const { client_id: id } = await registerClient(consentry.issuer, { client_name: 'Hub' });
    await act(admin, 'kind', id, '&kind=proxy');
    assert.match(words(await open(auditor, one(id))), /Proxy that names nobody/);
    await act(admin, 'kind', id, '&kind=app');
    assert.equal((await find(id))?.kind, 'app');
  });

  it('that were marked for the administration API and then blocked are marked no more when an administrator lets them in', async () => {
    const { clientId: id } = await staticClient(consentry.rooms, { kind: 'app', name: 'Stolen' });
    await act(owner, 'admin-api', id, '&on=true');
    await act(owner, 'block', id);
    await act(admin, 'unblock', id);
    assert.deepEqual([(await find(id))?.revokedAt, (await find(id))?.adminApi], [undefined, false]);
    const { adminApiBefore, adminApi } = (await recorded('client.restored', id))[0]?.details ?? {};
    assert.deepEqual([adminApiBefore, adminApi], [true, false]);
  });

  it('are marked for the administration API by an owner alone', async () => {
    const { clientId: id } = await staticClient(consentry.rooms, { kind: 'app', name: 'Terraform' });
    const path = `/admin-api?id=${id}&on=true`;
    for (const who of [admin, auditor]) assert.equal((await open(who, path)).status, 403);
    assert.ok(!(await open(admin, one(id))).html.includes('/admin/clients/admin-api'));
    await act(owner, 'admin-api', id, '&on=true');
    assert.equal((await find(id))?.adminApi, true);
    assert.match(words(await open(auditor, one(id))), /administration API/);
    const forged = await open(admin, `/block?id=${id}`);
    const sent = await admin.browser.submit(forged, { on: 'false' }, { action: '/admin/clients/block' });
    assert.equal(sent.status, 200);
    assert.equal((await find(id))?.adminApi, true);
  });

  it('have documents brought from a file, which are checked, and dropped again', async () => {
    const url = 'https://unreachable.example/client.json';
    const document = JSON.stringify({
      client_id: url,
      client_name: 'Far away',
      redirect_uris: ['https://unreachable.example/cb'],
    });
    const form = await open(admin, `/import?id=${encodeURIComponent(url)}`);
    const wrong = await admin.browser.submit(form, { document: document.replace('client.json', 'other.json') });
    assert.equal(wrong.status, 422);
    const done = await admin.browser.submit(form, { document });
    assert.match(words(done), /Imported/);
    await act(admin, 'drop-document', url);
    assert.equal((await act(admin, 'drop-document', url)).status, 404);
  });

  it('are read by an auditor, who is offered nothing to change and can change nothing', async () => {
    const { client_id: id } = await registerClient(consentry.issuer);
    const pages = [await open(auditor, ''), await open(auditor, one(id))];
    for (const { html } of pages) assert.doesNotMatch(html, /\/admin\/clients\/(add|import|block|kind|rotate-secret)/);
    const acts = [
      'add',
      'import',
      `block?id=${id}`,
      `unblock?id=${id}`,
      `kind?id=${id}&kind=proxy`,
      'family/block?key=x',
    ];
    for (const path of acts) assert.equal((await open(auditor, `/${path}`)).status, 403, path);
    const csrf = /name="csrf" value="([^"]+)"/.exec(pages[0]?.html ?? '')?.[1] ?? '';
    const body = new URLSearchParams({ csrf, id }).toString();
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      origin: consentry.issuer,
      'sec-fetch-site': 'same-origin',
    };
    const sent: Step = await auditor.browser.open(`${consentry.issuer}/admin/clients/block`, {
      method: 'POST',
      body,
      headers,
    });
    assert.equal(sent.status, 403);
    assert.equal((await find(id))?.revokedAt, undefined);
  });

  it('read in Japanese too', async () => {
    const { html } = await admin.browser.open(`${consentry.issuer}/admin/clients`, {
      headers: { 'accept-language': 'ja' },
    });
    assert.match(html, /<html lang="ja">[\s\S]*クライアント/);
    const page = await admin.browser.open(`${consentry.issuer}/admin/clients${one(CLAUDE.clientId)}`, {
      headers: { 'accept-language': 'ja' },
    });
    assert.match(page.html, /申告内容と確認結果/);
  });
});
