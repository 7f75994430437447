/** Takes scopes out of living consents: what somebody may no longer give is no longer given. */
import type { Prisma } from '../storage/generated/client.ts';
import type { GrantStore } from '../storage/grants.ts';
import type { Database } from '../storage/transactions.ts';

export type NarrowingStore = ReturnType<typeof createNarrowingStore>;

export function createNarrowingStore({ database, grants }: { database: Database; grants: GrantStore }) {
  return {
    /**
     * The consent goes on without these scopes; sign-ins under it that carry one of them end with their tokens.
     *
     * @returns how many sign-ins ended
     */
    async takeOut(consentId: string, taken: readonly string[]): Promise<number> {
      await database.write(async (tx) => {
        await tx.$queryRaw`SELECT id FROM consents WHERE id = ${consentId} FOR UPDATE`;
        const row = await tx.consent.findUnique({ where: { id: consentId } });
        if (!row) return;
        const without = (all: unknown) =>
          Object.fromEntries(
            Object.entries(all as Record<string, unknown>).filter(([scope]) => !taken.includes(scope)),
          ) as Prisma.InputJsonObject;
        const data = {
          scopes: row.scopes.filter((scope) => !taken.includes(scope)),
          scopeDigests: without(row.scopeDigests),
          scopeWords: without(row.scopeWords),
        };
        await tx.consent.update({ where: { id: consentId }, data });
      });
      return grants.destroyCarrying(consentId, taken);
    },
  };
}
