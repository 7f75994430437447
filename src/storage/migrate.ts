/**
 * Applies `prisma/migrations` at start and records them as Prisma itself does (its `_prisma_migrations` table,
 * its checksums, its advisory lock), so that the stock `prisma migrate deploy` agrees with the result.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { AppError } from '../errors.ts';

interface Migration {
  name: string;
  sql: string;
  /** SHA-256 of the file, hex. */
  checksum: string;
}

interface Applied {
  migration_name: string;
  checksum: string;
  finished_at: Date | null;
}

const DIRECTORY = fileURLToPath(new URL('../../prisma/migrations/', import.meta.url));
/** The key under which Prisma's own migrate command locks: the two exclude each other. */
const PRISMA_LOCK = 72_707_369;
const LOCK_TIMEOUT_MS = 60_000;
const CREATE_TABLE = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL,
  checksum VARCHAR(64) NOT NULL,
  finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL,
  logs TEXT,
  rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  applied_steps_count INTEGER NOT NULL DEFAULT 0
)`;

/**
 * Brings the database to the state of this code and returns the names of what it applied, oldest first.
 * Several processes may start at once: one migrates, the others wait and find nothing to do.
 * @param directory of the migrations; another one in tests only
 * @throws AppError `migration_failed`, `migration_failed_earlier`, `migration_modified`, `database_newer`, `migration_locked`
 */
export async function migrate(connection: pg.ClientConfig, directory = DIRECTORY): Promise<string[]> {
  const migrations = await readMigrations(directory);
  return withClient(connection, async (client) => {
    await lock(client);
    await client.query(CREATE_TABLE);
    const pending = findPending(migrations, await readApplied(client));
    for (const migration of pending) await apply(client, migration);
    return pending.map(({ name }) => name);
  });
}

/** Names of the migrations that `migrate` would apply, oldest first. Changes nothing. Throws as `migrate` does. */
export async function pendingMigrations(connection: pg.ClientConfig, directory = DIRECTORY): Promise<string[]> {
  const migrations = await readMigrations(directory);
  return withClient(connection, async (client) => {
    const { rows } = await client.query<{ found: boolean }>(
      `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS found`,
    );
    const applied = rows[0]?.found ? await readApplied(client) : [];
    return findPending(migrations, applied).map(({ name }) => name);
  });
}

async function readMigrations(directory: string): Promise<Migration[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(join(directory, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

async function withClient<T>(connection: pg.ClientConfig, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionTimeoutMillis: 3_000, ...connection });
  client.on('error', () => {});
  try {
    await client.connect().catch((cause: Error & { code?: string }) => {
      const reason = cause.message || cause.code;
      throw new AppError(
        'database_unreachable',
        503,
        `The database cannot be reached: ${reason}. Is it running, and DATABASE_URL right?`,
        {
          cause,
        },
      );
    });
    return await work(client);
  } finally {
    // Ends the session, and with it the lock.
    await client.end().catch(() => {});
  }
}

async function lock(client: pg.Client): Promise<void> {
  try {
    await client.query(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await client.query('SELECT pg_advisory_lock($1)', [PRISMA_LOCK]);
    await client.query('SET lock_timeout = 0');
  } catch (cause) {
    throw new AppError(
      'migration_locked',
      503,
      'Another process has been migrating the database for a minute. Wait for it, or end its connection.',
      { cause },
    );
  }
}

/** Rows rolled back by `prisma migrate resolve` do not count. */
async function readApplied(client: pg.Client): Promise<Applied[]> {
  const { rows } = await client.query<Applied>(
    'SELECT migration_name, checksum, finished_at FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY started_at',
  );
  return rows;
}

function findPending(migrations: Migration[], applied: Applied[]): Migration[] {
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  for (const { migration_name: name, checksum, finished_at: finishedAt } of applied) {
    const migration = known.get(name);
    if (!migration) {
      throw fault(
        'database_newer',
        `The database is newer than this Consentry: it has the migration ${name}. Start the newer release.`,
      );
    }
    if (!finishedAt) {
      throw fault(
        'migration_failed_earlier',
        `The migration ${name} failed half-way. Repair the database, then run "npx prisma migrate resolve" for it.`,
      );
    }
    if (migration.checksum !== checksum) {
      throw fault(
        'migration_modified',
        `The migration ${name} was changed after it was applied. Restore the file as it was released.`,
      );
    }
  }
  const done = new Set(applied.map(({ migration_name }) => migration_name));
  return migrations.filter(({ name }) => !done.has(name));
}

/** Whole or not at all; a failure leaves no trace, so a corrected release can simply start. */
async function apply(client: pg.Client, { name, sql, checksum }: Migration): Promise<void> {
  try {
    await client.query('BEGIN');
    await client.query(sql);
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, clock_timestamp(), clock_timestamp(), 1)`,
      [randomUUID(), checksum, name],
    );
    await client.query('COMMIT');
  } catch (cause) {
    await client.query('ROLLBACK').catch(() => {});
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new AppError('migration_failed', 500, `The migration ${name} failed; the database is as it was before it.`, {
      detail,
      cause,
    });
  }
}

function fault(code: string, message: string): AppError {
  return new AppError(code, 500, message);
}
