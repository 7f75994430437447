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
    async revoke(filter: ConsentFilter, reason: string): Promise<Consent[]> {
      return database.write(async (tx) => {
        const rows = await tx.consent.findMany({ where: { ...filter, revokedAt: null } });
        const ids = rows.map((row) => row.id);
        await tx.consent.updateMany({
          where: { id: { in: ids }, revokedAt: null },
          data: { revokedAt: now(), revokedReason: reason, livingKey: null },
        });
        await tx.grant.deleteMany({ where: { consentId: { in: ids } } });
        return rows.map(toConsent);
      });
    },
    async list(filter: ConsentFilter & { living?: boolean }) {
      const { living, ...where } = filter;
      return database.current().consent.findMany({
        where: { ...where, ...(living ? { revokedAt: null } : {}) },
        include: {
          account: { select: { email: true } },
          client: { select: { metadata: true } },
          resource: { select: { uri: true, name: true } },
        },
        orderBy: { approvedAt: 'desc' },
        take: 500,
      });
    },
    async touch(id: string): Promise<void> {
      await database.write((tx) => tx.consent.updateMany({ where: { id }, data: { lastUsedAt: now() } }));
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

function toConsent(row: Prisma.ConsentGetPayload<object>): Consent {
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
