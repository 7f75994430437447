/** Who may decide on what people ask an administrator for, at one MCP server: the one query that everybody asks. */
import { Prisma } from '../storage/generated/client.ts';
import type { Database } from '../storage/transactions.ts';
import { ADMIN, RESOURCE_OWNER } from './authority.ts';
import { OWNER } from './role.ts';

/** Somebody who may decide. */
export interface Approver {
  id: string;
  email: string;
  /** An owner or administrator, whose word may reach everyone; otherwise one who looks after this MCP server. */
  everywhere: boolean;
}

export function createApproversStore(database: Database) {
  return {
    /** Living accounts: owners, administrators, and who looks after this MCP server. In the order of their ids. */
    of: (resourceId: string): Promise<Approver[]> => database.current().$queryRaw<Approver[]>(among([resourceId])),
    /** The same for each of these MCP servers, and none of the accounts is disabled before the transaction ends. */
    async hold(tx: Prisma.TransactionClient, resourceIds: readonly string[]): Promise<Map<string, Approver[]>> {
      // All in one order, so that whoever disables some of them waits, or is waited for, and not both.
      const held = await tx.$queryRaw<Approver[]>`${among(resourceIds)} FOR SHARE OF a`;
      const living = new Set(held.map(({ id }) => id));
      const each = new Map<string, Approver[]>();
      for (const resourceId of resourceIds) {
        const own = resourceIds.length === 1 ? held : await tx.$queryRaw<Approver[]>(among([resourceId]));
        each.set(
          resourceId,
          own.filter(({ id }) => living.has(id)),
        );
      }
      return each;
    },
  };
}

function among(resourceIds: readonly string[]): Prisma.Sql {
  const admin = Prisma.sql`SELECT account_id FROM account_roles WHERE role_id = ${ADMIN}`;
  // From the few who have a role to their accounts, not from all accounts to who has one.
  return Prisma.sql`
    SELECT a.id, a.email, a.role = ${OWNER} OR a.id IN (${admin}) AS everywhere FROM accounts a
    WHERE a.disabled_at IS NULL AND a.id IN (
      SELECT id FROM accounts WHERE role = ${OWNER} UNION ALL ${admin} UNION ALL
      SELECT o.account_id FROM resource_owners o
        JOIN account_roles r ON r.account_id = o.account_id AND r.role_id = ${RESOURCE_OWNER}
      WHERE o.resource_id = ANY(${[...resourceIds]}))
    ORDER BY a.id`;
}
