import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { AppError } from '../../src/errors.ts';
import { loadMasterKey } from '../../src/keys/master-key.ts';

const parent = await mkdtemp(join(tmpdir(), 'consentry-key-'));
after(() => rm(parent, { recursive: true }));
const freshDir = () => join(parent, randomBytes(6).toString('hex'), 'data');

test('a configured key is used, and nothing is written', async () => {
  const masterKey = randomBytes(32);
  const dataDir = freshDir();
  assert.equal(await loadMasterKey({ masterKey, dataDir }), masterKey);
  await assert.rejects(stat(dataDir), { code: 'ENOENT' });
});

test('the first start generates a key that only its owner can read; later starts find the same', async () => {
  const dataDir = freshDir();
  const key = await loadMasterKey({ dataDir });
  assert.equal(key.length, 32);
  assert.equal((await stat(join(dataDir, 'master-key'))).mode & 0o777, 0o600);
  assert.deepEqual(await loadMasterKey({ dataDir }), key);
});

test('processes that start at once get the same key, and leave nothing else behind', async () => {
  const dataDir = freshDir();
  const keys = await Promise.all(Array.from({ length: 20 }, () => loadMasterKey({ dataDir })));
  for (const key of keys) assert.deepEqual(key, keys[0]);
  assert.deepEqual(await readdir(dataDir), ['master-key']);
});

test('a key file that was opened to others is closed again', async () => {
  const dataDir = freshDir();
  await loadMasterKey({ dataDir });
  await chmod(join(dataDir, 'master-key'), 0o644);
  await loadMasterKey({ dataDir });
  assert.equal((await stat(join(dataDir, 'master-key'))).mode & 0o777, 0o600);
});

for (const [what, content] of [
  ['empty', ''],
  ['cut off', 'c2hvcnQ=\n'],
  ['not base64', `${'?'.repeat(44)}\n`],
  ['followed by something else', `${randomBytes(32).toString('base64')}\nmore\n`],
] as const) {
  test(`a key file that is ${what} is refused with its path, and never overwritten`, async () => {
    const dataDir = freshDir();
    await loadMasterKey({ dataDir });
    const path = join(dataDir, 'master-key');
    await writeFile(path, content);
    await assert.rejects(loadMasterKey({ dataDir }), (error) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.code, 'bad_master_key');
      assert.ok(error.message.includes(path));
      return true;
    });
    assert.equal(await readFile(path, 'utf8'), content);
  });
}

test('a data directory that cannot be written is named', async () => {
  const file = join(parent, 'a-file');
  await writeFile(file, '');
  await assert.rejects(loadMasterKey({ dataDir: join(file, 'data') }), { code: 'bad_master_key', message: /a-file/ });
});
