/** Which scopes an authorization request ends up asking for (RFC 6749 §3.3). */
import { createHash } from 'node:crypto';
import { livingScopes, type Resource, type ScopeDescription } from './resource.ts';

/** Scopes of OpenID Connect that a person sees in words; `offline_access` never grants anything by itself. */
export const IDENTITY_SCOPES = ['openid', 'profile', 'email'] as const;

type Scopes = Pick<Resource, 'scopes'>;

/**
 * The asked scopes that belong to the resource, or its low-sensitivity ones where none of them does, without those
 * that are being changed; and the identity scopes among the asked. Scopes of other resources are dropped.
 *
 * @returns nothing where all that could be meant is being changed: never something else instead
 */
export function resolveScopes(asked: readonly string[], resource: Scopes): string[] {
  const wanted = meant(asked, resource);
  const living = livingScopes({ scopes: wanted }).map(({ name }) => name);
  if (wanted.length > 0 && living.length === 0) return [];
  const identity = IDENTITY_SCOPES.filter((scope) => asked.includes(scope));
  const withOpenid = identity.length > 0 && !identity.includes('openid') ? [] : identity;
  return [...new Set([...withOpenid, ...living])];
}

/** Those among the scopes that a request means which {@link resolveScopes} leaves out. */
export function suspendedScopes(asked: readonly string[], resource: Scopes): string[] {
  return meant(asked, resource)
    .filter((scope) => scope.suspended)
    .map(({ name }) => name);
}

/**
 * In the order in which they are asked for; without `scope` what a person may give without a second thought. A scope
 * that nobody ever accepted is not there yet.
 */
function meant(asked: readonly string[], resource: Scopes): Resource['scopes'] {
  const known = resource.scopes.filter((scope) => !scope.proposal?.added);
  const own = asked.flatMap((name) => known.filter((scope) => scope.name === name));
  return own.length > 0 ? own : known.filter((scope) => scope.sensitivity === 'low');
}

/** Digest of what a person reads about a scope: its wording, its weight and the tools behind it. */
export function scopeDigest(scope: ScopeDescription): string {
  const said = [scope.description, scope.descriptionJa ?? '', scope.sensitivity, scope.effect, [...scope.tools].sort()];
  return createHash('sha256').update(JSON.stringify(said)).digest('base64url');
}
