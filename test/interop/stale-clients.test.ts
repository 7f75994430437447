/** Clients that come back with an identifier this server no longer has. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { authorizationUrl, authorize, basic, redeem, registerClient, tokenRequest } from '../flow.ts';
import { type Consentry, startConsentry } from '../harness.ts';
import { words } from '../interaction/kit.ts';
import { createPerson, type Person } from '../person.ts';

describe('stale clients', () => {
  let consentry: Consentry;
  let ana: Person;
  /** Deleted after it was approved; `tokens` and `code` are of that time. */
  let gone: { id: string; refreshToken: string; begun: Awaited<ReturnType<typeof authorize>> };
  before(async () => {
    consentry = await startConsentry();
    ana = createPerson(consentry.issuer);
    const client = await registerClient(consentry.issuer);
    const id = client.client_id;
    const { body } = await redeem(consentry, id, await authorize(consentry, id, { person: ana }));
    const begun = await authorize(consentry, id, { person: ana });
    gone = { id, refreshToken: String(body.refresh_token), begun };
    const authorization = `Bearer ${client.registration_access_token}`;
    const deleted = await fetch(client.registration_client_uri, { method: 'DELETE', headers: { authorization } });
    assert.equal(deleted.status, 204);
  });
  after(() => consentry?.close());

  const asUnknown = () => ({ client_id: 'a-client-of-long-ago' });

  it('row 18: the token endpoint answers 401 invalid_client, so that the client registers again', async () => {
    const { code, verifier, redirectUri } = gone.begun;
    const byCode = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: redirectUri };
    const byRefresh = { grant_type: 'refresh_token', refresh_token: gone.refreshToken };
    for (const fields of [byCode, byRefresh]) {
      for (const client of [asUnknown(), { client_id: gone.id }, { ...asUnknown(), client_secret: 'x' }]) {
        const { status, body } = await tokenRequest(consentry.issuer, { ...fields, ...client });
        assert.equal(status, 401, JSON.stringify(body));
        assert.equal(body.error, 'invalid_client');
      }
      const { status, body } = await tokenRequest(consentry.issuer, fields, basic(gone.id, 'secret'));
      assert.equal(status, 401, JSON.stringify(body));
      assert.equal(body.error, 'invalid_client');
    }
  });

  it('row 18: so do revocation, introspection and pushed requests', async () => {
    for (const path of ['/revoke', '/introspect', '/par']) {
      const body = new URLSearchParams({ token: gone.refreshToken, client_id: gone.id });
      const response = await fetch(consentry.issuer + path, { method: 'POST', body });
      assert.equal(response.status, 401, path);
      assert.equal(((await response.json()) as { error: string }).error, 'invalid_client', path);
    }
  });

  it('row 18: at the authorization endpoint a person reads that they should remove the server and add it again', async () => {
    for (const id of [gone.id, asUnknown().client_id]) {
      const page = await ana.open(authorizationUrl(consentry, id).url);
      assert.equal(page.left, undefined);
      assert.equal(page.status, 400);
      assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
      assert.match(words(page), /Remove the server in your AI app and add it again/);
    }
  });

  it('row 18: a program that reads there gets invalid_client in JSON', async () => {
    const response = await fetch(authorizationUrl(consentry, gone.id).url, { headers: { accept: 'application/json' } });
    assert.equal(response.status, 400);
    assert.equal(((await response.json()) as { error: string }).error, 'invalid_client');
  });

  it('row 18: registering again is all it takes', async () => {
    const { client_id: id } = await registerClient(consentry.issuer);
    const tokens = await redeem(consentry, id, await authorize(consentry, id, { person: ana }));
    assert.equal(tokens.status, 200);
  });
});
