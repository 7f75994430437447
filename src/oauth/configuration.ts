/** oidc-provider's configuration: its own features switched on, our rooms behind its hooks. */
import { randomBytes } from 'node:crypto';
import type { Client, Configuration, JWKS, KoaContextWithOIDC } from 'oidc-provider';
import { mayStandForOthers } from '../clients/client.ts';
import type { DownstreamClients } from '../clients/downstream.ts';
import type { ClientStore } from '../clients/store.ts';
import type { Config } from '../config.ts';
import type { Downstream } from '../consents/consent.ts';
import { livingScopes } from '../resources/resource.ts';
import type { ResourceStore } from '../resources/store.ts';
import { actClaim, richAuthorizationRequests } from './acting-for.ts';
import type { AdapterDeps } from './adapter.ts';
import { createAdapterFactory } from './adapter.ts';
import type { createMint, GrantSource } from './mint.ts';
import type { createProviderPages } from './pages.ts';
import type { PersonClaims } from './person-claims.ts';
import type { createPress } from './press.ts';
import type { ResourceIndicators } from './resource-indicators.ts';
import { ACCESS_TOKEN_TTL_SECONDS } from './resource-indicators.ts';

export interface ConfigurationDeps {
  config: Pick<Config, 'issuer'>;
  jwks: JWKS;
  /** Signs oidc-provider's cookies; the first signs, all verify. */
  cookieKeys: string[];
  /** 32 bytes, the same in every process. */
  dpopNonceSecret: Buffer;
  adapter: AdapterDeps;
  clients: ClientStore;
  resources: ResourceStore;
  resourceIndicators: ResourceIndicators;
  mint: ReturnType<typeof createMint>;
  press: ReturnType<typeof createPress>;
  personClaims: PersonClaims;
  pages: ReturnType<typeof createProviderPages>;
  downstreamClients: DownstreamClients;
  /** One policy for registration and documents. */
  extraClientMetadata: NonNullable<Configuration['extraClientMetadata']>;
  /** For metadata documents and `jwks_uri`. */
  fetch: NonNullable<Configuration['fetch']>;
}

const DAY = 86_400;
const REFRESH_IDLE_SECONDS = 30 * DAY;

export function createConfiguration(deps: ConfigurationDeps): Configuration {
  return {
    adapter: createAdapterFactory(deps.adapter),
    jwks: deps.jwks,
    fetch: deps.fetch,
    findAccount: deps.mint.findAccount as Configuration['findAccount'],
    responseTypes: ['code'],
    pkce: { required: () => true },
    scopes: ['openid', 'profile', 'email', 'offline_access'],
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    clientDefaults: { id_token_signed_response_alg: 'ES256', grant_types: ['authorization_code', 'refresh_token'] },
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    enabledJWA: algorithms(),
    extraClientMetadata: deps.extraClientMetadata,
    extraParams: { scope: (ctx: KoaContextWithOIDC) => deps.resourceIndicators.settleScope(ctx) },
    extraTokenClaims: (ctx, token) => extraTokenClaims(deps, ctx, token as unknown as TokenSource),
    clientBasedCORS: () => true,
    cookies: cookies(deps),
    routes: {
      authorization: '/authorize',
      registration: '/register',
      token: '/token',
      jwks: '/jwks',
      pushed_authorization_request: '/par',
      revocation: '/revoke',
      introspection: '/introspect',
      end_session: '/logout',
      device_authorization: '/device_authorization',
      code_verification: '/device',
    },
    interactions: { policy: deps.press.policy(), url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    loadExistingGrant: deps.press.loadExistingGrant,
    expiresWithSession: () => false,
    issueRefreshToken: (ctx, client, source) => mayRefresh(deps, ctx, client, source as unknown as GrantSource),
    rotateRefreshToken: deps.mint.rotateRefreshToken,
    revokeGrantPolicy: () => true,
    renderError: deps.pages.renderError,
    ttl: timesToLive(),
    features: features(deps),
  } as Configuration;
}

function features(deps: ConfigurationDeps) {
  const { resourceIndicators, resources, pages, dpopNonceSecret, downstreamClients } = deps;
  return {
    backchannelLogout: { enabled: true },
    devInteractions: { enabled: false },
    userinfo: { enabled: false },
    clientCredentials: { enabled: true },
    clientIdMetadataDocument: { enabled: true, ack: 'draft-02', cacheDuration: { min: 0, max: 0 } },
    deviceFlow: {
      enabled: true,
      userCodeInputSource: pages.userCodeInputSource,
      userCodeConfirmSource: pages.userCodeConfirmSource,
      successSource: pages.successSource,
    },
    dPoP: { enabled: true, nonceSecret: dpopNonceSecret },
    introspection: {
      enabled: true,
      // Only the token's own resource (RFC 7662 §4): anybody else reads `active: false`.
      allowedPolicy: async (_ctx: KoaContextWithOIDC, client: Client, token: Introspected) => {
        const resource = await resources.findByClientId(client.clientId);
        if (!resource || token.aud !== resource.uri) return false;
        // oidc-provider reads the scope after this: one that is suspended is told of no more.
        const living = livingScopes(resource).map(({ name }) => name);
        token.scope = (token.scope ?? '')
          .split(' ')
          .filter((name) => living.includes(name))
          .join(' ');
        return token.scope !== '';
      },
    },
    pushedAuthorizationRequests: { enabled: true },
    registration: {
      enabled: true,
      idFactory: () => randomBytes(16).toString('hex'),
      secretFactory: () => randomBytes(48).toString('base64url'),
    },
    registrationManagement: { enabled: true, rotateRegistrationAccessToken: false },
    requestObjects: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: resourceIndicators.defaultResource,
      getResourceServerInfo: resourceIndicators.getResourceServerInfo,
      useGrantedResource: () => true,
    },
    richAuthorizationRequests: richAuthorizationRequests({ downstreamClients }),
    revocation: {
      enabled: true,
      // RFC 7009 §2.1: only the client it was issued to. To others it is a token nobody knows.
      allowedPolicy: (_ctx: KoaContextWithOIDC, client: Client, token: { clientId?: string }) =>
        token.clientId === client.clientId,
    },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: pages.logoutSource,
      postLogoutSuccessSource: pages.postLogoutSuccessSource,
    },
  };
}

interface Introspected {
  aud?: string | string[];
  scope?: string;
}

interface TokenSource {
  kind: string;
  grantId?: string;
  accountId?: string;
  aud?: string;
}

/**
 * Joins a token to its grant, by which revocation and introspection go; says who presents it where it is a proxy, and of
 * the person what the MCP server is told.
 */
async function extraTokenClaims(
  { personClaims, clients, resourceIndicators }: ConfigurationDeps,
  ctx: KoaContextWithOIDC,
  token: TokenSource,
): Promise<Record<string, unknown> | undefined> {
  if (token.kind !== 'AccessToken' || !token.grantId) return undefined;
  const { client } = ctx.oidc;
  const grant = ctx.oidc.entities.Grant as { actingFor?: Downstream; presentAt?: number } | undefined;
  // Of a client that registered itself or is a document, oidc-provider does not know what an administrator took it for.
  const kind = client && ((await clients.find(client.clientId))?.kind ?? 'app');
  const act = client && kind && mayStandForOthers(kind) ? actClaim(client.clientId, grant?.actingFor) : {};
  const person = token.accountId && token.aud ? await personClaims(token.accountId, token.aud) : {};
  const presence = resourceIndicators.adminTarget.isNamed(token.aud) ? { auth_time: grant?.presentAt } : {};
  return { ...person, gid: token.grantId, ...act, ...presence };
}

async function mayRefresh(
  { clients, resourceIndicators }: ConfigurationDeps,
  ctx: KoaContextWithOIDC,
  client: Client,
  source: GrantSource,
) {
  // Each token for the administration API takes its own press and its own proof of presence.
  if (resourceIndicators.adminTarget.isNamed(source.resource)) return false;
  if (!client.grantTypeAllowed('refresh_token') || !source.grantId) return false;
  const grant = ctx.oidc.entities.Grant as { refreshAllowed?: boolean; actingFor?: Downstream } | undefined;
  if (!grant?.refreshAllowed) return false;
  const record = await clients.find(client.clientId);
  if (!record || !mayStandForOthers(record.kind) || grant.actingFor !== undefined) return true;
  // A proxy that names nobody stands for everybody behind it: nothing of it outlives the access token, unless an operator
  // decided so for this very proxy.
  return record.kind === 'proxy' && record.metadata.consentry_unnamed_refresh === true;
}

/** Seconds. A refresh token idles out, and never outlives the grant that the person limited. */
function timesToLive() {
  return {
    AccessToken: tokenSeconds,
    ClientCredentials: tokenSeconds,
    AuthorizationCode: 60,
    DeviceCode: 600,
    IdToken: 600,
    Interaction: 1800,
    PushedAuthorizationRequest: 90,
    Grant: 90 * DAY,
    Session: DAY / 2,
    RefreshToken(ctx: KoaContextWithOIDC): number {
      const grant = ctx?.oidc.entities.Grant as { exp?: number } | undefined;
      const left = grant?.exp ? grant.exp - Math.floor(Date.now() / 1000) : REFRESH_IDLE_SECONDS;
      return Math.max(1, Math.min(REFRESH_IDLE_SECONDS, left));
    },
  };
}

/** As the MCP server's administrator has it. */
function tokenSeconds(_ctx: KoaContextWithOIDC, token: { resourceServer?: { accessTokenTTL?: number } }): number {
  return token.resourceServer?.accessTokenTTL ?? ACCESS_TOKEN_TTL_SECONDS;
}

/**
 * On https the session cookie takes `__Host-`; interaction cookies have a path of their own and can only take
 * `__Secure-`. A loopback http issuer gets neither: Safari drops them there.
 */
function cookies({ config, cookieKeys }: ConfigurationDeps) {
  const secure = config.issuer.startsWith('https:');
  const options = { httpOnly: true, sameSite: 'lax', secure, signed: true } as const;
  const prefix = secure ? '__Secure-' : '';
  return {
    keys: cookieKeys,
    names: {
      session: `${secure ? '__Host-' : ''}consentry_session`,
      interaction: `${prefix}consentry_interaction`,
      resume: `${prefix}consentry_resume`,
    },
    long: { ...options, path: '/' },
    short: options,
  };
}

/** Asymmetric only: a stored secret is a hash and can neither sign nor verify. */
function algorithms(): Configuration['enabledJWA'] {
  const signing = ['ES256', 'EdDSA', 'PS256', 'RS256'] as const;
  return {
    clientAuthSigningAlgValues: [...signing],
    idTokenSigningAlgValues: ['ES256'],
    requestObjectSigningAlgValues: [...signing],
    dPoPSigningAlgValues: ['ES256', 'EdDSA'],
  } as unknown as Configuration['enabledJWA'];
}
