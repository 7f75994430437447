/** Resource indicators (RFC 8707): every token is for exactly one registered MCP server. */
import { type Client, errors, type KoaContextWithOIDC, type ResourceServer } from 'oidc-provider';
import { ADMIN_TOKEN_SECONDS } from '../admin-api.ts';
import type { ClientStore } from '../clients/store.ts';
import { canonicalResource, livingScopes, type Resource } from '../resources/resource.ts';
import { resolveScopes, suspendedScopes } from '../resources/scopes.ts';
import type { ResourceStore } from '../resources/store.ts';
import { createAdminTarget, UNREGISTERED } from './admin-target.ts';

/** A code, refresh token or device code of oidc-provider's, and the grant it belongs to. */
interface Source {
  scope?: string;
  resource?: string | string[];
}
interface SourceGrant {
  getResourceScopeFiltered(resource: string, filter: string[]): string;
}

/** For a token without an MCP server, which oidc-provider asks about and nobody gets. */
export const ACCESS_TOKEN_TTL_SECONDS = 600;

export function createResourceIndicators(deps: {
  resources: ResourceStore;
  clients: Pick<ClientStore, 'find'>;
  issuer: string;
}) {
  const { resources } = deps;
  const adminTarget = createAdminTarget(deps);

  /** The registered resource that an identifier names, or `invalid_target`. */
  async function resolve(identifier: string): Promise<Resource> {
    const uri = canonicalResource(identifier);
    const resource = uri === undefined ? undefined : await resources.findByUri(uri);
    if (!resource || uri === undefined || adminTarget.isImpostor(resource))
      throw new errors.InvalidTarget(UNREGISTERED);
    if (uri !== identifier) throw new errors.InvalidTarget(`the resource is written ${uri}`);
    return resource;
  }

  return {
    adminTarget,
    resolve,
    /** `resource` was not sent: the only one there is, never a token for nobody. Sent twice: no choice of ours. */
    async defaultResource(_ctx: KoaContextWithOIDC, _client: Client, asked?: string[]): Promise<string> {
      if (asked) throw new errors.InvalidTarget('a token is for exactly one resource');
      const only = await resources.only();
      if (!only) throw new errors.InvalidTarget('resource is required: name the MCP server the token is for');
      return only.uri;
    },
    async getResourceServerInfo(ctx: KoaContextWithOIDC, identifier: string, client: Client): Promise<ResourceServer> {
      const asked = ctx.oidc.params?.resource;
      if (Array.isArray(asked) && asked.length > 1) {
        throw new errors.InvalidTarget('a token is for exactly one resource');
      }
      const resource = await resolve(identifier);
      if (resource.builtIn) await adminTarget.assertMayName(ctx, client);
      const scopes = isService(ctx) ? serviceScopes(ctx, client, resource) : carriedScopes(ctx, resource);
      if (!isService(ctx) && ctx.oidc.route === 'token') assertCarriesSomething(ctx, resource, sourceOf(ctx));
      return {
        scope: scopes.join(' '),
        audience: resource.uri,
        accessTokenTTL: resource.builtIn ? ADMIN_TOKEN_SECONDS : resource.tokenSeconds,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      };
    },
    /**
     * Decides what an authorization request really asks for, in front, at PAR, in request objects and for devices
     * alike: an extra-parameter validator, because only those run for all four.
     */
    async settleScope(ctx: KoaContextWithOIDC): Promise<void> {
      const params = ctx.oidc.params as Record<string, unknown>;
      const identifier = Array.isArray(params.resource) ? params.resource[0] : params.resource;
      const resource = await resolve(String(identifier));
      const asked = list(params.scope);
      const scopes = resolveScopes(asked, resource);
      if (scopes.length === 0) throw nothingLeft(asked, resource, 'name a scope: this resource grants none by default');
      params.scope = scopes.join(' ');
    },
    /**
     * For a refresh token that is about to be used up: whether the access token would still carry something, and
     * otherwise why not, so that a refusal does not cost the client its refresh token.
     *
     * @throws InvalidScope where only what this request asks for is left out, InvalidGrant where everything is
     */
    async assertRefreshable(ctx: KoaContextWithOIDC): Promise<void> {
      const source = ctx.oidc.entities.RefreshToken as unknown as Source;
      const resource = await resolve(String([source.resource].flat()[0]));
      if (resource.builtIn) throw new errors.InvalidTarget(UNREGISTERED);
      assertCarriesSomething(ctx, resource, source);
    },
  };
}

function list(scope: unknown): string[] {
  return typeof scope === 'string' ? scope.split(' ').filter(Boolean) : [];
}

/** Every scope but those that are being changed, and those that `findAccount` withheld from this very request. */
function carriedScopes(ctx: KoaContextWithOIDC, resource: Resource): string[] {
  const withheld = ctx.state.withheldScopes as ReadonlySet<string> | undefined;
  const names = livingScopes(resource).map(({ name }) => name);
  return withheld ? names.filter((name) => !withheld.has(name)) : names;
}

function sourceOf(ctx: KoaContextWithOIDC): Source | undefined {
  const { AuthorizationCode, DeviceCode, RefreshToken } = ctx.oidc.entities;
  return (AuthorizationCode ?? DeviceCode ?? RefreshToken) as unknown as Source | undefined;
}

/** oidc-provider would give a token without scope, which some MCP servers take for one with every scope. */
function assertCarriesSomething(ctx: KoaContextWithOIDC, resource: Resource, source: Source | undefined): void {
  const grant = ctx.oidc.entities.Grant as unknown as SourceGrant | undefined;
  if (!grant || !source) return;
  const carried = carriedScopes(ctx, resource);
  const granted = list(grant.getResourceScopeFiltered(resource.uri, list(source.scope)));
  const asked = ctx.oidc.params?.grant_type === 'refresh_token' ? list(ctx.oidc.params.scope) : [];
  const meant = asked.length > 0 ? granted.filter((name) => asked.includes(name)) : granted;
  if (meant.some((name) => carried.includes(name))) return;
  if (!granted.some((name) => carried.includes(name))) throw new errors.InvalidGrant('scopes_withheld');
  throw new errors.InvalidScope('no token carries what is asked for at present: ask for less', asked.join(' '));
}

function nothingLeft(asked: readonly string[], resource: Pick<Resource, 'scopes'>, otherwise: string) {
  const suspended = suspendedScopes(asked, resource);
  if (suspended.length === 0) return new errors.InvalidScope(otherwise, '');
  const are = suspended.length === 1 ? 'is' : 'are';
  const description = `${suspended.join(', ')} ${are} being changed by the owner of this resource; try again later`;
  return new errors.InvalidScope(description, suspended.join(' '));
}

function isService(ctx: KoaContextWithOIDC): boolean {
  return ctx.oidc.route === 'token' && ctx.oidc.params?.grant_type === 'client_credentials';
}

/**
 * A service acts for nobody, so an administrator said beforehand where and how far it may. Settles `scope` on the way:
 * oidc-provider reads it next, and would give a token without any.
 */
function serviceScopes(ctx: KoaContextWithOIDC, client: Client, resource: Resource): string[] {
  const access = client.consentry_access as Record<string, string[]> | undefined;
  const permitted = access?.[resource.uri];
  if (!permitted) throw new errors.InvalidTarget('this client has no access to the resource');
  const scopes = resource.scopes.filter(({ name }) => permitted.includes(name));
  const params = ctx.oidc.params as Record<string, unknown>;
  const asked = list(params.scope);
  const refused = asked.filter((name) => !permitted.includes(name) && resource.scopes.some((one) => one.name === name));
  if (refused.length > 0) throw new errors.InvalidScope('this client may not have the scope', refused.join(' '));
  const given = resolveScopes(asked, { scopes });
  if (given.length === 0) throw nothingLeft(asked, { scopes }, 'name a scope: none is given by default');
  params.scope = given.join(' ');
  return livingScopes({ scopes }).map(({ name }) => name);
}

export type ResourceIndicators = ReturnType<typeof createResourceIndicators>;
