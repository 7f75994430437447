/** What an answer says of how a server treats a token: a bad one is refused with 401 (RFC 6750 §3.1), and silence is no refusal. */
import type { Failure } from './conversation.ts';

/** `otherwise`: refused, but not so that a client knows what to do. `unseen`: the answer says nothing of the token. */
export type Refusal = { how: '401' | '403' } | { how: 'otherwise'; status: number } | { how: 'unseen' };

/** Too slow, too early, too often: asked at another time, the answer would be another. */
const NOT_NOW = [408, 425, 429];
/** Of JSON-RPC: it went wrong inside the server. */
const INTERNAL_ERROR = -32603;

export function refusalOf(reply: Failure): Refusal {
  if (reply.kind === 'failed')
    return reply.code === INTERNAL_ERROR ? { how: 'unseen' } : { how: 'otherwise', status: 200 };
  if (reply.kind !== 'refused') return { how: 'unseen' };
  const { status } = reply;
  if (status === 401 || status === 403) return { how: `${status}` };
  return status >= 500 || NOT_NOW.includes(status) ? { how: 'unseen' } : { how: 'otherwise', status };
}
