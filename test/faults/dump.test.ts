/** A dump of the database is no use to whoever steals it: no token, code, session or secret stands in it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import {
  approve,
  authorizationUrl,
  authorize,
  basic,
  redeem,
  refresh,
  registerClient,
  signIn,
  tokenRequest,
} from '../flow.ts';
import { type Consentry, sql, startConsentry, staticClient } from '../harness.ts';
import { isConsentPage } from '../interaction/kit.ts';
import { createPerson, type Person, readForm, type Step } from '../person.ts';

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

describe('a dump of the database', () => {
  let consentry: Consentry;
  const secrets = new Map<string, string>();
  before(async () => {
    consentry = await startConsentry();
    const person = createPerson(consentry.issuer);
    await codeFlows(person);
    await deviceFlow(person);
    await halfway(person);
    await oursAlone();
    for (const { name, value } of person.jar) keep(`cookie ${name}`, value);
  });
  after(() => consentry?.close());

  function keep(what: string, value: string | undefined): void {
    assert.ok(value && value.length >= 8, `${what} was not seen`);
    secrets.set(`${what} ${secrets.size}`, value);
  }
  function keepTokens(body: Record<string, string | undefined>): void {
    keep('access token', body.access_token);
    for (const part of String(body.access_token).split('.').slice(1)) keep('access token part', part);
    if (body.refresh_token) keep('refresh token', body.refresh_token);
    if (body.id_token) keep('id token', body.id_token.split('.')[2]);
  }
  const uidOf = (page: Step) => new URL(page.url).pathname.split('/').at(-1);

  /** Registration with a secret, sign-in, code, refresh, each left in every state it can be in. */
  async function codeFlows(person: Person): Promise<void> {
    const client = await registerClient(consentry.issuer, { token_endpoint_auth_method: 'client_secret_basic' });
    keep('client secret', client.client_secret);
    keep('registration access token', client.registration_access_token);
    const begun = authorizationUrl(consentry, client.client_id, {
      scope: 'openid mail:read',
      nonce: 'nonce-of-this-request',
      state: 'state-of-this-request',
    });
    const connect = await person.open(begun.url);
    keep('interaction', uidOf(connect));
    keep('form token', Object.fromEntries(readForm(connect.html).fields).csrf);
    for (const { value } of person.jar) keep('first cookie', value);
    const consent = await signIn(person, connect, consentry.ana);
    keep('interaction', uidOf(consent));
    for (const { value } of person.jar) keep('second cookie', value);
    const code = (await approve(person, consent)).left?.searchParams.get('code') ?? undefined;
    keep('used code', code);
    keep('verifier', begun.verifier);
    const headers = basic(client.client_id, client.client_secret);
    const first = await tokenRequest(
      consentry.issuer,
      { grant_type: 'authorization_code', code, code_verifier: begun.verifier, redirect_uri: begun.redirectUri },
      headers,
    );
    assert.equal(first.status, 200, JSON.stringify(first.body));
    keepTokens(first.body);
    const second = await tokenRequest(
      consentry.issuer,
      { grant_type: 'refresh_token', refresh_token: first.body.refresh_token },
      headers,
    );
    assert.equal(second.status, 200);
    keepTokens(second.body);
    const unused = await authorize(consentry, client.client_id, { person });
    keep('unused code', unused.code);
    const open = await registerClient(consentry.issuer);
    const tokens = await redeem(consentry, open.client_id, await authorize(consentry, open.client_id, { person }));
    keepTokens(tokens.body);
    keepTokens((await refresh(consentry, open.client_id, tokens.body.refresh_token)).body);
  }

  async function deviceFlow(person: Person): Promise<void> {
    const client = await staticClient(consentry.rooms, { kind: 'app', deviceFlow: true });
    keep('static client secret', client.clientSecret);
    const headers = basic(client.clientId, client.clientSecret);
    const start = async () => {
      const response = await fetch(`${consentry.issuer}/device_authorization`, {
        method: 'POST',
        headers,
        body: new URLSearchParams({ scope: 'mail:read', resource: consentry.mail.uri }),
      });
      const body = (await response.json()) as Record<string, string>;
      assert.equal(response.status, 200, JSON.stringify(body));
      keep('device code', body.device_code);
      keep('user code', body.user_code);
      keep('user code without its dash', body.user_code?.replaceAll('-', ''));
      return body;
    };
    await start();
    const started = await start();
    const page = await person.open(`${consentry.issuer}/device`);
    const confirm = await person.submit(page, { user_code: String(started.user_code) });
    // A device always asks for a fresh sign-in.
    const connect = await person.submit(confirm, { confirm: 'yes' });
    keep('device interaction', uidOf(connect));
    const consent = await signIn(person, connect, consentry.ana);
    assert.ok(isConsentPage(consent), consent.html);
    keep('device interaction', uidOf(consent));
    await approve(person, consent);
    const tokens = await tokenRequest(
      consentry.issuer,
      { grant_type: DEVICE_GRANT, device_code: started.device_code },
      headers,
    );
    assert.equal(tokens.status, 200, JSON.stringify(tokens.body));
    keepTokens(tokens.body);
    const service = await staticClient(consentry.rooms, {
      kind: 'service',
      redirectUris: [],
      access: { [consentry.mail.uri]: ['mail:read'] },
    });
    keep('service secret', service.clientSecret);
    const own = await tokenRequest(
      consentry.issuer,
      { grant_type: 'client_credentials', resource: consentry.mail.uri },
      basic(service.clientId, service.clientSecret),
    );
    assert.equal(own.status, 200, JSON.stringify(own.body));
    keepTokens(own.body);
  }

  /** Requests that are still open: pushed, on page A, on page C, pressed but not resumed. */
  async function halfway(person: Person): Promise<void> {
    const { client_id: clientId } = await registerClient(consentry.issuer);
    const begun = authorizationUrl(consentry, clientId);
    const pushed = await fetch(`${consentry.issuer}/par`, { method: 'POST', body: new URL(begun.url).searchParams });
    const { request_uri: requestUri } = (await pushed.json()) as Record<string, string>;
    keep('request_uri', requestUri?.split(':').at(-1));
    const opened = await person.open(
      `${consentry.issuer}/authorize?${new URLSearchParams({ client_id: clientId, request_uri: String(requestUri) })}`,
    );
    assert.ok(isConsentPage(opened));
    keep('open interaction', uidOf(opened));
    const visitor = createPerson(consentry.issuer);
    keep('open interaction', uidOf(await visitor.open(authorizationUrl(consentry, clientId).url)));
    for (const { value } of visitor.jar) keep('cookie of a visitor', value);
    const page = await person.open(authorizationUrl(consentry, clientId).url);
    const { fields } = readForm(page.html, new URL(page.url).pathname);
    const pressed = await person.send(page.url, {
      method: 'POST',
      body: new URLSearchParams([...fields, ['decision', 'approve']]),
    });
    assert.equal(pressed.status, 302);
    keep('pressed interaction', uidOf(page));
  }

  async function oursAlone(): Promise<void> {
    keep('password', consentry.ana.password);
    keep('secret of the MCP server', consentry.mail.clientSecret);
    const master = consentry.config.masterKey;
    for (const encoding of ['base64', 'base64url', 'hex', 'latin1'] as const)
      keep('master key', master?.toString(encoding));
    const { jwks } = await consentry.rooms.keyset.load();
    for (const key of jwks.keys) keep('private signing key', (key as { d?: string }).d);
    keep('cookie key', consentry.rooms.sealing.derive('cookies', 32).toString('base64url'));
    keep('DPoP nonce secret', consentry.rooms.sealing.derive('dpop-nonce', 32).toString('base64url'));
  }

  /** Every row of every table as text, and every bytes column as the characters it holds. */
  async function dump(): Promise<Map<string, string>> {
    const tables = await sql<{ name: string }>(
      consentry,
      "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'",
    );
    const columns = await sql<{ table_name: string; column_name: string }>(
      consentry,
      "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' AND data_type = 'bytea'",
    );
    const found = new Map<string, string>();
    for (const { name } of tables) {
      const rows = await sql<{ line: string }>(consentry, `SELECT row_to_json(t)::text AS line FROM "${name}" t`);
      const bytes = columns.filter(({ table_name: table }) => table === name);
      const raw = await Promise.all(
        bytes.map(({ column_name: column }) =>
          sql<{ value: Buffer }>(consentry, `SELECT "${column}" AS value FROM "${name}"`),
        ),
      );
      found.set(
        name,
        [...rows.map(({ line }) => line), ...raw.flat().map(({ value }) => value.toString('latin1'))].join('\n'),
      );
    }
    return found;
  }

  it('holds none of the secrets that went over the wire, nor our keys, in any encoding', async () => {
    const tables = await dump();
    for (const kind of [
      'AuthorizationCode',
      'RefreshToken',
      'Session',
      'Interaction',
      'DeviceCode',
      'PushedAuthorizationRequest',
      'RegistrationAccessToken',
    ]) {
      assert.ok(tables.get('artifacts')?.includes(`"${kind}"`), `the flows left no ${kind}`);
    }
    assert.ok(secrets.size > 60);
    for (const [what, secret] of secrets) {
      const bytes = Buffer.from(secret, 'latin1');
      const forms = [
        secret,
        bytes.toString('hex'),
        bytes.toString('base64').replace(/=+$/, ''),
        bytes.toString('base64url'),
        encodeURIComponent(secret),
        JSON.stringify(secret).slice(1, -1),
      ];
      for (const [table, text] of tables)
        for (const form of forms) assert.ok(!text.includes(form), `${what} stands in ${table}`);
    }
  });

  it('holds no plain hash of what is short enough to be tried out', async () => {
    const tables = await dump();
    const short = [...secrets].filter(([what]) => /user code|password/.test(what));
    assert.ok(short.length >= 4);
    for (const [what, secret] of short) {
      for (const algorithm of ['sha256', 'sha1', 'md5', 'sha512']) {
        for (const encoding of ['hex', 'base64', 'base64url'] as const) {
          const hash = createHash(algorithm).update(secret).digest(encoding).replace(/=+$/, '');
          for (const [table, text] of tables)
            assert.ok(!text.includes(hash), `${algorithm} of ${what} stands in ${table}`);
        }
      }
    }
  });

  it('tells of no request what the client sent with it: state, nonce, challenge, cookies', async () => {
    const text = [...(await dump()).values()].join('\n');
    for (const said of [
      'state-of-this-request',
      'nonce-of-this-request',
      'code_challenge',
      '"cookie"',
      'returnTo',
      '-----BEGIN',
    ])
      assert.ok(!text.includes(said), said);
  });
});
