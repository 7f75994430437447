/** Queries on what an administrator changes of a client: its secret, its kind, and whether it is kept out. */
import type { Prisma } from '../storage/generated/client.ts';
import type { Database } from '../storage/transactions.ts';
import type { ClientKind, ClientMetadata, ClientRecord } from './client.ts';

type Row = Prisma.ClientGetPayload<object>;

export function administeredQueries(database: Database, toRecord: (row: Row) => ClientRecord) {
  const change = (id: string, data: Prisma.ClientUpdateInput) =>
    database.write((tx) => tx.client.update({ where: { id }, data }));

  return {
    /** Keeps the client as it is, for everybody else who would change it, until the unit of work ends. */
    async hold(id: string): Promise<ClientRecord | undefined> {
      return database.write(async (tx) => {
        await tx.$queryRaw`SELECT id FROM clients WHERE id = ${id} FOR NO KEY UPDATE`;
        const row = await tx.client.findUnique({ where: { id } });
        return row ? toRecord(row) : undefined;
      });
    },
    /** @param previous the secret that stays good for a while; whatever was before it is not any more */
    async replaceSecret(
      id: string,
      { hash, at, previous }: { hash: string; at: Date; previous: ClientRecord['previousSecret'] },
    ): Promise<void> {
      await change(id, {
        secretHash: hash,
        secretCreatedAt: at,
        previousSecretHash: previous?.hash ?? null,
        previousSecretEndsAt: previous?.endsAt ?? null,
      });
    },
    async dropPreviousSecret(id: string): Promise<void> {
      await change(id, { previousSecretHash: null, previousSecretEndsAt: null });
    },
    async setKind(id: string, kind: ClientKind, metadata: ClientMetadata): Promise<void> {
      await change(id, { kind, metadata: metadata as Prisma.InputJsonObject });
    },
    async setAdminApi(id: string, on: boolean): Promise<void> {
      await change(id, { adminApi: on });
    },
    /** Lets in again a client that was revoked, or a metadata document that was blocked. */
    async unblock(id: string): Promise<void> {
      await change(id, { revokedAt: null, revokedReason: null });
    },
  };
}
