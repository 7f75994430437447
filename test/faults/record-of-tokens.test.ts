/** Each token issued, refused, revoked or used twice is one row that says whose, for what and why, and holds nothing secret. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { decodeJwt } from 'jose';
import { startConnected } from '../connected.ts';
import { authorize, basic, redeem } from '../flow.ts';
import { type Consentry, sql, staticClient } from '../harness.ts';
import { createPerson, type Person, readForm } from '../person.ts';
import { anaAtMail, onlyRow, post, rowsOf, said } from './record-kit.ts';

describe('the record of tokens', () => {
  let consentry: Consentry;
  let ana: Person;
  let clientId: string;
  before(async () => {
    ({ consentry, ana, clientId } = await startConnected());
  });
  after(() => consentry?.close());

  const only = (response: Response, type: string) => onlyRow(consentry, response, type);
  const about = (scopes: string[], client = clientId) => anaAtMail(consentry, client, scopes);

  async function tokens(client = clientId) {
    const authorized = await authorize(consentry, client, { person: ana });
    const response = await post(`${consentry.issuer}/token`, {
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
    const refreshed = await post(`${consentry.issuer}/token`, {
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
      `${consentry.issuer}/token`,
      { grant_type: 'client_credentials', resource: consentry.mail.uri, scope: 'mail:read' },
      basic(service.clientId, service.clientSecret),
    );
    const row = await only(response, 'token.issued');
    assert.deepEqual(said(row), { ...about(['mail:read'], service.clientId), account_id: null });
    assert.equal(row.details.grantType, 'client_credentials');
    const refused = await post(
      `${consentry.issuer}/token`,
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
    const started = await post(
      `${consentry.issuer}/device_authorization`,
      { scope: 'mail:read', resource: consentry.mail.uri },
      headers,
    );
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
      `${consentry.issuer}/token`,
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
      const response = await post(`${consentry.issuer}/revoke`, { token: body[kind], client_id: clientId });
      const rows = await rowsOf(consentry, response);
      assert.deepEqual(rows.map((row) => row.type).sort(), ['grant.revoked', 'token.revoked'], kind);
      for (const row of rows)
        assert.deepEqual([row.account_id, row.client_id], [consentry.ana.id, clientId], `${kind} ${row.type}`);
      const again = await post(`${consentry.issuer}/revoke`, { token: body[kind], client_id: clientId });
      assert.deepEqual(await rowsOf(consentry, again), []);
    }
  });

  it('a code used twice and a refresh token used again: one row with the reason, and no more for further tries', async () => {
    const { authorized } = await tokens();
    const again = () =>
      post(`${consentry.issuer}/token`, {
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
    assert.deepEqual(await rowsOf(consentry, await again()), []);

    const { body } = await tokens();
    const use = (token: string | undefined) =>
      post(`${consentry.issuer}/token`, { grant_type: 'refresh_token', client_id: clientId, refresh_token: token });
    const next = (await (await use(body.refresh_token)).json()) as Record<string, string>;
    await use(next.refresh_token);
    const rows = await rowsOf(consentry, await use(body.refresh_token));
    assert.equal(new Set(rows.map((row) => row.type)).size, rows.length);
    for (const row of rows) assert.deepEqual([row.account_id, row.client_id], [consentry.ana.id, clientId], row.type);
    assert.equal(rows.find((row) => row.type === 'grant.revoked')?.reason, 'reuse');
    assert.deepEqual(await rowsOf(consentry, await use(body.refresh_token)), []);
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
