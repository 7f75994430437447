/** Signing keys in Postgres: the private half sealed before it comes here. */
import type { Database } from '../storage/transactions.ts';

export type KeyStore = ReturnType<typeof createKeyStore>;

/** A private JWK (RFC 7517) that only the master key opens. */
export interface SealedKey {
  /** RFC 7638 thumbprint. */
  kid: string;
  alg: string;
  publicJwk: Record<string, string>;
  privateJwk: Uint8Array<ArrayBuffer>;
  createdAt: Date;
}

const FIRST_KEY_LOCK = 'consentry/first-signing-key';

export function createKeyStore(db: Database) {
  /** Keys in use, the newest first: the first is the one that signs. */
  function listLiving(): Promise<{ kid: string; privateJwk: Uint8Array }[]> {
    return db.current().signingKey.findMany({
      where: { retiredAt: null },
      orderBy: [{ createdAt: 'desc' }, { kid: 'asc' }],
      select: { kid: true, privateJwk: true },
    });
  }

  /** Stores the key if there is none yet; whoever comes second stores nothing. */
  function insertFirst(key: SealedKey): Promise<void> {
    return db.write(async (tx) => {
      await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${FIRST_KEY_LOCK}, 0))`;
      if ((await tx.signingKey.count({ where: { retiredAt: null } })) === 0) await tx.signingKey.create({ data: key });
    });
  }

  return { listLiving, insertFirst };
}
