/** Queries on clients, however they came to us. */
import { isDeepStrictEqual } from 'node:util';
import type { Prisma } from '../storage/generated/client.ts';
import type { Database } from '../storage/transactions.ts';
import { administeredQueries } from './administered-store.ts';
import type { ClientKind, ClientMetadata, ClientOrigin, ClientRecord } from './client.ts';
import { familyKey } from './families.ts';
import { UNUSED } from './reaping-store.ts';

export type ClientStore = ReturnType<typeof createClientStore>;

interface ListFilter {
  origins: readonly ClientOrigin[];
  living: boolean;
}

/** Registrations of the same program, or one client that came in any other way. */
export interface ClientFamily {
  /** The newest of them, living where any is. */
  newest: ClientRecord;
  registrations: number;
  /** Of these, how many are not revoked. */
  living: number;
  firstSeen: Date;
  lastUsedAt: Date | undefined;
  /** Consents to any of them that are neither revoked nor expired. */
  livingConsents: number;
}

const LIST_LIMIT = 500;

export function createClientStore({ database, now }: { database: Database; now: () => Date }) {
  return {
    /** Also finds revoked ones: `revokedAt` says so. */
    async find(id: string): Promise<ClientRecord | undefined> {
      // Postgres takes no text with U+0000, so nobody is called that.
      if (id.includes('\0')) return undefined;
      const row = await database.current().client.findUnique({ where: { id } });
      return row ? toRecord(row) : undefined;
    },
    /** Newest first, 500 at most. */
    async list(filter: ListFilter): Promise<ClientRecord[]> {
      const where = { origin: { in: [...filter.origins] }, ...(filter.living ? { revokedAt: null } : {}) };
      const rows = await database.current().client.findMany({ where, orderBy: NEWEST_FIRST, take: LIST_LIMIT });
      return rows.map(toRecord);
    },
    /** The same, but registrations of one program as one; 500 families at most. */
    async listFamilies(filter: ListFilter): Promise<ClientFamily[]> {
      const families = await groupFamilies(database, filter, now());
      const ids = families.map(({ newest }) => newest);
      const rows = await database.current().client.findMany({ where: { id: { in: ids } } });
      const records = new Map(rows.map((row) => [row.id, toRecord(row)]));
      return families.flatMap(({ newest: id, lastUsedAt, ...family }) => {
        const newest = records.get(id);
        return newest ? [{ ...family, newest, lastUsedAt: lastUsedAt ?? undefined }] : [];
      });
    },
    /** Registrations of one program, newest first, 500 at most. */
    async listFamily(key: string, { living, limit = LIST_LIMIT }: { living: boolean; limit?: number }) {
      const where = { familyKey: key, ...(living ? { revokedAt: null } : {}) };
      const rows = await database.current().client.findMany({ where, orderBy: NEWEST_FIRST, take: limit });
      return rows.map(toRecord);
    },
    /** How many registrations of one program are not revoked. */
    async countFamily(key: string): Promise<number> {
      return database.current().client.count({ where: { familyKey: key, revokedAt: null } });
    },
    async create(client: Pick<ClientRecord, 'id' | 'origin' | 'kind' | 'metadata' | 'secretHash'>): Promise<void> {
      await database.write((tx) =>
        tx.client.create({
          data: {
            id: client.id,
            origin: client.origin,
            kind: client.kind,
            metadata: client.metadata as Prisma.InputJsonObject,
            secretHash: client.secretHash ?? null,
            createdAt: now(),
          },
        }),
      );
    },
    /** A registration or its update: only what the client itself may say, never origin or kind. */
    async saveRegistration(id: string, metadata: ClientMetadata, secretHash: string | undefined): Promise<void> {
      const said = {
        metadata: metadata as Prisma.InputJsonObject,
        secretHash: secretHash ?? null,
        familyKey: familyKey(metadata),
      };
      await database.write((tx) =>
        tx.client.upsert({
          where: { id },
          create: { id, origin: 'dynamic', kind: 'app', createdAt: now(), ...said },
          update: said,
        }),
      );
    },
    /** Remembers what a metadata document said, so that consents can point at it. */
    async recordDocument(id: string, metadata: ClientMetadata): Promise<{ created: boolean; changed: boolean }> {
      return database.write(async (tx) => {
        const said = { metadata: metadata as Prisma.InputJsonObject };
        const { count } = await tx.client.createMany({
          data: [{ id, origin: 'document', kind: 'app', createdAt: now(), ...said }],
          skipDuplicates: true,
        });
        if (count === 1) return { created: true, changed: false };
        const before = await tx.client.findUniqueOrThrow({ where: { id } });
        // Postgres keeps members in an order of its own.
        const changed = !isDeepStrictEqual(before.metadata, JSON.parse(JSON.stringify(metadata)));
        if (changed) await tx.client.update({ where: { id }, data: said });
        return { created: false, changed };
      });
    },
    /**
     * A known document says something else of itself now.
     *
     * @param said members as they are now, undefined where they are gone
     * @returns false where nobody here relies on it: no consent names it, or it is blocked
     */
    async changeDocument(id: string, said: Readonly<Record<string, unknown>>): Promise<boolean> {
      const gone = Object.keys(said).filter((member) => said[member] === undefined);
      return database.write(async (tx) => {
        const changed = await tx.$executeRaw`
          UPDATE clients SET metadata = (metadata - ${gone}::text[]) || ${JSON.stringify(said)}::jsonb
          WHERE id = ${id} AND origin = 'document' AND revoked_at IS NULL`;
        if (changed > 0) return true;
        const where = { downstreamClientId: id, revokedAt: null };
        return (await tx.consent.findFirst({ where, select: { id: true } })) !== null;
      });
    },
    /** @returns whether there was a living client to revoke */
    async revoke(id: string): Promise<boolean> {
      const { count } = await database.write((tx) =>
        tx.client.updateMany({ where: { id, revokedAt: null }, data: { revokedAt: now() } }),
      );
      return count === 1;
    },
    /** Keeps a metadata document out that nobody has met here yet. */
    async block(id: string): Promise<void> {
      const data = [
        { id, origin: 'document', kind: 'app', metadata: { client_id: id }, createdAt: now(), revokedAt: now() },
      ];
      await database.write((tx) => tx.client.createMany({ data, skipDuplicates: true }));
    },
    /** Waits for nobody: who holds the row does something with it that matters more. */
    async touch(id: string): Promise<void> {
      await database.write(
        (tx) => tx.$executeRaw`
          UPDATE clients SET last_used_at = ${now()}
          WHERE id IN (SELECT id FROM clients WHERE id = ${id}
            AND (last_used_at IS NULL OR last_used_at < ${new Date(now().getTime() - TOUCH_EVERY_MS)})
            FOR NO KEY UPDATE SKIP LOCKED)`,
      );
    },
    ...administeredQueries(database, toRecord),
  };
}

/** Nobody needs to know it more exactly, and a refresh should not have to write it. */
const TOUCH_EVERY_MS = 60_000;
const NEWEST_FIRST = { createdAt: 'desc' } as const;

interface FamilyRow extends Omit<ClientFamily, 'newest' | 'lastUsedAt'> {
  newest: string;
  lastUsedAt: Date | null;
}

function groupFamilies(database: Database, { origins, living }: ListFilter, at: Date): Promise<FamilyRow[]> {
  return database.current().$queryRaw<FamilyRow[]>`
    SELECT (array_agg(c.id ORDER BY c.revoked_at IS NULL DESC, c.created_at DESC))[1] AS "newest",
           count(*)::int AS "registrations",
           count(*) FILTER (WHERE c.revoked_at IS NULL)::int AS "living",
           min(c.created_at) AS "firstSeen",
           max(c.last_used_at) AS "lastUsedAt",
           coalesce(sum(s.living), 0)::int AS "livingConsents"
    FROM clients c
    LEFT JOIN (
      SELECT client_id, count(*) AS living FROM consents WHERE revoked_at IS NULL AND expires_at > ${at} GROUP BY client_id
    ) s ON s.client_id = c.id
    WHERE c.origin = ANY(${[...origins]}) AND (c.revoked_at IS NULL OR NOT ${living})
    GROUP BY c.family_key, CASE WHEN c.family_key IS NULL THEN c.id END
    ORDER BY max(c.created_at) DESC
    LIMIT ${LIST_LIMIT}`;
}

function toRecord(row: Prisma.ClientGetPayload<object>): ClientRecord {
  return {
    id: row.id,
    origin: row.origin as ClientOrigin,
    kind: row.kind as ClientKind,
    metadata: row.metadata as ClientMetadata,
    secretHash: row.secretHash ?? undefined,
    previousSecret: previousSecret(row),
    secretCreatedAt: row.secretCreatedAt ?? undefined,
    adminApi: row.adminApi,
    createdAt: row.createdAt,
    lastUsedAt: row.lastUsedAt ?? undefined,
    revokedAt: row.revokedAt ?? undefined,
    removed: row.revokedReason === UNUSED,
    familyKey: row.familyKey ?? undefined,
  };
}

function previousSecret({ previousSecretHash: hash, previousSecretEndsAt: endsAt }: Prisma.ClientGetPayload<object>) {
  return hash !== null && endsAt !== null ? { hash, endsAt } : undefined;
}
