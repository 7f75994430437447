/** Each thing that happens to a known party is one row that says who, what for and why: people, pages and registrations. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startConnected } from '../connected.ts';
import { authorizationUrl, authorize } from '../flow.ts';
import { type Consentry, sql } from '../harness.ts';
import { createPerson, type Person, readForm } from '../person.ts';
import { anaAtMail, onlyRow, press, rowsOf, said } from './record-kit.ts';

describe('the record of people and clients', () => {
  let consentry: Consentry;
  let ana: Person;
  let clientId: string;
  before(async () => {
    ({ consentry, ana, clientId } = await startConnected());
  });
  after(() => consentry?.close());

  const only = (response: Response, type: string) => onlyRow(consentry, response, type);
  const about = (scopes: string[], client = clientId) => anaAtMail(consentry, client, scopes);

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
    assert.deepEqual(await rowsOf(consentry, unknown), []);
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
        consentry,
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
});
