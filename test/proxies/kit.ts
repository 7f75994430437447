/** A gateway that many programs ask through, the documents of those programs, and every step of asking (consent.md §4). */
import assert from 'node:assert/strict';
import { ACTING_FOR } from '../../src/clients/downstream.ts';
import { authorizationUrl, type Begun, basic, redeem, signIn, tokenRequest } from '../flow.ts';
import { type Consentry, sql, startConsentry, staticClient } from '../harness.ts';
import { testCaFile } from '../https-stub.ts';
import { heading } from '../interaction/kit.ts';
import { createPerson, type Person, type Step } from '../person.ts';

export interface Named {
  clientId: string;
  redirectUri: string;
}

/** A client that authenticates with a secret, whatever its kind. */
export interface Gateway {
  clientId: string;
  headers: Record<string, string>;
  redirectUri: string;
}

export type Params = Record<string, string | undefined>;
export type Proxies = Awaited<ReturnType<typeof startProxies>>;

export const CLAUDE: Named = {
  clientId: 'https://claude.example/client.json',
  redirectUri: 'https://claude.example/callback',
};
export const DESK: Named = {
  clientId: 'https://desk.example/client.json',
  redirectUri: 'https://desk.example/callback',
};
/** A program on a computer, which takes another port each time. */
export const TERMINAL: Named = {
  clientId: 'https://terminal.example/client.json',
  redirectUri: 'http://127.0.0.1:40404/callback',
};

/** The one entry that names a client, with what a test adds to it. */
export function entry({ clientId, redirectUri }: Named, more: Record<string, unknown> = {}) {
  return { type: ACTING_FOR, client_id: clientId, redirect_uri: redirectUri, ...more };
}

export function details(named: Named): string {
  return JSON.stringify([entry(named)]);
}

export async function startProxies() {
  const consentry = await startConsentry({ OUTBOUND_ALLOW: 'localhost', OUTBOUND_CA_FILE: testCaFile });

  /** What a client's host says of it, as if it had just been read. */
  async function publish({ clientId, redirectUri }: Named, members: Record<string, unknown>): Promise<void> {
    const document = { client_id: clientId, redirect_uris: [redirectUri], ...members };
    await sql(
      consentry,
      `INSERT INTO metadata_documents (url, body, fetched_at, fresh_until, stale_until)
       VALUES ($1, $2, now(), now() + interval '1 day', now() + interval '7 days')
       ON CONFLICT (url) DO UPDATE SET body = EXCLUDED.body`,
      [clientId, JSON.stringify(document)],
    );
  }

  async function addClient(name: string, redirectUri: string, kind: 'app' | 'proxy' = 'proxy'): Promise<Gateway> {
    const made = await staticClient(consentry.rooms, { kind, name, redirectUris: [redirectUri] });
    return { clientId: made.clientId, headers: basic(made.clientId, made.clientSecret), redirectUri };
  }

  /** A static client from before kinds were declared. */
  async function addUndeclared(name: string, redirectUri: string): Promise<Gateway> {
    const made = await addClient(name, redirectUri);
    await sql(consentry, "UPDATE clients SET kind = 'undeclared' WHERE id = $1", [made.clientId]);
    return made;
  }

  await publish(CLAUDE, { client_name: 'Claude' });
  await publish(DESK, { client_name: 'Desk' });
  await publish(TERMINAL, { client_name: 'Terminal', redirect_uris: ['http://127.0.0.1/callback'] });
  const gateway = await addClient('Gateway', 'https://gw.example/callback');
  return { consentry, gateway, publish, addClient, addUndeclared, close: () => consentry.close() };
}

/** An authorization request of this client, not yet sent. */
export function begin(consentry: Consentry, { clientId, redirectUri }: Gateway, params: Params = {}): Begun {
  return authorizationUrl(consentry, clientId, { redirect_uri: redirectUri, scope: 'mail:read', ...params });
}

/** Pushes a request (RFC 9126), which the client authenticates unless told otherwise. */
export async function push(consentry: Consentry, client: Gateway, params: Params = {}, headers = client.headers) {
  const begun = begin(consentry, client, params);
  const body = new URL(begun.url).searchParams;
  const response = await fetch(`${consentry.issuer}/par`, { method: 'POST', body, headers });
  const answer = (await response.json()) as Record<string, string>;
  return { ...begun, status: response.status, answer, front: frontUrl(consentry, client, answer.request_uri) };
}

/** A pushed request that was refused with this error. */
export async function assertNotNamed(pushed: ReturnType<typeof push>, error: string, what: string): Promise<void> {
  const { status, answer } = await pushed;
  assert.deepEqual(
    [status, answer.error, answer.request_uri],
    [400, error, undefined],
    `${what} ${JSON.stringify(answer)}`,
  );
}

export function frontUrl(consentry: Consentry, { clientId }: Gateway, uri: string | undefined, more: Params = {}) {
  const url = new URL(`${consentry.issuer}/authorize`);
  const all = { client_id: clientId, request_uri: uri, ...more };
  for (const [name, value] of Object.entries(all)) if (value !== undefined) url.searchParams.set(name, value);
  return url.href;
}

/** The page by which the request is answered, for a person who is signed in by then. */
export async function reach({ ana, issuer }: Consentry, url: string, person = createPerson(issuer)) {
  const page = await person.open(url);
  return page.html.includes('name="password"') ? signIn(person, page, ana) : page;
}

/** The page of a pushed request that names this client, or nobody. */
export async function ask(
  consentry: Consentry,
  gateway: Gateway,
  named: Named | undefined,
  { person, params = {} }: { person?: Person; params?: Params } = {},
) {
  const pushed = await push(consentry, gateway, {
    ...(named ? { authorization_details: details(named) } : {}),
    ...params,
  });
  if (pushed.status !== 201) throw new Error(`${pushed.status} ${JSON.stringify(pushed.answer)}`);
  const browser = person ?? createPerson(consentry.issuer);
  return { ...pushed, person: browser, page: await reach(consentry, pushed.front, browser) };
}

export const isShortPage = ({ status, html }: Step) =>
  status === 200 && html.includes('value="continue"') && !html.includes('name="password"');

/** Its heading as a person reads it. */
export const headline = (page: Step) => heading(page).replaceAll('( ', '(').replaceAll(' )', ')');

/** Presses what the page offers, and returns the code. */
export async function agree(person: Person, page: Step, fields: Record<string, string | string[]> = {}) {
  const decision = isShortPage(page) ? 'continue' : 'approve';
  const done = await person.submit(page, { decision, ...fields });
  const code = done.left?.searchParams.get('code');
  if (!code) throw new Error(`no code: ${done.status} ${done.left?.href ?? done.html.slice(0, 1500)}`);
  return code;
}

export interface Tokens {
  access_token: string;
  refresh_token?: string;
  authorization_details?: unknown;
  [member: string]: unknown;
}

/** The whole way: asks through the gateway, presses, redeems. */
export async function connect(
  consentry: Consentry,
  gateway: Gateway,
  named?: Named,
  options: { person?: Person; params?: Params; fields?: Record<string, string | string[]> } = {},
): Promise<{ person: Person; page: Step; tokens: Tokens }> {
  const asked = await ask(consentry, gateway, named, options);
  const code = await agree(asked.person, asked.page, options.fields);
  const { resource } = options.params ?? {};
  const changes = resource ? { resource } : {};
  const { status, body } = await redeem(consentry, gateway.clientId, { ...asked, code }, changes, gateway.headers);
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
  return { person: asked.person, page: asked.page, tokens: body as unknown as Tokens };
}

export function refreshWith(consentry: Consentry, gateway: Gateway, token: string | undefined, more: Params = {}) {
  const fields = { grant_type: 'refresh_token', refresh_token: token, ...more };
  return tokenRequest(consentry.issuer, fields, gateway.headers);
}
