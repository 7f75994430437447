/** Failed sign-ins in Postgres, outside every transaction of a request: a failure counts although it is rolled back. */
import type { Database } from '../storage/transactions.ts';

export type ThrottleStore = ReturnType<typeof createThrottleStore>;

/** From the `limit`-th failure on, `firstSeconds` of rest, doubled by each further one up to `maxSeconds`. */
export interface ThrottleRule {
  /** At least 2. */
  limit: number;
  firstSeconds: number;
  maxSeconds: number;
  /** Failures are forgotten after so long without another. */
  forgetSeconds: number;
}

export interface Counter {
  key: string;
  failures: number;
  blockedUntil: Date;
}

export function createThrottleStore({ direct }: Pick<Database, 'direct'>) {
  /** Living counters among `keys`. */
  function find(keys: string[], now: Date): Promise<Counter[]> {
    return direct.signInThrottle.findMany({
      where: { key: { in: keys }, expiresAt: { gt: now } },
      select: { key: true, failures: true, blockedUntil: true },
    });
  }

  /** One statement, so that parallel failures all count. */
  async function countFailure(key: string, rule: ThrottleRule, now: Date): Promise<void> {
    const expires = new Date(now.getTime() + rule.forgetSeconds * 1000);
    await direct.$executeRaw`
      INSERT INTO sign_in_throttles AS counter (key, failures, blocked_until, expires_at)
      VALUES (${key}, 1, ${now}::timestamptz, ${expires}::timestamptz)
      ON CONFLICT (key) DO UPDATE SET
        failures = CASE WHEN counter.expires_at <= ${now}::timestamptz THEN 1 ELSE counter.failures + 1 END,
        blocked_until = ${now}::timestamptz + make_interval(secs => CASE
          WHEN counter.expires_at <= ${now}::timestamptz OR counter.failures + 1 < ${rule.limit}::int THEN 0
          ELSE least(${rule.maxSeconds}::float8,
                     ${rule.firstSeconds}::float8 * power(2, least(counter.failures + 1 - ${rule.limit}::int, 30)))
          END),
        expires_at = greatest(counter.expires_at, ${expires}::timestamptz)`;
  }

  /** A counter without failures. */
  async function reset(key: string, now: Date, expiresAt: Date): Promise<void> {
    const fresh = { failures: 0, blockedUntil: now, expiresAt };
    await direct.signInThrottle.upsert({ where: { key }, create: { key, ...fresh }, update: fresh });
  }

  async function clear(key: string): Promise<void> {
    await direct.signInThrottle.deleteMany({ where: { key } });
  }

  return { find, countFailure, reset, clear };
}
