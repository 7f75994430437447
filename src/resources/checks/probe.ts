/** One look's requests: through the egress, each bounded, all of them together too; what went wrong on the way is not told. */

import { AppError } from '../../errors.ts';
import type { Egress, EgressRequest, EgressResponse } from '../../web/egress.ts';
import { FetchFailed } from '../../web/fetch-failed.ts';

/** Undefined where nothing usable came back, whatever the reason (threat 104). */
export type Ask = (address: string, request?: EgressRequest) => Promise<EgressResponse | undefined>;

const REQUEST_MS = 5_000;
/** Enough for a server that takes two and a half seconds for each answer, and lets everybody in. */
const WHOLE_MS = 50_000;
const MAX_BYTES = 512 * 1024;

export interface ProbeDeps {
  fetch: Egress['fetch'];
  /** Milliseconds, of a clock that nobody sets. */
  clock?: (() => number) | undefined;
}

export function createProbe({ fetch, clock = () => performance.now() }: ProbeDeps): Ask {
  const deadline = clock() + WHOLE_MS;
  return async (address, request = {}) => {
    const left = Math.floor(deadline - clock());
    if (left <= 0) return undefined;
    try {
      return await fetch(address, { maxBytes: MAX_BYTES, timeoutMs: Math.min(REQUEST_MS, left), ...request });
    } catch (error) {
      // Says nothing of the server: there are too many of us, or we are about to stop.
      if (error instanceof FetchFailed && error.reason === 'busy') throw tooBusy();
      if (error instanceof FetchFailed) return undefined;
      throw error;
    }
  };
}

export function tooBusy(): AppError {
  return new AppError('busy', 429, 'Too many servers are being looked at. Try again in a moment.');
}

/** Parsed, where it is a JSON object. */
export function jsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function mediaType(headers: Headers): string {
  return (headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}
