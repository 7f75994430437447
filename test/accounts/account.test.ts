import assert from 'node:assert/strict';
import { after, beforeEach, describe, test } from 'node:test';
import { openAccounts } from './fixture.ts';

const room = await openAccounts();
const { accounts, store } = room;
const email = 'ana@example.com';
const currentPassword = 'correct horse battery';
const newPassword = 'staple correct horse';
const address = '192.0.2.1';
let accountId = '';

after(() => room.close());
beforeEach(async () => {
  await room.empty();
  const added = await accounts.add({ email, role: 'user', password: currentPassword });
  assert.ok(added.ok);
  accountId = added.account.id;
});

async function addOwner(name: string): Promise<string> {
  const added = await accounts.add({ email: `${name}@example.com`, role: 'owner' });
  assert.ok(added.ok);
  return added.account.id;
}

describe('adding', () => {
  test('an account is found by identifier and by address, however written', async () => {
    const account = await store.findByEmail(' ANA@example.COM');
    assert.deepEqual(account, {
      id: accountId,
      email,
      name: null,
      role: 'user',
      createdAt: room.now(),
      disabledAt: null,
      disabledBy: [],
      breakGlass: false,
      locale: null,
    });
    assert.deepEqual(await store.findById(accountId), account);
    assert.deepEqual(await store.list(), [account]);
    assert.equal(await store.findById('nobody'), undefined);
    assert.match(accountId, /^[A-Za-z0-9_-]{22}$/);
  });

  test('an address is taken once, also for two who ask at once, and the transaction goes on', async () => {
    const both = await Promise.all(
      ['Bob@example.com', 'bob@EXAMPLE.com'].map((one) => accounts.add({ email: one, role: 'user' })),
    );
    assert.deepEqual(both.map(({ ok }) => ok).sort(), [false, true]);
    await room.db.unit(async () => {
      assert.deepEqual(await accounts.add({ email, role: 'user' }), { ok: false, reason: 'exists' });
      assert.ok((await accounts.add({ email: 'eve@example.com', role: 'user' })).ok);
    });
    assert.equal((await store.list()).length, 3);
  });

  test('a password is generated where none is given, and only then told', async () => {
    const generated = await accounts.add({ email: 'bob@example.com', role: 'user' });
    assert.ok(generated.ok && generated.password);
    const result = await accounts.signIn({
      email: 'bob@example.com',
      password: generated.password,
      address,
      binding: 'a page',
    });
    assert.ok(result.ok);
    const given = await accounts.add({ email: 'eve@example.com', role: 'user', password: currentPassword });
    assert.ok(given.ok && given.password === undefined);
  });

  test('a bad address and a bad password are refused', async () => {
    assert.deepEqual(await accounts.add({ email: 'nobody', role: 'user' }), { ok: false, reason: 'bad_email' });
    const short = await accounts.add({ email: 'bob@example.com', role: 'user', password: 'short' });
    assert.deepEqual(short, { ok: false, reason: 'too_short' });
  });
});

describe('changing the password', () => {
  const change = (wanted: Partial<Parameters<typeof accounts.changePassword>[0]> = {}) =>
    accounts.changePassword({ accountId, currentPassword, newPassword, address, ...wanted });

  test('the new password signs in and the old one no longer does', async () => {
    assert.deepEqual(await change(), { ok: true });
    assert.ok((await accounts.signIn({ email, password: newPassword, address, binding: 'a page' })).ok);
    assert.ok(!(await accounts.signIn({ email, password: currentPassword, address, binding: 'a page' })).ok);
  });

  test('without the current password nothing changes, and guessing it rests like signing in', async () => {
    for (let time = 0; time < 5; time += 1) {
      assert.deepEqual(await change({ currentPassword: 'wrong password' }), { ok: false, reason: 'credentials' });
    }
    assert.deepEqual(await change(), { ok: false, reason: 'throttled', retryAfterSeconds: 5 });
    room.passSeconds(5);
    assert.ok((await accounts.signIn({ email, password: currentPassword, address, binding: 'a page' })).ok);
  });

  test('a new password that breaks a rule, or is the current one, is refused', async () => {
    assert.deepEqual(await change({ newPassword: 'short' }), { ok: false, reason: 'too_short' });
    assert.deepEqual(await change({ newPassword: email }), { ok: false, reason: 'same_as_email' });
    assert.deepEqual(await change({ newPassword: currentPassword }), { ok: false, reason: 'unchanged' });
  });

  test('of two changes at once one wins, and the loser learns it', async () => {
    const results = await Promise.all([
      change({ newPassword: 'the first new one' }),
      room.createProcess().accounts.changePassword({ accountId, currentPassword, newPassword, address }),
    ]);
    assert.deepEqual(results.map(({ ok }) => ok).sort(), [false, true]);
  });

  test('a disabled account changes nothing', async () => {
    await accounts.disable(accountId);
    assert.deepEqual(await change(), { ok: false, reason: 'credentials' });
  });
});

describe('disabling', () => {
  test('it shows at once, keeps its date, and can be taken back', async () => {
    assert.equal(await accounts.disable(accountId), 'disabled');
    const at = (await store.findById(accountId))?.disabledAt;
    assert.deepEqual(at, room.now());
    room.passSeconds(60);
    assert.equal(await accounts.disable(accountId), 'disabled');
    assert.deepEqual((await store.findById(accountId))?.disabledAt, at);
    assert.equal(await store.enable(accountId), 'enabled');
    assert.equal((await store.findById(accountId))?.disabledAt, null);
  });

  test('an account that does not exist is unknown', async () => {
    assert.equal(await accounts.disable('nobody'), 'unknown');
    assert.equal(await store.enable('nobody'), 'unknown');
  });

  test('the last owner cannot be disabled, also by two owners who disable each other at once', async () => {
    const one = await addOwner('one');
    assert.equal(await accounts.disable(one), 'last_owner');
    const two = await addOwner('two');
    const results = await Promise.all([accounts.disable(one), room.createProcess().accounts.disable(two)]);
    assert.deepEqual(results.sort(), ['disabled', 'last_owner']);
    assert.equal(await store.countOwners(), 1);
  });
});
