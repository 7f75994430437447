import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openDatabase } from '../../src/storage/database.ts';
import { createTestDatabase } from '../database.ts';
import { bin, createCommand, spawnCommand } from './command.ts';

/** Nothing listens there. */
const NO_DATABASE = { DATABASE_URL: 'postgres://nobody:secret-word@127.0.0.1:1/none' };
const STACK = /\n\s+at /;

const database = await createTestDatabase();
const opened = await openDatabase({ databaseUrl: database.url, dataDir: '/unused', log: console, mode: 'serve' });
const { prisma } = opened;
const env = { DATABASE_URL: database.url, MASTER_KEY: randomBytes(32).toString('base64') };
let directory = '';
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'consentry-cli-'));
});
after(async () => {
  // Root's database is behind a link.
  await rm(await realpath(join(directory, 'postgres')), { recursive: true });
  await rm(directory, { recursive: true });
  await opened.close();
  await database.drop();
});

test('the launcher finds its checkout through a link, from any directory, and prints for the shell', async () => {
  const link = join(directory, 'consentry');
  await symlink(bin, link);
  const child = spawn(link, ['client', 'add', '--help'], { cwd: directory, env: { ...process.env, ...NO_DATABASE } });
  const [out] = await Promise.all([child.stdout.toArray(), new Promise((resolve) => child.on('close', resolve))]);
  assert.equal(child.exitCode, 0);
  assert.match(Buffer.concat(out).toString(), /Usage: consentry client add[\s\S]*Examples:/);
});

test('a command changes the database and answers 0', async () => {
  const args = ['account', 'add', 'ana@contoso.test', '--role', 'owner', '--password-stdin'];
  const { code, out, err } = await spawnCommand(args, { env, input: 'nine purple bicycles\n' });
  assert.deepEqual([code, out, err], [0, 'Added ana@contoso.test (owner).\n', '']);
  assert.equal(await prisma.account.count(), 1);
});

test('a command that is written wrongly answers 2 without looking for the database', async () => {
  const { code, out, err } = await createCommand(NO_DATABASE)(['client', 'add', '--name', 'x']);
  assert.deepEqual([code, out], [2, '']);
  assert.match(err, /Say with --kind what the client is/);
});

test('a database that is away is told in words, without a stack or a secret', async () => {
  const { code, out, err } = await spawnCommand(['account', 'list'], { env: NO_DATABASE });
  assert.deepEqual([code, out], [1, '']);
  assert.match(err, /^error: The database cannot be reached/);
  assert.doesNotMatch(err, STACK);
  assert.doesNotMatch(err, /secret-word/);
});

test('whoever closes the output early is left alone', async () => {
  const { code, err } = await spawnCommand(['account', 'list'], { env, prepare: (child) => child.stdout.destroy() });
  assert.deepEqual([code, err], [0, '']);
});

test('a signal reaches the command and ends it', async () => {
  const args = ['account', 'add', 'bo@contoso.test', '--password-stdin'];
  const { code, signal, out } = await spawnCommand(args, {
    env,
    prepare: (child) => setTimeout(() => child.kill('SIGTERM'), 400),
  });
  assert.ok(code === 143 || signal === 'SIGTERM', `${code} ${signal}`);
  assert.equal(out, '');
  assert.equal(await prisma.account.count(), 1);
});

test('the command line joins the database of a running server', async () => {
  const log = { info() {}, warn() {}, error() {} };
  const server = await openDatabase({ databaseUrl: undefined, dataDir: directory, log, mode: 'serve' });
  try {
    const embedded = { DATA_DIR: directory };
    const refused = await createCommand(embedded)(['account', 'list']);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /^error: The database is not ready for this release. Run: npx consentry migrate\n/);
    assert.equal((await spawnCommand(['migrate'], { env: embedded })).code, 0);
    assert.equal((await createCommand(embedded)(['account', 'list'])).code, 0);
    assert.equal(await server.prisma.account.count(), 0);
  } finally {
    await server.close();
  }
});

test('migrate applies what is missing, once, and is recorded; other commands wait for it', async () => {
  const consentry = createCommand(env);
  await prisma.$executeRaw`DROP SCHEMA public CASCADE`;
  await prisma.$executeRaw`CREATE SCHEMA public`;
  for (const args of [
    ['account', 'list'],
    ['migrate', '--status'],
  ]) {
    const { code, err } = await consentry(args);
    assert.equal(code, 1);
    assert.match(err, /Run: npx consentry migrate\n\(not applied: 2\d+_init/);
  }
  const { pending } = JSON.parse((await consentry(['migrate', '--status', '--json'])).out) as { pending: string[] };
  const { applied } = await consentry.json<{ applied: string[] }>(['migrate']);
  assert.deepEqual(applied, pending);
  const [event] = await prisma.auditEvent.findMany();
  assert.deepEqual([event?.type, event?.actor, event?.details], ['database.migrated', 'cli', { migrations: applied }]);
  assert.equal((await consentry(['migrate'])).out, 'The database was up to date.');
  assert.equal((await consentry(['migrate', '--status'])).code, 0);
  assert.equal(await prisma.auditEvent.count(), 1);
});

test('an event that cannot be written undoes the command', async () => {
  await prisma.$executeRaw`ALTER TABLE audit_events ADD CONSTRAINT forced CHECK (type <> 'account.created')`;
  const { code, out, err } = await createCommand(env)(['account', 'add', 'bo@contoso.test']);
  assert.equal(code, 1);
  assert.equal(out, '');
  assert.doesNotMatch(err, STACK);
  assert.equal(await prisma.account.count(), 0);
});

test('a bad configuration is told whole, with 1', async () => {
  const { code, err } = await createCommand({ PORT: 'x', DATABASE_URL: 'mysql://x' })(['account', 'list']);
  assert.equal(code, 1);
  assert.match(err, /PORT is "x"[\s\S]*DATABASE_URL is not a Postgres address/);
});

test('no command and an unknown command answer 2; every command helps with 0 and no database', async () => {
  const consentry = createCommand(NO_DATABASE);
  assert.equal((await consentry([])).code, 2);
  assert.equal((await consentry(['client'])).code, 2);
  assert.equal((await consentry(['client', 'destroy'])).code, 2);
  const commands = ['', 'account', 'account add', 'account list', 'account disable', 'account enable'];
  commands.push('resource add', 'resource list', 'client add', 'client list', 'client revoke');
  commands.push('consent list', 'consent revoke', 'migrate');
  for (const command of commands) {
    const { code, out } = await consentry([...command.split(' ').filter(Boolean), '--help']);
    assert.equal(code, 0);
    assert.match(out, /^Usage: consentry/);
    if (command.includes(' ')) assert.match(out, /\nExamples:\n {2}\$ npx consentry/, command);
  }
});
