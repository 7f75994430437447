/** Client credentials (OAuth 2.1 §4.2): for services that an administrator made, within what the administrator gave them. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { authorizationUrl, basic, registerClient, tokenRequest } from '../flow.ts';
import { CALENDAR, type Consentry, type Registered, register, sql, startConsentry, staticClient } from '../harness.ts';
import { createPerson } from '../person.ts';

describe('client credentials', () => {
  let consentry: Consentry;
  let calendar: Registered;
  let service: { clientId: string; clientSecret: string | undefined };
  before(async () => {
    consentry = await startConsentry();
    calendar = await register(consentry.rooms, CALENDAR);
    service = await make({ [consentry.mail.uri]: ['mail:read', 'mail:send'] });
  });
  after(() => consentry?.close());

  function make(access: Record<string, string[]>) {
    return staticClient(consentry.rooms, { kind: 'service', name: 'Night job', redirectUris: [], access });
  }

  function ask(fields: Record<string, string | undefined> = {}, as = service) {
    const all = { grant_type: 'client_credentials', resource: consentry.mail.uri, ...fields };
    return tokenRequest(consentry.issuer, all, basic(as.clientId, as.clientSecret));
  }

  const scopeOf = (token: string | undefined) =>
    String(decodeJwt(String(token)).scope)
      .split(' ')
      .sort();

  it('give a service a token for ten minutes that names no person and cannot be refreshed (threat 77)', async () => {
    const { status, body } = await ask({ scope: 'mail:send' });
    assert.equal(status, 200, JSON.stringify(body));
    const { access_token: accessToken, ...rest } = body;
    assert.deepEqual(rest, { token_type: 'Bearer', expires_in: 600, scope: 'mail:send' });
    assert.equal(decodeProtectedHeader(String(accessToken)).typ, 'at+jwt');
    const { iat, exp, jti, ...claims } = decodeJwt(String(accessToken));
    assert.equal(Number(exp) - Number(iat), 600);
    assert.ok(jti);
    // RFC 9068 §2.2: where there is no person, `sub` is the client.
    const { clientId } = service;
    assert.deepEqual(claims, {
      iss: consentry.issuer,
      aud: consentry.mail.uri,
      sub: clientId,
      client_id: clientId,
      scope: 'mail:send',
    });
    const accounts = await sql(consentry, 'SELECT 1 FROM accounts WHERE id = $1', [clientId]);
    assert.deepEqual(accounts, []);
  });

  it('without scope give the low-sensitivity ones among those allowed', async () => {
    for (const scope of [undefined, '', 'nonsense', 'calendar:read', 'openid offline_access']) {
      assert.deepEqual(scopeOf((await ask({ scope })).body.access_token), ['mail:read'], String(scope));
    }
    const strict = await make({ [consentry.mail.uri]: ['mail:send'] });
    const { status, body } = await ask({}, strict);
    assert.deepEqual([status, body.error, body.access_token], [400, 'invalid_scope', undefined]);
    assert.deepEqual(scopeOf((await ask({ scope: 'mail:send' }, strict)).body.access_token), ['mail:send']);
  });

  it('never go beyond what the administrator gave: other scopes invalid_scope, other resources invalid_target', async () => {
    const wrong: [Record<string, string | undefined>, string][] = [
      [{ scope: 'mail:label' }, 'invalid_scope'],
      [{ scope: 'mail:read mail:label' }, 'invalid_scope'],
      [{ scope: 'mail:read "' }, 'invalid_scope'],
      [{ resource: calendar.uri }, 'invalid_target'],
      [{ resource: calendar.uri, scope: 'calendar:read' }, 'invalid_target'],
      [{ resource: 'http://127.0.0.1:9/elsewhere' }, 'invalid_target'],
      [{ resource: 'mail' }, 'invalid_target'],
      [{ resource: undefined }, 'invalid_target'],
    ];
    for (const [fields, error] of wrong) {
      const { status, body } = await ask(fields);
      assert.deepEqual([status, body.error, body.access_token], [400, error, undefined], JSON.stringify(fields));
    }
    const none = await make({});
    assert.equal((await ask({}, none)).body.error, 'invalid_target');
  });

  it('are for one resource at a time', async () => {
    const both = await make({ [consentry.mail.uri]: ['mail:read'], [calendar.uri]: ['calendar:read'] });
    const body = new URLSearchParams({ grant_type: 'client_credentials' });
    for (const uri of [consentry.mail.uri, calendar.uri]) body.append('resource', uri);
    const headers = basic(both.clientId, both.clientSecret);
    const response = await fetch(`${consentry.issuer}/token`, { method: 'POST', body, headers });
    assert.deepEqual([response.status, ((await response.json()) as { error: string }).error], [400, 'invalid_target']);
    const one = await ask({ resource: calendar.uri }, both);
    assert.equal(decodeJwt(String(one.body.access_token)).aud, calendar.uri);
    assert.deepEqual(scopeOf(one.body.access_token), ['calendar:read']);
  });

  it('need the secret', async () => {
    for (const as of [
      { ...service, clientSecret: 'wrong' },
      { ...service, clientSecret: consentry.mail.clientSecret },
    ]) {
      const { status, body } = await ask({}, as);
      assert.deepEqual([status, body.error], [401, 'invalid_client']);
    }
    const bare = await tokenRequest(consentry.issuer, {
      grant_type: 'client_credentials',
      client_id: service.clientId,
    });
    assert.deepEqual([bare.status, bare.body.error], [401, 'invalid_client']);
  });

  it('are not for apps, proxies, resources or whoever registered itself, whatever it sent (threat 76)', async () => {
    const app = await staticClient(consentry.rooms, { kind: 'app' });
    const proxy = await staticClient(consentry.rooms, { kind: 'proxy' });
    const registered = await registerClient(consentry.issuer, {
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code', 'client_credentials'],
      consentry_access: { [consentry.mail.uri]: ['mail:read'] },
      consentry_kind: 'service',
      consentry_origin: 'static',
    });
    assert.deepEqual(registered.grant_types, ['authorization_code']);
    const self = { clientId: registered.client_id, clientSecret: registered.client_secret };
    for (const as of [app, proxy, self, consentry.mail]) {
      const { status, body } = await ask({ scope: 'mail:read' }, as);
      assert.deepEqual([status, body.error, body.access_token], [400, 'unauthorized_client', undefined]);
    }
    const only = { token_endpoint_auth_method: 'client_secret_basic', grant_types: ['client_credentials'] };
    await assert.rejects(registerClient(consentry.issuer, only), /400.*invalid_client_metadata/);
  });

  it('sign nobody in: a service has no way through the authorization endpoint', async () => {
    const page = await createPerson(consentry.issuer).open(authorizationUrl(consentry, service.clientId).url);
    assert.deepEqual([page.status, page.left], [400, undefined]);
    const fields = { grant_type: 'refresh_token', refresh_token: 'x' };
    const { body } = await tokenRequest(consentry.issuer, fields, basic(service.clientId, service.clientSecret));
    assert.equal(body.error, 'unauthorized_client');
  });

  it('leave a record of each token, without a person', async () => {
    const { body } = await ask({ scope: 'mail:read' });
    const { jti } = decodeJwt(String(body.access_token));
    const rows = await sql(
      consentry,
      'SELECT type, account_id, client_id, resource, scopes FROM audit_events WHERE token_id = $1',
      [jti],
    );
    assert.deepEqual(rows, [
      {
        type: 'token.issued',
        account_id: null,
        client_id: service.clientId,
        resource: consentry.mail.uri,
        scopes: ['mail:read'],
      },
    ]);
  });
});
