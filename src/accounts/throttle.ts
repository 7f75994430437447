/** Slows down guessing per account and per address, without letting strangers lock a person out (NIST SP 800-63B-4, 3.2.2). */
import { isIPv6 } from 'node:net';
import { normaliseEmail } from '../credentials.ts';
import { createLine } from './queue.ts';
import type { ThrottleRule, ThrottleStore } from './throttle-store.ts';

export type Throttle = ReturnType<typeof createThrottle>;

/** Who tries: the account's e-mail address, known here or not, and the client's IP address. */
export interface Attempt {
  email: string;
  address: string;
}

export type ThrottleResult<T> = { throttled: true; retryAfterSeconds: number } | { throttled: false; result: T };

const perAccount: ThrottleRule = { limit: 5, firstSeconds: 5, maxSeconds: 300, forgetSeconds: 3600 };
const perAddress: ThrottleRule = { limit: 20, firstSeconds: 5, maxSeconds: 900, forgetSeconds: 3600 };
const KNOWN_SECONDS = 30 * 24 * 3600;
/** For one account at once in this process; in turn, so that parallel guesses count one after the other. */
const MAX_WAITING = 64;

/**
 * An address from which the person signed in during the last 30 days has a counter of its own for that account:
 * strangers who keep guessing do not keep the person out (OWASP "device cookies", by address).
 * @param hmac keyed fingerprint: the table holds no address and no e-mail
 */
export function createThrottle(deps: {
  store: ThrottleStore;
  hmac: (purpose: string, value: string) => string;
  now: () => Date;
}) {
  const { store, now } = deps;
  const inTurn = createLine(MAX_WAITING);
  const key = (kind: string, ...parts: string[]) => deps.hmac('sign-in-throttle', JSON.stringify([kind, ...parts]));

  function keysOf({ email, address }: Attempt) {
    const account = normaliseEmail(email);
    const block = addressBlock(address);
    return { account: key('account', account), address: key('address', block), known: key('known', account, block) };
  }

  /**
   * Runs `verify` unless it is too early, and counts its outcome. What `verify` throws counts as nothing.
   * @param verify whether the person proved to be who they say, with whatever else the caller needs; `unfinished`: more is
   * to be shown, so that this neither counts as a failure nor makes good for those before
   */
  async function attempt<T extends { right: boolean; unfinished?: boolean }>(
    who: Attempt,
    verify: () => Promise<T>,
  ): Promise<ThrottleResult<T>> {
    const keys = keysOf(who);
    const known = (await store.find([keys.known], now())).length > 0;
    const counter = known ? keys.known : keys.account;
    return inTurn(counter, async () => {
      const retryAfterSeconds = await secondsLeft([counter, keys.address]);
      if (retryAfterSeconds > 0) return { throttled: true, retryAfterSeconds };
      const result = await verify();
      if (result.unfinished) return { throttled: false, result };
      if (result.right) await settle(keys, known);
      else await count(keys.address, counter, known);
      return { throttled: false, result };
    });
  }

  async function secondsLeft(keys: string[]): Promise<number> {
    const at = now();
    const counters = await store.find(keys, at);
    const left = counters.map(({ blockedUntil }) => Math.ceil((blockedUntil.getTime() - at.getTime()) / 1000));
    return Math.max(0, ...left);
  }

  async function count(address: string, counter: string, known: boolean): Promise<void> {
    const at = now();
    await store.countFailure(counter, known ? { ...perAccount, forgetSeconds: KNOWN_SECONDS } : perAccount, at);
    await store.countFailure(address, perAddress, at);
  }

  async function settle(keys: { account: string; known: string }, known: boolean): Promise<void> {
    const at = now();
    await store.reset(keys.known, at, new Date(at.getTime() + KNOWN_SECONDS * 1000));
    if (!known) await store.clear(keys.account);
  }

  return { attempt };
}

/** What one subscriber holds: an IPv4 address, or the /64 network of an IPv6 address (RFC 6177). */
export function addressBlock(address: string): string {
  const plain = address.replace(/%.*$/, '');
  if (!isIPv6(plain)) return plain;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1];
  if (mapped) return mapped;
  const [head = '', tail] = new URL(`http://[${plain}]`).hostname.slice(1, -1).split('::');
  const first = head.split(':').filter(Boolean);
  const last = (tail ?? '').split(':').filter(Boolean);
  const zeros = tail === undefined ? 0 : 8 - first.length - last.length;
  const groups = [...first, ...Array<string>(zeros).fill('0'), ...last];
  return `${groups.slice(0, 4).join(':')}::/64`;
}
