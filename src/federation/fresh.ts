/** When somebody last proved to a provider who they are: by `auth_time` alone (OpenID Connect Core 1.0 §2). */
import type { UpstreamIdentity } from './connection.ts';
import { UpstreamFailed } from './upstream-failed.ts';

/** How old a sign-in upstream may be to prove that the person is here. */
export const PRESENCE_SECONDS = 300;
const CLOCK_TOLERANCE_SECONDS = 60;

/**
 * When a token was made says nothing of when the person was last asked.
 *
 * @param maxAgeSeconds how old it may be
 * @returns seconds since the epoch
 * @throws UpstreamFailed `not_fresh`
 */
export function freshTime(
  { authTimeSeconds: at }: Pick<UpstreamIdentity, 'authTimeSeconds'>,
  now: Date,
  maxAgeSeconds = PRESENCE_SECONDS,
): number {
  const age = at === undefined ? Number.POSITIVE_INFINITY : Math.floor(now.getTime() / 1000) - at;
  if (at !== undefined && age <= maxAgeSeconds && age >= -CLOCK_TOLERANCE_SECONDS) return at;
  const detail = at === undefined ? 'no auth_time' : `auth_time is ${age} seconds old`;
  throw new UpstreamFailed('failed', detail, undefined, { reason: 'not_fresh' });
}

/** A client may ask for an age shorter than clocks agree. */
export function assertAge(identity: Pick<UpstreamIdentity, 'authTimeSeconds'>, now: Date, maxAgeSeconds: number): void {
  freshTime(identity, now, maxAgeSeconds + CLOCK_TOLERANCE_SECONDS);
}
