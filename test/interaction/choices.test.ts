/** What the person chooses on page C is what the token has: scopes and how long. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { decodeJwt } from 'jose';
import { authorizationUrl, authorize, redeem, refresh, registerClient } from '../flow.ts';
import { CALENDAR, type Consentry, register, sql, startConsentry } from '../harness.ts';
import { createPerson, type Person } from '../person.ts';
import { isConsentPage, words } from './kit.ts';

const ALL = 'openid email mail:read mail:send mail:label';

describe('choices on the consent page', () => {
  let consentry: Consentry;
  let person: Person;
  before(async () => {
    consentry = await startConsentry();
    await register(consentry.rooms, CALENDAR);
    person = createPerson(consentry.issuer);
  });
  after(() => consentry?.close());

  const newClient = async () => (await registerClient(consentry.issuer)).client_id;
  const tokens = async (
    clientId: string,
    params: Record<string, string>,
    consent: Record<string, string | string[]> = {},
  ) => {
    const authorized = await authorize(consentry, clientId, { person, params, consent });
    const answer = await redeem(consentry, clientId, authorized, { resource: params.resource ?? consentry.mail.uri });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body;
  };
  const scopesOf = (token: string | undefined) =>
    String(decodeJwt(String(token)).scope)
      .split(' ')
      .sort();

  it('the page lists each asked scope in words, the tools behind it, and marks the sensitive one', async () => {
    await authorize(consentry, await newClient(), { person });
    const page = await person.open(authorizationUrl(consentry, await newClient(), { scope: ALL }).url);
    assert.ok(isConsentPage(page));
    for (const text of ['Read your mail', 'Send mail as you', 'Change labels', 'list_mail', 'send_mail', 'add_label'])
      assert.match(words(page), new RegExp(text));
    assert.match(words(page), /Send mail as you\s*Sensitive/i);
    assert.doesNotMatch(words(page), /\bopenid\b|mail:read/);
  });

  it('fewer ticked scopes mean a token with fewer scopes, also after refresh', async () => {
    const clientId = await newClient();
    const body = await tokens(clientId, { scope: ALL }, { scope: ['mail:read', 'mail:label'] });
    assert.deepEqual(scopesOf(body.access_token), ['mail:label', 'mail:read']);
    assert.equal(String(body.scope).split(' ').sort().join(' '), 'mail:label mail:read');
    assert.equal(body.id_token, undefined, 'openid was unticked');
    const refreshed = await refresh(consentry, clientId, body.refresh_token);
    assert.deepEqual(scopesOf(refreshed.body.access_token), ['mail:label', 'mail:read']);
    const wider = await refresh(consentry, clientId, refreshed.body.refresh_token, { scope: 'mail:read mail:send' });
    assert.equal(wider.status, 400);
    assert.equal(wider.body.error, 'invalid_scope');
  });

  it('unticking e-mail removes the claim (threat 66)', async () => {
    const clientId = await newClient();
    const full = await tokens(clientId, { scope: 'openid email mail:read' });
    assert.equal(decodeJwt(String(full.id_token)).email, consentry.ana.email);
    const less = await tokens(clientId, { scope: 'openid email mail:read' }, { scope: ['openid', 'mail:read'] });
    assert.equal(decodeJwt(String(less.id_token)).email, undefined);
  });

  it('a scope that was not asked cannot be ticked into the token', async () => {
    const clientId = await newClient();
    const ticked = { scope: ['mail:read', 'mail:send', 'calendar:read', 'offline_access'] };
    const body = await tokens(clientId, { scope: 'mail:read' }, ticked);
    assert.deepEqual(scopesOf(body.access_token), ['mail:read']);
    const consents = await sql(consentry, 'SELECT scopes FROM consents WHERE client_id = $1', [clientId]);
    assert.deepEqual(consents, [{ scopes: ['mail:read'] }]);
  });

  it('unticking a scope at a later page ends the refresh tokens that carry it, and no others (threat 59)', async () => {
    const clientId = await newClient();
    const other = await newClient();
    const untouched = await tokens(other, { scope: 'mail:read mail:send' });
    const elsewhere = await tokens(clientId, { scope: 'calendar:read', resource: CALENDAR.uri });
    const small = await tokens(clientId, { scope: 'mail:read' });
    const wide = await tokens(clientId, { scope: 'mail:read mail:send' });
    const later = await tokens(clientId, { scope: 'mail:read mail:send' }, { scope: 'mail:read' });
    assert.equal((await refresh(consentry, clientId, wide.refresh_token)).body.error, 'invalid_grant');
    assert.equal((await refresh(consentry, clientId, small.refresh_token)).status, 200);
    assert.equal((await refresh(consentry, clientId, later.refresh_token)).status, 200);
    assert.equal((await refresh(consentry, other, untouched.refresh_token)).status, 200);
    assert.equal((await refresh(consentry, clientId, elsewhere.refresh_token)).status, 200);
  });

  it('a page that does not show a scope leaves it as it was agreed', async () => {
    const clientId = await newClient();
    const wide = await tokens(clientId, { scope: 'mail:read mail:send' });
    await tokens(clientId, { scope: 'mail:label' });
    assert.equal((await refresh(consentry, clientId, wide.refresh_token)).status, 200);
  });

  it('a code approved before a scope was unticked elsewhere is refused (threat 58)', async () => {
    const clientId = await newClient();
    const waiting = await authorize(consentry, clientId, { person, params: { scope: 'mail:read mail:send' } });
    await tokens(clientId, { scope: 'mail:read mail:send' }, { scope: 'mail:read' });
    assert.equal((await redeem(consentry, clientId, waiting)).body.error, 'invalid_grant');
  });

  it('"just this once" gives no refresh token and a consent that ends soon', async () => {
    const clientId = await newClient();
    const body = await tokens(clientId, { scope: 'mail:read' }, { expiry: 'once' });
    assert.equal(body.refresh_token, undefined);
    const [row] = await sql<{ minutes: number }>(
      consentry,
      'SELECT extract(epoch FROM expires_at - now())::float8 / 60 AS minutes FROM consents WHERE client_id = $1',
      [clientId],
    );
    assert.ok(row && row.minutes < 16);
  });

  it('30 days and the maximum limit the consent and its grants, and nothing that is posted makes it longer', async () => {
    const days = async (expiry: string) => {
      const clientId = await newClient();
      await tokens(clientId, { scope: 'mail:read' }, { expiry });
      const [row] = await sql<{ consent: number; grant: number }>(
        consentry,
        `SELECT extract(epoch FROM c.expires_at - now())::float8 / 86400 AS consent, extract(epoch FROM g.expires_at - now())::float8 / 86400 AS grant
         FROM consents c JOIN grants g ON g.consent_id = c.id WHERE c.client_id = $1`,
        [clientId],
      );
      assert.ok(row);
      assert.ok(row.grant <= row.consent + 0.001);
      return Math.round(row.consent);
    };
    assert.equal(await days('30d'), 30);
    assert.equal(await days('max'), 90);
    assert.ok((await days('9999d')) <= 90);
  });
});
