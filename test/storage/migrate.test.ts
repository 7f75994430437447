import assert from 'node:assert/strict';
import { appendFile, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { diagnose, diffToSchema } from '../../scripts/schema-engine.ts';
import { migrate, pendingMigrations } from '../../src/storage/migrate.ts';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../database.ts';

const MIGRATIONS = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));

/** Migrated; only read by the tests, or changed in transactions that fail. */
let migrated: TestDatabase;
const databases: TestDatabase[] = [];
let names: string[];
let directory: string;

before(async () => {
  migrated = await createTestDatabase();
  names = (await readMigrations()).map(({ name }) => name);
  directory = await mkdtemp(join(tmpdir(), 'consentry-migrations-'));
});

after(async () => {
  for (const { drop } of [migrated, ...databases]) await drop();
  await rm(directory, { recursive: true });
});

test('an empty database is brought to the newest state once, and a second run does nothing', async () => {
  const connection = await emptyDatabase();
  assert.deepEqual(await pendingMigrations(connection), names);
  assert.deepEqual(await migrate(connection), names);
  assert.deepEqual(await pendingMigrations(connection), []);
  assert.deepEqual(await migrate(connection), []);
});

test('of several processes that migrate at once one does, the others wait and find it done', async () => {
  const connection = await emptyDatabase();
  const results = await Promise.all(Array.from({ length: 4 }, () => migrate(connection)));
  assert.deepEqual(
    results.filter((applied) => applied.length > 0),
    [names],
  );
});

test('the migrated database is what prisma/schema.prisma describes', async () => {
  assert.equal(await diffToSchema({ connectionString: migrated.url }, 'database'), '');
});

test('the stock `prisma migrate deploy` agrees with what was recorded', async () => {
  const history = await diagnose({ connectionString: migrated.url }, await readMigrations());
  assert.deepEqual(history, {
    editedMigrationNames: [],
    failedMigrationNames: [],
    hasMigrationsTable: true,
    history: null,
  });
});

test('a migration that was changed after it was applied is refused', async () => {
  const copy = await copyMigrations();
  await appendFile(join(copy, names[0] ?? '', 'migration.sql'), '-- tampered\n');
  await assert.rejects(migrate({ connectionString: migrated.url }, copy), { code: 'migration_modified' });
  await assert.rejects(pendingMigrations({ connectionString: migrated.url }, copy), { code: 'migration_modified' });
});

test('a database newer than this code is refused', async () => {
  const copy = await copyMigrations();
  await rm(join(copy, names.at(-1) ?? ''), { recursive: true });
  await assert.rejects(migrate({ connectionString: migrated.url }, copy), { code: 'database_newer' });
});

test('a failing migration leaves nothing behind, and its corrected form is applied', async () => {
  const connection = await emptyDatabase();
  const copy = join(directory, 'failing');
  const file = join(copy, '20300101000000_next', 'migration.sql');
  await mkdir(join(copy, '20300101000000_next'), { recursive: true });
  await writeFile(file, 'CREATE TABLE half (id int); SELECT 1 / 0;');
  await assert.rejects(migrate(connection, copy), { code: 'migration_failed', detail: 'division by zero' });
  await writeFile(file, 'CREATE TABLE half (id int);');
  assert.deepEqual(await migrate(connection, copy), ['20300101000000_next']);
});

test('a migration that another tool left half-way stops the start until a person resolved it', async () => {
  const connection = await emptyDatabase();
  await migrate(connection);
  await execute(connection, 'UPDATE _prisma_migrations SET finished_at = NULL');
  await assert.rejects(migrate(connection), { code: 'migration_failed_earlier' });
});

test('a database that cannot be reached is said so within seconds', async () => {
  await assert.rejects(migrate({ connectionString: 'postgres://u:secret@127.0.0.1:1/x' }), (error: Error) => {
    assert.match(error.message, /cannot be reached: connect ECONNREFUSED 127\.0\.0\.1:1\./);
    assert.doesNotMatch(error.message, /secret/);
    return true;
  });
});

test('a code or refresh token without a grant cannot be stored; other artifacts can', async () => {
  const insert = (kind: string) => `INSERT INTO artifacts (kind, id, payload) VALUES ('${kind}', '${kind}', '')`;
  for (const kind of ['AuthorizationCode', 'RefreshToken']) {
    await assert.rejects(executeAndUndo(insert(kind)), { constraint: 'artifacts_grant_required' });
  }
  await executeAndUndo(insert('Session'));
});

test('a grant without a consent cannot be stored', async () => {
  const orphan = `INSERT INTO grants (id, consent_id, payload, expires_at) VALUES ('g', 'none', '', now())`;
  await assert.rejects(executeAndUndo(orphan), { constraint: 'grants_consent_id_fkey' });
});

test('the record can be added to, never changed, deleted or emptied', async () => {
  const add = `INSERT INTO audit_events (at, type, outcome, request_id, actor, details)
    VALUES (now(), 'test', 'recorded', 'r', 'system', '{}')`;
  await executeAndUndo(add);
  for (const change of [
    "UPDATE audit_events SET type = 'other'",
    'DELETE FROM audit_events',
    'TRUNCATE audit_events',
  ]) {
    await assert.rejects(executeAndUndo(add, change), /only ever added to/);
  }
});

async function emptyDatabase(): Promise<pg.PoolConfig> {
  const database = await createEmptyDatabase();
  databases.push(database);
  return { connectionString: database.url };
}

async function readMigrations(): Promise<{ name: string; sql: string }[]> {
  const entries = await readdir(MIGRATIONS, { withFileTypes: true });
  const found = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return Promise.all(
    found.sort().map(async (name) => ({ name, sql: await readFile(join(MIGRATIONS, name, 'migration.sql'), 'utf8') })),
  );
}

async function copyMigrations(): Promise<string> {
  const copy = await mkdtemp(join(directory, 'copy-'));
  await cp(MIGRATIONS, copy, { recursive: true });
  return copy;
}

async function executeAndUndo(...statements: string[]): Promise<void> {
  await execute({ connectionString: migrated.url }, 'BEGIN', ...statements, 'ROLLBACK');
}

async function execute(connection: pg.ClientConfig, ...statements: string[]): Promise<void> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    for (const sql of statements) await client.query(sql);
  } finally {
    await client.end();
  }
}
