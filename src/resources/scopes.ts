/** Which scopes an authorization request ends up asking for (RFC 6749 §3.3). */
import { createHash } from 'node:crypto';
import { defaultScopes, type Resource, type ResourceScope } from './resource.ts';

/** Scopes of OpenID Connect that a person sees in words; `offline_access` never grants anything by itself. */
export const IDENTITY_SCOPES = ['openid', 'profile', 'email'] as const;

/**
 * The asked scopes that belong to the resource, or its low-sensitivity ones where none of them does, and the identity
 * scopes among the asked. Scopes of other resources are dropped.
 */
export function resolveScopes(asked: readonly string[], resource: Resource): string[] {
  const known = new Set(resource.scopes.map((scope) => scope.name));
  const own = asked.filter((scope) => known.has(scope));
  const identity = IDENTITY_SCOPES.filter((scope) => asked.includes(scope));
  const withOpenid = identity.length > 0 && !identity.includes('openid') ? [] : identity;
  return [...new Set([...withOpenid, ...(own.length > 0 ? own : defaultScopes(resource))])];
}

/** Digest of what a person reads about a scope: its wording, its weight and the tools behind it. */
export function scopeDigest(scope: ResourceScope): string {
  const said = [scope.description, scope.descriptionJa ?? '', scope.sensitivity, scope.effect, [...scope.tools].sort()];
  return createHash('sha256').update(JSON.stringify(said)).digest('base64url');
}
