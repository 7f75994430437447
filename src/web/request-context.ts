/** What every line of the log and every event of the record shares: the request it belongs to. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';

export interface RequestContext {
  /** 128 random bits, base64url; also answered as `X-Request-Id`. */
  requestId: string;
  /** Who acts where it is not the person: `client`, `cli`, `system`. */
  actor: string;
  /** A fault that somebody in between may have hidden: the request fails with it. */
  failure?: unknown;
  /** What the browser calls itself. */
  userAgent?: string;
}

const contexts = new AsyncLocalStorage<RequestContext>();

export function newRequestId(): string {
  return randomBytes(16).toString('base64url');
}

/** Runs `work` as one request (or one command, or one background task) of `actor`. */
export function inRequest<T>(actor: string, work: () => T, requestId = newRequestId()): T {
  return contexts.run({ requestId, actor }, work);
}

export function currentRequest(): RequestContext {
  return contexts.getStore() ?? { requestId: 'none', actor: 'system' };
}
