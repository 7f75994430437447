/** Resource indicators (RFC 8707): every token is for exactly one registered MCP server. */
import { type Client, errors, type KoaContextWithOIDC, type ResourceServer } from 'oidc-provider';
import { canonicalResource, type Resource } from '../resources/resource.ts';
import { resolveScopes } from '../resources/scopes.ts';
import type { ResourceStore } from '../resources/store.ts';

export const ACCESS_TOKEN_TTL_SECONDS = 600;

export function createResourceIndicators({ resources }: { resources: ResourceStore }) {
  /** The registered resource that an identifier names, or `invalid_target`. */
  async function resolve(identifier: string): Promise<Resource> {
    const uri = canonicalResource(identifier);
    const resource = uri === undefined ? undefined : await resources.findByUri(uri);
    if (!resource || uri === undefined) throw new errors.InvalidTarget('the resource is not registered here');
    if (uri !== identifier) throw new errors.InvalidTarget(`the resource is written ${uri}`);
    return resource;
  }

  return {
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
      const scopes = isService(ctx) ? serviceScopes(ctx, client, resource) : resource.scopes.map((scope) => scope.name);
      return {
        scope: scopes.join(' '),
        audience: resource.uri,
        accessTokenTTL: ACCESS_TOKEN_TTL_SECONDS,
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
      const asked = typeof params.scope === 'string' ? params.scope.split(' ') : [];
      params.scope = resolveScopes(asked, resource).join(' ') || undefined;
      if (params.scope === undefined)
        throw new errors.InvalidScope('name a scope: this resource grants none by default', '');
    },
  };
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
  const asked = typeof params.scope === 'string' ? params.scope.split(' ') : [];
  const withheld = asked.filter(
    (name) => !permitted.includes(name) && resource.scopes.some((one) => one.name === name),
  );
  if (withheld.length > 0) throw new errors.InvalidScope('this client may not have the scope', withheld.join(' '));
  const given = resolveScopes(asked, { ...resource, scopes });
  if (given.length === 0) throw new errors.InvalidScope('name a scope: none is given by default', '');
  params.scope = given.join(' ');
  return scopes.map(({ name }) => name);
}
export type ResourceIndicators = ReturnType<typeof createResourceIndicators>;
