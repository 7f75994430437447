/** Who may name the administration API as what a token is for (RFC 8707 §2): nobody but a client that an owner marked. */
import { type Client, errors, type KoaContextWithOIDC } from 'oidc-provider';
import { adminApiUri, mayAskForAdminApi } from '../admin-api.ts';
import type { ClientStore } from '../clients/store.ts';
import type { Resource } from '../resources/resource.ts';

/** Where a person is asked at this very moment: no device, nothing refreshed, nobody acting for themselves. */
const ROUTES: ReadonlySet<string> = new Set(['authorization', 'resume', 'pushed_authorization_request']);

export function createAdminTarget({ clients, issuer }: { clients: Pick<ClientStore, 'find'>; issuer: string }) {
  const uri = adminApiUri(issuer);
  return {
    isNamed: (resource: string | string[] | undefined): boolean => [resource].flat().includes(uri),
    /** Whatever else came to be registered at that address is not given tokens for it. */
    isImpostor: (resource: Pick<Resource, 'uri' | 'builtIn'>): boolean => resource.uri === uri && !resource.builtIn,
    /** @throws InvalidTarget as for a resource that nobody registered; InvalidRequest for a token bound to a key */
    async assertMayName(ctx: KoaContextWithOIDC, client: Client): Promise<void> {
      const { route, params } = ctx.oidc;
      const redeems = route === 'token' && params?.grant_type === 'authorization_code';
      if (!(redeems || ROUTES.has(route)) || !mayAskForAdminApi(await clients.find(client.clientId))) {
        throw new errors.InvalidTarget(UNREGISTERED);
      }
      // It verifies no proof, so that a token which needs one would be a token for anybody who has it.
      if (redeems && ctx.get('dpop'))
        throw new errors.InvalidRequest('tokens for this resource are not bound to a key');
    },
  };
}

export const UNREGISTERED = 'the resource is not registered here';
