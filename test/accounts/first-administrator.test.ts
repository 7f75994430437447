import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { ensureFirstAdministrator } from '../../src/accounts/first-administrator.ts';
import { openAccounts } from './fixture.ts';

const room = await openAccounts();
const dataDir = await mkdtemp(join(tmpdir(), 'consentry-admin-'));
const passwordFile = join(dataDir, 'first-administrator.txt');
const address = '192.0.2.1';

after(async () => {
  await room.close();
  await rm(dataDir, { recursive: true });
});
beforeEach(async () => {
  await room.empty();
  await rm(passwordFile, { force: true });
});

type Options = Partial<Parameters<typeof ensureFirstAdministrator>[0]>;
function ensure(options: Options = {}) {
  const { store, generated, passwords } = room.createProcess();
  return ensureFirstAdministrator({
    store,
    generated,
    passwords,
    now: room.now,
    dataDir,
    isTerminal: true,
    ...options,
  });
}

test('on a terminal the generated password is told once and written nowhere', async () => {
  const first = await ensure();
  assert.ok(first.created && first.email === 'admin@localhost' && first.password);
  const signedIn = await room.accounts.signIn({
    email: first.email,
    password: first.password,
    address,
    binding: 'a page',
  });
  assert.ok(signedIn.ok && signedIn.account.role === 'owner');
  assert.deepEqual(await readdir(dataDir), []);
  assert.deepEqual(await ensure(), { created: false });
});

test('without a terminal it is in a file that only its owner can read, whose path later starts still tell', async () => {
  const first = await ensure({ isTerminal: false });
  assert.deepEqual(first, { created: true, email: 'admin@localhost', passwordFile });
  assert.equal((await stat(passwordFile)).mode & 0o777, 0o600);
  const password = /^Password: (.*)$/m.exec(await readFile(passwordFile, 'utf8'))?.[1] ?? '';
  assert.ok((await room.accounts.signIn({ email: 'admin@localhost', password, address, binding: 'a page' })).ok);
  assert.deepEqual(await ensure({ isTerminal: false }), { created: false, passwordFile });
});

test('a file that is left from an earlier database is replaced and closed to others', async () => {
  await writeFile(passwordFile, 'Password: old\n'.repeat(50));
  await chmod(passwordFile, 0o644);
  await ensure({ isTerminal: false });
  assert.doesNotMatch(await readFile(passwordFile, 'utf8'), /old/);
  assert.equal((await stat(passwordFile)).mode & 0o777, 0o600);
});

test('a configured administrator is created with the configured password, which is told nobody', async () => {
  const own = { adminEmail: 'Root@Example.com', adminPassword: 'configured password', isTerminal: false };
  assert.deepEqual(await ensure(own), { created: true, email: 'root@example.com' });
  assert.ok(
    (await room.accounts.signIn({ email: 'root@example.com', password: own.adminPassword, address, binding: 'a page' }))
      .ok,
  );
  assert.deepEqual(await readdir(dataDir), []);
});

test('where there is any account nothing is created', async () => {
  await room.accounts.add({ email: 'ana@example.com', role: 'user' });
  assert.deepEqual(await ensure({ adminPassword: 'configured password' }), { created: false });
  assert.equal((await room.store.list()).length, 1);
});

test('of several processes one creates it, and the file holds the password that works', async () => {
  const results = await Promise.all(Array.from({ length: 6 }, () => ensure({ isTerminal: false })));
  assert.equal(results.filter(({ created }) => created).length, 1);
  assert.equal((await room.store.list()).length, 1);
  const password = /^Password: (.*)$/m.exec(await readFile(passwordFile, 'utf8'))?.[1] ?? '';
  assert.ok((await room.accounts.signIn({ email: 'admin@localhost', password, address, binding: 'a page' })).ok);
});

test('where the password cannot be written nobody is created whose password is unknown', async () => {
  await writeFile(join(dataDir, 'in-the-way'), '');
  const blocked = join(dataDir, 'in-the-way', 'data');
  await assert.rejects(ensure({ isTerminal: false, dataDir: blocked }), { code: 'first_administrator' });
  assert.ok(await room.store.isEmpty());
  await rm(join(dataDir, 'in-the-way'));
});
