/** A connection to any OpenID provider (OpenID Connect Core 1.0 §3.1, RFC 9207), by openid-client. */
import * as client from 'openid-client';
import { isEmail, normaliseEmail } from '../credentials.ts';
import type { Egress } from '../web/egress.ts';
import { visibleText } from '../web/visible-text.ts';
import type { Connection, OutwardLeg, ReturnedLeg, UpstreamIdentity } from './connection.ts';
import { createLastGood } from './last-good.ts';
import { upstreamFault } from './oidc-faults.ts';
import { createOutbound } from './outbound.ts';
import { UpstreamFailed } from './upstream-failed.ts';

export interface OidcSettings {
  id: string;
  name: string;
  /** As the provider writes it; http only on loopback. */
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** Default `client_secret_basic`. */
  clientAuth?: 'client_secret_basic' | 'client_secret_post';
}

/** Ours, whatever a client asks of us. */
const SCOPE = 'openid profile email';
const HOUR_MS = 3_600_000;
const METADATA_TIMES = { freshMs: HOUR_MS, staleMs: 24 * HOUR_MS, holdMs: 2_000 };
const CLOCK_TOLERANCE_SECONDS = 30;
const MAX_SUBJECT_CHARACTERS = 255;
const MAX_NAME_CHARACTERS = 100;

/** Asks the provider nothing until somebody presses its button. */
export function createOidcConnection(
  settings: OidcSettings,
  deps: { fetch: Egress['fetch']; now: () => Date },
): Connection {
  const outbound = createOutbound(deps.fetch);
  const configured = createLastGood(() => discover(settings, outbound), METADATA_TIMES, deps.now);
  return {
    id: settings.id,
    name: settings.name,
    authorizationUrl: (leg) => told(async () => authorizationUrl(await configured(), leg)),
    finish: (leg) => told(async () => finish(await configured(), leg)),
  };
}

async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw upstreamFault(error);
  }
}

async function discover(settings: OidcSettings, outbound: client.CustomFetch): Promise<client.Configuration> {
  const { clientId, clientSecret, clientAuth = 'client_secret_basic' } = settings;
  const issuer = new URL(settings.issuer);
  const authenticate = clientAuth === 'client_secret_post' ? client.ClientSecretPost : client.ClientSecretBasic;
  const plain = issuer.protocol === 'http:';
  const configuration = await client.discovery(
    issuer,
    clientId,
    { client_secret: clientSecret, [client.clockTolerance]: CLOCK_TOLERANCE_SECONDS },
    authenticate(clientSecret),
    {
      [client.customFetch]: outbound,
      // The egress lets http out to loopback alone.
      execute: [client.enableNonRepudiationChecks, ...(plain ? [client.allowInsecureRequests] : [])],
    },
  );
  const metadata = configuration.serverMetadata();
  // openid-client accepts other issuers of some hosts, where one name stands for every tenant.
  if (URL.parse(metadata.issuer)?.href !== issuer.href) throw misconfigured('it is another issuer');
  const endpoints = [metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri];
  const fit = endpoints.every((endpoint) => URL.parse(endpoint ?? '')?.protocol === issuer.protocol);
  if (!fit && !plain) throw misconfigured('an endpoint is missing or not https');
  return configuration;
}

function misconfigured(what: string): UpstreamFailed {
  return new UpstreamFailed('failed', `discovery: ${what}`);
}

function authorizationUrl(configuration: client.Configuration, leg: OutwardLeg): URL {
  return client.buildAuthorizationUrl(configuration, {
    redirect_uri: leg.callbackUrl,
    scope: SCOPE,
    state: leg.state,
    nonce: leg.nonce,
    code_challenge: leg.codeChallenge,
    code_challenge_method: 'S256',
    ...(leg.prompt ? { prompt: leg.prompt } : {}),
    ...(leg.maxAgeSeconds === undefined ? {} : { max_age: String(leg.maxAgeSeconds) }),
  });
}

async function finish(configuration: client.Configuration, leg: ReturnedLeg): Promise<UpstreamIdentity> {
  const tokens = await client.authorizationCodeGrant(configuration, leg.callbackUrl, {
    expectedState: leg.state,
    expectedNonce: leg.nonce,
    pkceCodeVerifier: leg.codeVerifier,
    idTokenExpected: true,
  });
  const claims = tokens.claims();
  if (!claims || claims.sub === '' || claims.sub.length > MAX_SUBJECT_CHARACTERS) {
    throw new UpstreamFailed('failed', 'id_token: no usable subject');
  }
  const said = 'email' in claims ? claims : { ...(await userInfo(configuration, tokens, claims.sub)), ...claims };
  return {
    issuer: claims.iss,
    subject: claims.sub,
    email: emailOf(said),
    name: nameOf(said),
    authTimeSeconds: typeof claims.auth_time === 'number' ? claims.auth_time : undefined,
  };
}

/** Many providers say an address only here. It is for display: where it cannot be had, the person signs in all the same. */
async function userInfo(
  configuration: client.Configuration,
  { access_token: accessToken }: client.TokenEndpointResponse,
  subject: string,
): Promise<Record<string, unknown>> {
  if (!configuration.serverMetadata().userinfo_endpoint) return {};
  return client.fetchUserInfo(configuration, accessToken, subject).catch(() => ({}));
}

function emailOf({ email, email_verified: verified }: Record<string, unknown>): string | undefined {
  if (typeof email !== 'string' || verified === false) return undefined;
  const address = normaliseEmail(email);
  return isEmail(address) ? address : undefined;
}

function nameOf({ name }: Record<string, unknown>): string | undefined {
  if (typeof name !== 'string') return undefined;
  const line = visibleText(name.slice(0, 1_000), 'NFC');
  return [...line].slice(0, MAX_NAME_CHARACTERS).join('').trim() || undefined;
}
