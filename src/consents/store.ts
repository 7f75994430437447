/** Queries on consents and on the grants made under them, and how they end; how they begin is in `press-store.ts`. */
import type { Prisma } from '../storage/generated/client.ts';
import type { Database } from '../storage/transactions.ts';
import type { Consent, ScopeTimes, StatedParties } from './consent.ts';
import type { AgreedScope } from './version.ts';

export type ConsentStore = ReturnType<typeof createConsentStore>;

export interface ConsentFilter {
  id?: string | { in: string[] };
  accountId?: string;
  clientId?: string;
  downstreamClientId?: string | null;
  resourceId?: string;
  /** Given to any registration of the same program. */
  client?: { familyKey: string };
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
    async listLiving(
      parties: LivingFilter & { clientId: string; downstreamClientId: string | null },
    ): Promise<Consent[]> {
      const rows = await database.current().consent.findMany({
        where: { ...parties, revokedAt: null },
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
     * One of each kind of living consent in which a client plays a part and that is not suspended: kinds differ in
     * client, downstream client, redirects without a loopback port, or fingerprint.
     *
     * @param after the last id of the page before; '' at first
     * @returns the next 200 at most, by id
     */
    async listVariants(clientId: string, after: string): Promise<Consent[]> {
      const db = database.current();
      const kinds = await db.$queryRaw<{ id: string }[]>`
        SELECT id FROM (
          SELECT min(id) AS id FROM consents
          WHERE (client_id = ${clientId} OR downstream_client_id = ${clientId})
            AND revoked_at IS NULL AND suspended_at IS NULL
          GROUP BY client_id, downstream_client_id, client_fingerprint,
            regexp_replace(redirect_uri, ${LOOPBACK_PORT}, '\\1'),
            regexp_replace(downstream_redirect_uri, ${LOOPBACK_PORT}, '\\1')) kinds
        WHERE id > ${after} ORDER BY id LIMIT ${VARIANTS}`;
      const rows = await db.consent.findMany({
        where: { id: { in: kinds.map(({ id }) => id) } },
        orderBy: { id: 'asc' },
      });
      return rows.map(toConsent);
    },
    /** Suspends all living consents of the same kind: nothing is minted under them. */
    async suspendVariant(variant: Consent, reason: string): Promise<number> {
      const { clientId, downstream, redirectUri, clientFingerprint } = variant;
      return database.write(
        (tx) => tx.$executeRaw`
          UPDATE consents SET suspended_at = ${now()}, suspended_reason = ${reason}
          WHERE id IN (SELECT id FROM consents
            WHERE client_id = ${clientId} AND client_fingerprint = ${clientFingerprint}
              AND downstream_client_id IS NOT DISTINCT FROM ${downstream?.clientId ?? null}
              AND regexp_replace(redirect_uri, ${LOOPBACK_PORT}, '\\1') =
                regexp_replace(${redirectUri}, ${LOOPBACK_PORT}, '\\1')
              AND regexp_replace(downstream_redirect_uri, ${LOOPBACK_PORT}, '\\1') IS NOT DISTINCT FROM
                regexp_replace(${downstream?.redirectUri ?? null}, ${LOOPBACK_PORT}, '\\1')
              AND revoked_at IS NULL AND suspended_at IS NULL
            ORDER BY id FOR NO KEY UPDATE)`,
      );
    },
    /**
     * Tombstones every living consent that matches, of several filters any; each for one caller. Their grants, codes and
     * tokens end with them.
     */
    async revoke(filter: ConsentFilter | ConsentFilter[], reason: string): Promise<ConsentEntry[]> {
      return database.write(async (tx) => {
        const found = await tx.consent.findMany({
          where: { OR: [filter].flat(), revokedAt: null },
          select: { id: true },
        });
        // In one order, so that two never wait for each other; what ended meanwhile is left out.
        const held = await tx.$queryRaw<{ id: string }[]>`SELECT id FROM consents
          WHERE id = ANY(${found.map(({ id }) => id)}) AND revoked_at IS NULL ORDER BY id FOR UPDATE`;
        const ids = held.map(({ id }) => id);
        const rows = await tx.consent.findMany({ where: { id: { in: ids } } });
        await tx.consent.updateMany({
          where: { id: { in: ids } },
          data: { revokedAt: now(), revokedReason: reason, livingKey: null },
        });
        await tx.grant.deleteMany({ where: { consentId: { in: ids } } });
        return nameParties(tx, rows);
      });
    },
    /** Ends the sign-ins under matching consents, with their codes and tokens; the consents stay. */
    async endGrants(filter: ConsentFilter): Promise<number> {
      return database.write(async (tx) => {
        const found = await tx.consent.findMany({ where: { ...filter, grants: { some: {} } }, select: { id: true } });
        const ids = found.map(({ id }) => id);
        // The consents first and in one order, as `revoke` does: grants have no order of their own.
        await tx.$queryRaw`SELECT id FROM consents WHERE id = ANY(${ids}) ORDER BY id FOR NO KEY UPDATE`;
        return (await tx.grant.deleteMany({ where: { consentId: { in: ids } } })).count;
      });
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
          WHERE id IN (SELECT id FROM consents WHERE id = ${id}
            AND (last_used_at IS NULL OR last_used_at < ${new Date(now().getTime() - TOUCH_EVERY_MS)})
            FOR NO KEY UPDATE SKIP LOCKED)`,
      );
    },
  };
}

type LivingFilter = { accountId: string; resourceId: string };

/** More than a person has reason to have of one client, and no way to make us read without end. */
const MAX_CANDIDATES = 50;
const VARIANTS = 200;
/** Nobody needs to know the last use more exactly. */
const TOUCH_EVERY_MS = 60_000;
/** As `redirectKey` has it. */
const LOOPBACK_PORT = '^(http://(127[.]0[.]0[.]1|localhost|\\[::1\\])):[0-9]+';

export type ConsentRow = Prisma.ConsentGetPayload<object>;

export function toConsent(row: ConsentRow): Consent {
  const { downstreamClientId, downstreamRedirectUri } = row;
  const stated = row.stated as unknown as Partial<StatedParties>;
  const scopeWords = row.scopeWords as unknown as Record<string, AgreedScope>;
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
    scopeWords,
    scopeTimes: timesIn(scopeWords),
    version: row.version,
    browsers: row.browsers,
    browserLabel: row.browserLabel ?? undefined,
    approvedAt: row.approvedAt,
    fullPageAt: row.fullPageAt,
    expiresAt: row.expiresAt,
    revokedAt: row.revokedAt ?? undefined,
    revokedReason: row.revokedReason ?? undefined,
    suspendedAt: row.suspendedAt ?? undefined,
    suspendedReason: row.suspendedReason ?? undefined,
  };
}

/** Consents older than these times have none: theirs are those of the whole consent. */
function timesIn(words: Record<string, Partial<AgreedScope>>): Record<string, ScopeTimes> {
  const dated = Object.entries(words).filter(([, { until, shownAt }]) => until !== undefined && shownAt !== undefined);
  return Object.fromEntries(
    dated.map(([scope, { until = '', shownAt = '' }]) => [
      scope,
      { until: new Date(until), shownAt: new Date(shownAt) },
    ]),
  );
}

/** One query after the other, where an `include` asks all at once: a transaction has only one connection. */
async function nameParties(db: Prisma.TransactionClient, rows: ConsentRow[]): Promise<ConsentEntry[]> {
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
