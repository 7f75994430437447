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
    of: (resourceId: string): Promise<Approver[]> => database.current().$queryRaw<Approver[]>(among(resourceId)),
    /** The same, and none of these accounts is disabled before the transaction ends. */
    hold: (tx: Prisma.TransactionClient, resourceId: string): Promise<Approver[]> =>
      tx.$queryRaw<Approver[]>`${among(resourceId)} FOR SHARE OF a`,
  };
}

function among(resourceId: string): Prisma.Sql {
  const admin = Prisma.sql`SELECT account_id FROM account_roles WHERE role_id = ${ADMIN}`;
  // From the few who have a role to their accounts, not from all accounts to who has one.
  return Prisma.sql`
    SELECT a.id, a.email, a.role = ${OWNER} OR a.id IN (${admin}) AS everywhere FROM accounts a
    WHERE a.disabled_at IS NULL AND a.id IN (
      SELECT id FROM accounts WHERE role = ${OWNER} UNION ALL ${admin} UNION ALL
      SELECT o.account_id FROM resource_owners o
        JOIN account_roles r ON r.account_id = o.account_id AND r.role_id = ${RESOURCE_OWNER}
      WHERE o.resource_id = ${resourceId})
    ORDER BY a.id`;
}
