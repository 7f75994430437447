/** How requests to administrators look to the dashboard and through its API. */
import { z } from 'zod';
import { MAX_TOGETHER } from '../../approvals/approval.ts';
import { MAX_DAYS } from '../../approvals/deciding.ts';
import { approvalViews } from '../../approvals/listing-store.ts';
import { when } from '../frame/shapes.ts';

const state = z.enum(['pending', 'approved', 'denied', 'withdrawn', 'expired']);
const audience = z.enum(['person', 'everyone']);

export const filter = z.object({
  state: z.enum(approvalViews).default('pending').describe('`decided`: whatever waits no more.'),
  account: z.string().max(200).optional(),
  client: z.string().max(2000).optional(),
  server: z.string().max(200).optional(),
  search: z.string().max(200).optional(),
});

export const line = z.object({
  id: z.string(),
  state,
  accountId: z.string(),
  person: z.string(),
  clientId: z.string(),
  clientName: z.string().describe('As the client states it.'),
  through: z.string().nullable().describe('The proxy that names the client.'),
  resourceId: z.string(),
  resourceName: z.string(),
  scopes: z.array(z.string()),
  reason: z.string().nullable(),
  audience: audience.nullable(),
  createdAt: when,
  decidedAt: when.nullable(),
  decidedBy: z.string().nullable(),
  note: z.string().nullable(),
  expiresAt: when.nullable(),
  approvedOnce: z.boolean().describe('A second approver has to confirm.'),
});

export const party = z.object({
  clientId: z.string(),
  name: z.string().describe('As the client states it; empty where it states none.'),
  resembles: z.boolean().describe('Its name looks like the name of somebody else.'),
  provenance: z.enum(['proven-host', 'shared-host', 'local-program', 'unproven-site', 'administrator']),
  host: z.string().describe('What it proved, or comes from.'),
  redirectUri: z.string().nullable().describe('Null for the device flow.'),
  redirectKind: z.enum(['https', 'loopback', 'private-use', 'device']),
  redirectHost: z.string(),
  redirectRegistered: z.boolean().describe('The client still has this address.'),
  authMethod: z.string(),
  keysHost: z.string(),
  kind: z.string(),
  firstSeen: when.nullable(),
  blocked: z.boolean(),
  registrations: z
    .number()
    .int()
    .nullable()
    .describe('Of the same program, with this one; anybody can state the same.'),
  people: z.number().int().describe('Who use it now, at MCP servers within reach.'),
  servers: z.number().int(),
  verdict: z.array(z.object({ scope: z.string(), effect: z.enum(['allow', 'ask', 'deny']), ruleId: z.string() })),
});
export type PartyView = z.infer<typeof party>;

export const scope = z.object({
  name: z.string(),
  description: z.string(),
  descriptionJa: z.string().optional(),
  sensitivity: z.enum(['low', 'medium', 'high']).optional(),
  effect: z.enum(['read', 'change', 'act', 'identity', 'gone']),
  tools: z.array(z.string()).readonly(),
});
export type ScopeView = z.infer<typeof scope>;

/** Its members differ with `kind`. */
const difference = z.looseObject({ kind: z.string() });

export const also = z.object({
  id: z.string(),
  accountId: z.string(),
  person: z.string(),
  connections: z.array(z.string()),
  resourceId: z.string(),
  resourceName: z.string(),
  resourceUri: z.string(),
  wants: z.array(scope),
  reason: z.string().nullable(),
  createdAt: when,
  seen: z.string().describe('Names what this shows of it.'),
  why: z.enum(['changed', 'own_first']).nullable().describe('Why it has to be looked at by itself.'),
  approvedOnce: z.boolean(),
});
export type AlsoView = z.infer<typeof also>;

export const card = z.object({
  ...line.omit({ through: true, clientId: true, clientName: true, approvedOnce: true }).shape,
  connections: z.array(z.string()).describe('Which identity providers know the person.'),
  resourceUri: z.string(),
  serverEnabled: z.boolean(),
  client: party.nullable().describe('The app it is about; null where nothing is known of it any more.'),
  proxy: party.nullable().describe('The proxy through which the client asks.'),
  wants: z.array(scope),
  also: z.array(also).describe('The same client where it waits besides, at MCP servers where the approver may decide.'),
  previous: z.array(line).describe('The last decisions on the same client.'),
  differences: z.array(difference).describe('What changed since somebody last looked.'),
  seen: z.string().describe('Names what this shows: an approval is of that or nothing.'),
  first: z
    .object({ by: z.string(), person: z.string(), at: when, audience, days: z.number().int(), stands: z.boolean() })
    .nullable(),
  takesTwo: z.array(audience).describe('Audiences whose approval takes two people.'),
  may: z.object({
    decide: z.boolean(),
    why: z.enum(['own_request', 'not_approver', 'decided']).nullable(),
    everyone: z.boolean(),
    confirm: z.boolean().describe('Somebody else approved first, on terms that one may confirm.'),
    withdrawFirst: z.boolean(),
    revoke: z.boolean(),
    rule: z.boolean(),
  }),
  nextWaiting: z.string().nullable(),
  waiting: z.number().int(),
  more: z.number().int().describe('Other requests that wait for the same client, at any MCP server within reach.'),
});
export type CardView = z.infer<typeof card>;

export const approveInput = z.object({
  id: z.string().max(100),
  audience: audience.default('person'),
  days: z.coerce.number().default(90).describe(`1 to ${MAX_DAYS}.`),
  note: z.string().max(5000).optional().describe('To who asked.'),
  seen: z.string().max(100).describe('As `approvals.show` said it.'),
  also: z
    .array(z.object({ id: z.string().max(100), seen: z.string().max(100) }))
    .max(MAX_TOGETHER - 1)
    .default([])
    .describe('Other requests, on the same terms: all are approved, or none.'),
});

export const denyInput = z.object({
  id: z.string().max(100),
  note: z.string().max(5000).optional().describe('The reason, which the person reads. The dashboard asks for one.'),
  also: z
    .array(z.string().max(100))
    .max(MAX_TOGETHER - 1)
    .default([])
    .describe('Other requests: all are denied, or none.'),
});

export const decided = z.object({
  outcome: z.enum(['approved', 'denied', 'first', 'changed']),
  replaced: z.boolean().optional().describe('Somebody else had approved other terms first: that no longer counts.'),
  mailed: z
    .boolean()
    .optional()
    .describe('Of `denied`: a mail goes to the person; otherwise they read it where they wait or when they ask again.'),
  differences: z.array(difference).optional().describe('Of `changed`: nothing was approved.'),
  also: z
    .array(
      z.object({
        ...{ id: z.string(), outcome: z.enum(['approved', 'denied', 'first']) },
        ...{ replaced: z.boolean().optional(), mailed: z.boolean().optional() },
      }),
    )
    .optional()
    .describe('What became of the others.'),
  changed: z
    .array(z.object({ id: z.string(), person: z.string(), resourceName: z.string(), differences: z.array(difference) }))
    .optional()
    .describe('Which of them is no longer what was seen: none of all was decided.'),
});

export type Decided = z.infer<typeof decided>;

export const ruleInput = z.object({
  id: z.string().max(100),
  where: z.enum(['server', 'all']).default('server').describe('At this MCP server, or at all.'),
});

export const ruleTrial = z.object({
  effect: z.enum(['allow', 'deny']),
  host: z.string(),
  resource: z.string().nullable(),
  sensitivity: z.array(z.enum(['low', 'medium', 'high'])).describe('Empty: all.'),
  before: z.string().describe('The rule that it comes before.'),
  losing: z.number().int().describe('People who lose access.'),
  waiting: z.number().int().describe('Requests of clients on this host that wait now.'),
  plan: z.string().describe('Names exactly this rule at this place.'),
});
export type RuleTrialView = z.infer<typeof ruleTrial>;
