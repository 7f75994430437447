/** DPoP (RFC 9449): a token that is good only together with a key, and proofs that are good once. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import {
  type CryptoKey,
  calculateJwkThumbprint,
  decodeJwt,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  SignJWT,
} from 'jose';
import { authorize, basic, introspect, registerClient, type TokenAnswer } from '../flow.ts';
import { type Consentry, sql, startConsentry, staticClient } from '../harness.ts';
import { createPerson, type Person } from '../person.ts';
import { atOnce, tally } from './kit.ts';

interface Key {
  alg: string;
  privateKey: CryptoKey;
  jwk: JWK;
  thumbprint: string;
}

interface Proof {
  key: Key;
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  sign?: CryptoKey | Uint8Array;
}

async function makeKey(alg = 'ES256'): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(publicKey);
  return { alg, privateKey, jwk, thumbprint: await calculateJwkThumbprint(jwk) };
}

describe('DPoP', () => {
  let consentry: Consentry;
  let ana: Person;
  let clientId: string;
  let key: Key;
  let otherKey: Key;
  before(async () => {
    consentry = await startConsentry();
    ana = createPerson(consentry.issuer);
    clientId = (await registerClient(consentry.issuer)).client_id;
    key = await makeKey();
    otherKey = await makeKey();
  });
  after(() => consentry?.close());

  const now = () => Math.floor(Date.now() / 1000);

  function proof({ key: of, claims = {}, header = {}, sign = of.privateKey }: Proof): Promise<string> {
    const all = { htm: 'POST', htu: `${consentry.issuer}/token`, iat: now(), jti: randomUUID(), ...claims };
    const protectedHeader = { typ: 'dpop+jwt', alg: of.alg, jwk: of.jwk, ...header } as JWTHeaderParameters;
    return new SignJWT(all).setProtectedHeader(protectedHeader).sign(sign);
  }

  async function ask(fields: Record<string, string | undefined>, dpop?: string, headers: Record<string, string> = {}) {
    const body = new URLSearchParams();
    for (const [name, value] of Object.entries(fields)) if (value !== undefined) body.set(name, value);
    const response = await fetch(`${consentry.issuer}/token`, {
      method: 'POST',
      body,
      headers: { ...headers, ...(dpop ? { dpop } : {}) },
    });
    return {
      status: response.status,
      nonce: response.headers.get('dpop-nonce'),
      body: (await response.json()) as TokenAnswer['body'],
    };
  }

  async function codeFields(id = clientId, params: Record<string, string> = {}) {
    const { code, verifier, redirectUri } = await authorize(consentry, id, { person: ana, params });
    return {
      grant_type: 'authorization_code',
      client_id: id,
      code,
      code_verifier: verifier,
      redirect_uri: redirectUri,
    };
  }

  const refreshFields = (refreshToken: string | undefined, id: string | undefined = clientId) => ({
    grant_type: 'refresh_token',
    client_id: id,
    refresh_token: refreshToken,
  });

  it('binds access and refresh token of a public client to its key', async () => {
    const { status, body } = await ask(await codeFields(), await proof({ key }));
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.token_type, 'DPoP');
    assert.deepEqual(decodeJwt(String(body.access_token)).cnf, { jkt: key.thumbprint });
    const seen = (await introspect(consentry, body.access_token)).body;
    assert.deepEqual([seen.active, seen.token_type, seen.cnf], [true, 'DPoP', { jkt: key.thumbprint }]);

    for (const dpop of [undefined, await proof({ key: otherKey })]) {
      const refused = await ask(refreshFields(body.refresh_token), dpop);
      assert.deepEqual(
        [refused.status, refused.body.error, refused.body.access_token],
        [400, 'invalid_grant', undefined],
      );
    }
    const used = await sql(
      consentry,
      "SELECT 1 FROM artifacts WHERE kind = 'RefreshToken' AND consumed_at IS NOT NULL",
    );
    assert.equal(used.length, 0, 'a refused refresh burns nothing');
    const refreshed = await ask(refreshFields(body.refresh_token), await proof({ key }));
    assert.equal(refreshed.status, 200, JSON.stringify(refreshed.body));
    assert.deepEqual(decodeJwt(String(refreshed.body.access_token)).cnf, { jkt: key.thumbprint });
    // Within the grace window too (threat 131).
    assert.equal(
      (await ask(refreshFields(body.refresh_token), await proof({ key: otherKey }))).body.error,
      'invalid_grant',
    );
    assert.equal((await ask(refreshFields(body.refresh_token))).body.error, 'invalid_grant');
  });

  it('leaves the refresh token of a confidential client to its secret (RFC 9449 §5)', async () => {
    const { client_id: id, client_secret: secret } = await registerClient(consentry.issuer, {
      token_endpoint_auth_method: 'client_secret_basic',
    });
    const headers = basic(id, secret);
    const { body } = await ask(await codeFields(id), await proof({ key }), headers);
    const refreshed = await ask(refreshFields(body.refresh_token, id), await proof({ key: otherKey }), headers);
    assert.deepEqual(decodeJwt(String(refreshed.body.access_token)).cnf, { jkt: otherKey.thumbprint });
  });

  it('binds the token of a service', async () => {
    const { clientId: id, clientSecret } = await staticClient(consentry.rooms, {
      kind: 'service',
      redirectUris: [],
      access: { [consentry.mail.uri]: ['mail:read'] },
    });
    const { body } = await ask({ grant_type: 'client_credentials' }, await proof({ key }), basic(id, clientSecret));
    assert.deepEqual([body.token_type, decodeJwt(String(body.access_token)).cnf], ['DPoP', { jkt: key.thumbprint }]);
  });

  it('takes EdDSA as well', async () => {
    const { body } = await ask(await codeFields(), await proof({ key: await makeKey('EdDSA') }));
    assert.equal(body.token_type, 'DPoP');
  });

  it('holds a code to the key that the authorization request named', async () => {
    const params = { dpop_jkt: key.thumbprint };
    for (const dpop of [undefined, await proof({ key: otherKey })]) {
      const { status, body } = await ask(await codeFields(clientId, params), dpop);
      assert.deepEqual([status, body.error, body.access_token], [400, 'invalid_grant', undefined]);
    }
    assert.equal((await ask(await codeFields(clientId, params), await proof({ key }))).status, 200);
  });

  it('is demanded of a client that registered so', async () => {
    const { client_id: id } = await registerClient(consentry.issuer, { dpop_bound_access_tokens: true });
    const fields = await codeFields(id);
    const refused = await ask(fields);
    assert.deepEqual([refused.status, refused.body.access_token], [400, undefined]);
    assert.equal((await ask(fields, await proof({ key }))).body.token_type, 'DPoP');
  });

  it('refuses a proof that proves nothing, and keeps the code for a good one', async () => {
    const fields = await codeFields();
    const weak = await makeKey('RS256');
    const privateJwk = await exportJWK(key.privateKey);
    const secret = new TextEncoder().encode('x'.repeat(32));
    const [head, payload] = (await proof({ key })).split('.');
    const none = Buffer.from(JSON.stringify({ typ: 'dpop+jwt', alg: 'none', jwk: key.jwk })).toString('base64url');
    const bad: Record<string, string> = {
      'no proof': 'nonsense',
      'another method': await proof({ key, claims: { htm: 'GET' } }),
      'another address': await proof({ key, claims: { htu: `${consentry.issuer}/introspect` } }),
      'another host': await proof({ key, claims: { htu: 'https://evil.example/token' } }),
      'no address': await proof({ key, claims: { htu: undefined } }),
      'no identifier': await proof({ key, claims: { jti: undefined } }),
      'no time': await proof({ key, claims: { iat: undefined } }),
      'another type': await proof({ key, header: { typ: 'JWT' } }),
      'no key': await proof({ key, header: { jwk: undefined } }),
      'the private key': await proof({ key, header: { jwk: privateJwk } }),
      'the key of somebody else': await proof({ key, header: { jwk: otherKey.jwk } }),
      'RS256, which is not offered': await proof({ key: weak }),
      'a shared secret': await proof({
        key,
        header: { alg: 'HS256', jwk: { kty: 'oct', k: Buffer.from(secret).toString('base64url') } },
        sign: secret,
      }),
      'no signature': `${head}.${payload}.`,
      'no algorithm': `${none}.${payload}.`,
    };
    for (const [what, dpop] of Object.entries(bad)) {
      const { status, body } = await ask(fields, dpop);
      assert.deepEqual([status, body.error, body.access_token], [400, 'invalid_dpop_proof', undefined], what);
    }
    assert.equal((await ask(fields, await proof({ key }))).status, 200);
  });

  it('offers a nonce to a client whose clock is off, and takes a proof that has it', async () => {
    const fields = await codeFields();
    const claims = { iat: now() - 3_600 };
    const first = await ask(fields, await proof({ key, claims }));
    assert.deepEqual([first.status, first.body.error], [400, 'use_dpop_nonce']);
    assert.ok(first.nonce);
    const madeUp = await ask(fields, await proof({ key, claims: { ...claims, nonce: 'made-up' } }));
    assert.deepEqual([madeUp.status, madeUp.body.error], [400, 'use_dpop_nonce']);
    const second = await ask(fields, await proof({ key, claims: { ...claims, nonce: first.nonce } }));
    assert.equal(second.status, 200, JSON.stringify(second.body));
    assert.equal(second.body.token_type, 'DPoP');
  });

  it('takes a proof once, also when it comes twenty times at the same instant', async () => {
    const { body } = await ask(await codeFields(), await proof({ key }));
    const fields = refreshFields(body.refresh_token);
    const one = await proof({ key });
    const answers = await atOnce(20, () => ask(fields, one));
    assert.deepEqual(tally(answers), { '200': 1, '400 invalid_grant': 19 });
    assert.equal((await ask(fields, one)).body.error, 'invalid_grant');
    // It was the proof: with one of their own, all of them are answered.
    const proofs = await atOnce(10, () => proof({ key }));
    assert.deepEqual(tally(await Promise.all(proofs.map((each) => ask(fields, each)))), { '200': 10 });
  });
});
