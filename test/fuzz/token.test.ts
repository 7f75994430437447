/** Whatever is sent to the endpoints that programs speak to: the answer the standard has for it, and no token for anything else than what was agreed. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeJwt } from 'jose';
import { authorize, basic, registerClient } from '../flow.ts';
import { type Consentry, MAIL, sql, startConsentry, staticClient } from '../harness.ts';
import { createPerson, type Person } from '../person.ts';
import { text } from './arbitraries.ts';
import { encode, percent, twists } from './fields.ts';
import { assertRefusal, ERRORS, holds } from './kit.ts';

const FORM = 'application/x-www-form-urlencoded';
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const NO_JWT = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ6cSIsImp0aSI6InpxIn0.';

/** What may stand in a request to any of them. */
const VALUES: Record<string, readonly string[]> = {
  grant_type: ['authorization_code', 'refresh_token', 'client_credentials', DEVICE, 'password', 'implicit', ''],
  client_id: ['unknown', 'https://localhost:1/c.json', ''],
  client_secret: ['wrong', 'x'.repeat(2_000), ''],
  code: ['unknown', NO_JWT, ''],
  code_verifier: ['short', 'x'.repeat(43), 'x'.repeat(129), ''],
  redirect_uri: ['https://zq.example/', 'http://127.0.0.1/callback', ''],
  refresh_token: ['unknown', NO_JWT],
  device_code: ['unknown'],
  resource: ['http://127.0.0.1:9/calendar', 'http://127.0.0.1:9/mail/', 'mail', ''],
  scope: ['mail:send', 'admin', 'openid', 'mail:read mail:send', ' '],
  authorization_details: [
    '[]',
    '[{"type":"urn:consentry:acting-for","client_id":"zq","redirect_uri":"zq"}]',
    '{',
    '[{}]',
  ],
  client_assertion: [NO_JWT, 'x.y.z', 'x', `${NO_JWT}zq`],
  client_assertion_type: ['urn:ietf:params:oauth:client-assertion-type:jwt-bearer', 'zq'],
  subject_token: ['zq'],
  assertion: [NO_JWT],
  audience: ['http://127.0.0.1:9/calendar'],
  token: ['unknown', NO_JWT, 'a.b.c', 'x'.repeat(9_000), 'eyJhbGciOiJFUzI1NiJ9.e30.zq', ''],
  token_type_hint: ['access_token', 'refresh_token', 'zq', ''],
  username: ['ana@contoso.test'],
  request: [NO_JWT],
  claims: ['{'],
  __defineGetter__: ['zq'],
};

const headers = fc.record({
  'content-type': fc.oneof(
    { weight: 8, arbitrary: fc.constant(FORM) },
    fc.constantFrom(
      `${FORM}; charset=utf-16`,
      `${FORM};;`,
      'application/json',
      'text/plain',
      'multipart/form-data; boundary=x',
    ),
  ),
  authorization: fc.oneof(
    { weight: 6, arbitrary: fc.constant('') },
    text.map((said) => `Basic ${Buffer.from(said).toString('base64').slice(0, 4_000)}`),
    text.map((said) => `Basic ${btoa(`${percent(said).slice(0, 4_000)}:zq`)}`),
    fc.constantFrom(
      'Basic',
      'Basic zq!',
      'Basic Og==',
      'Bearer zq',
      'DPoP zq',
      'Negotiate zq',
      'Basic %00',
      'Basic JTpx',
    ),
  ),
  dpop: fc.oneof({ weight: 6, arbitrary: fc.constant('') }, fc.constantFrom(NO_JWT, 'x.y.z', 'zq', 'a, b', '{}')),
  accept: fc.constantFrom('application/json', '*/*', 'text/html', ''),
});

describe('any request to an endpoint for programs', () => {
  let consentry: Consentry;
  let ana: Person;
  let program: string;
  let service: { clientId: string; clientSecret: string | undefined };
  before(async () => {
    consentry = await startConsentry({ OUTBOUND_ALLOW: 'localhost' });
    ana = createPerson(consentry.issuer);
    program = (await registerClient(consentry.issuer)).client_id;
    service = await staticClient(consentry.rooms, {
      kind: 'service',
      redirectUris: [],
      access: { [MAIL.uri]: ['mail:read'] },
    });
    await authorize(consentry, program, { person: ana });
  });
  after(() => consentry?.close());

  const post = (path: string, body: string, sent: Record<string, string> = {}) => {
    const named = Object.entries({ 'content-type': FORM, ...sent }).filter(([, value]) => value !== '');
    return fetch(consentry.issuer + path, {
      method: 'POST',
      body: Buffer.from(body),
      headers: Object.fromEntries(named),
    });
  };

  async function assertToken(response: Response): Promise<void> {
    const body = (await response.json()) as Record<string, string>;
    const { aud, scope } = decodeJwt(String(body.access_token));
    assert.deepEqual([aud, scope], [MAIL.uri, 'mail:read']);
    assert.match(response.headers.get('cache-control') ?? '', /no-store/);
  }

  it('without a code or token of ours gets a standard error from the token endpoint, and makes nothing', async (t) => {
    const before = await sql(consentry, 'SELECT count(*) FROM artifacts');
    const base = fc.constantFrom<Record<string, string>>(
      {
        grant_type: 'authorization_code',
        code: 'unknown',
        code_verifier: 'x'.repeat(43),
        redirect_uri: 'http://127.0.0.1/callback',
      },
      { grant_type: 'refresh_token', refresh_token: 'unknown', scope: 'mail:read' },
      { grant_type: DEVICE, device_code: 'unknown' },
      { grant_type: 'client_credentials', scope: 'mail:read' },
      {},
    );
    await holds(t, 200, fc.tuple(base, twists(VALUES), headers), async ([fields, twist, sent]) => {
      const body = encode({ client_id: program, resource: MAIL.uri, ...fields }, twist);
      await assertRefusal(await post('/token', body, sent), ERRORS.token);
    });
    assert.deepEqual(await sql(consentry, 'SELECT count(*) FROM artifacts'), before);
  });

  it('with a code gets the token that was agreed to or a standard error', async (t) => {
    const { client_id: _, token: _t, token_type_hint: _h, ...about } = VALUES;
    await holds(t, 25, twists(about), async (twist) => {
      const { code, verifier, redirectUri } = await authorize(consentry, program, { person: ana });
      const fields = {
        grant_type: 'authorization_code',
        client_id: program,
        code,
        code_verifier: verifier,
        redirect_uri: redirectUri,
      };
      const response = await post('/token', encode({ ...fields, resource: MAIL.uri }, twist));
      await (response.status === 200 ? assertToken(response) : assertRefusal(response, ERRORS.token));
    });
  });

  it('of a service gets a token for what it may or a standard error', async (t) => {
    const secret = basic(service.clientId, service.clientSecret);
    await holds(t, 60, twists(VALUES), async (twist) => {
      const fields = { grant_type: 'client_credentials', scope: 'mail:read', resource: MAIL.uri };
      const response = await post('/token', encode(fields, twist), secret);
      await (response.status === 200 ? assertToken(response) : assertRefusal(response, ERRORS.token));
    });
  });

  it('about a token tells nothing of one that is not there, and revokes none', async (t) => {
    const { mail } = consentry;
    const path = fc.constantFrom('/introspect' as const, '/revoke' as const);
    const who = fc.constantFrom('resource', 'program', 'nobody');
    const input = fc.tuple(path, who, twists(VALUES), headers);
    await holds(t, 200, input, async ([to, asks, twist, sent]) => {
      const authorization = asks === 'resource' ? basic(mail.clientId, mail.clientSecret) : {};
      const body = encode({ token: 'unknown', ...(asks === 'program' ? { client_id: program } : {}) }, twist);
      const response = await post(to, body, { ...sent, ...authorization });
      if (response.status !== 200) {
        await assertRefusal(response, to === '/introspect' ? ERRORS.introspection : ERRORS.revocation);
        return;
      }
      const told = await response.text();
      if (to === '/introspect') assert.deepEqual(JSON.parse(told), { active: false });
      else assert.equal(told, '');
    });
  });

  it('for a device code is refused by a standard error: no client that registered itself has one', async (t) => {
    await holds(t, 120, fc.tuple(twists(VALUES), headers), async ([twist, sent]) => {
      const body = encode({ client_id: program, resource: MAIL.uri, scope: 'mail:read' }, twist);
      await assertRefusal(await post('/device_authorization', body, sent), ERRORS.device);
    });
  });

  it('leaves the record readable', async () => {
    const rows = await sql<{ text: string }>(
      consentry,
      'SELECT row_to_json(audit_events)::text AS text FROM audit_events',
    );
    assert.ok(rows.length > 10, `${rows.length} events`);
    for (const { text: row } of rows) assert.doesNotThrow(() => JSON.parse(row), row);
  });
});
