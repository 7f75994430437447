/** An MCP host as its makers write one: keeps what the SDK gives it to keep, and notes what went over the wire. */
import { randomBytes } from 'node:crypto';
import type {
  OAuthClientProvider,
  OAuthDiscoveryState,
  StoredOAuthClientInformation,
  StoredOAuthTokens,
} from '@modelcontextprotocol/client';
import { approve, LOOPBACK, signIn } from '../flow.ts';
import type { Person } from '../person.ts';

export type Host = ReturnType<typeof createHost>;

/** How the host comes by its client id; nothing at all means dynamic registration. */
export interface HostIdentity {
  preRegistered?: { client_id: string; client_secret?: string };
  /** Where its Client ID Metadata Document is served. */
  documentUrl?: string;
}

export const HOST_NAME = 'Notes Desk';

export function createHost({ preRegistered, documentUrl }: HostIdentity = {}) {
  let client: StoredOAuthClientInformation | undefined = preRegistered;
  let tokens: StoredOAuthTokens | undefined;
  let discovery: OAuthDiscoveryState | undefined;
  let verifier = '';
  let state = '';
  const asked: URL[] = [];
  const wire: Exchange[] = [];

  const provider: OAuthClientProvider = {
    redirectUrl: LOOPBACK,
    clientMetadata: {
      client_name: HOST_NAME,
      redirect_uris: ['http://127.0.0.1/callback', LOOPBACK],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    ...(documentUrl && { clientMetadataUrl: documentUrl }),
    state: () => {
      state = randomBytes(8).toString('hex');
      return state;
    },
    clientInformation: () => client,
    ...(!preRegistered && {
      saveClientInformation: (given: StoredOAuthClientInformation) => {
        client = given;
      },
    }),
    tokens: () => tokens,
    saveTokens: (given) => {
      tokens = given;
    },
    codeVerifier: () => verifier,
    saveCodeVerifier: (given) => {
      verifier = given;
    },
    discoveryState: () => discovery,
    saveDiscoveryState: (given) => {
      discovery = given;
    },
    invalidateCredentials: (what) => {
      if ((what === 'client' || what === 'all') && !preRegistered) client = undefined;
      if (what === 'tokens' || what === 'all') tokens = undefined;
    },
    redirectToAuthorization: (url) => {
      asked.push(url);
    },
  };

  const noting: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    wire.push(await toExchange(new Request(input, init), response.status));
    return response;
  };

  return {
    provider,
    fetch: noting,
    /** What the host holds. */
    kept: () => ({ client, tokens, state }),
    /** The authorization request the browser was last sent to, and how many there were. */
    asked: () => ({ last: asked.at(-1) as URL, count: asked.length }),
    /** What went over the wire since the last look. */
    takeWire: () => wire.splice(0),
    /** As a host does that wants the person asked although it could refresh. */
    forgetRefreshToken() {
      if (!tokens) return;
      const { refresh_token: _, ...others } = tokens;
      tokens = others;
    },
  };
}

export interface Exchange {
  /** Such as `POST /token 200`. */
  line: string;
  /** Of a form. */
  form: URLSearchParams;
  authorization: string | null;
}

async function toExchange(request: Request, status: number): Promise<Exchange> {
  const isForm = request.headers.get('content-type')?.startsWith('application/x-www-form-urlencoded');
  return {
    line: `${request.method} ${new URL(request.url).pathname} ${status}`,
    form: new URLSearchParams(isForm ? await request.text() : ''),
    authorization: request.headers.get('authorization'),
  };
}

export interface Visitor {
  browser: Person;
  account: { email: string; password: string };
}

/** The person opens the address the host asked for, signs in where needed, reads the page, approves. */
export async function approveInBrowser(host: Pick<Host, 'asked'>, { browser, account }: Visitor) {
  let page = await browser.open(host.asked().last.href);
  if (page.html.includes('name="password"')) page = await signIn(browser, page, account);
  const done = await approve(browser, page);
  if (!done.left) throw new Error(`no redirect: ${done.status} ${done.html.slice(0, 600)}`);
  return { consentPage: page.html, answer: done.left.searchParams };
}
