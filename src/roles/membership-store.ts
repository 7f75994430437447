/** Queries on who is a member of what: what connections say now, and what was written down of it. */
import type { Prisma } from '../storage/generated/client.ts';
import type { Database } from '../storage/transactions.ts';
import { ADMINISTRATOR, type Membership } from './role.ts';

export type MembershipStore = ReturnType<typeof createMembershipStore>;

/** An account as far as owning goes, held until the unit of work ends. */
export interface HeldAccount {
  id: string;
  role: string;
  /** The connection whose mapping made the person an owner. */
  roleBy: string | null;
}

export function createMembershipStore(database: Database) {
  return {
    /**
     * Keeps these accounts as they are for everybody else. Where a mapped owner is among them the living owners are held
     * too, all in one order: whoever held the others first, and then one who has just ceased to be an owner, would wait
     * for who waits for them.
     */
    async hold(accountIds: readonly string[]): Promise<HeldAccount[]> {
      return database.write(async (tx) => {
        const ids = [...accountIds];
        const mapped = await tx.$queryRaw<{ id: string }[]>`
          SELECT id FROM accounts WHERE id = ANY(${ids}) AND role = 'owner' AND role_by IS NOT NULL LIMIT 1`;
        const withOwners = mapped.length > 0;
        const held = await tx.$queryRaw<HeldAccount[]>`
          SELECT id, role, role_by AS "roleBy" FROM accounts
          WHERE id = ANY(${ids}) OR (${withOwners} AND role = 'owner' AND disabled_at IS NULL)
          ORDER BY id FOR NO KEY UPDATE`;
        return held.filter(({ id }) => ids.includes(id));
      });
    },
    /** What was written down of what connections said. */
    async written(accountIds: readonly string[]): Promise<Membership[]> {
      const ids = [...accountIds];
      return database.write(
        (tx) => tx.$queryRaw<Membership[]>`
          SELECT account_id AS "accountId", role_id AS "roleId", source FROM account_roles
          WHERE account_id = ANY(${ids}) ORDER BY 1, 2, 3`,
      );
    },
    /**
     * What connections say now by their mappings, each of its own people alone. Somebody whose identity waits for an
     * owner to confirm it, whom the directory switched off, or whose connection is gone, is nobody's member.
     */
    async stated(accountIds: readonly string[]): Promise<Membership[]> {
      const ids = [...accountIds];
      return database.write(
        (tx) => tx.$queryRaw<Membership[]>`
          SELECT i.account_id AS "accountId", m.role_id AS "roleId", m.connection_id AS source
          FROM identities i
          JOIN role_mappings m ON m.connection_id = i.connection_id
            AND (m.source = 'app_role' AND m.value = ANY(i.app_roles) OR m.source = 'group' AND m.value = ANY(i.groups))
          JOIN connections c ON c.id = m.connection_id AND c.removed_at IS NULL
          WHERE i.account_id = ANY(${ids}) AND i.orphaned_at IS NULL
          UNION
          SELECT u.account_id, m.role_id, m.connection_id
          FROM scim_users u
          JOIN scim_members s ON s.user_id = u.id
          JOIN scim_groups g ON g.id = s.group_id AND g.connection_id = u.connection_id
          JOIN role_mappings m ON m.connection_id = u.connection_id AND m.source = 'scim_group' AND m.value = g.id
          JOIN connections c ON c.id = m.connection_id AND c.removed_at IS NULL
          WHERE u.account_id = ANY(${ids}) AND u.active AND EXISTS (SELECT 1 FROM identities k
            WHERE k.account_id = u.account_id AND k.connection_id = u.connection_id AND k.orphaned_at IS NULL)
          ORDER BY 1, 2, 3`,
      );
    },
    async write(gained: readonly Membership[], lost: readonly Membership[], at: Date): Promise<void> {
      await database.write(async (tx) => {
        const data = gained.map((one) => ({ ...one, createdAt: at }));
        if (data.length > 0) await tx.accountRole.createMany({ data, skipDuplicates: true });
        const accountIds = lost.map(({ accountId }) => accountId);
        const roleIds = lost.map(({ roleId }) => roleId);
        const sources = lost.map(({ source }) => source);
        if (lost.length === 0) return;
        await tx.$executeRaw`
          DELETE FROM account_roles a
          USING unnest(${accountIds}::text[], ${roleIds}::text[], ${sources}::text[]) AS gone(account_id, role_id, source)
          WHERE a.account_id = gone.account_id AND a.role_id = gone.role_id AND a.source = gone.source`;
      });
    },
    /** @param roleBy null for a word of an administrator's */
    async makeOwner(accountId: string, roleBy: string | null): Promise<void> {
      await database.write((tx) =>
        tx.account.update({ where: { id: accountId }, data: { role: 'owner', roleBy }, select: { id: true } }),
      );
    },
    /**
     * @param isHeld whether the person is held already
     * @returns false, and nothing changed, where nobody else could administer this server
     */
    async endOwner(accountId: string, isHeld = false): Promise<boolean> {
      return database.write(async (tx) => {
        if (!(isHeld && (await holdsAnother(tx, accountId))) && (await isLastOwner(tx, accountId))) return false;
        const data = { role: 'user', roleBy: null };
        await tx.account.update({ where: { id: accountId }, data, select: { id: true } });
        return true;
      });
    },
    /** Whom this connection could make a member of anything, and whom it did. */
    async peopleOf(connectionId: string): Promise<string[]> {
      const rows = await database.current().$queryRaw<{ id: string }[]>`
        SELECT account_id AS id FROM identities WHERE connection_id = ${connectionId}
        UNION SELECT account_id FROM scim_users WHERE connection_id = ${connectionId} AND account_id IS NOT NULL
        UNION SELECT account_id FROM account_roles WHERE source = ${connectionId}
        UNION SELECT id FROM accounts WHERE role_by = ${connectionId}
        ORDER BY 1`;
      return rows.map(({ id }) => id);
    },
    async owning(accountId: string): Promise<HeldAccount | undefined> {
      const select = { id: true, role: true, roleBy: true };
      return (await database.current().account.findUnique({ where: { id: accountId }, select })) ?? undefined;
    },
  };
}

/** Some other living owner, held by us already or from now on: whoever holds somebody must not wait for others as well. */
async function holdsAnother(tx: Prisma.TransactionClient, accountId: string): Promise<boolean> {
  const rows = await tx.$queryRaw<unknown[]>`
    SELECT id FROM accounts WHERE role = 'owner' AND disabled_at IS NULL AND id <> ${accountId}
    ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED`;
  return rows.length > 0;
}

/** Of two who ask at once about each other, the second waits and sees what the first has made of it. */
async function isLastOwner(tx: Prisma.TransactionClient, accountId: string): Promise<boolean> {
  const held = await tx.$queryRaw<{ id: string; owns: boolean }[]>`
    SELECT id, role = 'owner' AND disabled_at IS NULL AS owns FROM accounts
    WHERE (role = 'owner' AND disabled_at IS NULL) OR id = ${accountId} ORDER BY id FOR NO KEY UPDATE`;
  const owners = held.filter(({ owns }) => owns);
  return owners.length === 1 && owners[0]?.id === accountId;
}

/** Whether a connection said it. */
export function isStated({ source }: Pick<Membership, 'source'>): boolean {
  return source !== ADMINISTRATOR;
}
