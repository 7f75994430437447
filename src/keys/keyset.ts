/** The signing keys as JWK sets (RFC 7517), the first made on the first start. */
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { AppError } from '../errors.ts';
import type { Sealing } from './sealing.ts';
import type { KeyStore, SealedKey } from './store.ts';

const ALG = 'ES256';
const PURPOSE = 'signing-key';

export interface Keyset {
  /** Private: for oidc-provider. The first key signs. */
  jwks: { keys: PrivateJwk[] };
  /** What the JWKS endpoint publishes. */
  publicJwks: { keys: PublicJwk[] };
}

export type PublicJwk = Record<'kty' | 'crv' | 'x' | 'y' | 'kid' | 'alg' | 'use', string>;
export type PrivateJwk = PublicJwk & { d: string };

export function createKeyset(deps: { store: KeyStore; sealing: Sealing; now: () => Date }) {
  const { store, sealing, now } = deps;

  /** @throws AppError `master_key_differs` when the master key is not the one this database was made with */
  async function load(): Promise<Keyset> {
    let rows = await store.listLiving();
    if (rows.length === 0) {
      await store.insertFirst(await generate());
      rows = await store.listLiving();
    }
    const keys = rows.map((row) => openKey(row.kid, row.privateJwk));
    // Published from what was sealed: a public key written into the table by somebody else is never trusted.
    return { jwks: { keys }, publicJwks: { keys: keys.map(publicHalf) } };
  }

  async function generate(): Promise<SealedKey> {
    const pair = await generateKeyPair(ALG, { extractable: true });
    const jwk = (await exportJWK(pair.privateKey)) as PrivateJwk;
    const kid = await calculateJwkThumbprint(jwk);
    const signing = { ...jwk, kid, alg: ALG, use: 'sig' };
    return {
      kid,
      alg: ALG,
      publicJwk: publicHalf(signing),
      privateJwk: sealing.seal(PURPOSE, kid, JSON.stringify(signing)),
      createdAt: now(),
    };
  }

  function openKey(kid: string, sealed: Uint8Array): PrivateJwk {
    try {
      return JSON.parse(sealing.open(PURPOSE, kid, sealed).toString()) as PrivateJwk;
    } catch (cause) {
      const message =
        'MASTER_KEY differs from the one this database was made with (or its signing key was altered). ' +
        'Start with the master key that belongs to this database, or with an empty database.';
      throw new AppError('master_key_differs', 500, message, { detail: `signing key ${kid} does not open`, cause });
    }
  }

  return { load };
}

/** By name: a member that is not listed here cannot be published by mistake. */
function publicHalf(jwk: PrivateJwk): PublicJwk {
  const { kty, crv, x, y, kid, alg, use } = jwk;
  return { kty, crv, x, y, kid, alg, use };
}
