/** Grants: one authorization made under one consent. A grant can be stored only beneath its consent. */
import type { Payload, Seal } from './artifacts.ts';
import type { Database } from './transactions.ts';

export interface GrantStore {
  /** A grant whose consent is revoked, suspended or expired, or whose account or a client of it is gone, is not there. */
  find(id: string): Promise<Payload | undefined>;
  /** @param payload holds `consentId` */
  upsert(id: string, payload: Payload, ttlSeconds: number): Promise<void>;
  /** Keeps it from ending before the unit does. @returns false where it is gone */
  hold(id: string): Promise<boolean>;
  /** @returns false where it was gone already */
  destroy(id: string): Promise<boolean>;
  /**
   * Ends those under a consent that carry one of the scopes of the MCP server, or may: they cannot be opened any more.
   *
   * @returns how many
   */
  destroyCarrying(consentId: string, scopes: readonly string[]): Promise<number>;
}

const PAYLOAD = 'grant-payload';

export function createGrantStore(deps: { database: Database; sealing: Seal; now: () => Date }): GrantStore {
  const { database, sealing, now } = deps;
  const key = (id: string) => sealing.hmac('artifact-id', `Grant:${id}`);

  /** @returns undefined where it cannot be opened any more */
  function scopesOf({ id, payload }: { id: string; payload: Uint8Array }): string[] | undefined {
    try {
      return carriedBy(JSON.parse(sealing.open(PAYLOAD, id, Buffer.from(payload)).toString('utf8')));
    } catch {
      return undefined;
    }
  }

  return {
    async find(id) {
      const at = now();
      const [row] = await database.current().$queryRaw<{ id: string; payload: Uint8Array }[]>`
        SELECT g.id, g.payload
        FROM grants g
        JOIN consents c ON c.id = g.consent_id
          AND c.revoked_at IS NULL AND c.suspended_at IS NULL AND c.expires_at > ${at}
        JOIN accounts a ON a.id = c.account_id AND a.disabled_at IS NULL
        JOIN clients cl ON cl.id = c.client_id AND cl.revoked_at IS NULL
        JOIN resources r ON r.id = c.resource_id AND r.disabled_at IS NULL
        LEFT JOIN clients d ON d.id = c.downstream_client_id
        WHERE d.revoked_at IS NULL AND g.id = ${key(id)} AND g.expires_at > ${at}`;
      if (!row) return undefined;
      return { ...JSON.parse(sealing.open(PAYLOAD, row.id, Buffer.from(row.payload)).toString('utf8')), jti: id };
    },
    async upsert(id, payload, ttlSeconds) {
      const { jti: _, ...content } = payload;
      const row = {
        id: key(id),
        consentId: String(payload.consentId),
        payload: new Uint8Array(sealing.seal(PAYLOAD, key(id), JSON.stringify(content))),
        expiresAt: new Date(now().getTime() + ttlSeconds * 1000),
      };
      await database.write((tx) => tx.grant.upsert({ where: { id: row.id }, create: row, update: row }));
    },
    async hold(id) {
      const rows = await database.write(
        (tx) => tx.$queryRaw<unknown[]>`SELECT id FROM grants WHERE id = ${key(id)} FOR KEY SHARE`,
      );
      return rows.length > 0;
    },
    async destroy(id) {
      const { count } = await database.write((tx) => tx.grant.deleteMany({ where: { id: key(id) } }));
      return count === 1;
    },
    async destroyCarrying(consentId, scopes) {
      return database.write(async (tx) => {
        const rows = await tx.grant.findMany({ where: { consentId }, select: { id: true, payload: true } });
        const ids = rows
          .filter((row) => {
            const carried = scopesOf(row);
            return !carried || carried.some((scope) => scopes.includes(scope));
          })
          .map(({ id }) => id);
        return (await tx.grant.deleteMany({ where: { id: { in: ids } } })).count;
      });
    },
  };
}

/** What oidc-provider's Grant holds by resource: `{ "<uri>": "scope scope" }`. */
function carriedBy({ resources }: Payload): string[] {
  return Object.values((resources ?? {}) as Record<string, string>).flatMap((scope) => scope.split(' '));
}
