/** Who a person of a connection is here: by connection, issuer and subject, and by nothing else. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { createAccounts } from '../../src/accounts/account.ts';
import { createGeneratedMarks } from '../../src/accounts/generated-marks.ts';
import { createPasswords } from '../../src/accounts/passwords.ts';
import { createSecondFactor } from '../../src/accounts/second-factor.ts';
import { createSecondFactorStore } from '../../src/accounts/second-factor-store.ts';
import { createAccountStore } from '../../src/accounts/store.ts';
import { createThrottle } from '../../src/accounts/throttle.ts';
import { createThrottleStore } from '../../src/accounts/throttle-store.ts';
import { createSealing } from '../../src/keys/sealing.ts';
import { createArtifactStore } from '../../src/storage/artifacts.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { createDatabase, type Database } from '../../src/storage/transactions.ts';
import { createLog } from '../../src/web/log.ts';
import { createTestDatabase } from '../database.ts';

const PASSWORD = 'correct horse battery staple';
const ANA = { connectionId: 'contoso', issuer: 'https://id.contoso.test', subject: 'ana', email: 'ana@contoso.test' };

describe('identities', () => {
  let database: Database;
  let close: () => Promise<void>;
  let accounts: ReturnType<typeof createAccounts>;
  let store: ReturnType<typeof createAccountStore>;
  before(async () => {
    const fresh = await createTestDatabase();
    const log = createLog({ level: 'fatal' });
    const opened = await openDatabase({ databaseUrl: fresh.url, dataDir: '/unused', log, mode: 'serve' });
    close = async () => {
      await opened.close();
      await fresh.drop();
    };
    database = createDatabase(opened.prisma);
    const sealing = createSealing(randomBytes(32));
    const now = () => new Date();
    store = createAccountStore(database);
    const passwords = createPasswords({ cost: { memoryCost: 64, timeCost: 2, parallelism: 1 } });
    const throttle = createThrottle({ store: createThrottleStore(database), hmac: sealing.hmac, now });
    const factors = createSecondFactorStore(database);
    const secondFactor = createSecondFactor({ store: factors, sealing, brand: 'Contoso ID', now });
    const generated = createGeneratedMarks({ artifacts: createArtifactStore({ database, sealing, now }) });
    accounts = createAccounts({ store, passwords, throttle, secondFactor, generated, now });
  });
  after(() => close?.());

  const come = async (identity: Partial<typeof ANA> = {}) => {
    const outcome = await accounts.signInByIdentity({ ...ANA, ...identity }, 'first_sign_in');
    assert.ok(outcome.ok);
    return outcome;
  };

  it('twenty callbacks of a new person at once make one account', async () => {
    const subject = 'crowd';
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => database.unit(() => come({ subject }))));
    assert.equal(new Set(outcomes.map(({ account }) => account.id)).size, 1);
    assert.equal(outcomes.filter(({ created }) => created).length, 1);
    const rows = await database.direct.identity.findMany({ where: { subject } });
    assert.equal(rows.length, 1);
    assert.equal(await database.direct.account.count(), 1);
  });

  it('who comes while the account is being made waits for it', async () => {
    const subject = 'twice';
    const gate = Promise.withResolvers<void>();
    const made = Promise.withResolvers<void>();
    const first = database.unit(async () => {
      const outcome = await come({ subject });
      made.resolve();
      await gate.promise;
      return outcome;
    });
    await made.promise;
    const second = database.unit(() => come({ subject }));
    const waiting = () =>
      database.direct.$queryRaw<unknown[]>`
        SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.datname = current_database()`;
    while ((await waiting()).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    gate.resolve();
    assert.equal((await second).account.id, (await first).account.id);
    assert.equal((await second).created, false);
  });

  it('the same person comes back as themselves, whatever their e-mail address is by now', async () => {
    const first = await come();
    const again = await come({ email: 'ana.lima@contoso.test' });
    assert.equal(first.created, true);
    assert.equal(again.created, false);
    assert.equal(again.account.id, first.account.id);
    assert.equal(first.account.role, 'user');
    assert.deepEqual(await store.listIdentities(first.account.id), [
      { connectionId: 'contoso', issuer: 'https://id.contoso.test', subject: 'ana' },
    ]);
  });

  it('the same e-mail address from another connection, issuer or subject, or of a local account, is somebody else (threat 19)', async () => {
    const local = await accounts.add({ email: ANA.email, role: 'owner', password: PASSWORD });
    assert.ok(local.ok);
    const people = [
      await come(),
      await come({ connectionId: 'fabrikam' }),
      await come({ issuer: 'https://id.fabrikam.test' }),
      await come({ subject: 'ana-again' }),
    ];
    const ids = new Set([local.account.id, ...people.map(({ account }) => account.id)]);
    assert.equal(ids.size, 5);
    assert.equal((await store.findByEmail(ANA.email))?.id, local.account.id, 'an address leads to local accounts only');
  });

  it('a key that another order of the same letters would make is another person', async () => {
    const one = await come({ connectionId: 'a', issuer: 'b","c', subject: 'd' });
    const other = await come({ connectionId: 'a', issuer: 'b', subject: 'c","d' });
    assert.notEqual(one.account.id, other.account.id);
  });

  it('has no password: nobody signs in as them by their address', async () => {
    const { account } = await come({ subject: 'only-upstream', email: 'only@contoso.test' });
    const answer = await accounts.signIn({
      email: account.email,
      password: PASSWORD,
      address: '192.0.2.1',
      binding: 'x',
    });
    assert.equal(answer.ok, false);
    assert.equal(await store.findByEmail(account.email), undefined);
    const changed = await accounts.changePassword({
      accountId: account.id,
      currentPassword: '',
      newPassword: PASSWORD,
      address: '192.0.2.1',
    });
    assert.equal(changed.ok, false);
  });

  it('a disabled person stays out', async () => {
    const { account } = await come({ subject: 'leaver' });
    assert.equal(await accounts.disable(account.id), 'disabled');
    const outcome = await accounts.signInByIdentity({ ...ANA, subject: 'leaver' }, 'first_sign_in');
    assert.ok(!outcome.ok);
    assert.deepEqual([outcome.reason, outcome.account?.id], ['disabled', account.id]);
  });

  it('where a directory sends people, nobody comes by an identity that it did not send, and the one it sent does', async () => {
    const sent = { connectionId: 'directory', issuer: ANA.issuer, subject: 'sent' };
    assert.deepEqual(await accounts.signInByIdentity(sent, 'scim'), { ok: false, reason: 'not_provisioned' });
    assert.equal(await store.findByIdentity(sent), undefined, 'and nobody is made');
    const { account } = await come({ subject: 'known' });
    const at = new Date();
    await database.direct.identity.create({ data: { ...sent, accountId: account.id, createdAt: at } });
    const outcome = await accounts.signInByIdentity(sent, 'scim');
    assert.ok(outcome.ok);
    assert.equal(outcome.account.id, account.id);
  });

  it('an orphaned identity lets nobody in and makes nobody new', async () => {
    const { account } = await come({ subject: 'orphan' });
    const key = { ...ANA, subject: 'orphan' };
    await database.direct.identity.updateMany({ where: { subject: 'orphan' }, data: { orphanedAt: new Date() } });
    const people = await database.direct.account.count();
    const outcome = await accounts.signInByIdentity(key, 'first_sign_in');
    assert.ok(!outcome.ok);
    assert.deepEqual([outcome.reason, outcome.account?.id], ['orphaned', account.id]);
    assert.equal(await store.findByIdentity(key), undefined);
    assert.deepEqual(await store.listIdentities(account.id), []);
    assert.equal(await database.direct.account.count(), people);
  });
});
