/** A connection to any OpenID provider (OpenID Connect Core 1.0 §3.1 and §12, RFC 9207), by openid-client. */
import * as client from 'openid-client';
import type { Egress } from '../../web/egress.ts';
import { authContextFor } from '../auth-contexts.ts';
import { privateKeyJwt } from '../client-authentication.ts';
import type { Connection, OutwardLeg, ReturnedLeg, UpstreamIdentity } from '../connection.ts';
import type { ConnectionRecord } from '../connection-store.ts';
import { createLastGood } from '../last-good.ts';
import { createOutbound } from '../outbound.ts';
import { createRotation } from '../rotation.ts';
import type { ConnectionSecrets, OidcConnectionSettings } from '../settings.ts';
import { UpstreamFailed } from '../upstream-failed.ts';
import { upstreamFault } from '../upstream-fault.ts';
import { createOidcCheck } from './check.ts';
import { identityOf, resourceOf } from './claims.ts';
import { createLogoutTokens } from './logout-tokens.ts';

export interface OidcDeps {
  fetch: Egress['fetch'];
  now: () => Date;
}

/** Ours, whatever a client asks of us. */
const SCOPE = 'openid profile email';
const HOUR_MS = 3_600_000;
const METADATA_TIMES = { freshMs: HOUR_MS, staleMs: 24 * HOUR_MS, holdMs: 2_000 };
const CLOCK_TOLERANCE_SECONDS = 30;
const FRESH_SECONDS = 300;

/** Asks the provider nothing until somebody presses its button. */
export function createOidcConnection(record: OidcRecord, secrets: ConnectionSecrets, deps: OidcDeps): Connection {
  const { id, name, exclusive, provisioning, settings } = record;
  const { outbound, watch } = createRotation(createOutbound(deps.fetch));
  const authentication = () => authenticate(settings, secrets, deps.now);
  const configured = createLastGood(() => discover(settings, authentication(), outbound), METADATA_TIMES, deps.now);
  const check = createOidcCheck({ configured, settings });
  return {
    id,
    kind: 'oidc',
    name,
    exclusive,
    provisioning,
    checkMinutes: settings.checkMinutes,
    authorizationUrl: (leg) => told(async () => authorizationUrl(await configured(), leg, settings)),
    finish: (leg) => told(async () => freshly(await finish(await configured(), leg, settings), deps.now())),
    check: (identity) => watch(() => check(identity)),
    authContextFor: (resource, scopes) => authContextFor(settings.authContexts, resource, scopes),
    logout: createLogoutTokens({
      configured: () => told(configured),
      outbound,
      issuer: settings.issuer,
      now: deps.now,
    }),
  };
}

type OidcRecord = Pick<ConnectionRecord, 'id' | 'name' | 'exclusive' | 'provisioning' | 'createdAt'> & {
  kind: 'oidc';
  settings: OidcConnectionSettings;
};

/** Without the contexts that a session of long ago reached. */
function freshly({ authContexts, ...identity }: UpstreamIdentity, now: Date): UpstreamIdentity {
  const age = now.getTime() / 1000 - (identity.authTimeSeconds ?? Number.NEGATIVE_INFINITY);
  const fresh = age <= FRESH_SECONDS + CLOCK_TOLERANCE_SECONDS && age >= -CLOCK_TOLERANCE_SECONDS;
  return authContexts && fresh ? { ...identity, authContexts } : identity;
}

async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw upstreamFault(error);
  }
}

async function discover(
  settings: OidcConnectionSettings,
  authentication: client.ClientAuth,
  outbound: client.CustomFetch,
): Promise<client.Configuration> {
  const issuer = new URL(settings.issuer);
  const plain = issuer.protocol === 'http:';
  const configuration = await client.discovery(
    issuer,
    settings.clientId,
    { [client.clockTolerance]: CLOCK_TOLERANCE_SECONDS },
    authentication,
    {
      [client.customFetch]: outbound,
      // The egress lets http out to loopback alone.
      execute: [client.enableNonRepudiationChecks, ...(plain ? [client.allowInsecureRequests] : [])],
    },
  );
  const metadata = configuration.serverMetadata();
  // openid-client accepts other issuers of some hosts, where one name stands for every tenant.
  if (URL.parse(metadata.issuer)?.href !== issuer.href) throw misconfigured('it is another issuer');
  const needed = [metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri];
  const stated = [...needed, metadata.userinfo_endpoint].filter((endpoint) => endpoint !== undefined);
  const fit = stated.every((endpoint) => URL.parse(endpoint)?.protocol === issuer.protocol);
  if (needed.includes(undefined) || (!fit && !plain)) throw misconfigured('an endpoint is missing or not https');
  return configuration;
}

export function authenticate(
  { authentication }: OidcConnectionSettings,
  secrets: ConnectionSecrets,
  now: () => Date,
): client.ClientAuth {
  if (authentication === 'private_key_jwt') return privateKeyJwt(secrets, now);
  const { clientSecret } = secrets;
  if (clientSecret === undefined) throw misconfigured('there is no client secret');
  return authentication === 'client_secret_post'
    ? client.ClientSecretPost(clientSecret)
    : client.ClientSecretBasic(clientSecret);
}

function misconfigured(what: string): UpstreamFailed {
  return new UpstreamFailed('failed', `discovery: ${what}`, undefined, { reason: 'misconfigured' });
}

function authorizationUrl(configuration: client.Configuration, leg: OutwardLeg, settings: OidcConnectionSettings): URL {
  const { authContext } = leg;
  // An `acr` says how somebody signed in, and not that it was now (OpenID Connect Core 1.0 §2): `auth_time` has to.
  const maxAge = leg.maxAgeSeconds ?? (authContext === undefined ? undefined : FRESH_SECONDS);
  // Essential where the provider reads it; `acr_values` is only a wish (OpenID Connect Core 1.0 §5.5.1.1).
  const claims = { id_token: { acr: { essential: true, values: [authContext] } } };
  const readsClaims = configuration.serverMetadata().claims_parameter_supported === true;
  return client.buildAuthorizationUrl(configuration, {
    redirect_uri: leg.callbackUrl,
    scope: settings.offlineAccess ? `${SCOPE} offline_access` : SCOPE,
    ...resourceOf(settings),
    state: leg.state,
    nonce: leg.nonce,
    code_challenge: leg.codeChallenge,
    code_challenge_method: 'S256',
    ...(leg.prompt ? { prompt: leg.prompt } : {}),
    ...(maxAge === undefined ? {} : { max_age: String(maxAge) }),
    ...(authContext === undefined ? {} : { acr_values: authContext }),
    ...(authContext === undefined || !readsClaims ? {} : { claims: JSON.stringify(claims) }),
  });
}

async function finish(
  configuration: client.Configuration,
  leg: ReturnedLeg,
  settings: OidcConnectionSettings,
): Promise<UpstreamIdentity> {
  const checks = {
    expectedState: leg.state,
    expectedNonce: leg.nonce,
    pkceCodeVerifier: leg.codeVerifier,
    idTokenExpected: true,
  };
  const tokens = await client.authorizationCodeGrant(configuration, leg.callbackUrl, checks, resourceOf(settings));
  const claims = tokens.claims();
  if (!claims) throw new UpstreamFailed('failed', 'id_token: none');
  const said = 'email' in claims ? claims : { ...(await userInfo(configuration, tokens, claims.sub)), ...claims };
  return { ...identityOf(claims, said, settings), refreshToken: tokens.refresh_token };
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
