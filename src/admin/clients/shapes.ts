/** What the operations on clients take and answer with. */
import { z } from 'zod';
import { clientStates, listedKinds, listedOrigins } from '../../clients/listing-store.ts';
import { MAX_OVERLAP_DAYS } from '../../clients/secrets.ts';
import { typedNumber, when } from '../frame/shapes.ts';

/** A `client_id`: of a metadata document its URL, percent-encoded where it stands in a path. */
export const clientId = z.object({ id: z.string().min(1).max(2000) });

export const clientFilter = z.object({
  origin: z.enum(listedOrigins).optional(),
  kind: z.enum(listedKinds).optional(),
  state: z.enum(clientStates).optional(),
  search: z.string().max(200).optional(),
});

export const clientLine = z.object({
  id: z.string(),
  origin: z.string(),
  kind: z.string().describe('`undeclared`: a proxy that names nobody.'),
  name: z.string().describe('As the client states it.'),
  authMethod: z.string(),
  adminApi: z.boolean(),
  createdAt: when,
  lastUsedAt: when.nullable(),
  revokedAt: when.nullable(),
  removed: z.boolean().describe('Housekeeping ended it, as nobody used it: nobody blocked it.'),
});

export const familyLine = clientLine.extend({
  familyKey: z.string().nullable().describe('What registrations of the same program have in common. Proves nothing.'),
  registrations: z.number().int(),
  living: z.number().int().describe('Registrations that may ask people.'),
  blocked: z.number().int().describe('Registrations that somebody blocked.'),
  firstSeenAt: when,
});

const reach = z.object({ consents: z.number().int(), people: z.number().int() });

export const clientView = clientLine.extend({
  stated: z
    .object({
      name: z.string(),
      redirectUris: z.array(z.string()).readonly(),
      authMethod: z.string(),
      jwksUri: z.string().nullable(),
      grantTypes: z.array(z.string()).readonly(),
      scope: z.string().nullable(),
      links: z.record(z.string(), z.string()),
      contacts: z.array(z.string()).readonly(),
      softwareId: z.string().nullable(),
      softwareVersion: z.string().nullable(),
    })
    .describe('What the client says of itself. Nobody checked it.'),
  verified: z
    .object({
      resembles: z.boolean().describe("Its name looks like somebody else's."),
      documentHost: z.string(),
      sharedHost: z.boolean(),
      redirects: z
        .array(
          z.object({
            uri: z.string(),
            kind: z.string(),
            host: z.string(),
            provenance: z.string(),
            proven: z.boolean().describe('A request that returns there proves who asks.'),
          }),
        )
        .readonly(),
      authenticates: z.boolean(),
      keysHost: z.string(),
      keysOnOwnHost: z.boolean().nullable(),
      standsForOthers: z.boolean(),
      document: z
        .object({ fetchedAt: when, importedAt: when.nullable(), usableUntil: when })
        .nullable()
        .describe('The last good copy of its metadata document.'),
    })
    .describe('What this server found out.'),
  family: z
    .object({
      key: z.string(),
      registrations: z.number().int(),
      living: z.number().int(),
      firstSeenAt: when.nullable(),
    })
    .nullable(),
  secret: z
    .object({ createdAt: when, previousUntil: when.nullable().describe('Until then the secret before is good too.') })
    .nullable(),
  reach: reach.describe('Living consents with it, and whose.'),
});
export type ClientView = z.infer<typeof clientView>;

const uris = z.array(z.string().max(2000)).max(20).default([]);

export const newClient = z.object({
  name: z.string().max(200),
  kind: z.enum(listedKinds),
  authMethod: z.enum(['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt']),
  redirectUris: uris,
  postLogoutRedirectUris: uris,
  jwksUri: z.string().max(2000).optional(),
  backchannelLogoutUri: z.string().max(2000).optional(),
  deviceFlow: z.boolean().default(false),
  unnamedRefresh: z.boolean().default(false),
  access: z
    .record(z.string().max(2000), z.array(z.string().max(200)).max(100))
    .default({})
    .describe('For a service: MCP server → scopes.'),
});

export const overlapDays = typedNumber.pipe(z.number().int().min(0).max(MAX_OVERLAP_DAYS)).optional();
