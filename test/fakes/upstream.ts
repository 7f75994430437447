/** A textbook OpenID provider on loopback that signs in whom it is told to, and remembers what it was asked. */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, importJWK, type JWK, type JWTPayload, SignJWT } from 'jose';
import Provider, { type Configuration, interactionPolicy } from 'oidc-provider';
import type { ConnectionRecord } from '../../src/federation/connection-store.ts';
import type { ConnectionSecrets, OidcConnectionSettings } from '../../src/federation/settings.ts';
import { newConnectionRow } from './connection-row.ts';

export interface UpstreamPerson {
  sub: string;
  email?: string;
  email_verified?: boolean;
  name?: string;
  roles?: unknown;
  groups?: unknown;
}

export type OidcRecord = ConnectionRecord & { kind: 'oidc' };

export interface Upstream {
  issuer: string;
  /** What `createOidcConnection` takes. */
  record(id: string, settings?: Partial<OidcConnectionSettings>): OidcRecord;
  secrets: ConnectionSecrets;
  /** The refresh tokens that were presented, each time. */
  redemptions: string[];
  /** A logout token, or what differs from one. */
  logoutToken(changes: JWTPayload, header?: { typ?: string; alg?: string }): Promise<string>;
  /** Everything that arrived, browsers and programs alike: method and path. */
  requests: string[];
  /** Parameters of each authorization request. */
  authorizations: URLSearchParams[];
  /** What to do from now on. */
  behaviour: Behaviour;
  close(): Promise<void>;
}

export interface Behaviour {
  /** Who is in front of the screen; undefined: says no. */
  person: UpstreamPerson | undefined;
  /** Seconds since the epoch, where the person did not just type a password. */
  authTime: number | undefined;
  /** Asks nobody anew and leaves `auth_time` out, whatever it is asked. */
  silentAboutTime: boolean;
  /** Answers 503 to everything. */
  down: boolean;
  /** Publishes keys with which it never signed. */
  foreignKeys: boolean;
  /** Gives a refresh token with each sign-in; each is good once. */
  refreshTokens: boolean;
  /** What is answered to refresh tokens, instead of looking at them. */
  refusal: { status: number; error: string } | undefined;
  /** Which `acr` a sign-in reaches. */
  acr: string | undefined;
}

const CLIENT_ID = 'consentry-static';

/** @param callbacks paths of the redirect URIs, on any port of 127.0.0.1 */
export async function startUpstream(callbacks: readonly string[]): Promise<Upstream> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clientSecret = randomBytes(32).toString('base64url');
  const behaviour: Behaviour = {
    person: { sub: 'ana', email: 'ana@upstream.test', email_verified: true, name: 'Ana Lima' },
    authTime: undefined,
    silentAboutTime: false,
    down: false,
    foreignKeys: false,
    refreshTokens: false,
    refusal: undefined,
    acr: undefined,
  };
  const people = new Map<string, UpstreamPerson>();
  const [ownKey, foreignKey] = await Promise.all([newKey(), newKey()]);
  const provider = new Provider(issuer, configuration({ clientSecret, callbacks, people, behaviour, key: ownKey }));
  const requests: string[] = [];
  const authorizations: URLSearchParams[] = [];
  const redemptions: string[] = [];
  const serve = provider.callback();

  server.on('request', (request, response) => {
    const url = new URL(String(request.url), issuer);
    requests.push(`${request.method} ${url.pathname}`);
    if (behaviour.down) {
      response.writeHead(503).end('down');
    } else if (url.pathname.startsWith('/sign-in/')) {
      void signIn(provider, behaviour, people, request, response);
    } else if (url.pathname === '/jwks' && behaviour.foreignKeys) {
      const { d: _d, ...shown } = { ...foreignKey, kid: ownKey.kid };
      response.writeHead(200, { 'content-type': 'application/jwk-set+json' }).end(JSON.stringify({ keys: [shown] }));
    } else if (url.pathname === '/token') {
      void answerToken({ behaviour, redemptions, serve }, request, response);
    } else {
      if (url.pathname === '/auth') {
        authorizations.push(new URLSearchParams(url.search));
        if (behaviour.silentAboutTime) for (const name of ['max_age', 'prompt']) url.searchParams.delete(name);
        request.url = `${url.pathname}${url.search}`;
      }
      void serve(request, response);
    }
  });

  return {
    issuer,
    record: (id, changes) => recordOf(id, issuer, changes),
    secrets: { clientSecret, certificates: [] },
    redemptions,
    logoutToken: (changes, header) => logoutToken(issuer, ownKey, changes, header),
    requests,
    authorizations,
    behaviour,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function recordOf(id: string, issuer: string, changes: Partial<OidcConnectionSettings> = {}): OidcRecord {
  return {
    ...newConnectionRow(),
    id,
    kind: 'oidc',
    settings: {
      issuer,
      clientId: CLIENT_ID,
      authentication: 'client_secret_basic',
      offlineAccess: false,
      authContexts: [],
      checkMinutes: 10,
      ...changes,
    },
  };
}

/** Looks at the body before the provider does. */
async function answerToken(
  deps: Pick<Upstream, 'redemptions' | 'behaviour'> & { serve: (a: IncomingMessage, b: ServerResponse) => unknown },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString('utf8')));
  if (body.grant_type === 'refresh_token') {
    deps.redemptions.push(String(body.refresh_token));
    const { refusal } = deps.behaviour;
    if (refusal) {
      response.writeHead(refusal.status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: refusal.error }));
      return;
    }
  }
  await deps.serve(Object.assign(request, { body }), response);
}

async function logoutToken(
  issuer: string,
  key: JWK,
  changes: JWTPayload,
  { typ = 'logout+jwt', alg = 'RS256' }: { typ?: string; alg?: string } = {},
): Promise<string> {
  const iat = Math.floor(Date.now() / 1000);
  const claims = {
    iss: issuer,
    aud: CLIENT_ID,
    iat,
    exp: iat + 120,
    jti: randomBytes(16).toString('base64url'),
    events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    ...changes,
  };
  // What is undefined is left out.
  const payload = JSON.parse(JSON.stringify(claims)) as JWTPayload;
  const signer = alg === 'HS256' ? new TextEncoder().encode(issuer.padEnd(32)) : await importJWK(key, alg);
  return new SignJWT(payload).setProtectedHeader({ alg, typ, kid: String(key.kid) }).sign(signer);
}

async function newKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  return { ...(await exportJWK(privateKey)), kid: 'upstream', alg: 'RS256', use: 'sig' };
}

function configuration(deps: {
  clientSecret: string;
  callbacks: readonly string[];
  people: Map<string, UpstreamPerson>;
  behaviour: Behaviour;
  key: JWK;
}): Configuration {
  const { clientSecret, callbacks, people, behaviour, key } = deps;
  const policy = interactionPolicy.base();
  // It has known our client for long: that it asks nobody is what an attacker hopes for.
  policy.remove('consent');
  return {
    clients: [
      {
        client_id: CLIENT_ID,
        client_secret: clientSecret,
        application_type: 'native',
        redirect_uris: callbacks.map((path) => `http://127.0.0.1${path}`),
        grant_types: ['authorization_code', 'refresh_token'],
        // Only so that ID tokens name the session; nothing is sent by itself.
        backchannel_logout_uri: 'http://127.0.0.1:9/',
        backchannel_logout_session_required: true,
      },
    ],
    jwks: { keys: [key] } as never,
    cookies: { keys: [randomBytes(32).toString('hex')] },
    claims: { openid: ['sub', 'roles', 'groups'], email: ['email', 'email_verified'], profile: ['name'] },
    acrValues: ['0', 'phr'],
    issueRefreshToken: () => behaviour.refreshTokens,
    expiresWithSession: () => false,
    rotateRefreshToken: () => true,
    pkce: { required: () => true },
    ttl: {
      AccessToken: 600,
      AuthorizationCode: 60,
      Grant: 600,
      IdToken: 600,
      Interaction: 600,
      Session: 600,
      RefreshToken: 600,
    },
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      claimsParameter: { enabled: true },
    },
    interactions: { policy, url: (_ctx, { uid }) => `/sign-in/${uid}` },
    findAccount: (_ctx, sub) => ({
      accountId: sub,
      claims: async () => ({ sub, ...people.get(sub), ...(behaviour.person?.sub === sub ? behaviour.person : {}) }),
    }),
    async loadExistingGrant({ oidc }) {
      const clientId = String(oidc.client?.clientId);
      const grant = new oidc.provider.Grant({ accountId: String(oidc.session?.accountId), clientId });
      grant.addOIDCScope('openid profile email');
      await grant.save();
      return grant;
    },
  };
}

async function signIn(
  provider: Provider,
  { person, authTime, acr }: Behaviour,
  people: Map<string, UpstreamPerson>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!person) {
    await provider.interactionFinished(request, response, { error: 'access_denied' });
    return;
  }
  people.set(person.sub, person);
  const login = { accountId: person.sub, ...(authTime === undefined ? {} : { ts: authTime }), ...(acr ? { acr } : {}) };
  await provider.interactionFinished(request, response, { login });
}
