/** A small MCP server that checks tokens by hand, with a switch for each way in which real ones go wrong. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { compactVerify, createRemoteJWKSet, decodeJwt, type JWTPayload } from 'jose';

type Json = Record<string, unknown>;

export interface Tool extends Json {
  name: string;
}

export interface Faults {
  /** Answers everybody. */
  open: boolean;
  /** Of the answer without a token, or with a bad one. */
  refusalStatus: number;
  /** `{metadata}` is the address of the document; null sends no header. */
  challenge: string | null;
  /** Of the whole server. */
  redirectTo: string | undefined;
  /** Where the document is served. */
  places: ('challenge' | 'path' | 'root')[];
  /** Members to add to the document, or a whole other body. */
  document: Json | string;
  contentType: string;
  ignoreSignature: boolean;
  ignoreAudience: boolean;
  ignoreExpiry: boolean;
  ignoreScope: boolean;
  refusesEverybody: boolean;
  /** How a tool is refused to a token without its scope. */
  scopeRefusal: 'challenge' | 'unnamed' | 'no_challenge' | '401' | 'in_body';
  speaks: 'streams' | 'json' | 'sessions' | 'stateless' | 'nonsense';
  tools: Tool[];
  /** Which scope a tool needs. */
  needs: Record<string, string>;
  perPage: number;
  /** From the next request on, once a token was seen with this method: 503 for everything. */
  unusableAfter: string | undefined;
  /** Waited for before each answer. */
  gate: (seen: Seen) => Promise<void> | undefined;
}

export interface Seen {
  path: string;
  rpc: string | undefined;
  tool: string | undefined;
  token: JWTPayload | undefined;
  authorization: string | undefined;
}

export const NOTES: Tool[] = [
  { name: 'list_notes', title: 'List notes', description: 'All', annotations: { readOnlyHint: true } },
  { name: 'delete_note', title: 'Delete a note', description: 'One', annotations: { destructiveHint: true } },
];

const GOOD: Faults = {
  open: false,
  refusalStatus: 401,
  challenge: 'Bearer error="invalid_token", resource_metadata="{metadata}"',
  redirectTo: undefined,
  places: ['challenge', 'path'],
  document: {},
  contentType: 'application/json',
  ignoreSignature: false,
  ignoreAudience: false,
  ignoreExpiry: false,
  ignoreScope: false,
  refusesEverybody: false,
  scopeRefusal: 'challenge',
  speaks: 'streams',
  tools: NOTES,
  needs: { list_notes: 'notes:read', delete_note: 'notes:delete' },
  perPage: 100,
  unusableAfter: undefined,
  gate: () => undefined,
};

const WELL_KNOWN = '/.well-known/oauth-protected-resource';

/** @param path of the MCP endpoint */
export async function startMcpServer(issuer: string, path = '/mcp') {
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));
  const seen: Seen[] = [];
  const ran: string[] = [];
  const sessions = new Set<string>();
  let faults: Faults = { ...GOOD };
  const http = createServer((request, response) => {
    answer(request, response).catch((error) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const uri = origin + path;
  const places = { challenge: '/documents/prm', path: WELL_KNOWN + path, root: WELL_KNOWN };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<ServerResponse> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const message = text === '' ? {} : (JSON.parse(text) as { id?: number; method?: string; params?: Json });
    const { authorization } = request.headers;
    const token = claimsOf(authorization);
    const tool = message.params?.name === undefined ? undefined : String(message.params.name);
    const asked = { path: request.url ?? '', rpc: message.method, tool, token, authorization };
    const down = seen.some((one) => one.token && one.rpc === faults.unusableAfter);
    seen.push(asked);
    if (down) return end(response, 503, 'being restarted');
    await faults.gate(asked);
    if (faults.redirectTo !== undefined) return end(response, 307, '', { location: faults.redirectTo });
    const place = faults.places.find((one) => places[one] === request.url);
    if (place) return end(response, 200, documentText(), { 'content-type': faults.contentType });
    if (request.url !== path) return end(response, 404, 'not here');
    if (!faults.open && (faults.refusesEverybody || !(await isGood(authorization)))) return refuse(response, {});
    return speak(request, response, message, token);
  }

  function documentText(): string {
    if (typeof faults.document === 'string') return faults.document;
    const whole = {
      resource: uri,
      authorization_servers: [issuer],
      scopes_supported: ['notes:read'],
      ...faults.document,
    };
    return JSON.stringify(whole);
  }

  function refuse(response: ServerResponse, { status = faults.refusalStatus, challenge = faults.challenge }) {
    const place = faults.places.includes('challenge') ? 'challenge' : 'path';
    const value = challenge?.replace('{metadata}', origin + places[place]);
    return end(response, status, '{"error":"refused"}', value === undefined ? {} : { 'www-authenticate': value });
  }

  async function isGood(authorization: string | undefined): Promise<boolean> {
    const token = /^Bearer (.+)$/.exec(authorization ?? '')?.[1];
    if (token === undefined) return false;
    if (!faults.ignoreSignature && !(await compactVerify(token, keys).catch(() => undefined))) return false;
    const { aud, exp = 0, iss } = decodeJwt(token);
    if (!faults.ignoreExpiry && exp < Date.now() / 1000) return false;
    return iss === issuer && (faults.ignoreAudience || aud === uri);
  }

  function speak(
    request: IncomingMessage,
    response: ServerResponse,
    { id, method = '', params = {} }: { id?: number; method?: string; params?: Json },
    token: JWTPayload | undefined,
  ): ServerResponse {
    const stateless = request.headers['mcp-protocol-version'] === '2026-07-28';
    if (faults.speaks === 'nonsense') return end(response, 200, '<h1>Hello</h1>', { 'content-type': 'text/html' });
    if ((faults.speaks === 'stateless') !== stateless) return end(response, 400, '{"error":"unsupported version"}');
    if (
      faults.speaks === 'sessions' &&
      method !== 'initialize' &&
      !sessions.has(String(request.headers['mcp-session-id']))
    )
      return end(response, 404, '{"error":"no session"}');
    if (id === undefined) return end(response, 202, '');
    if (method === 'initialize' && faults.speaks === 'sessions') {
      sessions.add('session-one');
      response.setHeader('mcp-session-id', 'session-one');
    }
    if (method === 'tools/call' && !faults.ignoreScope && !mayCall(String(params.name), token))
      return refuseScope(response, id, faults.needs[String(params.name)] ?? '');
    if (method === 'tools/call') ran.push(String(params.name));
    return reply(response, { jsonrpc: '2.0', id, result: resultOf(method, params) });
  }

  const mayCall = (tool: string, token: JWTPayload | undefined) =>
    String(token?.scope ?? '')
      .split(' ')
      .includes(faults.needs[tool] ?? 'none');

  function refuseScope(response: ServerResponse, id: number, scope: string): ServerResponse {
    switch (faults.scopeRefusal) {
      case 'challenge':
        return refuse(response, { status: 403, challenge: `Bearer error="insufficient_scope", scope="${scope}"` });
      case 'unnamed':
        return refuse(response, { status: 403, challenge: 'Bearer error="insufficient_scope"' });
      case 'no_challenge':
        return refuse(response, { status: 403, challenge: null });
      case '401':
        return refuse(response, { status: 401 });
      case 'in_body':
        return reply(response, { jsonrpc: '2.0', id, error: { code: -32001, message: 'no' } });
    }
  }

  function resultOf(method: string, params: Json): Json {
    if (method === 'initialize')
      return { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'kit', version: '1' } };
    if (method !== 'tools/list') return { content: [] };
    const from = Number(params.cursor ?? 0);
    const until = from + faults.perPage;
    const next = until < faults.tools.length ? { nextCursor: String(until) } : {};
    return { tools: faults.tools.slice(from, until), ...next };
  }

  function reply(response: ServerResponse, message: Json): ServerResponse {
    const text = JSON.stringify(message);
    if (faults.speaks === 'json') return end(response, 200, text, { 'content-type': 'application/json' });
    const note = { jsonrpc: '2.0', method: 'notifications/message', params: {} };
    return end(response, 200, `: hello\n\ndata: ${JSON.stringify(note)}\n\nevent: message\ndata: ${text}\n\n`, {
      'content-type': 'text/event-stream',
    });
  }

  return {
    uri,
    origin,
    seen,
    /** Tools that were run. */
    ran,
    /** All good, but for these. */
    behave(changes: Partial<Faults> = {}) {
      faults = { ...GOOD, ...changes };
      seen.length = 0;
      ran.length = 0;
    },
    close: () =>
      new Promise<void>((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}

function end(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Record<string, string> = {},
): ServerResponse {
  return response.writeHead(status, headers).end(body);
}

function claimsOf(authorization: string | undefined): JWTPayload | undefined {
  try {
    return decodeJwt((authorization ?? '').replace(/^Bearer /, ''));
  } catch {
    return undefined;
  }
}
