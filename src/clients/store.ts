/** Queries on clients, however they came to us. */
import type { Prisma } from '../storage/generated/client.ts';
import type { Database } from '../storage/transactions.ts';
import type { ClientKind, ClientMetadata, ClientOrigin, ClientRecord } from './client.ts';

export type ClientStore = ReturnType<typeof createClientStore>;

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
    async list(filter: { origins: readonly ClientOrigin[]; living: boolean }): Promise<ClientRecord[]> {
      const where = { origin: { in: [...filter.origins] }, ...(filter.living ? { revokedAt: null } : {}) };
      const orderBy = { createdAt: 'desc' } as const;
      const rows = await database.current().client.findMany({ where, orderBy, take: 500 });
      return rows.map(toRecord);
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
      const said = { metadata: metadata as Prisma.InputJsonObject, secretHash: secretHash ?? null };
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
        const changed = JSON.stringify(before.metadata) !== JSON.stringify(metadata);
        if (changed) await tx.client.update({ where: { id }, data: said });
        return { created: false, changed };
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
          WHERE id IN (SELECT id FROM clients WHERE id = ${id} FOR NO KEY UPDATE SKIP LOCKED)`,
      );
    },
  };
}

function toRecord(row: Prisma.ClientGetPayload<object>): ClientRecord {
  return {
    id: row.id,
    origin: row.origin as ClientOrigin,
    kind: row.kind as ClientKind,
    metadata: row.metadata as ClientMetadata,
    secretHash: row.secretHash ?? undefined,
    createdAt: row.createdAt,
    lastUsedAt: row.lastUsedAt ?? undefined,
    revokedAt: row.revokedAt ?? undefined,
  };
}
