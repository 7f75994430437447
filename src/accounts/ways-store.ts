/** The ways by which a person signs in: added, and taken away so that one always stays. */
import type { Database } from '../storage/transactions.ts';
import { lockIdentity } from './account-identities-store.ts';
import type { IdentityKey } from './store.ts';

export type WaysStore = ReturnType<typeof createWaysStore>;

export interface Way extends IdentityKey {
  /** As the connection said last. */
  email: string | undefined;
  since: Date;
  /** Its connection was changed: nobody comes by it until an owner confirms. */
  orphaned: boolean;
  /** The connection's directory sent the person, and would lose sight of them. */
  provisioned: boolean;
}

/** Who a connection says that a person is; for administrators. */
export interface KnownIdentity extends IdentityKey {
  tenantId?: string | undefined;
  objectId?: string | undefined;
  email?: string | undefined;
  name?: string | undefined;
  guest?: boolean | undefined;
  appRoles: readonly string[];
  groups: readonly string[];
  since: Date;
  lastSignInAt: Date | undefined;
  vouchedAt: Date | undefined;
  orphaned: boolean;
}

export interface WaysIn {
  password: boolean;
  /** The oldest first. */
  identities: readonly KnownIdentity[];
}

export function createWaysStore(db: Database) {
  return {
    /** The oldest first. */
    async list(accountId: string): Promise<Way[]> {
      const rows = await db.current().identity.findMany({ where: { accountId }, orderBy: { createdAt: 'asc' } });
      const sent = await db.current().scimUser.findMany({ where: { accountId }, select: { connectionId: true } });
      const senders = new Set(sent.map((one) => one.connectionId));
      return rows.map(({ connectionId, issuer, subject, claims, createdAt, orphanedAt }) => {
        const { email } = claims as { email?: unknown };
        const said = typeof email === 'string' && email !== '' ? email : undefined;
        const provisioned = senders.has(connectionId);
        return {
          connectionId,
          issuer,
          subject,
          email: said,
          since: createdAt,
          orphaned: orphanedAt !== null,
          provisioned,
        };
      });
    },

    /** Every way of everybody, or of one; whoever has none is left out. */
    async survey(accountId?: string): Promise<ReadonlyMap<string, WaysIn>> {
      const one = accountId === undefined ? {} : { accountId };
      const rows = await db.current().identity.findMany({
        where: one,
        orderBy: [{ createdAt: 'asc' }, { subject: 'asc' }],
        omit: { refreshToken: true },
      });
      const holders = await db.current().account.findMany({
        where: { passwordHash: { not: null }, ...(accountId === undefined ? {} : { id: accountId }) },
        select: { id: true },
      });
      const found = new Map<string, WaysIn & { identities: KnownIdentity[] }>();
      for (const { id } of holders) found.set(id, { password: true, identities: [] });
      for (const { accountId: id, ...row } of rows) {
        const ways = found.get(id) ?? { password: false, identities: [] };
        ways.identities.push(toKnown(row));
        found.set(id, ways);
      }
      return found;
    },

    /** Whom a connection calls so: more than one only where different issuers do. Never by an address. */
    async listBySubject(connectionId: string, subject: string): Promise<string[]> {
      const where = { connectionId, subject };
      const distinct = ['accountId' as const];
      const rows = await db.current().identity.findMany({ where, distinct, select: { accountId: true } });
      return rows.map(({ accountId }) => accountId);
    },

    /** Whether there is a password at all. */
    async hasPassword(accountId: string): Promise<boolean> {
      const where = { id: accountId, passwordHash: { not: null } };
      return (await db.current().account.count({ where })) === 1;
    },

    /**
     * One of each connection: what it takes from a person as the one, it would give back to them as the other.
     *
     * @returns `taken`: it lets in somebody else; `another`: the person comes by this connection as somebody else; nothing
     * was changed
     */
    link(
      accountId: string,
      { connectionId, issuer, subject }: IdentityKey,
      at: Date,
    ): Promise<'linked' | 'already' | 'taken' | 'another'> {
      const key = { connectionId, issuer, subject };
      return db.write(async (tx) => {
        await lockIdentity(tx, key);
        await tx.$queryRaw`SELECT id FROM accounts WHERE id = ${accountId} FOR UPDATE`;
        const own = await tx.identity.findMany({ where: { accountId, connectionId } });
        if (own.some((one) => one.issuer === issuer && one.subject === subject)) return 'already';
        if (own.length > 0) return 'another';
        const data = [{ ...key, accountId, createdAt: at, lastSignInAt: at }];
        const { count } = await tx.identity.createMany({ data, skipDuplicates: true });
        if (count === 1) return 'linked';
        const where = { connectionId_issuer_subject: key };
        const known = await tx.identity.findUnique({ where, select: { accountId: true } });
        return known?.accountId === accountId ? 'already' : 'taken';
      });
    },

    /**
     * Of two that are removed at the same moment the second sees that the first is gone.
     *
     * @param others.connectionIds by which people sign in
     * @param others.password the person's password lets them in
     * @returns `last`: nothing else lets the person in; nothing was changed
     */
    unlink(
      accountId: string,
      { connectionId, issuer, subject }: IdentityKey,
      others: { connectionIds: readonly string[]; password: boolean },
    ): Promise<'unlinked' | 'last' | 'unknown'> {
      const key = { connectionId, issuer, subject };
      return db.write(async (tx) => {
        await tx.$queryRaw`SELECT id FROM accounts WHERE id = ${accountId} FOR UPDATE`;
        const rest = await tx.identity.count({
          where: { accountId, orphanedAt: null, connectionId: { in: [...others.connectionIds] }, NOT: key },
        });
        if (rest === 0 && !others.password) return 'last';
        const { count } = await tx.identity.deleteMany({ where: { ...key, accountId } });
        return count === 1 ? 'unlinked' : 'unknown';
      });
    },
  };
}

function toKnown(
  row: IdentityKey & {
    claims: unknown;
    appRoles: string[];
    groups: string[];
    createdAt: Date;
    lastSignInAt: Date | null;
    vouchedAt: Date | null;
    orphanedAt: Date | null;
  },
): KnownIdentity {
  const { connectionId, issuer, subject, appRoles, groups, createdAt } = row;
  const { tenantId, objectId, email, name, guest } = row.claims as Partial<KnownIdentity>;
  return {
    ...{ connectionId, issuer, subject, tenantId, objectId, email, name, guest, appRoles, groups },
    since: createdAt,
    lastSignInAt: row.lastSignInAt ?? undefined,
    vouchedAt: row.vouchedAt ?? undefined,
    orphaned: row.orphanedAt !== null,
  };
}
