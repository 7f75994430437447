/** How consents look to the dashboard and through its API. */
import { z } from 'zod';
import { consentStates } from '../../consents/listing-store.ts';
import { when } from '../frame/shapes.ts';

export const filter = z.object({
  state: z.enum(consentStates).optional(),
  account: z.string().max(200).optional(),
  client: z.string().max(2000).optional(),
  server: z.string().max(200).optional(),
  scope: z.string().max(200).optional(),
  search: z.string().max(200).optional(),
});
export const filterNames = Object.keys(filter.shape);
export type ConsentFilterInput = z.infer<typeof filter>;

const MAX_SELECTED = 50;
const id = z.string().max(100);
export const ids = z.array(id).min(1).max(MAX_SELECTED);
/** In an address one alone comes without a list around it. */
export const idsInAddress = z.union([ids, id.transform((one) => [one])]).optional();

export const line = z.object({
  id: z.string(),
  accountId: z.string(),
  person: z.string(),
  clientId: z.string(),
  clientName: z.string().describe('As the client states it.'),
  downstreamClientId: z.string().nullable(),
  resourceId: z.string(),
  resourceName: z.string(),
  resourceUri: z.string(),
  scopes: z.array(z.string()),
  approvedAt: when,
  lastUsedAt: when.nullable(),
  expiresAt: when,
  state: z.enum(consentStates),
  reason: z.string().nullable(),
});

const stated = z.object({ name: z.string(), authMethod: z.string(), keysHost: z.string(), resembles: z.boolean() });

const party = z.object({
  role: z.enum(['client', 'downstream']).describe('`downstream`: whom the client, a proxy, acts for.'),
  clientId: z.string(),
  returnsTo: z.string().nullable().describe('Null for the device flow.'),
  returnsToStill: z
    .boolean()
    .nullable()
    .describe('Whether the client still has that address; null where nobody knows.'),
  agreed: stated.nullable().describe('As it stated itself when the person agreed; null in consents older than that.'),
  today: stated.nullable().describe('Null where nothing is known of it any more.'),
});
export type PartyView = z.infer<typeof party>;

const words = z.object({
  description: z.string(),
  descriptionJa: z.string().optional().describe('In Japanese, where there are such words.'),
  tools: z.array(z.string()).readonly(),
});

const scope = z.object({
  name: z.string(),
  agreed: words.nullable().describe('What the person read; null for the scopes of OpenID Connect.'),
  today: words.nullable().describe('Null where the MCP server does not have it any more.'),
  sensitivity: z.enum(['low', 'medium', 'high']).nullable(),
  changed: z.boolean(),
  until: when,
  shownAt: when.describe('When the person last saw it on a page that showed everything.'),
});
export type ScopeView = z.infer<typeof scope>;

const difference = z.looseObject({ kind: z.string() });

export const detail = line.extend({
  createdAt: when,
  version: z.number().int().describe('Each press makes a new one.'),
  browserLabel: z
    .string()
    .nullable()
    .describe(
      'The browser of the last press in words of this server, such as "Chrome on Windows"; null where it is not known.',
    ),
  fullPageAt: when,
  suspendedAt: when.nullable(),
  revokedAt: when.nullable(),
  signIns: z.number().int().describe('Living ones under it.'),
  parties: z.array(party),
  wanted: z.array(scope),
  differences: z.array(difference).describe('How things differ now from what the person agreed to.'),
});
export type ConsentView = z.infer<typeof detail>;

export const affected = z.object({
  consents: z.number().int(),
  people: z.number().int(),
  clients: z.number().int(),
  servers: z.number().int(),
  names: z.array(z.string()).describe('The first 10 of the people.'),
});
export type AffectedView = z.infer<typeof affected>;
