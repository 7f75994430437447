/** Groups as directories sent them, in Postgres. A change of members touches those members only. */
import { randomUUID } from 'node:crypto';
import type { Database } from '../storage/transactions.ts';
import { findPage, nameKey, type Query } from './page.ts';
import { groupKind } from './schemas.ts';
import { later } from './user-store.ts';
import type { Source } from './where.ts';

export type ScimGroupStore = ReturnType<typeof createScimGroupStore>;

export interface ScimGroup {
  id: string;
  connectionId: string;
  externalId: string | null;
  displayName: string;
  createdAt: Date;
  updatedAt: Date;
}

export type GroupFields = Pick<ScimGroup, 'externalId' | 'displayName'>;

export interface Member {
  groupId: string;
  userId: string;
  userName: string;
}

const source: Source = {
  kind: groupKind,
  columns: {
    id: { sql: 't.id', as: 'exact', fold: (value) => value.toLowerCase() },
    externalid: { sql: 't.external_id', as: 'exact' },
    displayname: { sql: 't.display_name_key', as: 'folded', fold: nameKey },
    'meta.resourcetype': { sql: "'group'", as: 'folded' },
    'meta.created': { sql: 't.created_at', as: 'moment' },
    'meta.lastmodified': { sql: 't.updated_at', as: 'moment' },
  },
  related: {
    members: {
      exists: (condition) => `EXISTS (SELECT 1 FROM scim_members AS m WHERE m.group_id = t.id AND ${condition})`,
      column: { sql: 'm.user_id', as: 'exact', fold: (value) => value.toLowerCase() },
    },
  },
};

export function createScimGroupStore({ database, now }: { database: Database; now: () => Date }) {
  const db = () => database.current();
  return {
    async find(connectionId: string, id: string): Promise<ScimGroup | undefined> {
      const row = await db().scimGroup.findUnique({ where: { id, connectionId } });
      return row ?? undefined;
    },
    /** The same, held until the unit ends. */
    lock(connectionId: string, id: string): Promise<ScimGroup | undefined> {
      return database.write(async (tx) => {
        await tx.$queryRaw`SELECT 1 FROM scim_groups WHERE id = ${id} AND connection_id = ${connectionId} FOR UPDATE`;
        return (await tx.scimGroup.findUnique({ where: { id, connectionId } })) ?? undefined;
      });
    },
    async list(query: Query): Promise<{ groups: ScimGroup[]; total: number }> {
      const { ids, total } = await findPage(database, 'scim_groups', source, query);
      if (ids.length === 0) return { groups: [], total };
      const rows = await db().scimGroup.findMany({ where: { id: { in: ids } } });
      const byId = new Map(rows.map((row) => [row.id, row]));
      return { groups: ids.flatMap((id) => byId.get(id) ?? []), total };
    },
    /** By name, with how many members each has. */
    async overview(connectionId: string, take: number) {
      const include = { _count: { select: { members: true } } } as const;
      const orderBy = { displayNameKey: 'asc' } as const;
      const rows = await db().scimGroup.findMany({ where: { connectionId }, include, orderBy, take });
      const groups = rows.map(({ id, displayName, _count }) => ({ id, displayName, members: _count.members }));
      return { groups, total: await db().scimGroup.count({ where: { connectionId } }) };
    },
    /** @returns undefined where `displayName` or `externalId` is taken */
    async create(connectionId: string, { externalId, displayName }: GroupFields): Promise<ScimGroup | undefined> {
      const at = now();
      const group = { id: randomUUID(), connectionId, externalId, displayName, createdAt: at, updatedAt: at };
      const data = { ...group, displayNameKey: nameKey(displayName) };
      const { count } = await database.write((tx) => tx.scimGroup.createMany({ data: [data], skipDuplicates: true }));
      return count === 0 ? undefined : group;
    },
    /** Throws a unique violation where a name is taken. */
    async update({ id, updatedAt }: ScimGroup, { externalId, displayName }: GroupFields): Promise<ScimGroup> {
      const names = { externalId, displayName, displayNameKey: nameKey(displayName) };
      const data = { ...names, updatedAt: later(updatedAt, now()) };
      return database.write((tx) => tx.scimGroup.update({ where: { id }, data }));
    },
    async remove(id: string): Promise<void> {
      await database.write((tx) => tx.scimGroup.delete({ where: { id } }));
    },
    /** @returns who became a member, of those who are of this connection */
    async addMembers({ id, connectionId }: ScimGroup, userIds: ReadonlySet<string>): Promise<string[]> {
      if (userIds.size === 0) return [];
      const rows = await database.write(
        (tx) => tx.$queryRaw<{ id: string }[]>`
          INSERT INTO scim_members (group_id, user_id)
          SELECT ${id}, u.id FROM scim_users u WHERE u.connection_id = ${connectionId} AND u.id = ANY(${[...userIds]})
          ORDER BY u.id
          ON CONFLICT DO NOTHING RETURNING user_id AS id`,
      );
      return rows.map((row) => row.id);
    },
    /** @returns whose membership ended */
    async removeMembers(groupId: string, userIds: ReadonlySet<string>): Promise<string[]> {
      if (userIds.size === 0) return [];
      const rows = await database.write(
        (tx) => tx.$queryRaw<{ id: string }[]>`
          DELETE FROM scim_members WHERE group_id = ${groupId} AND user_id = ANY(${[...userIds]}) RETURNING user_id AS id`,
      );
      return rows.map((row) => row.id);
    },
    /** @returns whose membership ended: everybody's but theirs */
    async keepMembers(groupId: string, userIds: ReadonlySet<string>): Promise<string[]> {
      const rows = await database.write(
        (tx) => tx.$queryRaw<{ id: string }[]>`
          DELETE FROM scim_members WHERE group_id = ${groupId} AND NOT user_id = ANY(${[...userIds]})
          RETURNING user_id AS id`,
      );
      return rows.map((row) => row.id);
    },
    /**
     * Ids of the connection's people among these, who stay until the unit ends: held before their accounts are, as
     * whoever changes or deletes one of them does.
     */
    async hold(connectionId: string, userIds: Iterable<string>): Promise<Set<string>> {
      const ids = [...userIds];
      if (ids.length === 0) return new Set();
      const rows = await database.write(
        (tx) => tx.$queryRaw<{ id: string }[]>`
          SELECT id FROM scim_users WHERE connection_id = ${connectionId} AND id = ANY(${ids})
          ORDER BY id FOR KEY SHARE`,
      );
      return new Set(rows.map(({ id }) => id));
    },
    async memberIds(groupId: string): Promise<string[]> {
      const rows = await db().scimMember.findMany({ where: { groupId }, select: { userId: true } });
      return rows.map(({ userId }) => userId);
    },
    countMembers(groupIds: readonly string[]): Promise<number> {
      return db().scimMember.count({ where: { groupId: { in: [...groupIds] } } });
    },
    async members(groupIds: readonly string[]): Promise<Member[]> {
      // One query: between two, a person may go.
      return db().$queryRaw<Member[]>`
        SELECT m.group_id AS "groupId", m.user_id AS "userId", u.user_name AS "userName"
        FROM scim_members m JOIN scim_users u ON u.id = m.user_id WHERE m.group_id = ANY(${[...groupIds]})
        ORDER BY m.user_id`;
    },
    /** Whether a role depends on who is in the group. */
    async isMapped({ id, connectionId }: ScimGroup): Promise<boolean> {
      const where = { connectionId, source: 'scim_group', value: id };
      return (await db().roleMapping.findFirst({ where, select: { id: true } })) !== null;
    },
    /** Whom these are here, in the order in which everybody locks them. */
    async accountsOf(userIds: readonly string[]): Promise<string[]> {
      const where = { id: { in: [...userIds] }, accountId: { not: null } };
      const rows = await db().scimUser.findMany({ where, select: { accountId: true } });
      return [...new Set(rows.flatMap(({ accountId }) => accountId ?? []))].sort();
    },
  };
}
