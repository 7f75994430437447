/** A database, cheap hashing and a clock to turn, for the tests of accounts. */
import { randomBytes } from 'node:crypto';
import { createAccounts } from '../../src/accounts/account.ts';
import { createGeneratedMarks } from '../../src/accounts/generated-marks.ts';
import type { PasswordCost } from '../../src/accounts/password-cost.ts';
import { createPasswords } from '../../src/accounts/passwords.ts';
import { createSecondFactor } from '../../src/accounts/second-factor.ts';
import { createSecondFactorStore } from '../../src/accounts/second-factor-store.ts';
import { createAccountStore } from '../../src/accounts/store.ts';
import { createThrottle } from '../../src/accounts/throttle.ts';
import { createThrottleStore } from '../../src/accounts/throttle-store.ts';
import { createSealing } from '../../src/keys/sealing.ts';
import { createArtifactStore } from '../../src/storage/artifacts.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { createDatabase } from '../../src/storage/transactions.ts';
import { createTestDatabase } from '../database.ts';

export const cheap: PasswordCost = { memoryCost: 64, timeCost: 2, parallelism: 1 };
const quiet = { info() {}, warn() {}, error() {} };

export async function openAccounts() {
  const own = await createTestDatabase();
  const opened = await openDatabase({ databaseUrl: own.url, dataDir: '/', log: quiet, mode: 'serve' });
  const clock = { at: new Date('2026-11-23T12:00:00Z') };
  const now = () => clock.at;
  const sealing = createSealing(randomBytes(32));

  /** What one process has. */
  function createProcess(passwords = createPasswords({ cost: cheap })) {
    const db = createDatabase(opened.prisma);
    const store = createAccountStore(db);
    const throttle = createThrottle({ store: createThrottleStore(db), hmac: sealing.hmac, now });
    const secondFactor = createSecondFactor({ store: createSecondFactorStore(db), sealing, brand: 'Contoso ID', now });
    const generated = createGeneratedMarks({ artifacts: createArtifactStore({ database: db, sealing, now }) });
    const accounts = createAccounts({ store, passwords, throttle, secondFactor, generated, now });
    return { db, store, passwords, throttle, secondFactor, generated, accounts };
  }

  return {
    prisma: opened.prisma,
    now,
    createProcess,
    ...createProcess(),
    passSeconds(seconds: number) {
      clock.at = new Date(clock.at.getTime() + seconds * 1000);
    },
    async empty() {
      await opened.prisma.signInThrottle.deleteMany();
      await opened.prisma.account.deleteMany();
    },
    async close() {
      await opened.close();
      await own.drop();
    },
  };
}
