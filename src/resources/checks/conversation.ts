/** The few words of MCP that a look needs, over Streamable HTTP in both revisions: begin, `tools/list`, one `tools/call`. */
import type { EgressResponse } from '../../web/egress.ts';
import { type Ask, isObject, jsonObject, mediaType } from './probe.ts';

type Json = Readonly<Record<string, unknown>>;

/** `answered`: the result of the request. Everything else is as HTTP has it. */
export type Reply =
  | { kind: 'answered'; result: Json }
  /** A JSON-RPC error in an answer that HTTP calls a success. */
  | { kind: 'failed'; code: number }
  | { kind: 'refused'; status: number; headers: Headers }
  | { kind: 'redirected' }
  | { kind: 'unreadable'; status: number }
  | { kind: 'unreachable' };

export type Failure = Exclude<Reply, { kind: 'answered' }>;

export interface Conversation {
  request(method: string, params?: Json): Promise<Reply>;
  revision: Revision;
}

export type Revision = '2025-11-25' | '2026-07-28';

export interface Partner {
  ask: Ask;
  uri: string;
  /** Without one, asked as nobody. */
  token?: string | undefined;
}

const LEGACY: Revision = '2025-11-25';
const STATELESS: Revision = '2026-07-28';
const CLIENT_INFO = { name: 'Consentry', version: '1' };

/**
 * Begins as the older revision wants it, which nearly every server understands, then as the newer one; a refusal of the
 * caller ends it in either.
 *
 * @param known spoken at once, where an earlier conversation found out
 */
export async function converse(partner: Partner, known?: Revision): Promise<Conversation | Failure> {
  if (known === STATELESS) return stateless(partner);
  const begun = await initialize(partner);
  if (!('kind' in begun) || known === LEGACY) return begun;
  if (begun.kind === 'unreachable' || begun.kind === 'redirected' || isRefusal(begun)) return begun;
  const { request } = stateless(partner);
  const discovered = await request('server/discover');
  return discovered.kind === 'answered' ? stateless(partner) : worse(begun, discovered);
}

/** The newer revision's refusal says more than the older one's incomprehension. */
function worse(first: Failure, second: Failure): Failure {
  return isRefusal(second) ? second : first;
}

export function isRefusal(reply: Reply): reply is Extract<Reply, { kind: 'refused' }> {
  return reply.kind === 'refused' && (reply.status === 401 || reply.status === 403);
}

async function initialize(partner: Partner): Promise<Conversation | Failure> {
  const params = { protocolVersion: LEGACY, capabilities: {}, clientInfo: CLIENT_INFO };
  const response = await post(partner, { jsonrpc: '2.0', id: 0, method: 'initialize', params }, {});
  const reply = read(response, 0);
  if (reply.kind !== 'answered') return reply;
  const agreed = reply.result.protocolVersion;
  const session = response?.headers.get('mcp-session-id');
  const headers = {
    'mcp-protocol-version': typeof agreed === 'string' && /^[\w-]{1,20}$/.test(agreed) ? agreed : LEGACY,
    ...(session && /^[\x21-\x7e]{1,500}$/.test(session) ? { 'mcp-session-id': session } : {}),
  };
  await post(partner, { jsonrpc: '2.0', method: 'notifications/initialized' }, headers);
  return { revision: LEGACY, request: counting((id, method, rest) => send(partner, { id, method, ...rest }, headers)) };
}

function stateless(partner: Partner): Conversation {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': STATELESS,
    'io.modelcontextprotocol/clientInfo': CLIENT_INFO,
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  return {
    revision: STATELESS,
    request: counting((id, method, { params }) => {
      const name = typeof params?.name === 'string' ? { 'mcp-name': params.name } : {};
      const headers = { 'mcp-protocol-version': STATELESS, 'mcp-method': method, ...name };
      return send(partner, { id, method, params: { ...params, _meta: meta } }, headers);
    }),
  };
}

function counting(
  ask: (id: number, method: string, rest: { params?: Json }) => Promise<Reply>,
): Conversation['request'] {
  let id = 0;
  return (method, params) => {
    id += 1;
    return ask(id, method, params ? { params } : {});
  };
}

async function send(partner: Partner, message: Json & { id: number }, headers: Record<string, string>): Promise<Reply> {
  return read(await post(partner, { jsonrpc: '2.0', ...message }, headers), message.id);
}

function post({ ask, uri, token }: Partner, message: Json, headers: Record<string, string>) {
  return ask(uri, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(message),
  });
}

function read(response: EgressResponse | undefined, id: number): Reply {
  if (!response) return { kind: 'unreachable' };
  const { status, headers, body } = response;
  if (status >= 300 && status < 400) return { kind: 'redirected' };
  if (status >= 400) return { kind: 'refused', status, headers };
  const message = messagesOf(body.toString('utf8'), mediaType(headers)).find((one) => one.id === id);
  if (isObject(message?.result)) return { kind: 'answered', result: message.result };
  if (isObject(message?.error)) return { kind: 'failed', code: Number(message.error.code) || 0 };
  return { kind: 'unreadable', status };
}

/** One message, or the events of a stream that ended (HTML Living Standard, server-sent events). */
function messagesOf(text: string, type: string): Json[] {
  if (type !== 'text/event-stream') return [jsonObject(text) ?? {}];
  return text.split(/\r?\n\r?\n|\r\r/).map((event) => {
    const lines = event.split(/\r\n|\r|\n/).filter((line) => line.startsWith('data:'));
    return jsonObject(lines.map((line) => line.slice(5).replace(/^ /, '')).join('\n')) ?? {};
  });
}
