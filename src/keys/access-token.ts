/** Signs an access token outside the protocol engine (RFC 9068 §2.1): for what nobody authorized, such as a check. */
import { importJWK, type JWTPayload, SignJWT } from 'jose';
import type { PrivateJwk } from './keyset.ts';

/** @param key the one that signs at this moment: read it anew each time, it rotates */
export async function signAccessToken(key: PrivateJwk, claims: JWTPayload): Promise<string> {
  const { alg, kid } = key;
  return new SignJWT(claims).setProtectedHeader({ alg, kid, typ: 'at+jwt' }).sign(await importJWK(key, alg));
}
