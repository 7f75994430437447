/** People as directories sent them, in Postgres; each query knows whose they are. */
import { randomUUID } from 'node:crypto';
import type { IdentityKey } from '../accounts/store.ts';
import { normaliseEmail } from '../credentials.ts';
import type { Database } from '../storage/transactions.ts';
import { findPage, nameKey, type Query } from './page.ts';
import type { Resource } from './patch.ts';
import { userKind } from './schemas.ts';
import type { Source } from './where.ts';

export type ScimUserStore = ReturnType<typeof createScimUserStore>;

export interface ScimUser {
  id: string;
  connectionId: string;
  externalId: string | null;
  userName: string;
  active: boolean;
  /** What has no column. */
  attributes: Resource;
  /** Whom it is here, once known. */
  accountId: string | null;
  /** Since then `externalId` cannot change. */
  joinedAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

export type UserFields = Pick<ScimUser, 'externalId' | 'userName' | 'active' | 'attributes'>;

export interface Membership {
  userId: string;
  groupId: string;
  displayName: string;
}

const source = (foldExternalId: (value: string) => string): Source => ({
  kind: userKind,
  json: 't.attributes',
  columns: {
    id: { sql: 't.id', as: 'exact', fold: (value) => value.toLowerCase() },
    externalid: { sql: 't.external_id', as: 'exact', fold: foldExternalId },
    username: { sql: 't.user_name_key', as: 'folded', fold: nameKey },
    active: { sql: 't.active', as: 'boolean' },
    'meta.resourcetype': { sql: "'user'", as: 'folded' },
    'meta.created': { sql: 't.created_at', as: 'moment' },
    'meta.lastmodified': { sql: 't.updated_at', as: 'moment' },
  },
  related: {
    groups: {
      exists: (condition) => `EXISTS (SELECT 1 FROM scim_members AS m WHERE m.user_id = t.id AND ${condition})`,
      column: { sql: 'm.group_id', as: 'exact', fold: (value) => value.toLowerCase() },
    },
  },
});

const MEMBERSHIPS = 50_000;

export function createScimUserStore({ database, now }: { database: Database; now: () => Date }) {
  const db = () => database.current();
  return {
    async find(connectionId: string, id: string): Promise<ScimUser | undefined> {
      const row = await db().scimUser.findUnique({ where: { id, connectionId } });
      return row ? toUser(row) : undefined;
    },
    /** The same, held until the unit ends: of several changes each sees what the one before has made of it. */
    lock(connectionId: string, id: string): Promise<ScimUser | undefined> {
      return database.write(async (tx) => {
        await tx.$queryRaw`SELECT 1 FROM scim_users WHERE id = ${id} AND connection_id = ${connectionId} FOR UPDATE`;
        const row = await tx.scimUser.findUnique({ where: { id, connectionId } });
        return row ? toUser(row) : undefined;
      });
    },
    /** @param foldExternalId brings an external id into the form that is stored */
    async list(query: Query, foldExternalId: (value: string) => string): Promise<{ users: ScimUser[]; total: number }> {
      const { ids, total } = await findPage(database, 'scim_users', source(foldExternalId), query);
      if (ids.length === 0) return { users: [], total };
      const rows = await db().scimUser.findMany({ where: { id: { in: ids } } });
      const byId = new Map(rows.map((row) => [row.id, toUser(row)]));
      return { users: ids.flatMap((id) => byId.get(id) ?? []), total };
    },
    /** @returns undefined where `userName` or `externalId` is taken */
    async create(connectionId: string, fields: UserFields): Promise<ScimUser | undefined> {
      const at = now();
      const id = randomUUID();
      const data = { id, connectionId, ...toColumns(fields), createdAt: at, updatedAt: at };
      const { count } = await database.write((tx) => tx.scimUser.createMany({ data: [data], skipDuplicates: true }));
      if (count === 0) return undefined;
      return { id, connectionId, ...fields, accountId: null, joinedAt: null, createdAt: at, updatedAt: at };
    },
    /** Throws a unique violation where a name is taken. */
    async update({ id, updatedAt }: ScimUser, fields: UserFields): Promise<ScimUser> {
      const data = { ...toColumns(fields), updatedAt: later(updatedAt, now()) };
      return toUser(await database.write((tx) => tx.scimUser.update({ where: { id }, data })));
    },
    /** An identity that nobody has come by yet says so. */
    async join(id: string, accountId: string, key: IdentityKey, created: boolean): Promise<void> {
      const { connectionId, issuer, subject } = key;
      await database.write(async (tx) => {
        await tx.scimUser.update({ where: { id }, data: { accountId, joinedAt: now() } });
        if (created)
          await tx.identity.updateMany({ where: { connectionId, issuer, subject }, data: { lastSignInAt: null } });
      });
    },
    /**
     * Whom a user of the directory is here, as long as the account has an identity of the connection: who was joined,
     * and who comes by the same external id since the connection's issuer was changed.
     */
    async accountsOf(
      connectionId: string,
      issuer: string,
      { accountId, externalId }: Pick<ScimUser, 'accountId' | 'externalId'>,
    ): Promise<string[]> {
      const ways = [
        ...(accountId === null ? [] : [{ accountId }]),
        ...(externalId === null ? [] : [{ issuer, subject: externalId }]),
      ];
      if (ways.length === 0) return [];
      const rows = await db().identity.findMany({ where: { connectionId, OR: ways }, select: { accountId: true } });
      return [...new Set(rows.map((row) => row.accountId))].sort();
    },
    /** What the directory calls a person who has no password here. */
    async describe(accountId: string, { email, name }: { email?: string | undefined; name?: string | undefined }) {
      const said = { ...(email ? { email: normaliseEmail(email) } : {}), ...(name ? { name } : {}) };
      if (Object.keys(said).length === 0) return;
      const where = { id: accountId, signInName: null, passwordHash: null };
      await database.write((tx) => tx.account.updateMany({ where, data: said }));
    },
    async remove(id: string): Promise<void> {
      await database.write((tx) => tx.scimUser.delete({ where: { id } }));
    },
    async memberships(userIds: readonly string[]): Promise<Membership[]> {
      // One query: between two, a group may go.
      return db().$queryRaw<Membership[]>`
        SELECT m.user_id AS "userId", m.group_id AS "groupId", g.display_name AS "displayName"
        FROM scim_members m JOIN scim_groups g ON g.id = m.group_id WHERE m.user_id = ANY(${[...userIds]})
        ORDER BY m.group_id LIMIT ${MEMBERSHIPS}`;
    },
    /**
     * Whether the directory of this connection has sent the person and still calls them active: who may come in where
     * `provisioning` is `scim`.
     */
    async isProvisioned({ connectionId, issuer, subject }: IdentityKey): Promise<boolean> {
      const where = { connectionId_issuer_subject: { connectionId, issuer, subject } };
      const identity = await db().identity.findUnique({ where, select: { accountId: true } });
      if (!identity) return false;
      const sent = { connectionId, accountId: identity.accountId, active: true };
      return (await db().scimUser.findFirst({ where: sent, select: { id: true } })) !== null;
    },
  };
}

/** A version is the moment of the change, so no two are the same. */
export function later(before: Date, at: Date): Date {
  return at > before ? at : new Date(before.getTime() + 1);
}

function toColumns({ attributes, userName, ...fields }: UserFields) {
  return { ...fields, userName, userNameKey: nameKey(userName), attributes: attributes as object };
}

function toUser(row: Omit<ScimUser, 'attributes'> & { attributes: unknown }): ScimUser {
  const { id, connectionId, externalId, userName, active, accountId, joinedAt, createdAt, updatedAt } = row;
  const attributes = row.attributes as Resource;
  return { id, connectionId, externalId, userName, active, attributes, accountId, joinedAt, createdAt, updatedAt };
}
