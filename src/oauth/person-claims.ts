/**
 * What an MCP server learns of a person beside who they are here (RFC 9068 §2.2.3): `oid`, `tid`, `email`, `roles`, each
 * only where an administrator named it for this server.
 */
import type { AccountStore } from '../accounts/store.ts';
import type { TokenClaim } from '../resources/resource.ts';
import type { ResourceStore } from '../resources/store.ts';
import { BUILT_IN } from '../roles/changes.ts';
import type { Roles } from '../roles/roles.ts';

export type PersonClaims = ReturnType<typeof createPersonClaims>;

export function createPersonClaims(deps: {
  resources: Pick<ResourceStore, 'findByUri'>;
  roles: Pick<Roles, 'knownAs' | 'rolesOf'>;
  accounts: Pick<AccountStore, 'findById'>;
}) {
  const { resources, roles, accounts } = deps;

  /**
   * Of the identity by which the person came last, among those of connections that the server accepts; whoever has none
   * has the address that they sign in with. Administering this server is no role at another.
   */
  return async function personClaims(
    accountId: string,
    audience: string,
  ): Promise<Partial<Record<TokenClaim, unknown>>> {
    const resource = await resources.findByUri(audience);
    if (!resource || resource.tokenClaims.length === 0) return {};
    const known = await roles.knownAs(accountId, resource.connectionIds);
    const { objectId, tenantId, email } = known ? known.claims : { email: (await accounts.findById(accountId))?.email };
    const all: Record<TokenClaim, unknown> = {
      oid: text(objectId),
      tid: text(tenantId),
      email: text(email),
      roles: (await roles.rolesOf(accountId)).filter((role) => !BUILT_IN.includes(role)),
    };
    const named = resource.tokenClaims.filter((claim) => all[claim] !== undefined);
    return Object.fromEntries(named.map((claim) => [claim, all[claim]]));
  };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
