/** A textbook OpenID provider on loopback that signs in whom it is told to, and remembers what it was asked. */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import Provider, { type Configuration, interactionPolicy } from 'oidc-provider';
import type { OidcSettings } from '../../src/federation/oidc.ts';

export interface UpstreamPerson {
  sub: string;
  email?: string;
  email_verified?: boolean;
  name?: string;
}

export interface Upstream {
  issuer: string;
  /** What `createOidcConnection` takes. */
  settings(id: string): OidcSettings;
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
  };
  const people = new Map<string, UpstreamPerson>();
  const [ownKey, foreignKey] = await Promise.all([newKey(), newKey()]);
  const provider = new Provider(issuer, configuration({ clientSecret, callbacks, people, key: ownKey }));
  const requests: string[] = [];
  const authorizations: URLSearchParams[] = [];
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
    settings: (id) => ({ id, name: 'Contoso', issuer, clientId: CLIENT_ID, clientSecret }),
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

async function newKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  return { ...(await exportJWK(privateKey)), kid: 'upstream', alg: 'RS256', use: 'sig' };
}

function configuration(deps: {
  clientSecret: string;
  callbacks: readonly string[];
  people: Map<string, UpstreamPerson>;
  key: JWK;
}): Configuration {
  const { clientSecret, callbacks, people, key } = deps;
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
      },
    ],
    jwks: { keys: [key] } as never,
    cookies: { keys: [randomBytes(32).toString('hex')] },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    pkce: { required: () => true },
    ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
    features: { devInteractions: { enabled: false } },
    interactions: { policy, url: (_ctx, { uid }) => `/sign-in/${uid}` },
    findAccount: (_ctx, sub) => ({
      accountId: sub,
      claims: async () => ({ sub, ...people.get(sub) }),
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
  { person, authTime }: Behaviour,
  people: Map<string, UpstreamPerson>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!person) {
    await provider.interactionFinished(request, response, { error: 'access_denied' });
    return;
  }
  people.set(person.sub, person);
  const login = { accountId: person.sub, ...(authTime === undefined ? {} : { ts: authTime }) };
  await provider.interactionFinished(request, response, { login });
}
