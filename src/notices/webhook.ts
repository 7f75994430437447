/** Posts notices as JSON, signed as Standard Webhooks 1.0.0 says. */
import { createHmac } from 'node:crypto';
import type { Egress } from '../web/egress.ts';
import { FetchFailed } from '../web/fetch-failed.ts';
import type { Outcome, Outgoing, Sink } from './message.ts';

const TIMEOUT_MS = 15_000;
/** Nobody reads the answer, but one that is longer counts as none. */
const MAX_ANSWER_BYTES = 256 * 1024;

/**
 * @param url from the configuration: never one that a client chose
 * @param secret key of the HMAC
 * @param egress closed with the sink
 */
export function createWebhook(deps: {
  url: string;
  secret: Buffer;
  egress: Pick<Egress, 'fetch' | 'close'>;
  now: () => Date;
}): Sink {
  const { url, secret, egress, now } = deps;

  function headers(id: string, body: string): Record<string, string> {
    const timestamp = String(Math.floor(now().getTime() / 1_000));
    const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64');
    return {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`,
    };
  }

  return {
    async send({ id, event }: Outgoing): Promise<Outcome> {
      const { type, occurredAt, data } = event;
      const body = JSON.stringify({ id, type, occurred_at: occurredAt, data });
      const request = { method: 'POST', headers: headers(id, body), body } as const;
      try {
        const { status } = await egress.fetch(url, { ...request, timeoutMs: TIMEOUT_MS, maxBytes: MAX_ANSWER_BYTES });
        if (status >= 200 && status < 300) return { ok: true };
        return { ok: false, reason: `status ${status}`, final: status === GONE };
      } catch (error) {
        if (!(error instanceof FetchFailed)) throw error;
        return { ok: false, reason: [error.reason, codeOf(error.cause)].filter(Boolean).join(' '), final: false };
      }
    },
    close: () => egress.close(),
  };
}

/** The receiver wants no more of this. */
const GONE = 410;

/** Such as ECONNREFUSED or DEPTH_ZERO_SELF_SIGNED_CERT: what an operator needs, and nothing of the address. */
function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
