/** Queries on roles, their ceilings and what gives them: what an administrator says. */
import { randomBytes } from 'node:crypto';
import type { Prisma } from '../storage/generated/client.ts';
import type { Database } from '../storage/transactions.ts';
import { ADMINISTRATOR, type MappingSource, type Role, type RoleCeiling, type RoleMapping } from './role.ts';

export type RoleStore = ReturnType<typeof createRoleStore>;

const CHANGES_LOCK = 'consentry/roles';

export function createRoleStore(database: Database) {
  return {
    /** One administrator at a time changes roles, until the unit of work ends. */
    async hold(): Promise<void> {
      await database.write((tx) => tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${CHANGES_LOCK}, 0))`);
    },
    async list(): Promise<Role[]> {
      return (await database.current().role.findMany({ orderBy: { id: 'asc' } })).map(toRole);
    },
    async find(id: string): Promise<Role | undefined> {
      const row = await database.current().role.findUnique({ where: { id } });
      return row ? toRole(row) : undefined;
    },
    async create(id: string, description: string | undefined, at: Date): Promise<boolean> {
      const data = [{ id, description: description ?? null, createdAt: at }];
      return (await database.write((tx) => tx.role.createMany({ data, skipDuplicates: true }))).count === 1;
    },
    /** With its ceilings, mappings and memberships. */
    async remove(id: string): Promise<void> {
      await database.write((tx) => tx.role.deleteMany({ where: { id } }));
    },
    ...ceilingQueries(database),
    ...mappingQueries(database),
    /** Whom an administrator or a connection made a member, by e-mail; the built-in role's are told by the account. */
    async people(roleId: string): Promise<{ accountId: string; email: string; source: string }[]> {
      const rows = await database.current().accountRole.findMany({
        where: { roleId },
        include: { account: { select: { email: true } } },
        orderBy: [{ accountId: 'asc' }, { source: 'asc' }],
      });
      return rows.map(({ accountId, source, account }) => ({ accountId, source, email: account.email }));
    },
    /** @returns false where an administrator said so already */
    async give(accountId: string, roleId: string, at: Date): Promise<boolean> {
      const data = [{ accountId, roleId, source: ADMINISTRATOR, createdAt: at }];
      return (await database.write((tx) => tx.accountRole.createMany({ data, skipDuplicates: true }))).count === 1;
    },
    async take(accountId: string, roleId: string): Promise<boolean> {
      const where = { accountId, roleId, source: ADMINISTRATOR };
      return (await database.write((tx) => tx.accountRole.deleteMany({ where }))).count === 1;
    },
    /** What people are called, by their ids. */
    async emails(accountIds: readonly string[]): Promise<Map<string, string>> {
      const ids = [...accountIds];
      const rows = await database.current().$queryRaw<{ id: string; email: string }[]>`
        SELECT id, email FROM accounts WHERE id = ANY(${ids})`;
      return new Map(rows.map(({ id, email }) => [id, email]));
    },
    /** All that the person is a member of, each by whose word. */
    async listOf(accountId: string): Promise<{ role: string; by: string }[]> {
      const orderBy = [{ roleId: 'asc' as const }, { source: 'asc' as const }];
      const rows = await database.current().accountRole.findMany({ where: { accountId }, orderBy });
      return rows.map(({ roleId, source }) => ({ role: roleId, by: source }));
    },
    /** By whose word the person is a member. */
    async memberships(accountId: string, roleId: string): Promise<string[]> {
      const rows = await database.current().accountRole.findMany({ where: { accountId, roleId } });
      return rows.map(({ source }) => source);
    },
  };
}

function ceilingQueries(database: Database) {
  return {
    async ceilings(where: { roleId?: string; resourceId?: string } = {}): Promise<RoleCeiling[]> {
      const rows = await database.current().roleScopes.findMany({
        where,
        include: { resource: { select: { uri: true } } },
        orderBy: [{ roleId: 'asc' }, { resourceId: 'asc' }],
      });
      return rows.map(({ roleId, resourceId, scopes, resource }) => ({
        ...{ roleId, resourceId, scopes },
        resourceUri: resource.uri,
      }));
    },
    async setCeiling(roleId: string, resourceId: string, scopes: readonly string[]): Promise<void> {
      const data = { scopes: [...scopes] };
      const where = { roleId_resourceId: { roleId, resourceId } };
      await database.write((tx) =>
        tx.roleScopes.upsert({ where, create: { roleId, resourceId, ...data }, update: data }),
      );
    },
    async removeCeiling(roleId: string, resourceId: string): Promise<void> {
      await database.write((tx) => tx.roleScopes.deleteMany({ where: { roleId, resourceId } }));
    },
  };
}

function mappingQueries(database: Database) {
  return {
    async mappings(where: { roleId?: string; connectionId?: string } = {}): Promise<RoleMapping[]> {
      const rows = await database.current().roleMapping.findMany({
        where,
        orderBy: [{ roleId: 'asc' }, { createdAt: 'asc' }, { id: 'asc' }],
      });
      return rows.map(toMapping);
    },
    async findMapping(id: string): Promise<RoleMapping | undefined> {
      const row = await database.current().roleMapping.findUnique({ where: { id } });
      return row ? toMapping(row) : undefined;
    },
    /** @returns undefined where it is mapped so already */
    async addMapping(mapping: Omit<RoleMapping, 'id'>, at: Date): Promise<RoleMapping | undefined> {
      const row = { id: randomBytes(6).toString('hex'), ...mapping };
      const data = [{ ...row, createdAt: at }];
      const { count } = await database.write((tx) => tx.roleMapping.createMany({ data, skipDuplicates: true }));
      return count === 1 ? row : undefined;
    },
    async removeMapping(id: string): Promise<void> {
      await database.write((tx) => tx.roleMapping.deleteMany({ where: { id } }));
    },
    /**
     * Whether SCIM sent this group over the connection; it stays as it is until the unit of work ends. Whoever changes
     * its members meanwhile would take it for one that gives no role.
     */
    async holdScimGroup(connectionId: string, id: string): Promise<boolean> {
      const rows = await database.write(
        (tx) =>
          tx.$queryRaw<
            unknown[]
          >`SELECT 1 FROM scim_groups WHERE connection_id = ${connectionId} AND id = ${id} FOR SHARE`,
      );
      return rows.length > 0;
    },
  };
}

function toRole({ id, description, createdAt }: Prisma.RoleGetPayload<object>): Role {
  return { id, description: description ?? undefined, createdAt };
}

function toMapping({ id, connectionId, source, value, roleId }: Prisma.RoleMappingGetPayload<object>): RoleMapping {
  return { id, connectionId, source: source as MappingSource, value, roleId };
}
