/** Whatever is typed into our pages, or stands in their addresses: a page of ours, in our own words, and nothing that was not pressed for. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { begin, type Federated, startFederated } from '../federation/kit.ts';
import { authorizationUrl, authorize, LOOPBACK, registerClient } from '../flow.ts';
import { MAIL, PASSWORD } from '../harness.ts';
import { given, isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person, readForm, type Step } from '../person.ts';
import { address, json, oneOf, text } from './arbitraries.ts';
import { encode, percent, twists } from './fields.ts';
import { assertPage, assertPageHeaders, connectSql, holds, type Sql } from './kit.ts';

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const DAY_MS = 86_400_000;

const CHOICES: Record<string, readonly string[]> = {
  scope: ['mail:read', 'mail:send', 'mail:label', 'openid', 'admin', '*', ''],
  expiry: ['once', '30d', 'max', '9999d', '-1', 'never', ''],
  decision: ['approve', 'deny', 'continue', 'cancel', 'stop', 'block', 'ask', 'without', 'APPROVE', ''],
  csrf: ['x', ''],
  password: [PASSWORD, ''],
  email: ['ana@contoso.test', 'ANA@contoso.test', 'zq@zq.example', ''],
  connection: ['contoso', 'CONTOSO', '..', ''],
  reason: ['please'],
  account: ['zq'],
  uid: ['zq'],
};

describe('any input to a page', () => {
  let federated: Federated;
  let ana: Person;
  let program: string;
  let database: Sql;
  before(async () => {
    federated = await startFederated({ ids: ['contoso'] });
    const { consentry } = federated;
    ana = createPerson(consentry.issuer);
    program = (await registerClient(consentry.issuer)).client_id;
    await authorize(consentry, program, { person: ana });
    database = await connectSql(consentry);
  });
  after(async () => {
    await database?.close();
    await federated?.close();
  });

  const url = (path: string) => federated.consentry.issuer + path;

  function post(person: Person, path: string, body: string, headers: Record<string, string> = {}): Promise<Step> {
    const here = { origin: federated.consentry.issuer, 'sec-fetch-site': 'same-origin' };
    return person.open(url(path), { method: 'POST', body, headers: { ...FORM, ...here, ...headers } });
  }

  function assertAnswer(page: Step): void {
    if (page.left) {
      const { issuer } = federated.upstream;
      assert.ok(page.left.href.startsWith(LOOPBACK) || page.left.origin === new URL(issuer).origin, page.left.href);
      return;
    }
    if (page.status === 431) return;
    assert.ok(page.status < 500, `${page.status} ${words(page)}`);
    if (page.status === 204 || page.status === 304) return;
    assertPage(page.html, { returnTo: [LOOPBACK] });
    assertPageHeaders(page);
  }

  /** The form of a page as it would go out, changed. */
  function fieldsOf(page: Step): { action: string; fields: Record<string, string> } {
    const { pathname } = new URL(page.url);
    const form = readForm(page.html, pathname);
    return { action: form.action, fields: Object.fromEntries(form.fields) };
  }

  it('page A says no in its own words, and signs nobody in who has not the password', async (t) => {
    const { consentry } = federated;
    const before = await given(consentry);
    await holds(
      t,
      45,
      twists(CHOICES),
      async (twist) => {
        const person = createPerson(consentry.issuer);
        const page = await begin(federated, person, program);
        const { action, fields } = fieldsOf(page);
        const stranger = { ...fields, email: 'zq@zq.example', password: 'zq', decision: 'continue' };
        const changed = twist.filter(({ name, value }) => name !== 'password' || value !== PASSWORD);
        const answer = await post(person, action, encode(stranger, changed));
        assertAnswer(answer);
        assert.ok(!isConsentPage(answer), words(answer));
      },
      [[{ name: 'email', how: 'replace', value: '"><b zq>@zq.example' }]],
    );
    assert.deepEqual(await given(consentry), before);
  });

  it('the pages of a consent take what they offered, for no longer than they offered it', async (t) => {
    const { consentry } = federated;
    const decision = oneOf('approve approve approve deny continue cancel _');
    const input = fc.tuple(decision, fc.boolean(), fc.boolean(), twists(CHOICES));
    await holds(t, 45, input, async ([pressed, whole, anew, twist]) => {
      if (anew) await database.forget();
      const begun = authorizationUrl(consentry, program, {
        scope: whole ? 'mail:read mail:label openid' : 'mail:read',
      });
      const page = await ana.open(begun.url);
      if (!isConsentPage(page) && !page.html.includes('value="continue"')) return assertAnswer(page);
      assertAnswer(page);
      const { action, fields } = fieldsOf(page);
      const answer = await post(ana, action, encode({ ...fields, decision: pressed }, twist));
      assertAnswer(answer);
      const rows = await database.rows<{ scopes: string[]; from: Date; to: Date }>(
        'SELECT scopes, approved_at AS "from", expires_at AS "to" FROM consents WHERE revoked_at IS NULL',
      );
      for (const { scopes, from, to } of rows) {
        for (const scope of scopes) assert.ok(['mail:read', 'mail:label', 'openid'].includes(scope), scope);
        assert.ok(to.getTime() - from.getTime() <= 90 * DAY_MS + 1_000, `${to.toISOString()}`);
      }
    });
  });

  it('a reason for an administrator is kept as a text that everybody can read, or refused', async (t) => {
    const { consentry } = federated;
    await database.rows(`UPDATE policy_rules SET match = '{"above":"medium"}' WHERE id = 'default'`);
    await database.forget();
    const boss = { email: 'boss@contoso.test', role: 'owner', passwordHash: 'x', createdAt: new Date() } as const;
    await consentry.rooms.accountStore.create({ ...boss });
    await holds(t, 30, text, async (reason) => {
      // Of open ones nobody has many.
      await database.rows('DELETE FROM approval_requests');
      const { client_id: id } = await registerClient(consentry.issuer);
      const page = await ana.open(authorizationUrl(consentry, id, { scope: 'mail:send' }).url);
      assertAnswer(page);
      const { action, fields } = fieldsOf(page);
      const answer = await post(ana, action, encode({ ...fields, decision: 'ask', reason: reason.toWellFormed() }, []));
      assertAnswer(answer);
      const [row] = await database.rows<{ id: string; reason: string | null }>(
        'SELECT id, reason FROM approval_requests WHERE client_id = $1',
        [id],
      );
      if (!row) {
        assert.ok(answer.status === 400 || answer.status === 413, words(answer));
        return;
      }
      assert.doesNotMatch(row.reason ?? '', /[^\P{C}\n]|[\p{Zl}\p{Zp}]/u);
      assert.ok([...(row.reason ?? '')].length <= 500);
      assertAnswer(await ana.open(url(`/approval/${row.id}?interaction=${percent(reason).slice(0, 900)}`)));
    });
  });

  it('no address of ours breaks by what is written into it, whatever is asked of it and whatever cookies come along', async (t) => {
    const part = fc.oneof(
      text.map((said) => percent(said).slice(0, 1_500)),
      address.map((one) => percent(one).slice(0, 1_500)),
      oneOf('_ . .. %2e%2e %00 %ff %zz a/b // over x zq contoso'),
    );
    const place =
      oneOf(`/approval/# /approval/#/# /federation/#/callback /federation/contoso/callback /federation/# /logos/#
      /interaction/# /interaction/#/switch-account /interaction/#/# /authorize/# /device /device/# /device/confirm/# /logout
      /logout/confirm /logout/success /account /account/# /account/prove /account/password /account/apps/#/stop /static/# /register/# /# /#/# /.well-known/# /jwks /health
      /.well-known/oauth-authorization-server/# /.well-known/openid-configuration`);
    const query = twists({
      ...{
        state: ['zq'],
        code: ['zq'],
        error: ['access_denied'],
        iss: [],
        interaction: [],
        page: ['full'],
        user_code: ['ABCD-EFGH'],
      },
      ...{
        client_id: ['zq', program],
        id_token_hint: ['x.y.z'],
        post_logout_redirect_uri: [],
        ui_locales: ['ja'],
        v: [],
        xsrf: [],
        logout: ['yes'],
      },
    });
    const cookie = fc.oneof(
      { weight: 4, arbitrary: fc.constant('') },
      fc
        .tuple(
          oneOf('consentry_session consentry_interaction consentry_resume consentry_browser consentry_at_zq zq'),
          part,
        )
        .map(([name, value]) => `${name}=${value}; ${name}.sig=${value.length}; ${name}=x; =; ;`),
    );
    const method = oneOf('GET GET GET HEAD POST PUT DELETE OPTIONS');
    const input = fc.record({
      place,
      part,
      query,
      cookie,
      method,
      accept: fc.constantFrom('text/html', 'text/html', '*/*', 'zq'),
    });
    const person = createPerson(federated.consentry.issuer);
    await holds(t, 300, input, async ({ place, part, query, cookie, method, accept }) => {
      const path = place.replaceAll('#', () => part).replace(/^\/+/, '/');
      const sent = `${url(path)}?${encode({}, query)}`;
      const response = await fetch(sent, {
        method,
        redirect: 'manual',
        headers: { accept, ...(cookie ? { cookie } : {}), ...(method === 'POST' ? FORM : {}) },
        ...(method === 'POST' ? { body: encode({}, query) } : {}),
      });
      const body = await response.text();
      assert.ok(response.status < 500, `${response.status} ${method} ${sent} ${body}`);
      const location = response.headers.get('location');
      if (location) assert.equal(new URL(location, sent).origin, federated.consentry.issuer, location);
      // What goes with a redirect is koa's, and nobody reads it.
      const isPage = /^text\/html/.test(response.headers.get('content-type') ?? '') && method !== 'HEAD';
      if (isPage && !location) {
        assertPage(body);
        assertPageHeaders(response);
      }
    });
    assert.equal((await person.open(url('/'))).status, 200);
  });

  it('the account page, device codes and logout take any form, and change nothing by it', async (t) => {
    const { consentry } = federated;
    const place = oneOf(
      '/account/password /account/prove /device /logout /logout/confirm /interaction/zq /federation/contoso/callback',
    );
    const fields = twists({
      ...{
        email: ['ana@contoso.test'],
        current_password: [PASSWORD],
        new_password: ['short', PASSWORD],
        repeat_password: [PASSWORD],
      },
      ...{
        csrf: ['zq'],
        xsrf: ['zq'],
        user_code: ['ABCD-EFGH', 'abcd efgh'],
        confirm: ['yes'],
        abort: ['yes'],
        logout: ['yes'],
      },
      ...{
        id_token_hint: ['x.y.z'],
        post_logout_redirect_uri: ['https://zq.example/'],
        client_id: [program],
        state: [],
      },
    });
    const hash = () => database.rows('SELECT password_hash FROM accounts ORDER BY id');
    const before = await hash();
    const type = fc.constantFrom(
      FORM['content-type'],
      FORM['content-type'],
      'multipart/form-data; boundary=x',
      'application/json',
      'text/plain',
    );
    await holds(t, 120, fc.tuple(place, fields, type, json), async ([path, twist, called, said]) => {
      const person = createPerson(consentry.issuer);
      const page = path === '/account/password' ? await person.open(url(path)) : undefined;
      const own = page ? Object.fromEntries(readForm(page.html).fields) : {};
      const body = called === 'application/json' ? String(JSON.stringify(said)) : encode(own, twist);
      assertAnswer(await post(person, path, body, { 'content-type': called }));
    });
    assert.deepEqual(await hash(), before);
  });

  it('what is refused is told to nobody in words of a stranger', async (t) => {
    await holds(t, 60, fc.tuple(text, text), async ([id, state]) => {
      const query = `client_id=${percent(id).slice(0, 4_000)}&state=${percent(state).slice(0, 4_000)}&ui_locales=${percent(id).slice(0, 500)}`;
      const page = await createPerson(federated.consentry.issuer).open(url(`/authorize?${query}`));
      assertAnswer(page);
      assert.ok(page.status >= 400 && !page.left);
      // But for the name of the request, which is random.
      const html = page.html.replace(/<code dir="auto">[\w-]{22}<\/code>/, '');
      assert.doesNotMatch(words({ html }), /zq/);
    });
  });

  it('left nothing in the database that names another server than ours', async () => {
    const [row] = await database.rows<{ n: number }>('SELECT count(*)::int AS n FROM resources');
    assert.equal(row?.n, 1);
    assert.equal((await database.rows('SELECT 1 FROM resources WHERE uri = $1', [MAIL.uri])).length, 1);
  });
});
