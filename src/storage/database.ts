/** The one door to Postgres: external or embedded, behind one Prisma client. */
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { attachEmbeddedPostgres, type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.ts';
import { PrismaClient } from './generated/client.ts';
import type { StorageLog } from './storage-log.ts';

export { isDatabaseUnavailable } from './database-unavailable.ts';

export interface DatabaseOptions {
  /** `postgres://…`, with `?host=/directory` for a Unix socket; undefined means the embedded Postgres. */
  databaseUrl: string | undefined;
  /** Absolute; used by the embedded Postgres only. */
  dataDir: string;
  log: StorageLog;
  /** `serve` owns the embedded Postgres; `attach` (the CLI) joins one that is running. */
  mode: 'serve' | 'attach';
}

export interface OpenDatabase {
  prisma: PrismaClient;
  /** For what Prisma cannot do (migrations, advisory locks). Carries the password: never log it. */
  connection: pg.PoolConfig;
  /** Ends the connections, then stops an embedded Postgres that was started here. */
  close(): Promise<void>;
}

const POOL_SIZE = 20;
const CONNECT_TIMEOUT_MS = 3_000;
/** For a Postgres that is reachable but answers nothing more. */
const QUERY_TIMEOUT_MS = 15_000;
/** A transaction waits this long for a connection, and may then last so long. */
const TRANSACTION = { maxWait: 3_000, timeout: 10_000 };

/**
 * Opens the database. An external one is not asked to be there yet: queries fail while it is away,
 * `isDatabaseUnavailable` tells, and the pool connects again by itself.
 * @throws AppError when the embedded Postgres cannot be used
 */
export async function openDatabase({ databaseUrl, dataDir, log, mode }: DatabaseOptions): Promise<OpenDatabase> {
  const embedded = databaseUrl === undefined ? await openEmbedded(mode, { dataDir, log }) : undefined;
  const connection = embedded?.connection ?? { connectionString: databaseUrl as string };
  const pool = new pg.Pool({
    ...connection,
    max: POOL_SIZE,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
    // The adapter reads and writes timestamps as UTC, whatever zone the server prefers.
    onConnect: async (client) => {
      await client.query("SET TIME ZONE 'UTC'");
    },
  });
  const adapter = new PrismaPg(pool, {
    disposeExternalPool: true,
    onPoolError: (err) => log.warn({ err }, 'a database connection was lost'),
    onConnectionError: (err) => log.warn({ err }, 'a database connection was lost'),
  });
  const prisma = new PrismaClient({ adapter, transactionOptions: TRANSACTION, errorFormat: 'minimal' });
  await prisma.$connect();
  return {
    prisma,
    connection,
    close: async () => {
      await prisma.$disconnect();
      await embedded?.stop();
    },
  };
}

function openEmbedded(
  mode: DatabaseOptions['mode'],
  options: Parameters<typeof startEmbeddedPostgres>[0],
): Promise<EmbeddedPostgres> {
  return mode === 'serve' ? startEmbeddedPostgres(options) : attachEmbeddedPostgres(options);
}
