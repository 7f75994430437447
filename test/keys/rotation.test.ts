/** Keys that take turns: published before they sign and after, one change at a time, each in the record. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { createAudit } from '../../src/audit/store.ts';
import { createKeyset } from '../../src/keys/keyset.ts';
import { createSealing } from '../../src/keys/sealing.ts';
import { createKeyStore } from '../../src/keys/store.ts';
import { watchKeys } from '../../src/keys/watch.ts';
import { type OpenDatabase, openDatabase } from '../../src/storage/database.ts';
import { createDatabase } from '../../src/storage/transactions.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';

const sealing = createSealing(randomBytes(32));
const quiet = { info() {}, warn() {}, error() {} };
const START = Date.parse('2026-11-23T12:00:00Z');
/** Of the longest token, and for clocks that differ. */
const OVERLAP = 3900;

let database: TestDatabase;
let open: OpenDatabase;
let at = START;
let seen = 0n;
const now = () => new Date(at);
const pass = (seconds: number) => {
  at += seconds * 1000;
};
const since = (seconds: number) => new Date(START + seconds * 1000);

/** As another process would have it. */
function createProcess() {
  const db = createDatabase(open.prisma);
  const keyset = createKeyset({
    store: createKeyStore(db),
    sealing,
    audit: createAudit({ database: db, now }),
    database: db,
    now,
  });
  return { db, keyset };
}

const kids = async (keyset = createProcess().keyset) => (await keyset.load()).publicJwks.keys.map(({ kid }) => kid);
const states = async (keyset = createProcess().keyset) => (await keyset.list()).map(({ kid, state }) => [state, kid]);
const recorded = async () =>
  (await open.prisma.auditEvent.findMany({ where: { seq: { gt: seen } }, orderBy: { seq: 'asc' } })).map(
    ({ type, reason, details }) => ({
      type,
      reason,
      ...(details as object),
    }),
  );

before(async () => {
  database = await createTestDatabase();
  open = await openDatabase({ databaseUrl: database.url, dataDir: '/', log: quiet, mode: 'serve' });
});
after(async () => {
  await open.close();
  await database.drop();
});
beforeEach(async () => {
  at = START;
  await open.prisma.signingKey.deleteMany();
  seen = (await open.prisma.auditEvent.aggregate({ _max: { seq: true } }))._max.seq ?? 0n;
});

test('a next key is published at once, signs after an hour, and the one before it stays until nothing it signed lives', async () => {
  const { keyset } = createProcess();
  const [first] = await kids(keyset);
  const made = await keyset.rotate();
  assert.deepEqual(
    [made.state, made.activeFrom, made.publishedUntil, made.createdAt],
    ['next', since(3600), undefined, since(0)],
  );
  assert.deepEqual(await kids(), [first, made.kid], 'the first of the set signs');
  pass(3599);
  assert.deepEqual(await kids(), [first, made.kid]);
  assert.deepEqual(await states(), [
    ['next', made.kid],
    ['current', first],
  ]);
  pass(1);
  assert.deepEqual(await kids(), [made.kid, first]);
  assert.deepEqual(
    (await keyset.list()).map(({ kid, state, publishedUntil }) => ({ kid, state, publishedUntil })),
    [
      { kid: made.kid, state: 'current', publishedUntil: undefined },
      { kid: first, state: 'previous', publishedUntil: since(3600 + OVERLAP) },
    ],
  );
  pass(OVERLAP - 1);
  assert.deepEqual(await keyset.retireDue(), []);
  assert.deepEqual(await kids(), [made.kid, first]);
  pass(1);
  assert.deepEqual(await keyset.retireDue(), [first]);
  assert.deepEqual(await keyset.retireDue(), []);
  assert.deepEqual(await kids(), [made.kid]);
  assert.deepEqual(await states(), [
    ['current', made.kid],
    ['retired', first],
  ]);
});

test('no plan lets a key sign before caches of the set have had time, or after a month', async () => {
  const { keyset } = createProcess();
  await keyset.load();
  for (const inSeconds of [0, 899, -3600, 900.5, Number.NaN, 30 * 86_400 + 1]) {
    await assert.rejects(async () => keyset.rotate({ inSeconds }), { code: 'bad_input', status: 400 });
  }
  const { activeFrom } = await keyset.rotate({ inSeconds: 900 });
  assert.deepEqual(activeFrom, since(900));
});

test('while a next key waits there is no second one; in an emergency it is the one that begins at once', async () => {
  const { keyset } = createProcess();
  const [first] = await kids(keyset);
  const { kid: second } = await keyset.rotate();
  await assert.rejects(keyset.rotate(), { code: 'key_pending', message: /2026-11-23T13:00:00/ });
  pass(10);
  assert.equal((await keyset.rotate({ now: true })).kid, second);
  assert.deepEqual(await kids(), [second, first]);
  const third = await keyset.rotate({ now: true });
  assert.notEqual(third.kid, second);
  pass(1);
  assert.deepEqual(await states(), [
    ['current', third.kid],
    ['previous', second],
    ['previous', first],
  ]);
});

test('of two that begin in one instant the later one signs', async () => {
  const { keyset } = createProcess();
  await keyset.load();
  const made = [];
  for (let turn = 0; turn < 5; turn += 1) made.push((await keyset.rotate({ now: true })).kid);
  pass(1);
  assert.equal((await kids())[0], made.at(-1));
});

test('a key that somebody else may have is gone at once, private half and all', async () => {
  const { keyset } = createProcess();
  const [first = ''] = await kids(keyset);
  const { kid: waiting } = await keyset.rotate();
  assert.equal((await keyset.retire(waiting)).kid, first);
  pass(1);
  const { kid: second } = await keyset.rotate({ now: true });
  assert.equal((await keyset.retire(first)).kid, second);
  assert.deepEqual(await kids(), [second]);
  await assert.rejects(keyset.retire(first), { code: 'key_retired' });
  for (const unknown of ['nobody', '\0', `${second} `]) {
    await assert.rejects(keyset.retire(unknown), { code: 'unknown_key', status: 404 });
  }
  const rows = await open.prisma.signingKey.findMany({ where: { retiredAt: { not: null } } });
  assert.deepEqual(
    rows.map(({ privateJwk }) => privateJwk.length),
    [0, 0],
  );
  assert.deepEqual([await keyset.isRetired(first), await keyset.isRetired(second)], [true, false]);
});

test('where the one that signs is retired a new one signs from that moment on, never one that signed before', async () => {
  const { keyset } = createProcess();
  const [first = ''] = await kids(keyset);
  const { kid: second } = await keyset.retire(first);
  assert.deepEqual(
    [await kids(), await states()],
    [
      [second],
      [
        ['current', second],
        ['retired', first],
      ],
    ],
  );
  pass(10);
  const { kid: third } = await keyset.rotate({ now: true });
  const { kid: fourth } = await keyset.retire(third);
  assert.ok(![first, second, third].includes(fourth));
  assert.deepEqual(await kids(), [fourth, second], 'what the second signed stays good, and it signs nothing more');
  pass(OVERLAP);
  assert.deepEqual(await keyset.retireDue(), [second]);
  assert.deepEqual(await kids(), [fourth]);
});

test('where a next key is published already, that one begins in its place, though one before it is living', async () => {
  const { keyset } = createProcess();
  const [first = ''] = await kids(keyset);
  pass(10);
  const { kid: second } = await keyset.rotate({ now: true });
  const { kid: waiting } = await keyset.rotate();
  pass(1);
  assert.equal((await keyset.retire(second)).kid, waiting);
  assert.deepEqual(await kids(), [waiting, first]);
  assert.deepEqual(
    (await recorded()).slice(-2).map(({ type, reason }) => [type, reason]),
    [
      ['key.activated', null],
      ['key.retired', 'administrator'],
    ],
  );
});

test('who changes keys is in the record, with what was before and what is now', async () => {
  const { keyset } = createProcess();
  const [first] = await kids(keyset);
  const { kid: second } = await keyset.rotate();
  await keyset.rotate({ now: true });
  pass(OVERLAP + 1);
  await keyset.retireDue();
  const { kid: third } = await keyset.rotate({ now: true });
  await keyset.retire(second);
  const iso = (seconds: number) => since(seconds).toISOString();
  const alg = 'ES256';
  assert.deepEqual(await recorded(), [
    { type: 'key.created', reason: null, kid: first, alg, activeFrom: iso(0) },
    { type: 'key.created', reason: null, kid: second, alg, activeFrom: iso(3600) },
    { type: 'key.activated', reason: null, kid: second, before: iso(3600), after: iso(0.001) },
    { type: 'key.retired', reason: 'overlap_over', kid: first, was: 'previous', publishedUntil: iso(OVERLAP + 0.001) },
    { type: 'key.created', reason: null, kid: third, alg, activeFrom: iso(OVERLAP + 1) },
    { type: 'key.retired', reason: 'administrator', kid: second, was: 'previous', signsNow: third },
  ]);
});

test('of many processes that rotate and retire at once, one does', async () => {
  const [first] = await kids();
  const turns = await Promise.allSettled(Array.from({ length: 8 }, () => createProcess().keyset.rotate()));
  assert.equal(turns.filter(({ status }) => status === 'fulfilled').length, 1);
  assert.equal((await kids()).length, 2);
  pass(3600 + OVERLAP);
  const retired = await Promise.all(Array.from({ length: 8 }, () => createProcess().keyset.retireDue()));
  assert.deepEqual(retired.flat(), [first]);
  assert.equal((await recorded()).filter(({ type }) => type === 'key.retired').length, 1);
});

test('the process that changed a key goes by it before its answer leaves, and by nothing that was rolled back', async () => {
  const { db, keyset } = createProcess();
  const watch = await watchKeys({ keyset });
  keyset.onChange(() => watch.look());
  const followed: string[] = [];
  watch.onChange(({ jwks }) => followed.push(String(jwks.keys[0]?.kid)));
  const [first] = watch.current().jwks.keys;
  await assert.rejects(
    db.unit(async () => {
      await keyset.rotate({ now: true });
      throw new Error('rolled back');
    }),
    /rolled back/,
  );
  assert.deepEqual([watch.current().jwks.keys, followed], [[first], []]);
  pass(1);
  const { kid } = await keyset.rotate({ now: true });
  assert.deepEqual(followed, [kid]);
  assert.deepEqual(
    watch.current().publicJwks.keys.map((key) => key.kid),
    [kid, first?.kid],
  );
  await watch.look();
  assert.deepEqual(followed, [kid], 'nothing is made anew where nothing changed');
});

test('a process whose clock is behind the one that made the only key signs with it', async () => {
  const [first] = await kids();
  at -= 3_600_000;
  assert.deepEqual(await kids(), [first]);
  assert.deepEqual(await states(), [['current', first]]);
});
