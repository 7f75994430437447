/** Which authentication context proves presence for which scope, as an administrator named them. */
import type { OidcConnectionSettings } from './settings.ts';

/** The first that is named: of several scopes asked for at once one context has to do. */
export function authContextFor(
  named: OidcConnectionSettings['authContexts'],
  resourceUri: string,
  scopes: readonly string[],
): string | undefined {
  return named.find(({ resource, scope }) => resource === resourceUri && scopes.includes(scope))?.context;
}
