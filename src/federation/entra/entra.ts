/** A connection to Microsoft Entra ID, v2.0 endpoints: what it does otherwise than a textbook OpenID provider. */
import * as client from 'openid-client';
import type { Egress } from '../../web/egress.ts';
import { authContextFor } from '../auth-contexts.ts';
import { entraAuthentication } from '../client-authentication.ts';
import type {
  CheckedIdentity,
  Connection,
  Liveness,
  OutwardLeg,
  ReturnedLeg,
  UpstreamIdentity,
} from '../connection.ts';
import type { ConnectionRecord } from '../connection-store.ts';
import { createLastGood } from '../last-good.ts';
import { createOutbound } from '../outbound.ts';
import { createRotation } from '../rotation.ts';
import type { ConnectionSecrets } from '../settings.ts';
import { UpstreamFailed } from '../upstream-failed.ts';
import { clouds, isAllowedTenant, issuerOf } from './clouds.ts';
import { discoverEntra, graphHost, graphScope } from './discovery.ts';
import { entraAnswer, entraFault, livenessOf } from './faults.ts';
import { createGraph, groupsInToken } from './groups.ts';
import { assertTenant, identityOf } from './identity.ts';
import { createEntraKeys } from './keys.ts';

export type EntraRecord = ConnectionRecord & { kind: 'entra' };

interface Entra extends ReturnType<typeof prepare> {
  record: EntraRecord;
}

type Tokens = client.TokenEndpointResponse & client.TokenEndpointResponseHelpers;

/** Ours, whatever a client asks of us. */
const SCOPE = 'openid profile email offline_access';
const HOUR_MS = 3_600_000;
const METADATA_TIMES = { freshMs: HOUR_MS, staleMs: 24 * HOUR_MS, holdMs: 2_000 };
/** The certificate is not one that Entra knows. */
const UNKNOWN_CERTIFICATE = 700027;

/** Asks Entra nothing until somebody presses its button. */
export function createEntraConnection(
  record: EntraRecord,
  secrets: ConnectionSecrets,
  deps: { fetch: Egress['fetch']; now: () => Date },
): Connection {
  const entra: Entra = { ...prepare(record, secrets, deps), record };
  const { id, kind, name, exclusive, provisioning, settings } = record;
  return {
    id,
    kind,
    name,
    exclusive,
    provisioning,
    checkMinutes: settings.checkMinutes,
    authorizationUrl: (leg) => told(async () => authorizationUrl(await entra.configured(), entra, leg)),
    finish: (leg) => told(() => finish(entra, leg)),
    check: (identity) => entra.watch(() => check(entra, identity)),
    authContextFor: (resource, scopes) => authContextFor(settings.authContexts, resource, scopes),
    logout: {
      isIssuer: (issuer) => isOwnIssuer(entra, issuer),
      async verifyToken() {
        throw new UpstreamFailed('failed', 'logout: Entra ID has no back-channel logout');
      },
    },
  };
}

function prepare(
  { settings }: EntraRecord,
  secrets: ConnectionSecrets,
  { fetch, now }: { fetch: Egress['fetch']; now: () => Date },
) {
  const { outbound, watch } = createRotation(withoutChallenge(createOutbound(fetch)));
  const authentication = entraAuthentication(settings, secrets, now);
  const configured = createLastGood(() => discoverEntra(settings, authentication, outbound), METADATA_TIMES, now);
  const address = async () => String((await configured()).serverMetadata().jwks_uri);
  const keys = createEntraKeys({ outbound, address, now });
  return { authentication, configured, keys, watch, graph: createGraph(fetch) };
}

/** With a challenge in the header openid-client would not read the error in the body, and that has the code. */
function withoutChallenge(outbound: client.CustomFetch): client.CustomFetch {
  return async (address, options) => {
    const answer = await outbound(address, options);
    answer.headers.delete('www-authenticate');
    return answer;
  };
}

async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw entraFault(error);
  }
}

function scopeOf(configuration: client.Configuration, { record: { settings } }: Entra): string {
  return settings.groups === 'mapped' ? `${SCOPE} ${graphScope(configuration, settings)}` : SCOPE;
}

/** Nothing of a client's goes there. S256 always: the metadata leaves out that it is supported. */
function authorizationUrl(configuration: client.Configuration, entra: Entra, leg: OutwardLeg): URL {
  const claims = claimsOf(leg);
  return client.buildAuthorizationUrl(configuration, {
    redirect_uri: leg.callbackUrl,
    response_mode: 'query',
    scope: scopeOf(configuration, entra),
    state: leg.state,
    nonce: leg.nonce,
    code_challenge: leg.codeChallenge,
    code_challenge_method: 'S256',
    // Never with a hint of who it might be: Entra refuses the two together.
    ...(leg.prompt ? { prompt: leg.prompt } : {}),
    ...(leg.maxAgeSeconds === undefined ? {} : { max_age: String(leg.maxAgeSeconds) }),
    ...(claims === undefined ? {} : { claims }),
  });
}

/** What Entra asked for goes back as it came; otherwise what proves presence (OpenID Connect Core 1.0 §5.5). */
function claimsOf({ claimsChallenge, authContext, maxAgeSeconds }: OutwardLeg): string | undefined {
  if (claimsChallenge !== undefined) return claimsChallenge;
  const wanted = {
    ...(authContext === undefined ? {} : { acrs: { essential: true, value: authContext } }),
    ...(maxAgeSeconds === undefined ? {} : { auth_time: { essential: true } }),
  };
  return Object.keys(wanted).length === 0 ? undefined : JSON.stringify({ id_token: wanted });
}

async function finish(entra: Entra, leg: ReturnedLeg): Promise<UpstreamIdentity> {
  const configuration = await entra.configured();
  const checks = {
    expectedState: leg.state,
    expectedNonce: leg.nonce,
    pkceCodeVerifier: leg.codeVerifier,
    idTokenExpected: true,
  };
  try {
    const tokens = await redeem(entra, () => client.authorizationCodeGrant(configuration, leg.callbackUrl, checks));
    return await read(entra, configuration, tokens);
  } catch (error) {
    const fault = entraFault(error);
    if (leg.challenged && fault instanceof UpstreamFailed && fault.reason === 'interaction') {
      throw new UpstreamFailed('denied', `asked again: ${fault.detail}`, fault, { reason: 'loop' });
    }
    throw fault;
  }
}

/** Of two certificates the other is tried once: Entra looks at the client before it looks at the code. */
async function redeem<T>({ authentication }: Entra, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (entraAnswer(error)?.code === UNKNOWN_CERTIFICATE && authentication.refused()) return work();
    throw error;
  }
}

/** The access token is never looked into: it is Graph's. */
async function read(entra: Entra, configuration: client.Configuration, tokens: Tokens): Promise<UpstreamIdentity> {
  const { settings } = entra.record;
  const claims = tokens.claims();
  if (!claims || !tokens.id_token) throw new UpstreamFailed('failed', 'token: no id_token');
  const tenant = assertTenant(claims, settings);
  await entra.keys.verify(tokens.id_token, tenant.issuer, tenant.tenant);
  const identity = { ...identityOf(claims, tenant, settings), refreshToken: tokens.refresh_token };
  if (settings.groups === 'ignored') return identity;
  const host = graphHost(configuration, settings);
  const groups = groupsInToken(claims) ?? (await entra.graph.groups(host, tokens.access_token));
  return { ...identity, groups };
}

async function check(entra: Entra, { issuer, subject, refreshToken }: CheckedIdentity): Promise<Liveness> {
  // A tenant that was taken off the list: only this way in has ended.
  if (!isOwnIssuer(entra, issuer)) return { state: 'ended', what: 'token', code: 'tenant_not_allowed' };
  try {
    const configuration = await entra.configured();
    const scope = scopeOf(configuration, entra);
    const tokens = await redeem(entra, () => client.refreshTokenGrant(configuration, refreshToken, { scope }));
    const identity = await read(entra, configuration, tokens);
    if (identity.issuer !== issuer || identity.subject !== subject) {
      return { state: 'ended', what: 'token', code: 'another_person' };
    }
    return {
      state: 'alive',
      refreshToken: identity.refreshToken,
      appRoles: identity.appRoles,
      groups: identity.groups,
    };
  } catch (error) {
    // Who is a guest by now is no longer let in by this way.
    const fault = entraAnswer(error) ? undefined : entraFault(error);
    if (fault instanceof UpstreamFailed && fault.failure === 'denied') {
      return { state: 'ended', what: 'token', code: fault.reason ?? 'denied' };
    }
    return livenessOf(error);
  }
}

function isOwnIssuer({ record: { settings } }: Entra, issuer: string): boolean {
  const [, tenant] = /^https:\/\/[^/]+\/([^/]+)\/v2\.0$/.exec(issuer) ?? [];
  return isAllowedTenant(settings, tenant) && issuer === issuerOf(clouds[settings.cloud], tenant);
}
