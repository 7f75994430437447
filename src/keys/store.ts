/** Signing keys in Postgres: the private half sealed before it comes here. */
import type { Database } from '../storage/transactions.ts';
import type { Dated } from './schedule.ts';

export type KeyStore = ReturnType<typeof createKeyStore>;

/** A private JWK (RFC 7517) that only the master key opens. */
export interface SealedKey {
  /** RFC 7638 thumbprint. */
  kid: string;
  alg: string;
  publicJwk: Record<string, string>;
  privateJwk: Uint8Array<ArrayBuffer>;
  createdAt: Date;
  activeFrom: Date;
}

/** Without either half. */
export type KeyRow = Dated & { alg: string };

/** What a person or a token names may be anything. */
const THUMBPRINT = /^[\w-]{43}$/;
const LOCK = 'consentry/signing-keys';
const DATES = { kid: true, alg: true, createdAt: true, activeFrom: true, retiredAt: true } as const;
/** Enough to see what happened; the record has all. */
const MAX_RETIRED = 50;
const MAX_PUBLIC = 1_000;

export function createKeyStore(db: Database) {
  return {
    /** Holds all other changes back until this unit of work has ended. */
    async lock(): Promise<void> {
      await db.write((tx) => tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${LOCK}, 0))`);
    },
    /** What is not retired, sealed. */
    listLiving(): Promise<(KeyRow & { privateJwk: Uint8Array })[]> {
      return db.current().signingKey.findMany({ where: { retiredAt: null }, select: { ...DATES, privateJwk: true } });
    },
    /** All that are not retired, and those that were retired last. */
    async list(): Promise<KeyRow[]> {
      const living = await db.current().signingKey.findMany({ where: { retiredAt: null }, select: DATES });
      const retired = await db.current().signingKey.findMany({
        where: { retiredAt: { not: null } },
        orderBy: [{ retiredAt: 'desc' }, { kid: 'asc' }],
        take: MAX_RETIRED,
        select: DATES,
      });
      return [...living, ...retired];
    },
    /** Public halves of all keys there ever were, the youngest first. */
    async listPublic(): Promise<{ kid: string; publicJwk: unknown }[]> {
      const orderBy = [{ createdAt: 'desc' as const }, { kid: 'asc' as const }];
      return db.current().signingKey.findMany({ orderBy, select: { kid: true, publicJwk: true }, take: MAX_PUBLIC });
    },
    async find(kid: string): Promise<KeyRow | undefined> {
      if (!THUMBPRINT.test(kid)) return undefined;
      return (await db.current().signingKey.findUnique({ where: { kid }, select: DATES })) ?? undefined;
    },
    async insert(key: SealedKey): Promise<void> {
      await db.write((tx) => tx.signingKey.create({ data: key }));
    },
    async activate(kid: string, activeFrom: Date): Promise<void> {
      await db.write((tx) => tx.signingKey.update({ where: { kid }, data: { activeFrom } }));
    },
    /** The private half goes: nothing is to be signed by it again, whoever gets hold of the database and the master key. */
    async retire(kid: string, retiredAt: Date): Promise<void> {
      await db.write((tx) =>
        tx.signingKey.update({ where: { kid }, data: { retiredAt, privateJwk: new Uint8Array() } }),
      );
    },
  };
}
