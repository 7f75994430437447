/** The signing keys as JWK sets (RFC 7517), the first made on the first start. */
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import { AppError } from '../errors.ts';
import type { Database } from '../storage/transactions.ts';
import { createRotation } from './rotation.ts';
import { livingInOrder } from './schedule.ts';
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

export function createKeyset(deps: {
  store: KeyStore;
  sealing: Sealing;
  audit: Pick<Audit, 'record'>;
  database: Pick<Database, 'unit' | 'afterCommit'>;
  now: () => Date;
}) {
  const { store, sealing, audit, database, now } = deps;

  /**
   * @param known returned itself where it still holds, and nothing is opened
   * @throws AppError `master_key_differs` when the master key is not the one this database was made with
   */
  async function load(known?: Keyset): Promise<Keyset> {
    let rows = livingInOrder(await store.listLiving(), now());
    if (rows.length === 0) {
      await insertFirst();
      rows = livingInOrder(await store.listLiving(), now());
    }
    const kids = known?.jwks.keys.map(({ kid }) => kid);
    if (known && kids?.join() === rows.map(({ kid }) => kid).join()) return known;
    const keys = rows.map((row) => openKey(row.kid, row.privateJwk));
    // Published from what was sealed: a public key written into the table by somebody else is never trusted.
    return { jwks: { keys }, publicJwks: { keys: keys.map(publicHalf) } };
  }

  /** Stores the key if there is none yet; whoever comes second stores nothing. */
  function insertFirst(): Promise<void> {
    return database.unit(async () => {
      await store.lock();
      if ((await store.listLiving()).length > 0) return;
      const key = await generate(now());
      await store.insert(key);
      await audit.record(
        events.keyCreated({}, { kid: key.kid, alg: key.alg, activeFrom: key.activeFrom.toISOString() }),
      );
    });
  }

  /** People name it on the command line, so its id never begins with the hyphen of an option. */
  async function generatePair(): Promise<{ kid: string; jwk: PrivateJwk }> {
    for (;;) {
      const pair = await generateKeyPair(ALG, { extractable: true });
      const jwk = (await exportJWK(pair.privateKey)) as PrivateJwk;
      const kid = await calculateJwkThumbprint(jwk);
      if (!kid.startsWith('-')) return { kid, jwk };
    }
  }

  /** @param activeFrom signs from then on */
  async function generate(activeFrom: Date): Promise<SealedKey> {
    const { kid, jwk } = await generatePair();
    const signing = { ...jwk, kid, alg: ALG, use: 'sig' };
    return {
      kid,
      alg: ALG,
      publicJwk: publicHalf(signing),
      privateJwk: sealing.seal(PURPOSE, kid, JSON.stringify(signing)),
      createdAt: now(),
      activeFrom,
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

  /**
   * Public halves of all keys there ever were, retired ones too: for what was signed to be kept, not for tokens. Only those
   * that are what their id says (RFC 7638).
   */
  async function history(): Promise<{ keys: PublicJwk[] }> {
    const keys: PublicJwk[] = [];
    for (const { kid, publicJwk } of await store.listPublic()) {
      const jwk = publicJwk as PrivateJwk;
      if ((await calculateJwkThumbprint(jwk).catch(() => '')) === kid) keys.push({ ...publicHalf(jwk), kid });
    }
    return { keys };
  }

  return { load, history, ...createRotation({ store, generate, audit, database, now }) };
}

/** By name: a member that is not listed here cannot be published by mistake. */
function publicHalf(jwk: PrivateJwk): PublicJwk {
  const { kty, crv, x, y, kid, alg, use } = jwk;
  return { kty, crv, x, y, kid, alg, use };
}
