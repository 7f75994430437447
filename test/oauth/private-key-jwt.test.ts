/** Client assertions (RFC 7523 §3): one key, one use, one audience; everything else is no proof of who asks. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { authorize, tokenRequest } from '../flow.ts';
import { type Consentry, sql, startConsentry } from '../harness.ts';
import { createPerson } from '../person.ts';
import { createKeyClient, type KeyClient } from './key-client.ts';
import { atOnce, tally } from './kit.ts';

describe('private_key_jwt', () => {
  let consentry: Consentry;
  let client: KeyClient;
  let refreshToken: string | undefined;
  before(async () => {
    consentry = await startConsentry();
    client = await createKeyClient(consentry.issuer);
    const authorized = await authorize(consentry, client.id, { person: createPerson(consentry.issuer) });
    const fields = {
      grant_type: 'authorization_code',
      code: authorized.code,
      code_verifier: authorized.verifier,
      redirect_uri: authorized.redirectUri,
    };
    const { status, body } = await tokenRequest(consentry.issuer, { ...fields, ...(await client.credentials()) });
    assert.equal(status, 200, JSON.stringify(body));
    refreshToken = body.refresh_token;
  });
  after(() => consentry?.close());

  const refresh = (credentials: Record<string, string | undefined>) =>
    tokenRequest(consentry.issuer, { grant_type: 'refresh_token', refresh_token: refreshToken, ...credentials });

  it('refuses every other signature (threat 17)', async () => {
    for (const [what, assertion] of Object.entries(await client.forgeries({ sub: client.id }))) {
      const { status, body } = await refresh({ client_id: client.id, ...client.asCredentials(assertion) });
      assert.ok(
        ['401 invalid_client', '400 invalid_request'].includes(`${status} ${body.error}`),
        `${what}: ${status} ${body.error}`,
      );
      assert.equal(body.access_token, undefined);
    }
  });

  it('refuses claims that are not for here and now', async () => {
    const now = Math.floor(Date.now() / 1000);
    const wrong: Record<string, unknown>[] = [
      { aud: 'https://other.example' },
      { aud: consentry.mail.uri },
      { aud: undefined },
      { iss: 'other' },
      { iss: undefined },
      { sub: undefined },
      { exp: now - 60 },
      { exp: undefined },
      { nbf: now + 600 },
      { jti: undefined },
    ];
    for (const claims of wrong) {
      const { status, body } = await refresh({ client_id: client.id, ...(await client.credentials(claims)) });
      assert.deepEqual([status, body.error], [401, 'invalid_client'], JSON.stringify(claims));
    }
    const other = await createKeyClient(consentry.issuer);
    const crossed = await refresh({ ...(await other.credentials({ iss: client.id, sub: client.id })) });
    assert.deepEqual([crossed.status, crossed.body.error], [401, 'invalid_client']);
    const mismatch = await refresh({ client_id: other.id, ...(await client.credentials()) });
    assert.deepEqual([mismatch.status, mismatch.body.error], [400, 'invalid_request']);
    for (const fields of [{ client_id: client.id }, { client_id: client.id, client_secret: 'x' }]) {
      assert.deepEqual((await refresh(fields)).status, 401);
    }
    const typed = { ...(await client.credentials()), client_assertion_type: 'urn:other' };
    assert.deepEqual((await refresh(typed)).body.error, 'invalid_request');
  });

  it('takes an assertion once, also when it comes twenty times at the same instant', async () => {
    const credentials = await client.credentials();
    const answers = await atOnce(20, () => refresh(credentials));
    assert.deepEqual(tally(answers), { '200': 1, '401 invalid_client': 19 });
    assert.equal((await refresh(credentials)).status, 401);
    const own = await Promise.all(await atOnce(5, async () => refresh(await client.credentials())));
    assert.deepEqual(tally(own), { '200': 5 });
  });

  it('has no secret that could be stolen or mistaken for one', async () => {
    const rows = await sql(consentry, 'SELECT secret_hash FROM clients WHERE id = $1', [client.id]);
    assert.deepEqual(rows, [{ secret_hash: null }]);
  });
});
