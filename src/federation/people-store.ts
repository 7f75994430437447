/** Who comes by a connection, as far as changing or removing it touches them. */
import type { Database } from '../storage/transactions.ts';

const PAGE = 200;

/** What a provider says of its people that mappings count. */
export type Said = 'appRoles' | 'groups';

export function createConnectionPeopleStore({ database, now }: { database: Database; now: () => Date }) {
  return {
    async countPeople(connectionId: string): Promise<number> {
      const [row] = await database.current().$queryRaw<{ people: number }[]>`
        SELECT count(DISTINCT account_id)::int AS people FROM identities WHERE connection_id = ${connectionId}`;
      return row?.people ?? 0;
    },
    /** Whether anybody who may still come by it ever did. */
    async hasLetIn(connectionId: string): Promise<boolean> {
      const where = { connectionId, lastSignInAt: { not: null }, orphanedAt: null };
      return (await database.current().identity.findFirst({ where, select: { subject: true } })) !== null;
    },
    /** A page of account ids in their order, those after `after`. */
    async listPeople(connectionId: string, after = ''): Promise<string[]> {
      const people = await database.current().identity.findMany({
        where: { connectionId, accountId: { gt: after } },
        distinct: ['accountId'],
        orderBy: { accountId: 'asc' },
        select: { accountId: true },
        take: PAGE,
      });
      return people.map(({ accountId }) => accountId);
    },
    countOrphans(connectionId: string): Promise<number> {
      return database.current().identity.count({ where: { connectionId, orphanedAt: { not: null } } });
    },
    /** Nobody comes by these identities until somebody confirms them. @returns how many */
    async orphan(connectionId: string): Promise<number> {
      const { count } = await database.write((tx) =>
        tx.identity.updateMany({ where: { connectionId, orphanedAt: null }, data: { orphanedAt: now() } }),
      );
      return count;
    },
    /** What the provider gave is not kept for one that is gone, nor what it said: it may come back and say less. */
    async forgetTokens(connectionId: string): Promise<void> {
      const data = { refreshToken: null, appRoles: [], groups: [] };
      await database.write((tx) => tx.identity.updateMany({ where: { connectionId }, data }));
    },
    /** Of everybody who comes by it; the caller recomputes their roles. */
    async forgetSaid(connectionId: string, what: readonly Said[]): Promise<void> {
      const data = Object.fromEntries(what.map((one) => [one, []]));
      await database.write((tx) => tx.identity.updateMany({ where: { connectionId }, data }));
    },
    /**
     * Lets people come by their identities again.
     * @param issuers only those of these
     */
    async confirm(connectionId: string, issuers: readonly string[] | 'all'): Promise<number> {
      const issuer = issuers === 'all' ? {} : { issuer: { in: [...issuers] } };
      const { count } = await database.write((tx) =>
        tx.identity.updateMany({
          where: { connectionId, orphanedAt: { not: null }, ...issuer },
          data: { orphanedAt: null },
        }),
      );
      return count;
    },
    /** The same people by another issuer, which gave none of our tokens. Who has come by it meanwhile stays who they are now. */
    async moveTo(connectionId: string, issuer: string): Promise<number> {
      return database.write(
        (tx) => tx.$executeRaw`
          UPDATE identities SET issuer = ${issuer}, orphaned_at = NULL, refresh_token = NULL
          WHERE (connection_id, issuer, subject) IN (
            SELECT DISTINCT ON (orphan.subject) orphan.connection_id, orphan.issuer, orphan.subject
            FROM identities AS orphan
            WHERE orphan.connection_id = ${connectionId} AND orphan.orphaned_at IS NOT NULL
              AND NOT EXISTS (
                SELECT 1 FROM identities AS taken
                WHERE taken.connection_id = orphan.connection_id AND taken.subject = orphan.subject
                  AND taken.issuer = ${issuer} AND orphan.issuer <> ${issuer})
            ORDER BY orphan.subject, orphan.created_at DESC)`,
      );
    },
  };
}
