/**
 * For `node --test --test-global-setup`: one Postgres for the whole run, with a migrated template database
 * that each test file clones. Its address reaches the test processes through the environment.
 */
import { randomBytes } from 'node:crypto';
import { accessSync, constants, statfsSync } from 'node:fs';
import { mkdir, readdir, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/storage/embedded-postgres.ts';
import { migrate } from '../src/storage/migrate.ts';
import { socketUrl, TEMPLATE, TEST_SERVER_VARIABLE } from './database.ts';

/** Nothing here is worth keeping after a power cut. */
const FAST = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: 300,
  max_wal_size: '256MB',
};
const ROOM_BYTES = 4 * 1024 ** 3;
const RUNS = runsDirectory();

/**
 * In memory where there is room: making a database is mostly making files, of which some disks take a thousand times as
 * long. Otherwise where git and every tool ignore it.
 */
function runsDirectory(): string {
  const memory = '/dev/shm';
  try {
    const { bavail, bsize } = statfsSync(memory);
    accessSync(memory, constants.W_OK);
    if (bavail * bsize > ROOM_BYTES) return join(memory, `consentry-test-${process.getuid?.() ?? 0}`);
  } catch {
    // Not on this system.
  }
  return fileURLToPath(new URL('../node_modules/.cache/consentry-test/', import.meta.url));
}

let postgres: EmbeddedPostgres | undefined;
let dataDir = '';

export async function globalSetup(): Promise<void> {
  await mkdir(RUNS, { recursive: true });
  await removeKilledRuns();
  dataDir = join(RUNS, `${process.pid}-${randomBytes(4).toString('hex')}`);
  postgres = await startEmbeddedPostgres({ dataDir, settings: FAST });
  await createTemplate(postgres.connection);
  process.env[TEST_SERVER_VARIABLE] = socketUrl(postgres.connection, 'postgres');
}

export async function globalTeardown(): Promise<void> {
  await postgres?.stop();
  await removeRun(dataDir);
}

async function createTemplate(connection: pg.PoolConfig): Promise<void> {
  const client = new pg.Client({ ...connection, database: 'postgres' });
  await client.connect();
  await client.query(`CREATE DATABASE ${TEMPLATE}`);
  await migrate({ ...connection, database: TEMPLATE });
  await client.query(`ALTER DATABASE ${TEMPLATE} IS_TEMPLATE true ALLOW_CONNECTIONS false`);
  await client.end();
}

/** Runs in the same checkout at the same time leave each other alone. */
async function removeKilledRuns(): Promise<void> {
  for (const name of await readdir(RUNS)) {
    if (isLiving(Number(name.split('-')[0]))) continue;
    // Owning it for a moment stops a Postgres left behind.
    const left = await startEmbeddedPostgres({ dataDir: join(RUNS, name), settings: FAST }).catch(() => undefined);
    await left?.stop();
    // Another run that begins now may be removing it too.
    await removeRun(join(RUNS, name)).catch(() => undefined);
  }
}

async function removeRun(directory: string): Promise<void> {
  // Root's database may be behind a link.
  const home = await realpath(join(directory, 'postgres')).catch(() => directory);
  await rm(home, { recursive: true, force: true });
  await rm(directory, { recursive: true, force: true });
}

function isLiving(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
