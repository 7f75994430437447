/** What the discovery documents say beyond what oidc-provider knows (RFC 8414 §2, OpenID Connect Discovery §3). */
import { livingScopes } from '../resources/resource.ts';
import type { ResourceStore } from '../resources/store.ts';
import { locales } from '../web/locale.ts';

const IDENTITY = ['openid', 'profile', 'email', 'offline_access'];

/**
 * Corrects a discovery document: scopes that are useful to ask for (resource scopes only while there is one resource,
 * because beyond that they would be a catalogue), and only what is really answered.
 */
export async function correctDiscovery(
  document: Record<string, unknown>,
  { resources }: { resources: ResourceStore },
): Promise<Record<string, unknown>> {
  const only = await resources.only();
  return {
    ...document,
    scopes_supported: [...IDENTITY, ...(only ? livingScopes(only).map((scope) => scope.name) : [])],
    response_modes_supported: ['query'],
    prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
    ui_locales_supported: [...locales],
    // Unsaid would mean client_secret_basic, and public clients revoke too (RFC 8414 §2).
    revocation_endpoint_auth_methods_supported: document.token_endpoint_auth_methods_supported,
    revocation_endpoint_auth_signing_alg_values_supported: document.token_endpoint_auth_signing_alg_values_supported,
    // As `resource add` makes them: nobody else may ask.
    introspection_endpoint_auth_methods_supported: ['client_secret_basic'],
  };
}
