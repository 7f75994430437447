/**
 * The Postgres that Consentry brings along, for trying it and for tests: started below the data directory,
 * reachable through a private Unix socket only, stopped with Consentry, recovered after a kill.
 */
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { AppError } from '../errors.ts';
import { type Cluster, EMBEDDED_NAME, initializeCluster, openCluster, readPassword } from './postgres-cluster.ts';
import {
  chooseSocketDirectory,
  findPostmaster,
  type Postmaster,
  removeSocketDirectory,
  type Settings,
  SOCKET_PORT,
  startPostmaster,
  stopPostmaster,
} from './postgres-process.ts';
import { type Ownership, supervise, takeOwnership } from './postgres-supervisor.ts';
import { withStartLock } from './start-lock.ts';
import type { StorageLog } from './storage-log.ts';

export interface EmbeddedOptions {
  /** Absolute; the database goes to `<dataDir>/postgres`. */
  dataDir: string;
  log?: StorageLog;
  /** Postgres settings beside ours, for example `fsync: 'off'` in tests. */
  settings?: Settings;
}

export interface EmbeddedPostgres {
  /** Connects as the owner of the database `consentry`. Carries the password: never log it. */
  connection: pg.PoolConfig;
  /** Stops what was started; for an attached Postgres of somebody else it does nothing. */
  stop(): Promise<void>;
}

/** What a killed Consentry leaves (its connections, its Postgres going down) is given this long to go. */
const RETRY_MS = 2_000;
/** How long one command of the CLI waits for another that uses the Postgres it started. */
const LINGER_MS = 10_000;

/**
 * Starts the embedded Postgres and owns it until `stop`. One left behind by a killed Consentry is stopped
 * and started again; should it die, it is started again too.
 * @throws AppError `database_in_use` when a living Consentry uses the directory; others when it cannot start
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const cluster = await openCluster(options.dataDir);
  return withStartLock(cluster.home, () => start(cluster, options));
}

/**
 * Connects to the Postgres of a running Consentry without owning it. When none runs, starts one
 * and stops it again on `stop`, once nobody else has attached to it (10 s at most).
 */
export async function attachEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const cluster = await openCluster(options.dataDir);
  return withStartLock(cluster.home, async () => {
    const running = await findPostmaster(cluster);
    if (running) {
      const connection = await connectionTo(cluster, running.socketDirectory);
      // Held open: by this the one that started it sees that it is still needed.
      const presence = await connectWithin(connection, RETRY_MS);
      return { connection, stop: () => presence.end().catch(() => {}) };
    }
    const own = await start(cluster, options);
    const stop = async () => {
      await waitForOthers(own.connection);
      await own.stop();
    };
    return { connection: own.connection, stop };
  });
}

async function start(cluster: Cluster, { log, settings = {} }: EmbeddedOptions): Promise<EmbeddedPostgres> {
  await initializeCluster(cluster, { durable: settings.fsync !== 'off' });
  await stopLeftBehind(cluster, log);
  const socketDirectory = await chooseSocketDirectory(cluster);
  try {
    const connection = await connectionTo(cluster, socketDirectory);
    const postmaster = await startRetrying(cluster, socketDirectory, settings);
    const restart = () =>
      withStartLock(cluster.home, async () => {
        const another = await findPostmaster(cluster);
        return another ? undefined : startRetrying(cluster, socketDirectory, settings);
      });
    try {
      const ownership = await own(connection, cluster);
      const reown = async () => takeOwnership(await connectWithin(inPostgres(connection), RETRY_MS));
      return { connection, stop: supervise({ cluster, postmaster, ownership, restart, reown, log }) };
    } catch (error) {
      await stopPostmaster(cluster, postmaster);
      throw error;
    }
  } catch (error) {
    await removeSocketDirectory(cluster, socketDirectory);
    throw error;
  }
}

async function own(connection: pg.PoolConfig, cluster: Cluster): Promise<Ownership> {
  const ownership = await takeOwnership(await connectWithin(inPostgres(connection), RETRY_MS));
  if (!ownership) throw inUse(cluster);
  try {
    const { rowCount } = await ownership.client.query('SELECT FROM pg_database WHERE datname = $1', [EMBEDDED_NAME]);
    if (rowCount === 0) await ownership.client.query(`CREATE DATABASE ${EMBEDDED_NAME}`);
    return ownership;
  } catch (error) {
    await ownership.release();
    throw error;
  }
}

/** @throws AppError `database_in_use` */
async function stopLeftBehind(cluster: Cluster, log: StorageLog | undefined): Promise<void> {
  const deadline = Date.now() + RETRY_MS;
  for (;;) {
    const running = await findPostmaster(cluster);
    if (!running) return;
    if (await isAbandoned(cluster, running, deadline)) {
      log?.info({ pid: running.pid }, 'stopping the database that a killed Consentry left behind');
      await stopPostmaster(cluster, running);
    } else if (Date.now() > deadline) throw inUse(cluster);
    else await delay(100);
  }
}

/** Whoever lives holds the lock; a Postgres that lets nobody in (it is going down, or hangs) is nobody's. */
async function isAbandoned(cluster: Cluster, running: Postmaster, deadline: number): Promise<boolean> {
  const connection = inPostgres(await connectionTo(cluster, running.socketDirectory));
  try {
    const ownership = await takeOwnership(await connectWithin(connection, 200));
    await ownership?.release();
    return ownership !== undefined;
  } catch (error) {
    if (error instanceof AppError) throw error;
    return Date.now() > deadline;
  }
}

/** Processes of a killed postmaster may hold its shared memory for a moment. */
async function startRetrying(cluster: Cluster, socketDirectory: string, settings: Settings): Promise<Postmaster> {
  const deadline = Date.now() + RETRY_MS;
  for (;;) {
    try {
      return await startPostmaster(cluster, socketDirectory, settings);
    } catch (error) {
      const detail = error instanceof AppError ? (error.detail ?? '') : '';
      if (Date.now() > deadline || !detail.includes('shared memory')) throw error;
      await delay(100);
    }
  }
}

async function connectionTo(cluster: Cluster, socketDirectory: string): Promise<pg.PoolConfig> {
  const password = await readPassword(cluster);
  return {
    host: socketDirectory,
    port: SOCKET_PORT,
    ssl: false,
    user: EMBEDDED_NAME,
    password,
    database: EMBEDDED_NAME,
  };
}

function inPostgres(connection: pg.PoolConfig): pg.PoolConfig {
  return { ...connection, database: 'postgres' };
}

async function connectWithin(connection: pg.PoolConfig, limitMs: number): Promise<pg.Client> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const client = new pg.Client({ ...connection, connectionTimeoutMillis: Math.max(limitMs, 1_000) });
    client.on('error', () => {});
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.end().catch(() => {});
      if ((error as { code?: unknown }).code === '28P01') throw wrongPassword(error);
      if (Date.now() > deadline) throw error;
      await delay(50);
    }
  }
}

async function waitForOthers(connection: pg.PoolConfig): Promise<void> {
  const others = `SELECT FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = $1 AND pid <> pg_backend_pid()`;
  const deadline = Date.now() + LINGER_MS;
  const client = await connectWithin(inPostgres(connection), RETRY_MS).catch(() => undefined);
  while (client && Date.now() < deadline) {
    const { rowCount } = await client.query(others, [EMBEDDED_NAME]).catch(() => ({ rowCount: 0 }));
    if (!rowCount) break;
    await delay(100);
  }
  await client?.end().catch(() => {});
}

function inUse({ dataDir }: Cluster): AppError {
  return new AppError(
    'database_in_use',
    503,
    `Another Consentry is using ${dataDir}. Stop it, or set DATA_DIR to another directory for this one.`,
  );
}

function wrongPassword(cause: unknown): AppError {
  return new AppError('postgres_password_wrong', 500, 'The embedded database does not accept its password file.', {
    cause,
  });
}
