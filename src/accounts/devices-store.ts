/** By what a person knows their browser sessions again: one row beside each session of oidc-provider's, no address in it. */
import type { ArtifactStore } from '../storage/artifacts.ts';
import type { Database } from '../storage/transactions.ts';

export type DevicesStore = ReturnType<typeof createDevicesStore>;

export interface Device {
  /** As stored; ends the session by `sessions.endThese`. */
  key: string;
  /** Such as "Chrome on Windows"; '' where the browser does not say. */
  label: string;
  /** pwd, otp, webauthn or fed (RFC 8176). */
  amr: readonly string[];
  since: Date;
  lastSeenAt: Date;
}

/** Nobody needs to know it more exactly, and every look at a page would be a write. */
const SEEN_EVERY_MS = 300_000;
const MAX_LISTED = 100;

export function createDevicesStore(deps: {
  database: Database;
  artifacts: Pick<ArtifactStore, 'uidKey'>;
  /** Of the browser whose request this is. */
  label: () => string;
  now: () => Date;
}) {
  const { database, artifacts, label, now } = deps;
  const keyOf = (uid: string) => artifacts.uidKey('Session', uid);

  return {
    keyOf,
    /** With each session that is stored. @param session of oidc-provider, as it is stored */
    async note(session: Readonly<Record<string, unknown>>, ttlSeconds: number | undefined): Promise<void> {
      const { uid, accountId } = session;
      if (typeof uid !== 'string') return;
      const sessionUid = keyOf(uid);
      const at = now();
      const lasting = {
        amr: Array.isArray(session.amr) ? session.amr.map(String) : [],
        lastSeenAt: at,
        expiresAt: new Date(at.getTime() + (ttlSeconds ?? 0) * 1000),
      };
      await database.write(async (tx) => {
        // Signed out, or somebody else from now on: nothing of the one before.
        const other = typeof accountId === 'string' ? { NOT: { accountId } } : {};
        await tx.sessionDevice.deleteMany({ where: { sessionUid, ...other } });
        if (typeof accountId !== 'string') return;
        const create = { sessionUid, accountId, label: label(), createdAt: at, ...lasting };
        await tx.sessionDevice.upsert({ where: { sessionUid }, create, update: lasting });
      });
    },
    /** The person was here just now. */
    async seen(uid: string): Promise<void> {
      const at = now();
      const sessionUid = keyOf(uid);
      const before = new Date(at.getTime() - SEEN_EVERY_MS);
      const where = { sessionUid, lastSeenAt: { lt: before } };
      if ((await database.current().sessionDevice.count({ where })) === 0) return;
      // Nothing is held by it: a request that saves the session has the session first and this row then.
      await database.direct.$executeRaw`
        UPDATE session_devices SET last_seen_at = ${at} WHERE session_uid IN (
          SELECT session_uid FROM session_devices
          WHERE session_uid = ${sessionUid} AND last_seen_at < ${before} FOR UPDATE SKIP LOCKED)`;
    },
    /** Those whose session lives, the one that was seen last first. */
    async list(accountId: string): Promise<Device[]> {
      return database.current().$queryRaw<Device[]>`
        SELECT d.session_uid AS key, d.label, d.amr, d.created_at AS since, d.last_seen_at AS "lastSeenAt"
        FROM session_devices d
        WHERE d.account_id = ${accountId} AND d.expires_at > ${now()} AND EXISTS (
          SELECT FROM artifacts a
          WHERE a.kind = 'Session' AND a.uid = d.session_uid AND a.account_id = d.account_id
            AND (a.expires_at IS NULL OR a.expires_at > ${now()}))
        ORDER BY d.last_seen_at DESC, d.session_uid LIMIT ${MAX_LISTED}`;
    },
  };
}
