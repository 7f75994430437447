/** The authorization code flow by hand, step by step, for tests that look between the steps. */
import { randomBytes } from 'node:crypto';
import type { Consentry } from './harness.ts';
import { createPerson, type Person, pkce, type Step } from './person.ts';

export interface Registration {
  client_id: string;
  client_secret?: string;
  registration_access_token: string;
  registration_client_uri: string;
  [member: string]: unknown;
}

export const LOOPBACK = 'http://127.0.0.1:33418/callback';

/** RFC 7591, as the official SDK sends it. */
export async function registerClient(issuer: string, metadata: Record<string, unknown> = {}): Promise<Registration> {
  const response = await fetch(`${issuer}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'Claude Code',
      redirect_uris: ['http://127.0.0.1/callback'],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      ...metadata,
    }),
  });
  if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
  return (await response.json()) as Registration;
}

export interface Begun {
  url: string;
  verifier: string;
  state: string;
  redirectUri: string;
}

/** @param params added to or, where undefined, taken out of the request */
export function authorizationUrl(
  consentry: Pick<Consentry, 'issuer' | 'mail'>,
  clientId: string,
  params: Record<string, string | undefined> = {},
): Begun {
  const { verifier, challenge } = pkce();
  const state = randomBytes(8).toString('hex');
  const url = new URL(`${consentry.issuer}/authorize`);
  const all = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: LOOPBACK,
    state,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    resource: consentry.mail.uri,
    ...params,
  };
  for (const [name, value] of Object.entries(all)) if (value !== undefined) url.searchParams.set(name, value);
  return { url: url.href, verifier, state, redirectUri: all.redirect_uri };
}

export async function signIn(
  person: Person,
  page: Step,
  { email, password }: { email: string; password: string },
): Promise<Step> {
  return person.submit(page, { email, password, decision: 'continue' });
}

export async function approve(
  person: Person,
  page: Step,
  changes: Record<string, string | string[]> = {},
): Promise<Step> {
  return person.submit(page, { decision: 'approve', ...changes });
}

/** Signs in where asked, approves, and returns the code. */
export async function authorize(
  consentry: Consentry,
  clientId: string,
  {
    person = createPerson(consentry.issuer),
    params = {},
    consent = {},
  }: { person?: Person; params?: Record<string, string | undefined>; consent?: Record<string, string | string[]> } = {},
) {
  const begun = authorizationUrl(consentry, clientId, params);
  let page = await person.open(begun.url);
  if (page.html.includes('name="password"')) page = await signIn(person, page, consentry.ana);
  const done = await approve(person, page, consent);
  const code = done.left?.searchParams.get('code');
  if (!code)
    throw new Error(
      `no code: ${done.status} ${
        done.left?.href ??
        done.html
          .replace(/<[^>]+>/g, ' ')
          .replace(/\s+/g, ' ')
          .slice(0, 600)
      }`,
    );
  return { ...begun, person, code, answer: done.left as URL };
}

export interface TokenAnswer {
  status: number;
  body: Record<string, string> & { expires_in?: number };
}

/** @param headers such as client_secret_basic's Authorization */
export async function tokenRequest(
  issuer: string,
  fields: Record<string, string | undefined>,
  headers: Record<string, string> = {},
): Promise<TokenAnswer> {
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) body.set(name, value);
  const response = await fetch(`${issuer}/token`, { method: 'POST', body, headers });
  return { status: response.status, body: (await response.json()) as TokenAnswer['body'] };
}

type Authorized = Pick<Awaited<ReturnType<typeof authorize>>, 'code' | 'verifier' | 'redirectUri'>;

export function redeem(
  consentry: Consentry,
  clientId: string,
  { code, verifier, redirectUri }: Authorized,
  changes: Record<string, string | undefined> = {},
  headers: Record<string, string> = {},
) {
  const fields = {
    grant_type: 'authorization_code',
    client_id: clientId,
    code,
    code_verifier: verifier,
    redirect_uri: redirectUri,
    resource: consentry.mail.uri,
    ...changes,
  };
  return tokenRequest(consentry.issuer, fields, headers);
}

export function refresh(
  consentry: Consentry,
  clientId: string,
  refreshToken: string | undefined,
  changes: Record<string, string | undefined> = {},
) {
  return tokenRequest(consentry.issuer, {
    grant_type: 'refresh_token',
    client_id: clientId,
    refresh_token: refreshToken,
    ...changes,
  });
}

export function basic(id: string, secret: string | undefined): Record<string, string> {
  return { authorization: `Basic ${btoa(`${id}:${secret}`)}` };
}

export async function introspect(
  consentry: Consentry,
  token: string | undefined,
  as: { clientId: string; clientSecret: string } = consentry.mail,
) {
  const response = await fetch(`${consentry.issuer}/introspect`, {
    method: 'POST',
    body: new URLSearchParams({ token: token ?? '' }),
    headers: basic(as.clientId, as.clientSecret),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

export async function revokeToken(consentry: Consentry, clientId: string, token: string | undefined) {
  const response = await fetch(`${consentry.issuer}/revoke`, {
    method: 'POST',
    body: new URLSearchParams({ token: token ?? '', client_id: clientId }),
  });
  return { status: response.status, text: await response.text() };
}
