import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { calculateJwkThumbprint, createLocalJWKSet, importJWK, jwtVerify, SignJWT } from 'jose';
import { createAudit } from '../../src/audit/store.ts';
import { createKeyset } from '../../src/keys/keyset.ts';
import { createSealing } from '../../src/keys/sealing.ts';
import { createKeyStore } from '../../src/keys/store.ts';
import { type OpenDatabase, openDatabase } from '../../src/storage/database.ts';
import { createDatabase } from '../../src/storage/transactions.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';

const now = () => new Date('2026-11-23T12:00:00Z');
const masterKey = randomBytes(32);
const quiet = { info() {}, warn() {}, error() {} };

let database: TestDatabase;
let open: OpenDatabase;

/** As another process would, with connections of its own where `opened` is another. */
function keyset(key = masterKey, opened = open) {
  const database = createDatabase(opened.prisma);
  const audit = createAudit({ database, now });
  return createKeyset({ store: createKeyStore(database), sealing: createSealing(key), audit, database, now });
}

before(async () => {
  database = await createTestDatabase();
  open = await openDatabase({ databaseUrl: database.url, dataDir: '/', log: quiet, mode: 'serve' });
});
after(async () => {
  await open.close();
  await database.drop();
});
beforeEach(async () => {
  await open.prisma.signingKey.deleteMany();
});

test('the first start makes an ES256 key; later starts find the same', async () => {
  const { jwks, publicJwks } = await keyset().load();
  assert.equal(jwks.keys.length, 1);
  const [key] = jwks.keys;
  assert.ok(key);
  assert.deepEqual([key.kty, key.crv, key.alg, key.use], ['EC', 'P-256', 'ES256', 'sig']);
  assert.equal(key.kid, await calculateJwkThumbprint(key), 'RFC 7638');
  assert.deepEqual(await keyset().load(), { jwks, publicJwks });
});

test('what the private key signs, the published key verifies; nothing private is published', async () => {
  const { jwks, publicJwks } = await keyset().load();
  assert.deepEqual(Object.keys(publicJwks.keys[0] ?? {}).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  const [key] = jwks.keys;
  assert.ok(key);
  const token = await new SignJWT({}).setProtectedHeader({ alg: 'ES256', kid: key.kid }).sign(await importJWK(key));
  await jwtVerify(token, createLocalJWKSet(publicJwks));
});

test('two processes that start at once use one key', async () => {
  const other = await openDatabase({ databaseUrl: database.url, dataDir: '/', log: quiet, mode: 'serve' });
  try {
    const sets = await Promise.all(
      Array.from({ length: 8 }, (_, index) => keyset(masterKey, index % 2 ? open : other).load()),
    );
    for (const set of sets) assert.deepEqual(set, sets[0]);
    assert.equal(await open.prisma.signingKey.count(), 1);
  } finally {
    await other.close();
  }
});

test('the private key is not readable in the database', async () => {
  const { jwks } = await keyset().load();
  const row = await open.prisma.signingKey.findFirstOrThrow();
  const dump = `${JSON.stringify(row.publicJwk)}${Buffer.from(row.privateJwk).toString('latin1')}`;
  assert.ok(!dump.includes(jwks.keys[0]?.d ?? ''));
  assert.ok(!dump.includes('"d"'));
});

test('another master key is refused in words that say what to do', async () => {
  await keyset().load();
  for (let round = 0; round < 20; round += 1) {
    await assert.rejects(keyset(randomBytes(32)).load(), {
      code: 'master_key_differs',
      message: /^MASTER_KEY differs from the one this database was made with/,
    });
  }
  assert.equal(await open.prisma.signingKey.count(), 1, 'and no second key is made');
});

test('a sealed key moved under another identifier is refused', async () => {
  await keyset().load();
  await open.prisma.signingKey.updateMany({ data: { kid: 'another' } });
  await assert.rejects(keyset().load(), { code: 'master_key_differs' });
});

test('a public key written into the database by somebody else is not published', async () => {
  const { publicJwks } = await keyset().load();
  await open.prisma.signingKey.updateMany({ data: { publicJwk: { kty: 'EC', kid: publicJwks.keys[0]?.kid ?? '' } } });
  assert.deepEqual((await keyset().load()).publicJwks, publicJwks);
});

test('a retired key neither signs nor is published; the newest key signs', async () => {
  const first = await keyset().load();
  await open.prisma.signingKey.updateMany({ data: { retiredAt: now() } });
  const second = await keyset().load();
  assert.equal(second.jwks.keys.length, 1);
  assert.notEqual(second.jwks.keys[0]?.kid, first.jwks.keys[0]?.kid);
});
