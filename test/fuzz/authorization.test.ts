/** Whatever stands in an authorization request, in front or pushed (RFC 9126): a page of ours, or an error where the standard sends it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { approve, authorizationUrl, authorize, basic, LOOPBACK, registerClient } from '../flow.ts';
import { type Consentry, startConsentry, staticClient } from '../harness.ts';
import { given, isConnectPage, isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person, type Step } from '../person.ts';
import { oneOf } from './arbitraries.ts';
import { encode, type Twist, twists } from './fields.ts';
import { assertPage, assertPageHeaders, assertRefusal, connectSql, ERRORS, holds, type Sql } from './kit.ts';

const SITE = 'https://app.example/cb';
const JWT = 'eyJhbGciOiJub25lIn0.eyJyZXNwb25zZV90eXBlIjoiY29kZSJ9.';
const ACTING_FOR =
  '[{"type":"urn:consentry:acting-for","client_id":"https://zq.example/c.json","redirect_uri":"https://zq.example/"}]';

/** Every parameter that oidc-provider or we know, and some that nobody does. */
const VALUES: Record<string, readonly string[]> = {
  client_id: ['unknown', 'https://localhost:1/client.json', 'rs_1'],
  redirect_uri: [
    SITE,
    `${SITE}/`,
    `${LOOPBACK}#x`,
    'http://localhost:33418/callback',
    'http://127.0.0.1.evil.example/callback',
    'javascript:alert(1)',
    'HTTP://127.0.0.1/callback',
  ],
  response_type: ['none', 'token', 'id_token', 'code id_token', 'id_token code', 'CODE', 'code code', ''],
  response_mode: ['query', 'fragment', 'form_post', 'web_message', 'jwt', 'query.jwt', 'form_post.jwt', ''],
  scope: [
    'mail:read',
    'mail:send',
    'mail:read mail:read',
    'openid',
    'offline_access openid profile',
    'admin',
    'nonsense',
    '*',
    ' ',
    '',
  ],
  resource: [
    'http://127.0.0.1:9/mail/',
    'HTTP://127.0.0.1:9/mail',
    'http://127.0.0.1:9/other',
    'http://127.0.0.1:9/mail?x',
    'http://127.0.0.1:9/mail#x',
    'mail',
    '',
  ],
  state: ['x'.repeat(10_240), 'zq', ''],
  nonce: ['zq', 'x'.repeat(5_000)],
  code_challenge: ['short', 'x'.repeat(43), 'x'.repeat(129), '!'.repeat(43), ''],
  code_challenge_method: ['plain', 's256', 'S512', ''],
  prompt: [
    'none',
    'login',
    'consent',
    'create',
    'select_account',
    'none login',
    'login consent select_account',
    'NONE',
    '',
  ],
  max_age: ['0', '-1', '1.5', '999999999999999999', 'NaN', '1e3', 'Infinity', ''],
  ui_locales: ['ja', 'ja en', '*', 'xx-XX-XX', 'ja-JP-u-ca-japanese', '__proto__'],
  claims: [
    '{}',
    '{"id_token":{"email":{"essential":true}}}',
    '{"userinfo":{"sub":{"value":"zq"}}}',
    '{"id_token":null}',
    '{"id_token":{"__proto__":null,"acr":{"values":1}}}',
    '[]',
    '{',
    '"x"',
    '1',
  ],
  claims_locales: ['ja'],
  acr_values: ['0', 'phr'],
  display: ['page', 'popup', 'zq'],
  login_hint: ['ana@contoso.test', 'zq@zq.example'],
  id_token_hint: [JWT, 'x.y.z'],
  request: [JWT, 'x.y.z', 'x', ''],
  request_uri: ['urn:ietf:params:oauth:request_uri:zq', 'https://localhost:1/request', 'http://169.254.169.254/', ''],
  registration: ['{}', '{"redirect_uris":["https://zq.example/"]}'],
  authorization_details: [ACTING_FOR, '[]', '[{}]', '{}', '[{"type":"zq"}]', '[{"type":1}]', '[null]', '['],
  dpop_jkt: ['zq', 'x'.repeat(43)],
  web_message_uri: ['https://zq.example'],
  web_message_target: ['zq'],
  audience: ['http://127.0.0.1:9/calendar'],
  consentry_kind: ['proxy'],
  toString: [],
};

describe('any authorization request', () => {
  let consentry: Consentry;
  let ana: Person;
  let program: string;
  let site: string;
  let database: Sql;
  let gateway: { clientId: string; clientSecret: string | undefined };
  before(async () => {
    consentry = await startConsentry({ OUTBOUND_ALLOW: 'localhost' });
    ana = createPerson(consentry.issuer);
    program = (await registerClient(consentry.issuer)).client_id;
    site = (await registerClient(consentry.issuer, { redirect_uris: [SITE], client_name: 'Site' })).client_id;
    gateway = await staticClient(consentry.rooms, { kind: 'proxy', redirectUris: ['http://127.0.0.1/callback'] });
    await authorize(consentry, program, { person: ana });
    database = await connectSql(consentry);
  });
  after(async () => {
    await database?.close();
    await consentry?.close();
  });

  const meant = (clientId: string) => {
    const begun = authorizationUrl(consentry, clientId, clientId === site ? { redirect_uri: SITE } : {});
    return Object.fromEntries(new URL(begun.url).searchParams);
  };
  const stored = () => given(consentry);
  const records = async () =>
    (await database.rows<{ n: number }>('SELECT count(*)::int AS n FROM audit_events'))[0]?.n ?? 0;

  /** A page of ours, or an error (or nothing) to a program on this very computer. */
  function assertAnswer(page: Step, uri: string): void {
    if (page.left) {
      assert.equal(page.left.protocol, 'http:', page.left.href);
      assert.equal(page.left.hostname, '127.0.0.1');
      assert.equal(page.left.pathname, '/callback');
      // Of what belongs into a fragment by its response type, the error does too (OAuth 2.0 Multiple Response Types §5).
      const searchParams = page.left.hash ? new URLSearchParams(page.left.hash.slice(1)) : page.left.searchParams;
      assert.ok(
        (ERRORS.authorization as readonly string[]).includes(String(searchParams.get('error'))),
        page.left.href,
      );
      // RFC 9207 §2
      assert.equal(searchParams.get('iss'), consentry.issuer);
      for (const name of ['error', 'state', 'iss', 'code'])
        assert.ok(searchParams.getAll(name).length <= 1, page.left.href);
      assert.equal(searchParams.get('code'), null);
      assert.match(searchParams.get('error_description') ?? '', /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/);
      return;
    }
    // Longer than any address that Node reads.
    if (page.status === 431) return;
    assert.ok(page.status === 200 || (page.status >= 400 && page.status < 500), `${page.status} ${words(page)}`);
    assertPage(page.html, { returnTo: [uri] });
    assertPageHeaders(page);
  }

  const changes = twists(VALUES);

  it('ends on a page of ours or with a standard error; it makes no code, and is never sent on to a site by itself', async (t) => {
    const before = await stored();
    const who = fc.constantFrom('program' as const, 'site' as const);
    // What a signed-in person is refused is in the record, which Postgres has to hold.
    const unwritable: Twist = { name: 'scope', how: 'replace', value: 'mail:read a\u0000b' };
    await holds(
      t,
      120,
      fc.tuple(who, fc.boolean(), changes),
      async ([client, signedIn, twist]) => {
        const person = signedIn ? ana : createPerson(consentry.issuer);
        const query = encode(meant(client === 'site' ? site : program), twist);
        assertAnswer(await open(person, query), SITE);
      },
      [['program', true, [unwritable]]],
    );
    assert.deepEqual(await stored(), before);
  });

  it('can be denied, or approved into a code for what it asked and nothing else, however it was dressed up', async (t) => {
    // What leaves a request that can be approved.
    const { client_id: _c, redirect_uri: _r, resource: _e, response_type: _t, ...dress } = VALUES;
    const mode = (value: string): Twist => ({ name: 'response_mode', how: 'replace', value });
    await holds(
      t,
      60,
      fc.tuple(twists(dress), fc.boolean()),
      async ([twist, press]) => {
        await database.forget();
        const page = await open(ana, encode(meant(program), twist));
        assertAnswer(page, SITE);
        if (!isConsentPage(page)) return;
        const offered = (page.html.match(/name="scope" value="[^"]*"/g) ?? []).map((one) => one.slice(20, -1));
        const ticked = ['mail:read', 'mail:label', 'admin'];
        // Where nothing that was offered is ticked, nothing is approved.
        const meaning = press && ticked.some((scope) => offered.includes(scope));
        const done = await (press ? approve(ana, page, { scope: ticked }) : ana.submit(page, { decision: 'deny' }));
        if (!done.left) return assertAnswer(done, SITE);
        assert.equal(done.left.origin + done.left.pathname, LOOPBACK);
        assert.equal(done.left.searchParams.get('iss'), consentry.issuer);
        assert.equal(done.left.searchParams.has('code'), meaning, done.left.href);
        const [row] = await database.rows<{ scopes: string[] }>('SELECT scopes FROM consents');
        const kept = row?.scopes ?? [];
        assert.ok(
          kept.length > 0 === meaning && kept.every((scope) => offered.includes(scope)),
          `${kept} of ${offered}`,
        );
      },
      [
        [[mode('form_post')], true],
        [[mode('fragment')], false],
      ],
    );
  });

  it('never leads back to this very server, whatever port a program may take', async () => {
    for (const redirectUri of [`${consentry.issuer}/callback`, consentry.issuer, `${consentry.issuer}/callback/`]) {
      const page = await ana.open(authorizationUrl(consentry, program, { redirect_uri: redirectUri }).url);
      assert.equal(page.status, 400, redirectUri);
      assert.ok(!isConsentPage(page), redirectUri);
      assertPage(page.html);
    }
  });

  it('pushed is taken or refused by a standard error, and what was taken ends on a page', async (t) => {
    const before = await stored();
    const who = fc.constantFrom('program' as const, 'gateway' as const);
    await holds(t, 120, fc.tuple(who, changes), async ([client, twist]) => {
      const id = client === 'gateway' ? gateway.clientId : program;
      const headers = client === 'gateway' ? basic(id, gateway.clientSecret) : {};
      const response = await fetch(`${consentry.issuer}/par`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body: encode(meant(id), twist),
      });
      if (response.status !== 201) {
        await assertRefusal(response, [...ERRORS.token, ...ERRORS.authorization]);
        return;
      }
      const { request_uri: uri } = (await response.json()) as { request_uri: string };
      const query = `client_id=${id}&request_uri=${encodeURIComponent(uri)}`;
      assertAnswer(await open(createPerson(consentry.issuer), query), SITE);
    });
    assert.deepEqual(await stored(), before);
  });

  it('by POST, as a form of another kind, or to another spelling of the address, is no more than what it is by GET', async (t) => {
    const input = fc.record({
      method: oneOf('POST PUT HEAD OPTIONS PATCH'),
      path: oneOf('/authorize /Authorize /authorize/ /authorize/zq /authorize// /AUTHORIZE/..%2f'),
      type: fc.oneof(
        oneOf('application/x-www-form-urlencoded application/json text/plain'),
        fc.constant('multipart/form-data; boundary=x'),
      ),
      accept: oneOf('text/html application/json */* image/png _'),
      twist: changes,
    });
    // Nothing to resume, and the one redirect URI of the client left out.
    const nowhere: Twist = { name: 'redirect_uri', how: 'remove', value: '' };
    const resumed = { method: 'GET', path: '/authorize/zq', type: 'text/plain', accept: 'text/html', twist: [nowhere] };
    const before = await stored();
    await holds(
      t,
      60,
      input,
      async ({ method, path, type, accept, twist }) => {
        const query = encode(meant(site), twist);
        const body = method === 'POST' || method === 'PUT' ? { body: query } : {};
        const answer = await fetch(`${consentry.issuer}${path}?${query}`, {
          method,
          redirect: 'manual',
          headers: { 'content-type': type, accept },
          ...body,
        });
        assert.ok(answer.status < 500, `${answer.status} ${await answer.text()}`);
        assertStays(answer, consentry.issuer);
      },
      [resumed],
    );
    assert.deepEqual(await stored(), before);
  });

  it('leaves nothing in the record that was not known before', async (t) => {
    const before = await records();
    const anonymous = twists({ client_id: VALUES.client_id ?? [], redirect_uri: VALUES.redirect_uri ?? [] });
    await holds(t, 40, anonymous, async (twist: Twist[]) => {
      const replaced = twist.filter(({ name, how }) => name === 'client_id' && how === 'replace');
      const page = await open(createPerson(consentry.issuer), encode(meant(site), [...twist, ...replaced]));
      assertAnswer(page, SITE);
      assert.ok(isConnectPage(page) || page.status >= 400);
    });
    assert.equal(await records(), before);
  });

  function open(person: Person, query: string): Promise<Step> {
    return person.open(`${consentry.issuer}/authorize?${query}`);
  }
});

/** Where it leads, if anywhere, is here or a program on this computer. */
function assertStays({ headers }: Response, issuer: string): void {
  const location = headers.get('location');
  if (location !== null) assert.equal(new URL(location, issuer).hostname, '127.0.0.1', location);
}
