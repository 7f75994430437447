/** Reads what an account may do here, anew at every request: a role that is lost counts at once. */
import type { Database } from '../storage/transactions.ts';
import { ADMIN, AUDITOR, type Authority, RESOURCE_OWNER } from './authority.ts';
import { OWNER } from './role.ts';

export type AuthorityStore = ReturnType<typeof createAuthorityStore>;

export function createAuthorityStore(database: Database) {
  return {
    /** Nothing for an account that is disabled or unknown. */
    async of(accountId: string): Promise<Authority> {
      const db = database.current();
      const account = await db.account.findUnique({
        where: { id: accountId },
        select: { role: true, disabledAt: true },
      });
      const living = account !== null && account.disabledAt === null;
      const rows = living
        ? await db.accountRole.findMany({
            where: { accountId, roleId: { in: [ADMIN, AUDITOR, RESOURCE_OWNER] } },
            select: { roleId: true },
          })
        : [];
      const roles = new Set(rows.map(({ roleId }) => roleId));
      const resourceOwner = roles.has(RESOURCE_OWNER);
      const owned = resourceOwner ? await db.resourceOwner.findMany({ where: { accountId } }) : [];
      return {
        owner: living && account.role === OWNER,
        admin: roles.has(ADMIN),
        auditor: roles.has(AUDITOR),
        resourceOwner,
        resourceIds: owned.map(({ resourceId }) => resourceId),
      };
    },
  };
}
