import assert from 'node:assert/strict';
import { after, beforeEach, describe, test } from 'node:test';
import { createPasswords } from '../../src/accounts/passwords.ts';
import { isLocal, type SignInResult } from '../../src/accounts/sign-in.ts';
import { addressBlock } from '../../src/accounts/throttle.ts';
import { cheap, openAccounts } from './fixture.ts';

const room = await openAccounts();
const { accounts, store } = room;
const email = 'ana@example.com';
const password = 'correct horse battery';
let id = '';

after(() => room.close());
beforeEach(async () => {
  await room.empty();
  const added = await accounts.add({ email, role: 'user', password });
  assert.ok(added.ok);
  id = added.account.id;
});

const from = (address: string, tried = password, as = email) =>
  accounts.signIn({ email: as, password: tried, address, binding: 'a page' });
const home = '192.0.2.1';
const elsewhere = '203.0.113.9';
const reasonOf = (result: SignInResult) => (result.ok ? 'ok' : result.reason);

async function fail(times: number, address: string, as = email): Promise<string[]> {
  const reasons: string[] = [];
  for (let time = 0; time < times; time += 1) reasons.push(reasonOf(await from(address, 'wrong password', as)));
  return reasons;
}

describe('signing in', () => {
  test('the right password signs in, however the address is written', async () => {
    const result = await from(home, password, ' ANA@Example.com');
    assert.ok(result.ok);
    assert.equal(result.account.id, id);
    assert.ok(!JSON.stringify(result).includes('argon2'), 'the hash stays in the room');
  });

  test('a wrong password and an unknown account read the same; the record learns whom it aimed at', async () => {
    assert.deepEqual(await from(home, 'wrong password'), { ok: false, reason: 'credentials', accountId: id });
    for (const nobody of ['bob@example.com', '', 'not an address', 'x'.repeat(10_000)]) {
      const result = await from(home, password, nobody);
      assert.deepEqual([result.ok, reasonOf(result)], [false, 'credentials']);
    }
  });

  test('a disabled account cannot sign in, and its password cannot be told from a wrong one by trying', async () => {
    assert.equal(await accounts.disable(id), 'disabled');
    assert.deepEqual(await from(home), { ok: false, reason: 'disabled', accountId: id });
    for (let time = 1; time < 5; time += 1) await from(home);
    assert.equal(reasonOf(await from(home)), 'throttled', 'counted like a failure');
  });

  test('a hash from cheaper times is renewed at sign-in, and the password still works', async () => {
    const dear = room.createProcess(createPasswords({ cost: { ...cheap, timeCost: 8 } }));
    const before = (await store.findSecret({ id }))?.passwordHash;
    assert.ok((await dear.accounts.signIn({ email, password, address: home, binding: 'a page' })).ok);
    const renewed = (await store.findSecret({ id }))?.passwordHash;
    assert.notEqual(renewed, before);
    assert.ok((await dear.accounts.signIn({ email, password, address: home, binding: 'a page' })).ok);
    assert.equal((await store.findSecret({ id }))?.passwordHash, renewed, 'once');
  });

  test('many sign-ins of one person at once all succeed', async () => {
    const results = await Promise.all(Array.from({ length: 30 }, () => from(home)));
    assert.ok(results.every((result) => result.ok));
  });
});

describe('guessing', () => {
  test('after five failures the account rests, longer each time, for the right password too', async () => {
    assert.deepEqual(await fail(5, home), Array(5).fill('credentials'));
    for (const seconds of [5, 10, 20, 40, 80, 160, 300, 300]) {
      const result = await from(elsewhere);
      assert.deepEqual(result, { ok: false, reason: 'throttled', retryAfterSeconds: seconds, accountId: id });
      room.passSeconds(seconds - 1);
      assert.equal(reasonOf(await from(elsewhere)), 'throttled');
      room.passSeconds(1);
      assert.deepEqual(await fail(1, home), ['credentials']);
    }
  });

  test('an account that does not exist rests like one that does', async () => {
    assert.deepEqual(await fail(6, home, 'bob@example.com'), [...Array(5).fill('credentials'), 'throttled']);
  });

  test('an attempt while resting counts for nothing', async () => {
    await fail(5, home);
    await fail(10, home);
    room.passSeconds(5);
    assert.ok((await from(home)).ok);
  });

  test('a success clears the account; an hour without failures does so too', async () => {
    await fail(4, home);
    assert.ok((await from(home)).ok);
    assert.deepEqual(await fail(4, elsewhere), Array(4).fill('credentials'));
    room.passSeconds(3601);
    assert.deepEqual(await fail(5, elsewhere), Array(5).fill('credentials'));
  });

  test('of fifty parallel guesses five are tried', async () => {
    const guesses = await Promise.all(Array.from({ length: 50 }, () => from(home, 'wrong password')));
    assert.equal(guesses.filter((guess) => reasonOf(guess) === 'credentials').length, 5);
  });

  test('parallel failures in several processes all count', async () => {
    const processes = Array.from({ length: 4 }, () => room.createProcess());
    await Promise.all(
      processes.map((one) =>
        one.accounts.signIn({ email, password: 'wrong password', address: home, binding: 'a page' }),
      ),
    );
    const counters = await room.prisma.signInThrottle.findMany();
    assert.deepEqual(
      counters.map(({ failures }) => failures),
      [4, 4],
      'the account and the address',
    );
  });

  test('a stranger who keeps guessing does not lock the person out of a place known for that account', async () => {
    assert.ok((await from(home)).ok);
    await fail(8, elsewhere);
    assert.equal(reasonOf(await from(elsewhere)), 'throttled');
    assert.ok((await from(home)).ok);
    assert.equal(reasonOf(await from(elsewhere)), 'throttled', 'nor does that free the stranger');
    assert.deepEqual(await fail(6, home), [...Array(5).fill('credentials'), 'throttled'], 'known places rest as well');
  });

  test('a place is forgotten after thirty days', async () => {
    assert.ok((await from(home)).ok);
    room.passSeconds(30 * 24 * 3600 + 1);
    await fail(5, elsewhere);
    assert.equal(reasonOf(await from(home)), 'throttled');
  });

  test('an address rests after twenty failures, whatever accounts they aimed at; others go on', async () => {
    for (let n = 0; n < 20; n += 1) assert.deepEqual(await fail(1, elsewhere, `p${n}@example.com`), ['credentials']);
    assert.equal(reasonOf(await from(elsewhere)), 'throttled');
    assert.ok((await from(home)).ok);
  });

  test('a network of IPv6 addresses is one address; an IPv4 address written as IPv6 is itself', () => {
    assert.equal(addressBlock('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64');
    assert.equal(addressBlock('2001:db8:1:2::ffff'), addressBlock('2001:0DB8:1:2:ffff::1'));
    assert.notEqual(addressBlock('2001:db8:1:3::1'), addressBlock('2001:db8:1:2::1'));
    assert.equal(addressBlock('::1'), '0:0:0:0::/64');
    assert.equal(addressBlock('fe80::1%eth0'), 'fe80:0:0:0::/64');
    assert.equal(addressBlock('::ffff:192.0.2.1'), '192.0.2.1');
    assert.equal(addressBlock('192.0.2.1'), '192.0.2.1');
  });

  test('a failure counts although its request is rolled back', async () => {
    await assert.rejects(
      room.db.unit(async () => {
        await fail(5, home);
        await room.db.write((tx) => tx.account.update({ where: { id }, data: { name: 'Rolled Back' } }));
        throw new Error('the request fails');
      }),
    );
    assert.equal((await store.findById(id))?.name, null);
    assert.equal(reasonOf(await from(home)), 'throttled');
  });

  test('what was not tried because too many wait does not count', async () => {
    // Dear enough that the first are still at it when the last arrives.
    const cost = { memoryCost: 19_456, timeCost: 16, parallelism: 1 };
    const full = room.createProcess(createPasswords({ cost, maxWaiting: 0 }));
    const people = Array.from({ length: 12 }, (_, n) => `p${n}@example.com`);
    const results = await Promise.allSettled(
      people.map((person) => full.accounts.signIn({ email: person, password, address: home, binding: 'a page' })),
    );
    const tried = results.filter(({ status }) => status === 'fulfilled').length;
    assert.ok(tried < 12);
    const counters = await room.prisma.signInThrottle.findMany();
    assert.equal(Math.max(...counters.map(({ failures }) => failures)), tried, 'the address');
  });

  test('the table holds neither addresses nor e-mails', async () => {
    await fail(1, home);
    await from(home);
    const rows = await room.prisma.signInThrottle.findMany();
    const dump = JSON.stringify(rows);
    assert.ok(!dump.includes(home) && !dump.includes('ana@') && !dump.includes('example'));
    // Three letters come up in a fingerprint by chance: that it is one is what counts.
    for (const { key } of rows) assert.match(key, /^[\w-]{43}$/);
  });
});

describe('a passkey', () => {
  test('lets in by the rules of a password: nobody who is shut out, and only break-glass accounts while a connection is exclusive', async () => {
    const come = async (breakGlassOnly: boolean) => reasonOf(await accounts.signInByPasskey(id, { breakGlassOnly }));
    assert.deepEqual([await come(false), await come(true)], ['ok', 'not_break_glass']);
    await store.setBreakGlass(id, true);
    assert.equal(await come(true), 'ok');
    await store.disable(id, room.now(), 'upstream:contoso');
    assert.deepEqual([await come(false), await come(true)], ['disabled', 'disabled']);
    assert.equal(reasonOf(await accounts.signInByPasskey('nobody', {})), 'credentials');
  });

  test('makes a session that counts as one of here, as a password does', () => {
    assert.deepEqual([['webauthn'], ['pwd', 'otp'], ['fed'], undefined].map(isLocal), [true, true, false, false]);
  });
});
