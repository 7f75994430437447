/**
 * Writes the next migration from prisma/schema.prisma: `node scripts/new-migration.ts <name>`.
 *
 * The existing migrations are applied to an empty database (the embedded Postgres, in a temporary directory);
 * what still differs from the schema becomes prisma/migrations/<timestamp>_<name>/migration.sql. Read it before
 * committing it. What Prisma cannot express (CHECK constraints, triggers) is written by hand in a migration of
 * its own, as in 20261123000100_constraints. A migration that was released is never edited again.
 *
 * Until the first release the first migration may be written anew instead:
 * `node scripts/new-migration.ts --init` replaces 20261123000000_init, and leaves the constraints alone.
 */
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmbeddedPostgres } from '../src/storage/embedded-postgres.ts';
import { migrate } from '../src/storage/migrate.ts';
import { diffToSchema } from './schema-engine.ts';

const MIGRATIONS = fileURLToPath(new URL('../prisma/migrations', import.meta.url));
const INIT = '20261123000000_init';

async function main(argument: string | undefined): Promise<void> {
  const init = argument === '--init';
  if (!init && !/^[a-z][a-z0-9_]*$/.test(argument ?? '')) {
    throw new Error('usage: node scripts/new-migration.ts <name in lower_case> | --init');
  }
  const sql = await inTemporaryDatabase(async (connection) => {
    if (!init) await migrate(connection);
    // The schema exists, and its owner may lack the right to make one.
    const diff = await diffToSchema(connection, init ? 'empty' : 'database');
    return diff.replace('-- CreateSchema\nCREATE SCHEMA IF NOT EXISTS "public";\n\n', '');
  });
  if (sql === '') {
    console.log('The migrations already make what prisma/schema.prisma describes.');
    return;
  }
  const timestamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
  const directory = join(MIGRATIONS, init ? INIT : `${timestamp}_${argument}`);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'migration.sql'), `${sql}\n`);
  await writeFile(join(MIGRATIONS, 'migration_lock.toml'), 'provider = "postgresql"\n');
  console.log(`Wrote ${join(directory, 'migration.sql')}`);
}

async function inTemporaryDatabase<T>(
  work: (connection: Awaited<ReturnType<typeof startEmbeddedPostgres>>['connection']) => Promise<T>,
): Promise<T> {
  const dataDir = await mkdtemp(join(tmpdir(), 'consentry-migration-'));
  const postgres = await startEmbeddedPostgres({ dataDir });
  try {
    return await work(postgres.connection);
  } finally {
    await postgres.stop();
    // Root's database may be behind a link.
    const home = await realpath(join(dataDir, 'postgres')).catch(() => dataDir);
    await rm(home, { recursive: true, force: true });
    await rm(dataDir, { recursive: true, force: true });
  }
}

await main(process.argv[2]);
