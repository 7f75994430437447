/** openid-client's way out: through the one egress, with a bound of its own for each connection. */
import type { CustomFetch } from 'openid-client';
import type { Egress } from '../web/egress.ts';
import { FetchFailed } from '../web/fetch-failed.ts';

/** The egress is shared: a provider that hangs must not take every place in it. */
const MAX_CONCURRENT = 16;
const MAX_BYTES = 128 * 1024;
const TIMEOUT_MS = 5_000;
const WITHOUT_BODY = new Set([204, 205, 304]);

/** @returns a fetch that throws FetchFailed and follows no redirect */
export function createOutbound(fetch: Egress['fetch'], maxBytes = MAX_BYTES): CustomFetch {
  let underWay = 0;
  return async (url, { method, headers, body }) => {
    if (underWay >= MAX_CONCURRENT) throw new FetchFailed('busy', URL.parse(url)?.host ?? '');
    underWay += 1;
    try {
      const answer = await fetch(url, {
        method: method === 'POST' ? 'POST' : 'GET',
        headers,
        ...(body === undefined || body === null ? {} : { body: String(body) }),
        maxBytes,
        timeoutMs: TIMEOUT_MS,
      });
      const content = WITHOUT_BODY.has(answer.status) ? null : new Uint8Array(answer.body);
      return new Response(content, { status: answer.status, headers: answer.headers });
    } finally {
      underWay -= 1;
    }
  };
}
