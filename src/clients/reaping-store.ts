/** Queries that end registrations nobody uses, each inside the caller's unit. */
import { Prisma } from '../storage/generated/client.ts';
import type { Database } from '../storage/transactions.ts';

export type ReapingStore = ReturnType<typeof createReapingStore>;

/** Created or used before it: reapable. */
export interface Cutoff {
  now: Date;
  before: Date;
}

/** `clients.revoked_reason` of what nobody used; nobody blocked it. */
export const UNUSED = 'unused';
/** What oidc-provider keeps while somebody is on the way to a grant. */
const UNDER_WAY = ['Interaction', 'PushedAuthorizationRequest', 'DeviceCode'];
/** What it keeps for a client itself. */
const OWN = ['RegistrationAccessToken', 'PushedAuthorizationRequest', 'DeviceCode'];

/**
 * Rows are first locked, without waiting for anybody, and then looked at again. Foreign keys make a new consent wait for
 * its client's row and a new grant for its consent's: nothing stored before the lock is overlooked, nothing comes after.
 */
export function createReapingStore(database: Database) {
  async function lock(condition: Prisma.Sql, limit: number): Promise<string[]> {
    const rows = await database.write(
      (tx) => tx.$queryRaw<{ id: string }[]>`
        SELECT c.id FROM clients c WHERE ${condition} LIMIT ${limit} FOR UPDATE OF c SKIP LOCKED`,
    );
    return rows.map(({ id }) => id);
  }

  /** Those of them whose living consents are locked by nobody else. */
  async function lockConsents(ids: readonly string[]): Promise<string[]> {
    return database.write(async (tx) => {
      const held = await tx.$queryRaw<{ id: string }[]>`
        SELECT id FROM consents WHERE client_id = ANY(${ids}) AND revoked_at IS NULL FOR UPDATE SKIP LOCKED`;
      const busy = await tx.consent.findMany({
        where: { clientId: { in: [...ids] }, revokedAt: null, id: { notIn: held.map(({ id }) => id) } },
        select: { clientId: true },
      });
      const inUse = new Set(busy.map(({ clientId }) => clientId));
      return ids.filter((id) => !inUse.has(id));
    });
  }

  /** @returns those of them that the condition still holds for */
  async function deleteClients(ids: readonly string[], condition: Prisma.Sql): Promise<string[]> {
    return database.write(async (tx) => {
      const rows = await tx.$queryRaw<{ id: string }[]>`
        DELETE FROM clients c WHERE c.id = ANY(${ids}) AND ${condition} RETURNING c.id`;
      const gone = rows.map(({ id }) => id);
      await tx.artifact.deleteMany({ where: { kind: { in: OWN }, clientId: { in: gone } } });
      return gone;
    });
  }

  return {
    /** Deletes registrations that nobody ever connected with. @returns how many */
    async deleteNeverUsed(cutoff: Cutoff, limit: number): Promise<number> {
      const condition = neverUsed(cutoff);
      const ids = await lock(condition, limit);
      return ids.length === 0 ? 0 : (await deleteClients(ids, condition)).length;
    },
    /**
     * Ends registrations that were used once: without a consent they go, with one they stay as revoked.
     * @returns how many went, and who stays, its consents still to be revoked
     */
    async endUnused(cutoff: Cutoff, limit: number): Promise<{ deleted: number; revoked: string[] }> {
      const condition = unused(cutoff);
      const ids = await lockConsents(await lock(condition, limit));
      if (ids.length === 0) return { deleted: 0, revoked: [] };
      const { length: deleted } = await deleteClients(ids, Prisma.sql`${condition} AND ${withoutConsent}`);
      const revoked = await database.write(async (tx) => {
        const rows = await tx.$queryRaw<{ id: string }[]>`
          UPDATE clients c SET revoked_at = ${cutoff.now}, revoked_reason = ${UNUSED}
          WHERE c.id = ANY(${ids}) AND ${condition} AND c.revoked_at IS NULL RETURNING c.id`;
        const ended = rows.map(({ id }) => id);
        await tx.artifact.deleteMany({ where: { kind: { in: OWN }, clientId: { in: ended } } });
        return ended;
      });
      return { deleted, revoked };
    },
  };
}

const withoutConsent = Prisma.sql`
  NOT EXISTS (SELECT 1 FROM consents s WHERE s.client_id = c.id)
  AND NOT EXISTS (SELECT 1 FROM consents s WHERE s.downstream_client_id = c.id)`;

function neverUsed({ now, before }: Cutoff): Prisma.Sql {
  return Prisma.sql`
    c.origin = 'dynamic' AND c.last_used_at IS NULL AND c.created_at < ${before}
    AND (c.revoked_at IS NULL OR c.revoked_at < ${before}) AND ${withoutConsent} AND ${wantedByNobody(now)}`;
}

function unused({ now, before }: Cutoff): Prisma.Sql {
  return Prisma.sql`
    c.origin = 'dynamic' AND coalesce(c.last_used_at, c.created_at) < ${before}
    AND (c.revoked_at IS NULL OR (c.revoked_at < ${before} AND ${withoutConsent}))
    AND NOT EXISTS (SELECT 1 FROM consents s WHERE s.client_id = c.id AND s.approved_at >= ${before})
    AND NOT EXISTS (
      SELECT 1 FROM consents s JOIN grants g ON g.consent_id = s.id
      WHERE s.client_id = c.id AND s.revoked_at IS NULL AND s.expires_at > ${now} AND g.expires_at > ${now})
    AND ${wantedByNobody(now)}`;
}

/** Nobody is about to connect with it, asks an administrator for it or was given it, or has it behind a proxy. */
function wantedByNobody(now: Date): Prisma.Sql {
  const open = Prisma.sql`
    (r.state = 'pending' OR (r.state = 'approved' AND (r.expires_at IS NULL OR r.expires_at > ${now})))`;
  return Prisma.sql`
    NOT EXISTS (
      SELECT 1 FROM artifacts a
      WHERE a.client_id = c.id AND a.kind = ANY(${UNDER_WAY}) AND (a.expires_at IS NULL OR a.expires_at > ${now}))
    AND NOT EXISTS (
      SELECT 1 FROM consents s
      WHERE s.downstream_client_id = c.id AND s.revoked_at IS NULL AND s.expires_at > ${now})
    AND NOT EXISTS (SELECT 1 FROM approval_requests r WHERE r.client_id = c.id AND ${open})
    AND NOT EXISTS (SELECT 1 FROM approval_requests r WHERE r.downstream_client_id = c.id AND ${open})`;
}
