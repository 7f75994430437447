/** A client of any authorization server, by the standards alone: discovery, registration, requests, tokens. */
import { randomBytes } from 'node:crypto';
import { pkce } from '../person.ts';
import type { Target } from './target.ts';

export interface Client {
  clientId: string;
  redirectUri: string;
  /** Authenticates at the token endpoint; empty for public clients. */
  headers: Record<string, string>;
  registration: Record<string, unknown>;
}

export interface Begun {
  url: string;
  verifier: string;
  state: string;
  redirectUri: string;
}

export type Params = Record<string, string | undefined>;

export interface Answer {
  status: number;
  body: Record<string, unknown>;
}

export type Clients = Awaited<ReturnType<typeof openClients>>;

/** Where the attacker waits for codes: a host that everybody can have. */
export const EVIL = 'https://evil.example.test/callback';
/** A client that is a document on its own host, the same at every server that there is. */
export const DOCUMENT: Client = {
  clientId: 'https://client.example.test/client.json',
  redirectUri: 'https://client.example.test/callback',
  headers: {},
  registration: {},
};
/** Where a program on the person's computer does (RFC 8252 §7.3). */
export const PROGRAM = 'http://127.0.0.1:33418/callback';

/** Lets the server know {@link DOCUMENT}. */
export async function publishDocument({ operator }: Pick<Target, 'operator'>, name = 'Claude'): Promise<void> {
  await operator.publish(DOCUMENT.clientId, { client_name: name, redirect_uris: [DOCUMENT.redirectUri] });
}

/** Knows the server by its metadata document (RFC 8414). */
export async function openClients({ issuer, resource }: Pick<Target, 'issuer' | 'resource'>) {
  const response = await fetch(`${issuer}/.well-known/oauth-authorization-server`);
  const metadata = (await response.json()) as Record<string, string>;

  function endpoint(name: string): string {
    const url = metadata[`${name}_endpoint`];
    if (!url) throw new Error(`the server has no ${name}_endpoint`);
    return url;
  }

  async function post(name: string, fields: Params | URLSearchParams, headers: Record<string, string> = {}) {
    const body = fields instanceof URLSearchParams ? fields : new URLSearchParams();
    if (!(fields instanceof URLSearchParams))
      for (const [key, value] of Object.entries(fields)) if (value !== undefined) body.set(key, value);
    const answer = await fetch(endpoint(name), { method: 'POST', body, headers });
    return readAnswer(answer);
  }

  /** RFC 7591, whatever comes of it. */
  async function tryRegister(members: Record<string, unknown>): Promise<Answer> {
    const answer = await fetch(endpoint('registration'), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        client_name: 'Claude Code',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        ...members,
      }),
    });
    return readAnswer(answer);
  }

  async function register(redirectUri = PROGRAM, members: Record<string, unknown> = {}): Promise<Client> {
    const { status, body } = await tryRegister({ redirect_uris: [redirectUri], ...members });
    if (status !== 201) throw new Error(`${status} ${JSON.stringify(body)}`);
    const clientId = String(body.client_id);
    const headers = typeof body.client_secret === 'string' ? basic(clientId, body.client_secret) : {};
    return { clientId, redirectUri, headers, registration: body };
  }

  /** An authorization request, not yet sent. @param params added, or taken out where undefined */
  function begin({ clientId, redirectUri }: Pick<Client, 'clientId' | 'redirectUri'>, params: Params = {}): Begun {
    const { verifier, challenge } = pkce();
    const state = randomBytes(8).toString('hex');
    const url = new URL(endpoint('authorization'));
    const all: Params = {
      response_type: 'code',
      client_id: clientId,
      redirect_uri: redirectUri,
      state,
      code_challenge: challenge,
      code_challenge_method: 'S256',
      resource: resource.uri,
      ...params,
    };
    for (const [name, value] of Object.entries(all)) if (value !== undefined) url.searchParams.set(name, value);
    return { url: url.href, verifier, state, redirectUri: all.redirect_uri ?? redirectUri };
  }

  function redeem(client: Client, { verifier, redirectUri }: Begun, code: string, changes: Params = {}) {
    const fields = {
      grant_type: 'authorization_code',
      client_id: client.clientId,
      code,
      code_verifier: verifier,
      redirect_uri: redirectUri,
      ...changes,
    };
    return post('token', fields, client.headers);
  }

  function refresh(client: Client, token: unknown, changes: Params = {}) {
    const fields = {
      grant_type: 'refresh_token',
      client_id: client.clientId,
      refresh_token: String(token),
      ...changes,
    };
    return post('token', fields, client.headers);
  }

  /** RFC 7592: the client changes what it says of itself. */
  async function update({ registration }: Client, change: Record<string, unknown>): Promise<Answer> {
    const { registration_access_token: token, registration_client_uri: uri, ...said } = registration;
    const { client_id_issued_at: _at, client_secret_expires_at: _until, ...own } = said;
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ ...own, ...change });
    return readAnswer(await fetch(String(uri), { method: 'PUT', headers, body }));
  }

  return { metadata, endpoint, post, tryRegister, register, update, begin, redeem, refresh };
}

export function basic(id: string, secret: string): Record<string, string> {
  return { authorization: `Basic ${btoa(`${id}:${secret}`)}` };
}

async function readAnswer(answer: Response): Promise<Answer> {
  const text = await answer.text();
  const json = answer.headers.get('content-type')?.includes('json');
  return { status: answer.status, body: json ? (JSON.parse(text) as Record<string, unknown>) : { text } };
}
