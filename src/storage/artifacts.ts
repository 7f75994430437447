/**
 * What oidc-provider keeps: keyed by an HMAC of the identifier and sealed, so that a dump of the database holds no
 * code, token, session or secret that anybody could use.
 */
import type { Prisma } from './generated/client.ts';
import type { Database } from './transactions.ts';

export type Payload = Record<string, unknown>;

/** The part of `keys/sealing.ts` that is needed here; purposes keep identifiers of different kinds apart. */
export interface Seal {
  hmac(purpose: string, value: string): string;
  seal(purpose: string, aad: string, plaintext: string): Buffer;
  open(purpose: string, aad: string, sealed: Buffer): Buffer;
}

export interface StoredArtifact {
  payload: Payload;
  consumedAt: Date | undefined;
}

export interface ArtifactStore {
  find(kind: string, id: string): Promise<StoredArtifact | undefined>;
  findByUid(kind: string, uid: string): Promise<StoredArtifact | undefined>;
  findByUserCode(kind: string, userCode: string): Promise<StoredArtifact | undefined>;
  /** @param ttlSeconds undefined: never expires */
  upsert(kind: string, id: string, payload: Payload, ttlSeconds: number | undefined): Promise<void>;
  /** Writes again what is there. @returns false where it is gone: nothing was written */
  update(kind: string, id: string, payload: Payload, ttlSeconds: number | undefined): Promise<boolean>;
  /** Holds it until this unit of work has ended. @returns false where it is gone */
  hold(kind: string, id: string): Promise<boolean>;
  /** @returns false where a row with this identifier existed: nothing was written */
  insert(kind: string, id: string, payload: Payload, ttlSeconds: number | undefined): Promise<boolean>;
  /** Marks as used, once: @returns false where it was used already or is gone */
  consume(kind: string, id: string): Promise<boolean>;
  /** @returns false where it was gone already */
  destroy(kind: string, id: string): Promise<boolean>;
  /** Ends the browser sessions of an account. */
  destroyByAccount(kind: string, accountId: string): Promise<number>;
  destroyByClient(kind: string, clientId: string): Promise<number>;
  /** By what a uid is stored and searched. */
  uidKey(kind: string, uid: string): string;
  /** Ends them and says what they were. Those that have expired, or cannot be opened any more, end as well, unsaid. */
  take(kind: string, whose: { accountId: string } | { uidKeys: readonly string[] }): Promise<Payload[]>;
}

const ID = 'artifact-id';
const PAYLOAD = 'artifact-payload';

export function createArtifactStore(deps: { database: Database; sealing: Seal; now: () => Date }): ArtifactStore {
  const { database, sealing, now } = deps;
  const key = (kind: string, id: string) => sealing.hmac(ID, `${kind}:${id}`);

  function open(row: Prisma.ArtifactGetPayload<object> | null, jti?: string): StoredArtifact | undefined {
    if (!row || (row.expiresAt && row.expiresAt <= now())) return undefined;
    const payload = JSON.parse(
      sealing.open(PAYLOAD, `${row.kind}:${row.id}`, Buffer.from(row.payload)).toString('utf8'),
    );
    return { payload: jti === undefined ? payload : { ...payload, jti }, consumedAt: row.consumedAt ?? undefined };
  }

  /** For what has to end, readable or not. */
  function openWhole(row: Prisma.ArtifactGetPayload<object>): StoredArtifact | undefined {
    try {
      return open(row);
    } catch {
      return undefined;
    }
  }

  function toRow(kind: string, id: string, payload: Payload, ttlSeconds: number | undefined) {
    const hashed = key(kind, id);
    // What is found by another name than its own identifier must keep that identifier inside the sealed payload.
    const { jti, ...rest } = payload;
    const content = payload.uid !== undefined || payload.userCode !== undefined ? { ...rest, jti } : rest;
    return {
      kind,
      id: hashed,
      payload: new Uint8Array(sealing.seal(PAYLOAD, `${kind}:${hashed}`, JSON.stringify(content))),
      grantId: typeof payload.grantId === 'string' && GRANTED.has(kind) ? key('Grant', payload.grantId) : null,
      accountId: text(payload.accountId),
      clientId: text(payload.clientId),
      uid: typeof payload.uid === 'string' ? key(`${kind}.uid`, payload.uid) : null,
      userCode: typeof payload.userCode === 'string' ? key('user_code', payload.userCode) : null,
      expiresAt: ttlSeconds === undefined ? null : new Date(now().getTime() + ttlSeconds * 1000),
    };
  }

  return {
    async find(kind, id) {
      return open(
        await database.current().artifact.findUnique({ where: { kind_id: { kind, id: key(kind, id) } } }),
        id,
      );
    },
    async findByUid(kind, uid) {
      return open(await database.current().artifact.findFirst({ where: { kind, uid: key(`${kind}.uid`, uid) } }));
    },
    async findByUserCode(kind, userCode) {
      return open(
        await database.current().artifact.findFirst({ where: { kind, userCode: key('user_code', userCode) } }),
      );
    },
    async upsert(kind, id, payload, ttlSeconds) {
      const row = toRow(kind, id, payload, ttlSeconds);
      await database.write((tx) =>
        tx.artifact.upsert({ where: { kind_id: { kind, id: row.id } }, create: row, update: row }),
      );
    },
    async update(kind, id, payload, ttlSeconds) {
      const { kind: _kind, id: hashed, ...data } = toRow(kind, id, payload, ttlSeconds);
      const { count } = await database.write((tx) => tx.artifact.updateMany({ where: { kind, id: hashed }, data }));
      return count === 1;
    },
    async hold(kind, id) {
      const found = await database.write(
        (tx) =>
          tx.$queryRaw<unknown[]>`SELECT 1 FROM artifacts WHERE kind = ${kind} AND id = ${key(kind, id)} FOR UPDATE`,
      );
      return found.length > 0;
    },
    async insert(kind, id, payload, ttlSeconds) {
      const data = [toRow(kind, id, payload, ttlSeconds)];
      const { count } = await database.write((tx) => tx.artifact.createMany({ data, skipDuplicates: true }));
      return count === 1;
    },
    async consume(kind, id) {
      const where = { kind, id: key(kind, id) };
      const { count } = await database.write(async (tx) => {
        await lockGrant(tx, where);
        return tx.artifact.updateMany({ where: { ...where, consumedAt: null }, data: { consumedAt: now() } });
      });
      return count === 1;
    },
    async destroy(kind, id) {
      const where = { kind, id: key(kind, id) };
      const { count } = await database.write(async (tx) => {
        await lockGrant(tx, where);
        return tx.artifact.deleteMany({ where });
      });
      return count === 1;
    },
    async destroyByAccount(kind, accountId) {
      const { count } = await database.write((tx) => tx.artifact.deleteMany({ where: { kind, accountId } }));
      return count;
    },
    uidKey: (kind, uid) => key(`${kind}.uid`, uid),
    async take(kind, whose) {
      const where = 'accountId' in whose ? { kind, ...whose } : { kind, uid: { in: [...whose.uidKeys] } };
      return database.write(async (tx) => {
        // Only what this very transaction ends is told of: of two that end the same one finds it gone.
        const ended: Payload[] = [];
        // Again, until there is none: a session that got another name while its row was waited for is there by that.
        for (;;) {
          const rows = await tx.artifact.findMany({ where, orderBy: { id: 'asc' } });
          if (rows.length === 0) return ended;
          for (const row of rows) {
            const { count } = await tx.artifact.deleteMany({ where: { kind, id: row.id } });
            const payload = count === 1 ? openWhole(row)?.payload : undefined;
            if (payload) ended.push(payload);
          }
        }
      });
    },
    async destroyByClient(kind, clientId) {
      const { count } = await database.write((tx) => tx.artifact.deleteMany({ where: { kind, clientId } }));
      return count;
    },
  };
}

/** Kinds that live and die with a grant. An Interaction also names one, but may do so before it is stored. */
const GRANTED = new Set(['AuthorizationCode', 'RefreshToken', 'DeviceCode']);

/**
 * Whoever uses something up or ends it holds its grant first, as a revocation does, which takes everything below the
 * grant with it: in any other order two of them would wait for each other.
 */
async function lockGrant(tx: Prisma.TransactionClient, { kind, id }: { kind: string; id: string }): Promise<void> {
  if (!GRANTED.has(kind)) return;
  await tx.$queryRaw`
    SELECT g.id FROM grants g JOIN artifacts a ON a.grant_id = g.id
    WHERE a.kind = ${kind} AND a.id = ${id} FOR UPDATE OF g`;
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
