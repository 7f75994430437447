/** Queries on consents and on the grants made under them. */
import { createHash, randomBytes } from 'node:crypto';
import type { Prisma } from '../storage/generated/client.ts';
import type { Database } from '../storage/transactions.ts';
import type { Consent } from './contract.ts';

export type ConsentStore = ReturnType<typeof createConsentStore>;

export interface Approval {
  accountId: string;
  clientId: string;
  resourceId: string;
  /** As this request has it. */
  redirectUri: string;
  /** The same without a loopback port. */
  redirectKey: string;
  /** The scopes that the page offered, and those of them that stayed ticked. */
  shown: readonly string[];
  approved: readonly string[];
  clientFingerprint: string;
  scopeDigests: Readonly<Record<string, string>>;
  /** HMAC of the browser that pressed. */
  browserId: string;
  expiresAt: Date;
}

export interface ConsentFilter {
  id?: string;
  accountId?: string;
  clientId?: string;
  resourceId?: string;
}

/** A consent with what its parties are called. */
export interface ConsentEntry extends Consent {
  email: string;
  /** '' where the client has none. */
  clientName: string;
  resourceUri: string;
  lastUsedAt: Date | undefined;
}

export function createConsentStore({ database, now }: { database: Database; now: () => Date }) {
  return {
    async findById(id: string): Promise<Consent | undefined> {
      const row = await database.current().consent.findUnique({ where: { id } });
      return row ? toConsent(row) : undefined;
    },
    /** The living consent for these parties, whether or not it has expired. */
    async findLiving(parties: Parties): Promise<Consent | undefined> {
      const row = await database.current().consent.findUnique({ where: { livingKey: livingKey(parties) } });
      return row ? toConsent(row) : undefined;
    },
    /** Whether anybody here approved this client returning to this address and has not taken it back. */
    async isKnownRedirect(clientId: string, redirectUri: string): Promise<boolean> {
      const found = await database.current().consent.findFirst({
        where: { clientId, redirectUri, revokedAt: null, expiresAt: { gt: now() } },
        select: { id: true },
      });
      return found !== null;
    },
    /** Creates the agreement or makes its next version. Safe against any number at once. */
    async approve(approval: Approval): Promise<Consent> {
      const key = livingKey(approval);
      return database.write(async (tx) => {
        await tx.consent.createMany({
          data: [{ ...firstVersion(approval, now()), livingKey: key }],
          skipDuplicates: true,
        });
        await tx.$queryRaw`SELECT id FROM consents WHERE living_key = ${key} FOR UPDATE`;
        const before = toConsent(await tx.consent.findUniqueOrThrow({ where: { livingKey: key } }));
        const row = await tx.consent.update({ where: { livingKey: key }, data: nextVersion(before, approval, now()) });
        return toConsent(row);
      });
    },
    /** Tombstones every living consent that matches; their grants, codes and tokens end with them. */
    async revoke(filter: ConsentFilter, reason: string): Promise<ConsentEntry[]> {
      return database.write(async (tx) => {
        const rows = await tx.consent.findMany({ where: { ...filter, revokedAt: null } });
        const ids = rows.map((row) => row.id);
        await tx.consent.updateMany({
          where: { id: { in: ids }, revokedAt: null },
          data: { revokedAt: now(), revokedReason: reason, livingKey: null },
        });
        await tx.grant.deleteMany({ where: { consentId: { in: ids } } });
        return nameParties(tx, rows);
      });
    },
    /** Ends the sign-ins under matching consents, with their codes and tokens; the consents stay. */
    async endGrants(filter: ConsentFilter): Promise<number> {
      const { count } = await database.write((tx) => tx.grant.deleteMany({ where: { consent: filter } }));
      return count;
    },
    /** Newest first. */
    async list(filter: ConsentFilter, { living, limit }: { living: boolean; limit?: number }): Promise<ConsentEntry[]> {
      const db = database.current();
      const rows = await db.consent.findMany({
        where: { ...filter, ...(living ? { revokedAt: null } : {}) },
        orderBy: { approvedAt: 'desc' },
        ...(limit === undefined ? {} : { take: limit }),
      });
      return nameParties(db, rows);
    },
    /** Waits for nobody: who holds the row does something with it that matters more. */
    async touch(id: string): Promise<void> {
      await database.write(
        (tx) => tx.$executeRaw`
          UPDATE consents SET last_used_at = ${now()}
          WHERE id IN (SELECT id FROM consents WHERE id = ${id} FOR NO KEY UPDATE SKIP LOCKED)`,
      );
    },
  };
}

type Parties = Pick<Approval, 'accountId' | 'clientId' | 'resourceId' | 'redirectKey'>;

function livingKey({ accountId, clientId, resourceId, redirectKey }: Parties): string {
  return createHash('sha256')
    .update(JSON.stringify([accountId, clientId, resourceId, redirectKey]))
    .digest('base64url');
}

function firstVersion(approval: Approval, now: Date) {
  return {
    id: randomBytes(16).toString('base64url'),
    accountId: approval.accountId,
    clientId: approval.clientId,
    resourceId: approval.resourceId,
    redirectUri: approval.redirectUri,
    scopes: [],
    clientFingerprint: approval.clientFingerprint,
    scopeDigests: {},
    version: 0,
    browserId: approval.browserId,
    approvedAt: now,
    expiresAt: approval.expiresAt,
  };
}

/** Scopes that this page did not show stay as they were agreed before: another sign-in of the same client holds them. */
function nextVersion(before: Consent, approval: Approval, now: Date) {
  const alive = before.expiresAt > now;
  const kept = alive ? before.scopes.filter((scope) => !approval.shown.includes(scope)) : [];
  const scopes = [...new Set([...kept, ...approval.approved])];
  const digests = { ...before.scopeDigests, ...approval.scopeDigests };
  return {
    redirectUri: approval.redirectUri,
    scopes,
    clientFingerprint: approval.clientFingerprint,
    scopeDigests: Object.fromEntries(scopes.map((scope) => [scope, digests[scope] ?? ''])),
    version: before.version + 1,
    browserId: approval.browserId,
    approvedAt: now,
    expiresAt: alive && before.expiresAt > approval.expiresAt ? before.expiresAt : approval.expiresAt,
  };
}

type Row = Prisma.ConsentGetPayload<object>;

function toConsent(row: Row): Consent {
  return {
    id: row.id,
    accountId: row.accountId,
    clientId: row.clientId,
    resourceId: row.resourceId,
    redirectUri: row.redirectUri,
    scopes: row.scopes,
    clientFingerprint: row.clientFingerprint,
    scopeDigests: row.scopeDigests as Record<string, string>,
    version: row.version,
    approvedAt: row.approvedAt,
    expiresAt: row.expiresAt,
    revokedAt: row.revokedAt ?? undefined,
    revokedReason: row.revokedReason ?? undefined,
  };
}

/** One query after the other, where an `include` asks all at once: a transaction has only one connection. */
async function nameParties(db: Prisma.TransactionClient, rows: Row[]): Promise<ConsentEntry[]> {
  const among = (key: 'accountId' | 'clientId' | 'resourceId') => ({
    id: { in: [...new Set(rows.map((row) => row[key]))] },
  });
  const accounts = await db.account.findMany({ where: among('accountId'), select: { id: true, email: true } });
  const clients = await db.client.findMany({ where: among('clientId'), select: { id: true, metadata: true } });
  const resources = await db.resource.findMany({ where: among('resourceId'), select: { id: true, uri: true } });
  const emails = new Map(accounts.map(({ id, email }) => [id, email]));
  const names = new Map(clients.map(({ id, metadata }) => [id, (metadata as Record<string, unknown>).client_name]));
  const uris = new Map(resources.map(({ id, uri }) => [id, uri]));
  return rows.map((row) => ({
    ...toConsent(row),
    email: emails.get(row.accountId) ?? '',
    clientName: String(names.get(row.clientId) ?? ''),
    resourceUri: uris.get(row.resourceId) ?? '',
    lastUsedAt: row.lastUsedAt ?? undefined,
  }));
}
