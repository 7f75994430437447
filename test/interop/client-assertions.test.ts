/** Clients that prove themselves with a key (private_key_jwt, RFC 7523 §2.2), whatever audience they write. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { authorize, redeem, refresh, registerClient } from '../flow.ts';
import { type Consentry, startConsentry } from '../harness.ts';
import { createPerson, type Person } from '../person.ts';

const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

describe('client assertions', () => {
  let consentry: Consentry;
  let ana: Person;
  let id: string;
  let keys: Awaited<ReturnType<typeof generateKeyPair>>;
  before(async () => {
    consentry = await startConsentry();
    ana = createPerson(consentry.issuer);
    keys = await generateKeyPair('ES256');
    const client = await registerClient(consentry.issuer, {
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }] },
    });
    assert.equal(client.token_endpoint_auth_method, 'private_key_jwt');
    id = client.client_id;
  });
  after(() => consentry?.close());

  async function assertion(aud: string | string[], key = keys.privateKey) {
    const jwt = new SignJWT({ iss: id, sub: id, jti: randomUUID(), aud })
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setIssuedAt()
      .setExpirationTime('60s');
    return { client_assertion_type: ASSERTION, client_assertion: await jwt.sign(key) };
  }

  const audiences: [string, () => string | string[]][] = [
    ['the issuer', () => consentry.issuer],
    ['the token endpoint', () => `${consentry.issuer}/token`],
    ['the issuer in a list', () => [consentry.issuer]],
  ];
  for (const [what, aud] of audiences) {
    it(`row 29: a client assertion for ${what} is accepted, with and without client_id beside it`, async () => {
      const begun = await authorize(consentry, id, { person: ana });
      const fields = { ...(await assertion(aud())), client_id: undefined };
      const tokens = await redeem(consentry, id, begun, fields);
      assert.equal(tokens.status, 200, JSON.stringify(tokens.body));
      const refreshed = await refresh(consentry, id, tokens.body.refresh_token, await assertion(aud()));
      assert.equal(refreshed.status, 200, JSON.stringify(refreshed.body));
    });
  }

  it('row 29: an assertion for somebody else, by another key, or sent twice is refused', async () => {
    const { body } = await redeem(
      consentry,
      id,
      await authorize(consentry, id, { person: ana }),
      await assertion(consentry.issuer),
    );
    const other = await generateKeyPair('ES256');
    const twice = await assertion(consentry.issuer);
    const used = await refresh(consentry, id, body.refresh_token, twice);
    assert.equal(used.status, 200, JSON.stringify(used.body));
    const bad = [
      await assertion('https://other.example.test'),
      await assertion(`${consentry.issuer}/elsewhere`),
      await assertion(consentry.mail.uri),
      await assertion(consentry.issuer, other.privateKey),
      twice,
      {},
    ];
    for (const fields of bad) {
      const refused = await refresh(consentry, id, used.body.refresh_token, fields);
      assert.equal(refused.status, 401, JSON.stringify(refused.body));
      assert.equal(refused.body.error, 'invalid_client');
    }
    const good = await refresh(consentry, id, used.body.refresh_token, await assertion(consentry.issuer));
    assert.equal(good.status, 200, 'and nothing was burnt');
  });
});
