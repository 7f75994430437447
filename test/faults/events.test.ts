/** Each thing that happens to a known party is one row that says who, what for and why, and nothing secret. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { decodeJwt } from 'jose';
import { authorizationUrl, authorize, basic, redeem, registerClient } from '../flow.ts';
import { type Consentry, sql, startConsentry, staticClient } from '../harness.ts';
import { createPerson, type Person, readForm } from '../person.ts';

interface Row {
  type: string;
  outcome: string;
  reason: string | null;
  account_id: string | null;
  client_id: string | null;
  resource: string | null;
  scopes: string[];
  consent_id: string | null;
  grant_id: string | null;
  token_id: string | null;
  actor: string;
  details: Record<string, unknown>;
}

describe('the record', () => {
  let consentry: Consentry;
  let ana: Person;
  let clientId: string;
  before(async () => {
    consentry = await startConsentry();
    ana = createPerson(consentry.issuer);
    clientId = (await registerClient(consentry.issuer)).client_id;
    await authorize(consentry, clientId, { person: ana });
  });
  after(() => consentry?.close());

  const post = (path: string, fields: Record<string, string | undefined>, headers: Record<string, string> = {}) => {
    const body = new URLSearchParams(
      Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
    return fetch(consentry.issuer + path, { method: 'POST', body, headers });
  };
  /** What one request appended. */
  async function rowsOf(response: Response): Promise<Row[]> {
    const id = response.headers.get('x-request-id');
    assert.match(String(id), /^[\w-]{22}$/);
    const rows = await sql<Row>(consentry, 'SELECT * FROM audit_events WHERE request_id = $1 ORDER BY seq', [id]);
    const [{ count } = { count: -1 }] = await sql<{ count: number }>(
      consentry,
      'SELECT count(*)::int AS count FROM audit_events',
    );
    assert.ok(count > 0);
    return rows;
  }
  async function only(response: Response, type: string): Promise<Row> {
    const rows = await rowsOf(response);
    assert.deepEqual(
      rows.map((row) => row.type),
      [type],
    );
    return rows[0] as Row;
  }
  const said = ({ account_id, client_id, resource, scopes }: Row) => ({
    account_id,
    client_id,
    resource,
    scopes: [...scopes].sort(),
  });
  const about = (scopes: string[], client = clientId) => ({
    account_id: consentry.ana.id,
    client_id: client,
    resource: consentry.mail.uri,
    scopes,
  });
  const press = async (person: Person, url: string, changes: [string, string][]) => {
    const page = await person.open(url);
    const { fields } = readForm(page.html, new URL(page.url).pathname);
    const taken = new Set(changes.map(([name]) => name));
    return person.send(page.url, {
      method: 'POST',
      body: new URLSearchParams([...fields.filter(([name]) => !taken.has(name)), ...changes]),
    });
  };

  it('a registration: the client and what it says of itself', async () => {
    const response = await fetch(`${consentry.issuer}/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        client_name: 'Recorded',
        redirect_uris: ['http://127.0.0.1/cb'],
        token_endpoint_auth_method: 'none',
      }),
    });
    const {
      client_id: id,
      registration_access_token: token,
      registration_client_uri: uri,
    } = (await response.json()) as Record<string, string>;
    const row = await only(response, 'client.registered');
    assert.equal(row.client_id, id);
    assert.equal(row.details.name, 'Recorded');
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const body = JSON.stringify({
      client_id: id,
      client_name: 'Renamed',
      redirect_uris: ['http://127.0.0.1/cb'],
      token_endpoint_auth_method: 'none',
    });
    const updated = await fetch(String(uri), { method: 'PUT', headers, body });
    assert.equal(updated.status, 200);
    assert.equal((await only(updated, 'client.updated')).details.name, 'Renamed');
    assert.equal((await only(await fetch(String(uri), { method: 'DELETE', headers }), 'client.deleted')).client_id, id);
  });

  it('a sign-in: who, by which method, for which client, server and scopes; a failed one of a known account says why', async () => {
    const visitor = createPerson(consentry.issuer);
    const { url } = authorizationUrl(consentry, clientId);
    const failed = await press(visitor, url, [
      ['email', consentry.ana.email],
      ['password', 'wrong wrong wrong'],
      ['decision', 'continue'],
    ]);
    const refusal = await only(failed, 'sign_in.failed');
    assert.deepEqual(said(refusal), about(['mail:read']));
    assert.deepEqual([refusal.outcome, refusal.reason], ['refused', 'credentials']);
    const succeeded = await press(visitor, url, [
      ['email', consentry.ana.email],
      ['password', consentry.ana.password],
      ['decision', 'continue'],
    ]);
    const row = await only(succeeded, 'sign_in.succeeded');
    assert.deepEqual(said(row), about(['mail:read']));
    assert.deepEqual([row.outcome, row.details.method], ['allowed', 'password']);
    const unknown = await press(createPerson(consentry.issuer), url, [
      ['email', 'nobody@contoso.test'],
      ['password', 'wrong wrong wrong'],
      ['decision', 'continue'],
    ]);
    assert.deepEqual(await rowsOf(unknown), []);
  });

  it('an approval and its code: who, client, server, scopes, consent, way back', async () => {
    const { url, redirectUri } = authorizationUrl(consentry, clientId, { scope: 'mail:read mail:send' });
    const pressed = await press(ana, url, [['decision', 'approve']]);
    const row = await only(pressed, 'consent.approved');
    assert.deepEqual(said(row), about(['mail:read', 'mail:send']));
    assert.ok(row.consent_id && row.grant_id);
    assert.equal(row.details.redirectUri, redirectUri);
    const issued = await only(await ana.send(String(pressed.headers.get('location'))), 'authorization.code_issued');
    assert.deepEqual(said(issued), about(['mail:read', 'mail:send']));
    assert.deepEqual([issued.consent_id, issued.grant_id], [row.consent_id, row.grant_id]);
  });

  it('a denial: who said no to what', async () => {
    const denied = await only(
      await press(ana, authorizationUrl(consentry, clientId).url, [['decision', 'deny']]),
      'consent.denied',
    );
    assert.deepEqual(said(denied), about(['mail:read']));
    assert.deepEqual([denied.outcome, denied.reason], ['refused', 'denied_by_person']);
  });

  async function tokens(client = clientId) {
    const authorized = await authorize(consentry, client, { person: ana });
    const response = await post('/token', {
      grant_type: 'authorization_code',
      client_id: client,
      code: authorized.code,
      code_verifier: authorized.verifier,
      redirect_uri: authorized.redirectUri,
    });
    return { authorized, response, body: (await response.clone().json()) as Record<string, string> };
  }

  it('tokens by code and by refresh: one row each, joined to the token by its jti', async () => {
    const { response, body } = await tokens();
    const row = await only(response, 'token.issued');
    assert.deepEqual(said(row), about(['mail:read']));
    assert.equal(row.token_id, decodeJwt(String(body.access_token)).jti);
    assert.ok(row.grant_id && row.consent_id);
    assert.deepEqual(
      [row.outcome, row.details.grantType, row.details.refresh],
      ['allowed', 'authorization_code', true],
    );
    const refreshed = await post('/token', {
      grant_type: 'refresh_token',
      client_id: clientId,
      refresh_token: body.refresh_token,
    });
    const next = await only(refreshed, 'token.issued');
    assert.deepEqual(said(next), about(['mail:read']));
    assert.equal(next.details.grantType, 'refresh_token');
    assert.equal(next.grant_id, row.grant_id);
    assert.equal(next.token_id, decodeJwt(((await refreshed.json()) as { access_token: string }).access_token).jti);
  });

  it('tokens of a service: the client and no person', async () => {
    const service = await staticClient(consentry.rooms, {
      kind: 'service',
      redirectUris: [],
      access: { [consentry.mail.uri]: ['mail:read'] },
    });
    const response = await post(
      '/token',
      { grant_type: 'client_credentials', resource: consentry.mail.uri, scope: 'mail:read' },
      basic(service.clientId, service.clientSecret),
    );
    const row = await only(response, 'token.issued');
    assert.deepEqual(said(row), { ...about(['mail:read'], service.clientId), account_id: null });
    assert.equal(row.details.grantType, 'client_credentials');
    const refused = await post(
      '/token',
      { grant_type: 'client_credentials', resource: 'http://127.0.0.1:9/none' },
      basic(service.clientId, service.clientSecret),
    );
    const refusal = await only(refused, 'token.refused');
    assert.deepEqual(
      [refusal.client_id, refusal.outcome, refusal.reason],
      [service.clientId, 'refused', 'invalid_target'],
    );
  });

  it('a device: started, approved, token', async () => {
    const device = await staticClient(consentry.rooms, { kind: 'app', deviceFlow: true });
    const headers = basic(device.clientId, device.clientSecret);
    const started = await post('/device_authorization', { scope: 'mail:read', resource: consentry.mail.uri }, headers);
    const { device_code: code, user_code: userCode } = (await started.clone().json()) as Record<string, string>;
    assert.equal((await only(started, 'device.started')).client_id, device.clientId);
    const person = createPerson(consentry.issuer);
    const confirm = await person.submit(await person.open(`${consentry.issuer}/device`), {
      user_code: String(userCode),
    });
    const connect = await person.submit(confirm, { confirm: 'yes' });
    const consent = await person.submit(connect, {
      email: consentry.ana.email,
      password: consentry.ana.password,
      decision: 'continue',
    });
    const { fields } = readForm(consent.html, new URL(consent.url).pathname);
    const pressed = await person.send(consent.url, {
      method: 'POST',
      body: new URLSearchParams([...fields, ['decision', 'approve']]),
    });
    assert.deepEqual(said(await only(pressed, 'consent.approved')), about(['mail:read'], device.clientId));
    const approved = await only(await person.send(String(pressed.headers.get('location'))), 'device.approved');
    assert.deepEqual(said(approved), about(['mail:read'], device.clientId));
    const token = await post(
      '/token',
      { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: code },
      headers,
    );
    assert.equal(token.status, 200);
    const row = await only(token, 'token.issued');
    assert.deepEqual(said(row), about(['mail:read'], device.clientId));
  });

  it('a revocation by the client: the token and the sign-in that ended with it', async () => {
    for (const kind of ['access_token', 'refresh_token'] as const) {
      const { body } = await tokens();
      const response = await post('/revoke', { token: body[kind], client_id: clientId });
      const rows = await rowsOf(response);
      assert.deepEqual(rows.map((row) => row.type).sort(), ['grant.revoked', 'token.revoked'], kind);
      for (const row of rows)
        assert.deepEqual([row.account_id, row.client_id], [consentry.ana.id, clientId], `${kind} ${row.type}`);
      const again = await post('/revoke', { token: body[kind], client_id: clientId });
      assert.deepEqual(await rowsOf(again), []);
    }
  });

  it('a code used twice and a refresh token used again: one row with the reason, and no more for further tries', async () => {
    const { authorized } = await tokens();
    const again = () =>
      post('/token', {
        grant_type: 'authorization_code',
        client_id: clientId,
        code: authorized.code,
        code_verifier: authorized.verifier,
        redirect_uri: authorized.redirectUri,
      });
    const reuse = await only(await again(), 'grant.revoked');
    assert.equal(reuse.reason, 'reuse');
    assert.deepEqual([reuse.account_id, reuse.client_id], [consentry.ana.id, clientId]);
    assert.ok(reuse.grant_id);
    assert.deepEqual(await rowsOf(await again()), []);

    const { body } = await tokens();
    const use = (token: string | undefined) =>
      post('/token', { grant_type: 'refresh_token', client_id: clientId, refresh_token: token });
    const next = (await (await use(body.refresh_token)).json()) as Record<string, string>;
    await use(next.refresh_token);
    const rows = await rowsOf(await use(body.refresh_token));
    assert.equal(new Set(rows.map((row) => row.type)).size, rows.length);
    for (const row of rows) assert.deepEqual([row.account_id, row.client_id], [consentry.ana.id, clientId], row.type);
    assert.equal(rows.find((row) => row.type === 'grant.revoked')?.reason, 'reuse');
    assert.deepEqual(await rowsOf(await use(body.refresh_token)), []);
  });

  it('"Not you?", logging out and a new password: whose session ended', async () => {
    const person = createPerson(consentry.issuer);
    await authorize(consentry, clientId, { person });
    const page = await person.open(authorizationUrl(consentry, clientId).url);
    const { action, fields } = readForm(page.html, `${new URL(page.url).pathname}/switch-account`);
    const switched = await person.send(consentry.issuer + action, {
      method: 'POST',
      body: new URLSearchParams(fields),
    });
    assert.equal((await only(switched, 'session.ended')).account_id, consentry.ana.id);
    await authorize(consentry, clientId, { person });
    const logout = await person.open(`${consentry.issuer}/logout`);
    const form = readForm(logout.html);
    const ended = await person.send(form.action, {
      method: 'POST',
      body: new URLSearchParams([...form.fields.filter(([name]) => name !== 'logout'), ['logout', 'yes']]),
    });
    assert.equal((await only(ended, 'session.ended')).account_id, consentry.ana.id);
  });

  it('a refusal of a signed-in person says who and why; of a stranger it is only counted', async () => {
    const refused = await ana.send(authorizationUrl(consentry, clientId, { prompt: 'none' }).url);
    const row = await only(refused, 'authorization.refused');
    assert.deepEqual([row.account_id, row.client_id, row.reason], [consentry.ana.id, clientId, 'interaction_required']);
    assert.deepEqual(
      await rowsOf(
        await createPerson(consentry.issuer).send(authorizationUrl(consentry, clientId, { prompt: 'none' }).url),
      ),
      [],
    );
  });

  it('no row can be changed or removed, not by our own database account either', async () => {
    await assert.rejects(sql(consentry, "UPDATE audit_events SET type = 'x'"), /only ever added to/);
    await assert.rejects(sql(consentry, 'DELETE FROM audit_events'), /only ever added to/);
    await assert.rejects(sql(consentry, 'TRUNCATE audit_events'), /only ever added to/);
  });

  it('a redeemed code is in no row, and neither is anything else that would let somebody in', async () => {
    const { authorized, body } = await tokens();
    await redeem(consentry, clientId, authorized);
    const [{ text } = { text: '' }] = await sql<{ text: string }>(
      consentry,
      "SELECT string_agg(row_to_json(e)::text, E'\\n') AS text FROM audit_events e",
    );
    for (const secret of [
      authorized.code,
      authorized.verifier,
      body.refresh_token,
      body.access_token,
      consentry.ana.password,
      ...ana.jar.map(({ value }) => value),
    ])
      assert.ok(secret && !text.includes(secret));
  });
});
