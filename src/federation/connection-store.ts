/** Connections in Postgres. Their secrets leave only through `findSecrets`. */
import { ZodError } from 'zod';
import type { Seal } from '../storage/artifacts.ts';
import type { Connection as Row } from '../storage/generated/client.ts';
import type { Database } from '../storage/transactions.ts';
import { type Because, tellWhy } from './because.ts';
import {
  type ConnectionSecrets,
  connectionSecrets,
  type EntraSettings,
  entraSettings,
  type OidcConnectionSettings,
  oidcSettings,
} from './settings.ts';

export type ConnectionStore = ReturnType<typeof createConnectionStore>;

export type ConnectionRecord = {
  id: string;
  name: string;
  exclusive: boolean;
  provisioning: 'first_sign_in' | 'scim';
  origin: 'cli' | 'configuration';
  createdAt: Date;
  updatedAt: Date;
  removedAt: Date | undefined;
  /** When the client secret or the last certificate ends; undefined where nobody knows. */
  credentialEndsAt: Date | undefined;
  lastSuccessAt: Date | undefined;
  lastFailureAt: Date | undefined;
  lastFailure: string | undefined;
} & ({ kind: 'entra'; settings: EntraSettings } | { kind: 'oidc'; settings: OidcConnectionSettings });

/** A row that this release or this master key cannot read: it stands in nobody's way, and nobody comes by it. */
export interface BrokenConnection {
  id: string;
  kind: string;
  name: string;
  origin: ConnectionRecord['origin'];
  exclusive: boolean;
  removedAt: Date | undefined;
  /** For the operator, in English. */
  why: string;
  because: Because;
}

export type ConnectionChange = Partial<
  Pick<NewConnection, 'name' | 'exclusive' | 'provisioning' | 'settings' | 'secrets'>
> & { credentialEndsAt?: Date | null };

export type NewConnection = Pick<ConnectionRecord, 'id' | 'name' | 'exclusive' | 'provisioning' | 'origin'> & {
  secrets: ConnectionSecrets;
  credentialEndsAt?: Date | undefined;
} & ({ kind: 'entra'; settings: EntraSettings } | { kind: 'oidc'; settings: OidcConnectionSettings });

const PURPOSE = 'connection-secrets';
const HOUR_MS = 3_600_000;

export function createConnectionStore(deps: { database: Database; sealing: Seal; now: () => Date }) {
  const { database, sealing, now } = deps;
  const seal = (id: string, secrets: ConnectionSecrets) =>
    new Uint8Array(sealing.seal(PURPOSE, id, JSON.stringify(secrets)));

  /** The living ones, in the order they were added. */
  async function survey(): Promise<{ records: ConnectionRecord[]; broken: BrokenConnection[] }> {
    const rows = await database.current().connection.findMany({
      where: { removedAt: null },
      orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
    });
    const records: ConnectionRecord[] = [];
    const broken: BrokenConnection[] = [];
    for (const row of rows) {
      const read = readRow(row);
      if ('why' in read) broken.push(read);
      else records.push(read);
    }
    return { records, broken };
  }

  /** Also one that was removed. */
  async function look(id: string): Promise<ConnectionRecord | BrokenConnection | undefined> {
    const row = await database.current().connection.findUnique({ where: { id } });
    return row ? readRow(row) : undefined;
  }

  return {
    /** The living ones that can be read, in the order they were added. */
    async list(): Promise<ConnectionRecord[]> {
      return (await survey()).records;
    },
    survey,
    /** Also one that was removed; not one that cannot be read. */
    async find(id: string): Promise<ConnectionRecord | undefined> {
      const found = await look(id);
      return found && !('why' in found) ? found : undefined;
    },
    look,
    /** As {@link ConnectionRecord.updatedAt}; undefined where nobody comes by it any more. */
    async findVersion(id: string): Promise<number | undefined> {
      const where = { id, removedAt: null };
      const row = await database.current().connection.findFirst({ where, select: { updatedAt: true } });
      return row?.updatedAt.getTime();
    },
    async names(): Promise<string[]> {
      const rows = await database
        .current()
        .connection.findMany({ where: { removedAt: null }, select: { name: true }, orderBy: { createdAt: 'asc' } });
      return rows.map(({ name }) => name);
    },
    async findSecrets(id: string): Promise<ConnectionSecrets> {
      const row = await database.current().connection.findUnique({ where: { id }, select: { secrets: true } });
      if (!row?.secrets) return { certificates: [] };
      return connectionSecrets.parse(JSON.parse(sealing.open(PURPOSE, id, Buffer.from(row.secrets)).toString('utf8')));
    },
    /** @returns false where the id was ever used */
    async create({ secrets, ...connection }: NewConnection): Promise<boolean> {
      const { credentialEndsAt = null, ...rest } = connection;
      const data = { ...rest, credentialEndsAt, updatedAt: now(), secrets: seal(connection.id, secrets) };
      const { count } = await database.write((tx) => tx.connection.createMany({ data: [data], skipDuplicates: true }));
      return count === 1;
    },
    /** @returns false where it was removed meanwhile */
    async update(id: string, change: ConnectionChange): Promise<boolean> {
      const { secrets, ...rest } = change;
      const data = { ...rest, ...(secrets ? { secrets: seal(id, secrets) } : {}), updatedAt: now() };
      const { count } = await database.write((tx) =>
        tx.connection.updateMany({ where: { id, removedAt: null }, data }),
      );
      return count === 1;
    },
    /**
     * The row stays without its secrets, so that the id is never used for another provider; its directory's tokens end.
     * @returns false where it was removed already
     */
    async remove(id: string): Promise<boolean> {
      const at = now();
      const data = { removedAt: at, updatedAt: at, secrets: null };
      const count = await database.write(async (tx) => {
        // Also where the same provider comes back one day: who had a token then has none.
        await tx.scimToken.updateMany({ where: { connectionId: id, revokedAt: null }, data: { revokedAt: at } });
        return (await tx.connection.updateMany({ where: { id, removedAt: null }, data })).count;
      });
      return count === 1;
    },
    /** The same provider is in the configuration again. @returns false where it was never removed */
    async revive(id: string, change: ConnectionChange & { secrets: ConnectionSecrets }): Promise<boolean> {
      const { secrets, ...rest } = change;
      const data = { ...rest, secrets: seal(id, secrets), removedAt: null, updatedAt: now() };
      const { count } = await database.write((tx) =>
        tx.connection.updateMany({ where: { id, removedAt: { not: null } }, data }),
      );
      return count === 1;
    },
    /** What the last trip to the provider came to; `failure` in words for the operator. Not while a transaction is open. */
    async noteOutcome(id: string, failure?: string): Promise<void> {
      const data = failure === undefined ? { lastSuccessAt: now() } : { lastFailureAt: now(), lastFailure: failure };
      await database.direct.connection.updateMany({ where: { id }, data });
    },
    /** When SCIM last spoke for each connection that has a token for it; those that never heard of it are left out. */
    async listScimTimes(): Promise<ReadonlyMap<string, Date>> {
      const groups = await database.current().scimToken.groupBy({
        by: ['connectionId'],
        where: { revokedAt: null, lastUsedAt: { not: null } },
        _max: { lastUsedAt: true },
      });
      return new Map(
        groups.flatMap(({ connectionId, _max: { lastUsedAt } }) => (lastUsedAt ? [[connectionId, lastUsedAt]] : [])),
      );
    },
    /** Whether owners are to be told of this alarm: once in `everyHours`, whichever process asks. */
    async raiseAlarm(id: string, code: string, everyHours: number): Promise<boolean> {
      const at = now();
      const before = new Date(at.getTime() - everyHours * HOUR_MS).toISOString();
      const count = await database.write(
        (tx) => tx.$executeRaw`
          UPDATE connections SET alarms = jsonb_set(alarms, ARRAY[${code}], to_jsonb(${at.toISOString()}::text))
          WHERE id = ${id} AND coalesce(alarms ->> ${code}, '') < ${before}`,
      );
      return count === 1;
    },
  };
}

function readRow(row: Row): ConnectionRecord | BrokenConnection {
  try {
    return toRecord(row);
  } catch (error) {
    if (!(error instanceof ZodError)) throw error;
    const { id, kind, name, exclusive } = row;
    const [issue] = error.issues;
    const params = { member: issue?.path.join('.') || 'settings', problem: issue?.message ?? '' };
    const because: Because = { code: 'settings_unreadable', params };
    const origin = row.origin as ConnectionRecord['origin'];
    return { id, kind, name, origin, exclusive, removedAt: row.removedAt ?? undefined, why: tellWhy(because), because };
  }
}

function toRecord(row: Row): ConnectionRecord {
  const { id, name, exclusive, createdAt, updatedAt } = row;
  const shared = {
    id,
    name,
    exclusive,
    provisioning: row.provisioning as ConnectionRecord['provisioning'],
    origin: row.origin as ConnectionRecord['origin'],
    createdAt,
    updatedAt,
    removedAt: row.removedAt ?? undefined,
    credentialEndsAt: row.credentialEndsAt ?? undefined,
    lastSuccessAt: row.lastSuccessAt ?? undefined,
    lastFailureAt: row.lastFailureAt ?? undefined,
    lastFailure: row.lastFailure ?? undefined,
  };
  return row.kind === 'entra'
    ? { ...shared, kind: 'entra', settings: entraSettings.parse(row.settings) }
    : { ...shared, kind: 'oidc', settings: oidcSettings.parse(row.settings) };
}
