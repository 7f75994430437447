/** Bearer tokens of directories, kept as SHA-256: two valid ones of a connection at most, so that one can follow the other. */
import { createHash, randomBytes } from 'node:crypto';
import type { Database } from '../storage/transactions.ts';

export type ScimTokenStore = ReturnType<typeof createScimTokenStore>;

export interface ScimToken {
  id: string;
  connectionId: string;
  createdAt: Date;
  expiresAt: Date | null;
  revokedAt: Date | null;
  lastUsedAt: Date | null;
}

const MAX_VALID = 2;
const DAY_MS = 24 * 3_600_000;
const NOTE_EVERY_MS = 60_000;
/** Tells secret scanners, and people who find one, what it is. */
const PREFIX = 'consentry_scim_';

export function createScimTokenStore({ database, now }: { database: Database; now: () => Date }) {
  const fields = { id: true, connectionId: true, createdAt: true, expiresAt: true, revokedAt: true, lastUsedAt: true };
  const valid = (at: Date) => ({ revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: at } }] });
  return {
    /** @returns the token, which nobody can read again; undefined where the connection has two valid ones */
    create(connectionId: string, expiresDays?: number): Promise<{ token: string; record: ScimToken } | undefined> {
      const at = now();
      return database.write(async (tx) => {
        await tx.$queryRaw`SELECT 1 FROM connections WHERE id = ${connectionId} FOR UPDATE`;
        if ((await tx.scimToken.count({ where: { connectionId, ...valid(at) } })) >= MAX_VALID) return undefined;
        const token = PREFIX + randomBytes(32).toString('base64url');
        const expiresAt = expiresDays === undefined ? null : new Date(at.getTime() + expiresDays * DAY_MS);
        const data = {
          id: randomBytes(8).toString('hex'),
          connectionId,
          hash: hashOf(token),
          createdAt: at,
          expiresAt,
        };
        return { token, record: await tx.scimToken.create({ data, select: fields }) };
      });
    },
    /** The newest first; of one connection, or of all. */
    async list(connectionId?: string): Promise<ScimToken[]> {
      const where = connectionId === undefined ? {} : { connectionId };
      return database
        .current()
        .scimToken.findMany({ where, select: fields, orderBy: { createdAt: 'desc' }, take: 500 });
    },
    async find(id: string): Promise<ScimToken | undefined> {
      return (await database.current().scimToken.findUnique({ where: { id }, select: fields })) ?? undefined;
    },
    /** @returns false where there was none to revoke */
    async revoke(id: string): Promise<boolean> {
      const where = { id, revokedAt: null };
      const { count } = await database.write((tx) => tx.scimToken.updateMany({ where, data: { revokedAt: now() } }));
      return count === 1;
    },
    /** The valid token that this is. */
    async findValid(token: string): Promise<ScimToken | undefined> {
      if (!token.startsWith(PREFIX)) return undefined;
      const where = { hash: hashOf(token), ...valid(now()) };
      return (await database.current().scimToken.findUnique({ where, select: fields })) ?? undefined;
    },
    /** Once a minute: silence of a directory can be seen, and requests stay cheap. */
    async noteUse({ id, lastUsedAt }: ScimToken): Promise<void> {
      const at = now();
      const before = new Date(at.getTime() - NOTE_EVERY_MS);
      if (lastUsedAt && lastUsedAt > before) return;
      const where = { id, OR: [{ lastUsedAt: null }, { lastUsedAt: { lte: before } }] };
      await database.direct.scimToken.updateMany({ where, data: { lastUsedAt: at } });
    },
  };
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}
