/** Queries on who was told what a review ended of theirs. */
import { Prisma } from '../storage/generated/client.ts';
import type { Database } from '../storage/transactions.ts';

export type TellingStore = ReturnType<typeof createTellingStore>;

/** An access that a review ended; what parties are called is as they stated it to the person. */
export interface EndedItem {
  id: string;
  accountId: string;
  clientName: string;
  /** The proxy that named the client. */
  through: string | null;
  resourceName: string;
}

export function createTellingStore(database: Database) {
  return {
    /**
     * What ended and was not told, of people of whom nothing waits for an answer. Of two units that end the last of one
     * person's, the second waits here for the first, and sees what it did.
     */
    async holdUntold(campaignId: string, accountIds: readonly string[] | undefined, at: Date): Promise<EndedItem[]> {
      const lock = `consentry/review told ${campaignId}`;
      const among = accountIds ? Prisma.sql`AND c.account_id = ANY(${[...accountIds]})` : Prisma.empty;
      return database.write(async (tx) => {
        await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${lock}, 0))`;
        return tx.$queryRaw<EndedItem[]>`
          SELECT i.id, c.account_id AS "accountId", ${NAME} AS "clientName", ${THROUGH} AS through,
            COALESCE(i.snapshot ->> 'resourceName', '') AS "resourceName"
          FROM review_items i JOIN consents c ON c.id = i.consent_id
          WHERE i.campaign_id = ${campaignId} AND i.decision IN ('revoked', 'expired') AND i.told_at IS NULL ${among}
            AND NOT EXISTS (SELECT 1 FROM consents p JOIN review_items w ON w.consent_id = p.id
              WHERE p.account_id = c.account_id AND w.campaign_id = ${campaignId} AND w.decision = 'pending'
                AND p.revoked_at IS NULL AND p.expires_at > ${at})
          ORDER BY c.account_id, i.id`;
      });
    },
    async setTold(ids: readonly string[], toldAt: Date): Promise<void> {
      await database.write((tx) => tx.reviewItem.updateMany({ where: { id: { in: [...ids] } }, data: { toldAt } }));
    },
  };
}

const OWN = Prisma.sql`COALESCE(NULLIF(c.stated #>> '{client,name}', ''), i.snapshot ->> 'clientName', c.client_id)`;

const NAME = Prisma.sql`CASE WHEN c.downstream_client_id IS NULL THEN ${OWN}
  ELSE COALESCE(NULLIF(c.stated #>> '{downstream,name}', ''), c.downstream_client_id) END`;

const THROUGH = Prisma.sql`CASE WHEN c.downstream_client_id IS NOT NULL THEN ${OWN} END`;
