/** Grants: one authorization made under one consent. A grant can be stored only beneath its consent. */
import type { Payload, Seal } from './artifacts.ts';
import type { Database } from './transactions.ts';

export interface GrantStore {
  /** A grant whose consent is revoked, suspended or expired, or whose account or a client of it is gone, is not there. */
  find(id: string): Promise<Payload | undefined>;
  /** @param payload holds `consentId` */
  upsert(id: string, payload: Payload, ttlSeconds: number): Promise<void>;
  /** @returns false where it was gone already */
  destroy(id: string): Promise<boolean>;
}

const PAYLOAD = 'grant-payload';

export function createGrantStore(deps: { database: Database; sealing: Seal; now: () => Date }): GrantStore {
  const { database, sealing, now } = deps;
  const key = (id: string) => sealing.hmac('artifact-id', `Grant:${id}`);

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
    async destroy(id) {
      const { count } = await database.write((tx) => tx.grant.deleteMany({ where: { id: key(id) } }));
      return count === 1;
    },
  };
}
