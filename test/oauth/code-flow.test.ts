/** The main job, by hand: register, sign in, approve, redeem, refresh, introspect, revoke. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { authorize, introspect, redeem, refresh, registerClient, revokeToken } from '../flow.ts';
import { type Consentry, startConsentry } from '../harness.ts';

describe('authorization code flow', () => {
  let consentry: Consentry;
  before(async () => {
    consentry = await startConsentry();
  });
  after(() => consentry?.close());

  it('gives a token for exactly one resource, after one sign-in and one press', async () => {
    const client = await registerClient(consentry.issuer);
    const authorized = await authorize(consentry, client.client_id);
    assert.equal(authorized.answer.searchParams.get('iss'), consentry.issuer);
    assert.equal(authorized.answer.searchParams.get('state'), authorized.state);
    const tokens = await redeem(consentry, client.client_id, authorized);
    assert.equal(tokens.status, 200, JSON.stringify(tokens.body));
    const claims = decodeJwt(String(tokens.body.access_token));
    assert.equal(claims.aud, consentry.mail.uri);
    assert.equal(claims.iss, consentry.issuer);
    assert.equal(claims.client_id, client.client_id);
    assert.equal(claims.sub, consentry.ana.id);
    assert.equal(claims.scope, 'mail:read');
    assert.equal(Number(claims.exp) - Number(claims.iat), 600);
    assert.equal(decodeProtectedHeader(String(tokens.body.access_token)).typ, 'at+jwt');
    assert.equal(tokens.body.token_type, 'Bearer');
    assert.equal((await introspect(consentry, tokens.body.access_token)).body.active, true);

    const refreshed = await refresh(consentry, client.client_id, tokens.body.refresh_token);
    assert.equal(refreshed.status, 200, JSON.stringify(refreshed.body));
    assert.equal(decodeJwt(String(refreshed.body.access_token)).aud, consentry.mail.uri);
    assert.equal((await revokeToken(consentry, client.client_id, refreshed.body.refresh_token)).status, 200);
    assert.deepEqual((await introspect(consentry, refreshed.body.access_token)).body, { active: false });
    assert.equal(
      (await refresh(consentry, client.client_id, refreshed.body.refresh_token)).body.error,
      'invalid_grant',
    );
  });
});
