/** Which browser session here began by which session at a provider, so that a logout there ends it. */
import type { ArtifactStore } from '../storage/artifacts.ts';
import type { Database } from '../storage/transactions.ts';

export type UpstreamSessionStore = ReturnType<typeof createUpstreamSessionStore>;

/** What the provider calls it: its issuer, `sub` as in its tokens, `sid` where it gives one. */
export interface UpstreamSessionKey {
  connectionId: string;
  issuer: string;
  subject: string;
  sid?: string | undefined;
}

export function createUpstreamSessionStore(deps: {
  database: Database;
  artifacts: Pick<ArtifactStore, 'uidKey'>;
  now: () => Date;
}) {
  const { database, artifacts, now } = deps;
  const keyOf = (uid: string) => artifacts.uidKey('Session', uid);
  const keysOf = async (where: { connectionId: string; issuer: string; sid?: string; subject?: string }) => {
    const rows = await database.current().upstreamSession.findMany({ where, select: { sessionUid: true } });
    return rows.map(({ sessionUid }) => sessionUid);
  };

  return {
    /**
     * With each session that is stored: a session here began by one there, or by none.
     * @param session of oidc-provider, as it is stored
     */
    async note(session: Readonly<Record<string, unknown>>, ttlSeconds: number | undefined): Promise<void> {
      const { uid, accountId, upstream } = session;
      if (typeof uid !== 'string') return;
      const id = keyOf(uid);
      const key = upstream as UpstreamSessionKey | undefined;
      await database.write(async (tx) => {
        if (typeof accountId !== 'string' || !key) {
          await tx.upstreamSession.deleteMany({ where: { id } });
          return;
        }
        const { connectionId, issuer, subject, sid = null } = key;
        const expiresAt = new Date(now().getTime() + (ttlSeconds ?? 0) * 1000);
        const data = { connectionId, issuer, subject, sid, accountId, sessionUid: id, expiresAt };
        await tx.upstreamSession.upsert({ where: { id }, create: { id, createdAt: now(), ...data }, update: data });
      });
    },
    /** The connection by which the person of a session signed in; undefined for a password. */
    async connectionOf(uid: string): Promise<string | undefined> {
      const where = { id: keyOf(uid), expiresAt: { gt: now() } };
      const row = await database.current().upstreamSession.findFirst({ where, select: { connectionId: true } });
      return row?.connectionId;
    },
    /** Sessions here, as stored, that began by this one there. */
    bySid: ({ connectionId, issuer, sid }: { connectionId: string; issuer: string; sid: string }) =>
      keysOf({ connectionId, issuer, sid }),
    /** Sessions of a person, as stored, that began by a connection, but for the one that they are in. */
    async othersOf(accountId: string, connectionId: string, sessionUid: string): Promise<string[]> {
      const where = { accountId, connectionId, id: { not: keyOf(sessionUid) } };
      const rows = await database.current().upstreamSession.findMany({ where, select: { sessionUid: true } });
      return rows.map((row) => row.sessionUid);
    },
    /** Whoever the provider calls so. */
    async accountsOf({ connectionId, issuer, subject }: UpstreamSessionKey): Promise<string[]> {
      const rows = await database.current().identity.findMany({
        where: {
          connectionId,
          issuer,
          OR: [{ subject }, { claims: { path: ['pairwiseSubject'], equals: subject } }],
        },
        select: { accountId: true },
      });
      return [...new Set(rows.map(({ accountId }) => accountId))];
    },
  };
}
