/** Passwords: argon2id (RFC 9106), its cost fitted to this machine, off the event loop and bounded in number. */
import { hash as argon2Hash, argon2id, verify as argon2Verify } from 'argon2';
import { maxPasswordBytes, normalisePassword } from '../credentials.ts';
import { calibrateCost, type PasswordCost, workOf } from './password-cost.ts';
import { createQueue } from './queue.ts';

export type Passwords = ReturnType<typeof createPasswords>;

/** `outdated` is right, and should be hashed again because cost has risen since. */
export type PasswordVerdict = 'right' | 'outdated' | 'wrong';

/** Half of libuv's four threads, so that files and name look-ups never wait for passwords. */
const MAX_PARALLEL = 2;
const MAX_WAITING = 64;

/**
 * @param cost fixed; when missing it is calibrated at first use, within a fraction of a second
 * @param maxWaiting beyond which a caller is told to come back (AppError `busy`, 503)
 */
export function createPasswords(options: { cost?: PasswordCost; maxWaiting?: number } = {}) {
  const run = createQueue({ maxParallel: MAX_PARALLEL, maxWaiting: options.maxWaiting ?? MAX_WAITING });
  let calibrated: Promise<PasswordCost> | undefined;
  /** The most work any verification here has cost, which those for nobody must not undercut. */
  let heaviest = 0;

  async function currentCost(): Promise<PasswordCost> {
    if (options.cost) return options.cost;
    if (!calibrated) {
      calibrated = run(() => calibrateCost(spend, MAX_PARALLEL));
      // One that was turned away is tried again.
      calibrated.catch(() => {
        calibrated = undefined;
      });
    }
    return calibrated;
  }

  /** A PHC string that carries its own parameters and salt. */
  async function hash(password: string): Promise<string> {
    const cost = await currentCost();
    return run(() => argon2Hash(normalisePassword(password), { ...cost, type: argon2id }));
  }

  /**
   * Takes as long for an account that does not exist (`undefined`), has no password (`null`), or has one hashed at
   * lower cost, so that the time tells nobody which it was.
   */
  async function check(stored: string | null | undefined, password: string): Promise<PasswordVerdict> {
    const cost = await currentCost();
    const possible = stored && Buffer.byteLength(password) <= maxPasswordBytes ? stored : undefined;
    const spent = possible === undefined ? 0 : workOf(possible);
    heaviest = Math.max(heaviest, spent, workOf(cost));
    return run(async () => {
      const right = possible !== undefined && (await argon2Verify(possible, normalisePassword(password)));
      if (right) return workOf(cost) >= 2 * spent ? 'outdated' : 'right';
      await spendWork(heaviest - spent, cost.memoryCost);
      return 'wrong';
    });
  }

  return { hash, check };
}

async function spendWork(work: number, memoryCost: number): Promise<void> {
  const timeCost = Math.round(work / memoryCost);
  if (timeCost > 0) await spend({ memoryCost, timeCost, parallelism: 1 });
}

async function spend(cost: PasswordCost): Promise<void> {
  await argon2Hash('nobody', { ...cost, type: argon2id, salt: Buffer.alloc(16) });
}
