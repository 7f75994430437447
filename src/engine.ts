/** oidc-provider over our rooms: its configuration, what it fetches, and the keys that it follows while they rotate. */
import type { JWKS } from 'oidc-provider';
import { createDownstreamClients } from './clients/downstream.ts';
import { createMetadataDocuments } from './clients/metadata-document.ts';
import { createMetadataPolicy } from './clients/metadata-policy.ts';
import type { Config } from './config.ts';
import { watchKeys } from './keys/watch.ts';
import { createAccessTokens } from './oauth/access-tokens.ts';
import { createConfiguration } from './oauth/configuration.ts';
import { createLivingProvider } from './oauth/living-provider.ts';
import { createMint } from './oauth/mint.ts';
import { createProviderPages } from './oauth/pages.ts';
import { createPersonClaims } from './oauth/person-claims.ts';
import { createPress } from './oauth/press.ts';
import { createProvider } from './oauth/provider.ts';
import { createRefreshTokens } from './oauth/refresh-tokens.ts';
import { createResourceIndicators } from './oauth/resource-indicators.ts';
import type { Rooms } from './rooms.ts';
import type { createEgress } from './web/egress.ts';
import type { Log } from './web/log.ts';
import type { createRespond } from './web/respond.ts';

export async function createEngine(deps: {
  config: Config;
  rooms: Rooms;
  respond: ReturnType<typeof createRespond>;
  cookieKeys: string[];
  egress: ReturnType<typeof createEgress>;
  log: Log;
}) {
  const { config, rooms, respond, cookieKeys, egress } = deps;
  const keys = await watchKeys(rooms);
  // The timer tries again.
  rooms.keyset.onChange(() => keys.look().catch((error: unknown) => deps.log.warn({ err: error }, 'keys not read')));
  const accessTokens = createAccessTokens({ ...rooms, jwks: () => keys.current().publicJwks });
  const refreshTokens = createRefreshTokens({ ...rooms, graceSeconds: config.refreshGraceSeconds });
  const resourceIndicators = createResourceIndicators(rooms);
  const policy = createMetadataPolicy({ issuer: config.issuer });
  const { now, clients, documents: copies } = rooms;
  const documents = createMetadataDocuments({
    egress,
    store: copies,
    policy,
    isHeld: () => rooms.database.isOpen(),
    now,
  });
  const downstreamClients = createDownstreamClients({ clients, documents, policy });
  const settled = {
    config,
    cookieKeys,
    dpopNonceSecret: rooms.sealing.derive('dpop-nonce', 32),
    adapter: { ...rooms, accessTokens, refreshTokens },
    clients: rooms.clients,
    resources: rooms.resources,
    resourceIndicators,
    mint: createMint({ ...rooms, accounts: rooms.accountStore, resourceIndicators, downstreamClients }),
    press: createPress({ ...rooms, resourceIndicators, downstreamClients }),
    personClaims: createPersonClaims({ ...rooms, accounts: rooms.accountStore }),
    downstreamClients,
    pages: createProviderPages({ respond }),
    extraClientMetadata: policy.extraClientMetadata as never,
    fetch: documents.fetch as never,
  };
  const make = (jwks: JWKS) =>
    createProvider({ ...rooms, configuration: createConfiguration({ ...settled, jwks }), refreshTokens });
  return { ...createLivingProvider({ keys, make }), accessTokens, documents, downstreamClients, keys };
}
