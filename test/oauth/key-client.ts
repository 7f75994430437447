/** A client that proves itself with a key of its own (private_key_jwt, RFC 7523), and everything it could sign wrongly. */
import { randomUUID } from 'node:crypto';
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWTHeaderParameters, SignJWT } from 'jose';
import { registerClient } from '../flow.ts';

export type KeyClient = Awaited<ReturnType<typeof createKeyClient>>;

type Header = Record<string, unknown>;
type Claims = Record<string, unknown>;

/** Registers the client with its public key. */
export async function createKeyClient(issuer: string, metadata: Record<string, unknown> = {}) {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: 'own', alg: 'ES256', use: 'sig' };
  const { client_id: id } = await registerClient(issuer, {
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [jwk] },
    ...metadata,
  });
  const stranger = (await generateKeyPair('ES256')).privateKey;
  const pem = Buffer.from(await exportSPKI(publicKey));

  function sign(claims: Claims, header: Header = {}, key: CryptoKey | Uint8Array = privateKey): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const all = { iss: id, aud: issuer, iat: now, exp: now + 60, jti: randomUUID(), ...claims };
    return new SignJWT(all)
      .setProtectedHeader({ alg: 'ES256', kid: 'own', ...header } as JWTHeaderParameters)
      .sign(key);
  }

  return {
    id,
    /** With `iss`, `aud`, `exp` and `jti` as they should be, unless told otherwise. */
    sign,
    /** As the token endpoint wants it. */
    async credentials(claims: Claims = {}, header?: Header, key?: CryptoKey | Uint8Array) {
      return asCredentials(await sign({ sub: id, ...claims }, header, key));
    },
    asCredentials,
    /** The same claims under every signature that must not be accepted (threat 17). */
    async forgeries(claims: Claims): Promise<Record<string, string>> {
      const [, payload = '', signature] = (await sign(claims)).split('.');
      const unsigned = Buffer.from('{"alg":"none"}').toString('base64url');
      const widened = {
        ...JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')),
        scope: 'mail:read mail:send',
      };
      const [head] = (await sign(claims)).split('.');
      return {
        'another key under our kid': await sign(claims, {}, stranger),
        'another key brought along': await sign(claims, { jwk: await exportJWK(stranger).catch(() => jwk) }, stranger),
        'HS256 with the public key': await sign(claims, { alg: 'HS256' }, pem),
        'HS384 with an empty key in mind': await sign(claims, { alg: 'HS384', kid: undefined }, new Uint8Array(48)),
        'no signature': `${unsigned}.${payload}.`,
        'no algorithm': `${unsigned}.${payload}.${signature}`,
        'other claims': `${head}.${Buffer.from(JSON.stringify(widened)).toString('base64url')}.${signature}`,
        'an unknown kid': await sign(claims, { kid: 'other' }, stranger),
        'not a JWT': 'nonsense',
      };
    },
  };
}

function asCredentials(assertion: string) {
  return {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  };
}
