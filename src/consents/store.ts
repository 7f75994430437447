/** Queries on consents and on the grants made under them. */
import { createHash, randomBytes } from 'node:crypto';
import type { Prisma } from '../storage/generated/client.ts';
import type { Database } from '../storage/transactions.ts';
import type { Consent, Downstream, ScopeWords, StatedParties, Terms } from './consent.ts';

export type ConsentStore = ReturnType<typeof createConsentStore>;

/** A press: what the person saw and what they left ticked. */
export interface Press {
  /** What the page was about. */
  terms: Terms;
  /** The scopes that the page offered, and those of them that stayed ticked. */
  shown: readonly string[];
  approved: readonly string[];
  /** HMAC of the browser that pressed. */
  browserId: string;
  expiresAt: Date;
  /** A short page has shown nothing anew: when the last full one was pressed. */
  fullPageAt?: Date | undefined;
}

export interface ConsentFilter {
  id?: string;
  accountId?: string;
  clientId?: string;
  downstreamClientId?: string | null;
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
    /** What this account agreed to with this client, and this downstream client, for this resource; expired or suspended too. */
    async listLiving({
      downstream,
      ...parties
    }: LivingFilter & { clientId: string; downstream: Downstream | undefined }) {
      const { clientId = null, redirectUri = null } = downstream ?? {};
      const rows = await database.current().consent.findMany({
        where: { ...parties, revokedAt: null, downstreamClientId: clientId, downstreamRedirectUri: redirectUri },
        orderBy: { approvedAt: 'desc' },
        take: MAX_CANDIDATES,
      });
      return rows.map(toConsent);
    },
    /** The same with any registration of a family. */
    async listLivingOfFamily({ familyKey, ...parties }: LivingFilter & { familyKey: string }): Promise<Consent[]> {
      const rows = await database.current().consent.findMany({
        where: { ...parties, revokedAt: null, downstreamClientId: null, client: { familyKey, revokedAt: null } },
        orderBy: { approvedAt: 'desc' },
        take: MAX_CANDIDATES,
      });
      return rows.map(toConsent);
    },
    /** Whether anybody here approved this client returning to this address and has not taken it back. */
    async isKnownRedirect(clientId: string, redirectUri: string): Promise<boolean> {
      const found = await database.current().consent.findFirst({
        where: { clientId, redirectUri, revokedAt: null, expiresAt: { gt: now() } },
        select: { id: true },
      });
      return found !== null;
    },
    /**
     * Creates the agreement or makes its next version. Safe against any number at once. What was granted under a
     * suspended one ends: it was granted to what the client no longer is.
     */
    async approve(press: Press): Promise<Consent> {
      const key = livingKey(press.terms);
      return database.write(async (tx) => {
        await tx.consent.createMany({
          data: [{ ...firstVersion(press, now()), livingKey: key }],
          skipDuplicates: true,
        });
        await tx.$queryRaw`SELECT id FROM consents WHERE living_key = ${key} FOR UPDATE`;
        const before = toConsent(await tx.consent.findUniqueOrThrow({ where: { livingKey: key } }));
        if (before.suspendedAt) await tx.grant.deleteMany({ where: { consentId: before.id } });
        const row = await tx.consent.update({ where: { livingKey: key }, data: nextVersion(before, press, now()) });
        return toConsent(row);
      });
    },
    /** Every living consent in which a client plays a part, one for each redirect URI and fingerprint there is. */
    async listVariants(clientId: string): Promise<Consent[]> {
      const rows = await database.current().consent.findMany({
        where: { OR: [{ clientId }, { downstreamClientId: clientId }], revokedAt: null, suspendedAt: null },
        distinct: ['clientId', 'downstreamClientId', 'redirectUri', 'downstreamRedirectUri', 'clientFingerprint'],
        take: 1_000,
      });
      return rows.map(toConsent);
    },
    /** Suspends all living consents like this one: the same client, redirects and fingerprint. Nothing is minted under them. */
    async suspendVariant(variant: Consent, reason: string): Promise<number> {
      const { clientId, downstream, redirectUri, clientFingerprint } = variant;
      const { count } = await database.write((tx) =>
        tx.consent.updateMany({
          where: {
            clientId,
            downstreamClientId: downstream?.clientId ?? null,
            downstreamRedirectUri: downstream?.redirectUri ?? null,
            redirectUri,
            clientFingerprint,
            revokedAt: null,
            suspendedAt: null,
          },
          data: { suspendedAt: now(), suspendedReason: reason },
        }),
      );
      return count;
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

type LivingFilter = { accountId: string; resourceId: string };

/** More than a person has reason to have of one client, and no way to make us read without end. */
const MAX_CANDIDATES = 50;
const MAX_BROWSERS = 20;

type Parties = Pick<Terms, 'accountId' | 'clientId' | 'downstream' | 'resourceId' | 'redirectKey'>;

function livingKey({ accountId, clientId, downstream, resourceId, redirectKey }: Parties): string {
  const through = downstream ? [downstream.clientId, downstream.redirectUri] : [];
  return createHash('sha256')
    .update(JSON.stringify([accountId, clientId, resourceId, redirectKey, ...through]))
    .digest('base64url');
}

function firstVersion({ terms, browserId, expiresAt }: Press, now: Date) {
  return {
    id: randomBytes(16).toString('base64url'),
    accountId: terms.accountId,
    clientId: terms.clientId,
    downstreamClientId: terms.downstream?.clientId ?? null,
    downstreamRedirectUri: terms.downstream?.redirectUri ?? null,
    resourceId: terms.resourceId,
    redirectUri: terms.redirectUri,
    scopes: [],
    clientFingerprint: terms.clientFingerprint,
    scopeDigests: {},
    version: 0,
    browserId,
    browsers: [],
    approvedAt: now,
    fullPageAt: now,
    expiresAt,
  };
}

/** Scopes that this page did not show stay as they were agreed before: another sign-in of the same client holds them. */
function nextVersion(before: Consent, press: Press, now: Date) {
  const { terms, shown, approved, browserId } = press;
  const alive = before.expiresAt > now;
  const kept = alive ? before.scopes.filter((scope) => !shown.includes(scope)) : [];
  const scopes = [...new Set([...kept, ...approved])];
  // What was not on the page is agreed to as it was then.
  const asOf = <T>(then: Readonly<Record<string, T>>, today: Readonly<Record<string, T>>) =>
    Object.fromEntries(scopes.flatMap((scope) => entry(scope, approved.includes(scope) ? today : then)));
  return {
    redirectUri: terms.redirectUri,
    scopes,
    clientFingerprint: terms.clientFingerprint,
    stated: terms.stated as unknown as Prisma.InputJsonObject,
    scopeDigests: asOf(before.scopeDigests, terms.scopeDigests),
    scopeWords: asOf(before.scopeWords, terms.scopeWords) as unknown as Prisma.InputJsonObject,
    version: before.version + 1,
    browserId,
    browsers: [...before.browsers.filter((one) => one !== browserId), browserId].slice(-MAX_BROWSERS),
    approvedAt: now,
    fullPageAt: press.fullPageAt ?? now,
    expiresAt: alive && before.expiresAt > press.expiresAt ? before.expiresAt : press.expiresAt,
    suspendedAt: null,
    suspendedReason: null,
  };
}

function entry<T>(name: string, from: Readonly<Record<string, T>>): [string, T][] {
  const value = from[name];
  return value === undefined ? [] : [[name, value]];
}

type Row = Prisma.ConsentGetPayload<object>;

function toConsent(row: Row): Consent {
  const { downstreamClientId, downstreamRedirectUri } = row;
  const stated = row.stated as unknown as Partial<StatedParties>;
  return {
    id: row.id,
    accountId: row.accountId,
    clientId: row.clientId,
    downstream:
      downstreamClientId === null || downstreamRedirectUri === null
        ? undefined
        : { clientId: downstreamClientId, redirectUri: downstreamRedirectUri },
    resourceId: row.resourceId,
    redirectUri: row.redirectUri,
    scopes: row.scopes,
    clientFingerprint: row.clientFingerprint,
    stated: stated.client ? { ...stated, client: stated.client } : undefined,
    scopeDigests: row.scopeDigests as Record<string, string>,
    scopeWords: row.scopeWords as unknown as Record<string, ScopeWords>,
    version: row.version,
    browsers: row.browsers,
    approvedAt: row.approvedAt,
    fullPageAt: row.fullPageAt,
    expiresAt: row.expiresAt,
    revokedAt: row.revokedAt ?? undefined,
    revokedReason: row.revokedReason ?? undefined,
    suspendedAt: row.suspendedAt ?? undefined,
    suspendedReason: row.suspendedReason ?? undefined,
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
