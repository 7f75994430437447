import assert from 'node:assert/strict';
import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { AppError } from '../../src/errors.ts';
import { isDatabaseUnavailable, openDatabase } from '../../src/storage/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/storage/embedded-postgres.ts';
import { migrate } from '../../src/storage/migrate.ts';
import { createTestDatabase, socketUrl } from '../database.ts';

const quiet = { info() {}, warn() {}, error() {} };
const settings = { fsync: 'off' };

/** One that these tests may stop. */
let postgres: EmbeddedPostgres;
let dataDir: string;

before(async () => {
  dataDir = await mkdtemp('/tmp/consentry-database-');
  await chmod(dataDir, 0o711);
  postgres = await startEmbeddedPostgres({ dataDir, settings });
  await migrate(postgres.connection);
});

after(async () => {
  await postgres.stop();
  await rm(await realpath(join(dataDir, 'postgres')), { recursive: true });
  await rm(dataDir, { recursive: true });
});

test('a Postgres that stops is told from other faults wherever it happens, and is used again when it is back', async () => {
  const database = await open(socketUrl(postgres.connection, 'consentry'));
  const { prisma } = database;
  const count = () => prisma.account.count();
  await count();

  await assertUnavailable(
    prisma.$transaction(async (tx) => {
      await tx.account.count();
      await postgres.stop();
      await tx.account.count();
    }),
  );
  await assertUnavailable(count());
  await assertUnavailable(prisma.$queryRaw`SELECT 1`);
  await assertUnavailable(prisma.$transaction((tx) => tx.account.count()));
  await restart();
  assert.equal(await count(), 0);

  // Before the commit: the transaction must not count as done.
  await assertUnavailable(
    prisma.$transaction(async (tx) => {
      await tx.account.create({ data: { id: 'lost', email: 'lost@example.com' } });
      await postgres.stop();
    }),
  );
  await restart();
  assert.equal(await count(), 0);

  const sleeping = assertUnavailable(prisma.$queryRaw`SELECT pg_sleep(20)::text`);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await postgres.stop();
  await sleeping;
  await restart();
  await assertUnavailable(prisma.$queryRaw`SELECT pg_terminate_backend(pg_backend_pid())`);
  assert.equal(await count(), 0);
  await database.close();
});

test('a database that was never there fails soon and as unavailable', async () => {
  for (const address of ['127.0.0.1:1', 'localhost:1', 'no-such-host.invalid', 'localhost/x?host=/no/such/directory']) {
    const database = await open(`postgres://user:secret@${address}`);
    const started = performance.now();
    await assertUnavailable(database.prisma.account.count());
    await assertUnavailable(database.prisma.$transaction((tx) => tx.account.count()));
    assert.ok(performance.now() - started < 8_000);
    await database.close();
  }
});

test('a fault of ours, or an outbound fetch that failed, is no missing database', async () => {
  const { prisma, close } = await open(socketUrl(postgres.connection, 'consentry'));
  const data = { id: 'twice', email: 'twice@example.com' };
  await prisma.account.create({ data });
  const refused = () => fetch('http://127.0.0.1:3/');
  const faults: (() => Promise<unknown>)[] = [
    () => prisma.account.create({ data }),
    () => prisma.artifact.create({ data: { kind: 'RefreshToken', id: 'x', payload: Buffer.of(1) } }),
    () => prisma.$queryRaw`SELECT * FROM no_such_table`,
    refused,
    () => refused().catch((cause) => Promise.reject(new AppError('fetch_failed', 502, 'no', { cause }))),
  ];
  for (const fault of faults) await assert.rejects(fault, (error) => !isDatabaseUnavailable(error));
  await close();
});

test('timestamps are right whatever time zone the server prefers', async () => {
  const own = await createTestDatabase();
  const { prisma, close } = await open(own.url);
  const name = new URL(own.url).pathname.slice(1);
  await prisma.$executeRawUnsafe(`ALTER DATABASE ${name} SET timezone = 'Asia/Tokyo'`);
  await close();

  const later = await open(own.url);
  const disabledAt = new Date('2030-01-02T03:04:05.678Z');
  const account = await later.prisma.account.create({
    data: { id: 'a', email: 'a@example.com', disabledAt, disabledBy: ['administrator'] },
  });
  assert.deepEqual(account.disabledAt, disabledAt);
  assert.ok(Math.abs(account.createdAt.getTime() - Date.now()) < 60_000);
  const [row] = await later.prisma.$queryRaw<{ exact: boolean }[]>`
    SELECT disabled_at = '2030-01-02T03:04:05.678Z'::timestamptz AS exact FROM accounts`;
  assert.equal(row?.exact, true);
  await later.close();
  await own.drop();
});

function open(databaseUrl: string) {
  return openDatabase({ databaseUrl, dataDir: '/unused', log: quiet, mode: 'serve' });
}

async function restart(): Promise<void> {
  postgres = await startEmbeddedPostgres({ dataDir, settings });
}

function assertUnavailable(query: Promise<unknown>): Promise<void> {
  return assert.rejects(query, (error) => {
    assert.ok(isDatabaseUnavailable(error), String(error));
    return true;
  });
}
