/** How MCP servers look to the dashboard, and how scopes are described to it. */
import { z } from 'zod';
import { type FindingCode, findingCodes } from '../../resources/checks/finding.ts';
import { steps } from '../../resources/checks/look.ts';
import { TOKEN_CLAIMS } from '../../resources/resource.ts';
import { when } from '../frame/shapes.ts';

const sensitivity = z.enum(['low', 'medium', 'high']);
const effect = z
  .enum(['read', 'change', 'act'])
  .describe('Looks only; changes what can be changed back; acts with consequences.');
const tools = z.array(z.string().max(128)).max(500).readonly().describe('Names of the tools behind it.');

/** As somebody writes it; the rooms judge the words. */
export const scopeInput = z.object({
  name: z.string().max(200),
  description: z.string().max(1000).describe('What people read.'),
  descriptionJa: z.string().max(1000).optional(),
  sensitivity,
  effect,
  tools,
});

const words = z.object({
  description: z.string(),
  descriptionJa: z.string().nullable(),
  sensitivity,
  effect,
  tools: z.array(z.string()).readonly(),
});

const difference = z.object({
  what: z.enum(['description', 'descriptionJa', 'sensitivity', 'effect', 'tools']),
  before: z.string().nullable(),
  after: z.string().nullable(),
  added: z.array(z.string()).readonly(),
  removed: z.array(z.string()).readonly(),
});

export const scopeView = words.extend({
  name: z.string(),
  suspended: z.boolean().describe('No token carries it until somebody decided about what is proposed.'),
  proposal: z
    .object({
      words,
      at: when,
      added: z.boolean().describe('Nobody ever accepted the scope itself.'),
      differences: z.array(difference).readonly(),
      people: z.number().int().describe('Who agreed to it as it was.'),
    })
    .nullable(),
});
export type ScopeView = z.infer<typeof scopeView>;

const findingView = z.object({
  code: z.enum(findingCodes as [FindingCode, ...FindingCode[]]),
  severity: z.enum(['error', 'warning', 'info']),
  params: z.record(z.string(), z.union([z.string(), z.number()])).readonly(),
});

const stepView = z.object({
  step: z.enum(steps),
  result: z.enum(['ok', 'warning', 'failed', 'skipped']),
  findings: z.array(findingView).readonly(),
});

const toolAt = z.object({ tool: z.string(), scope: z.string() });

export const checkView = z.object({
  at: when,
  steps: z.array(stepView).readonly(),
  unplaced: z.array(z.object({ tool: z.string(), declared: z.string().nullable() })).readonly(),
  gone: z.array(toolAt).readonly(),
  elsewhere: z.array(toolAt.extend({ declared: z.string() })).readonly(),
});
export type CheckView = z.infer<typeof checkView>;

export const serverView = z.object({
  id: z.string(),
  uri: z.string(),
  name: z.string(),
  clientId: z.string().describe('As whom it introspects tokens.'),
  previousSecretUntil: when.nullable().describe('Until then the secret before is good too.'),
  disabledAt: when.nullable(),
  consentDays: z.number().int(),
  tokenSeconds: z.number().int(),
  tokenClaims: z.array(z.enum(TOKEN_CLAIMS)).readonly(),
  stalenessMinutes: z.number().int(),
  connectionIds: z.array(z.string()).readonly().describe('Whose people may use it; empty: everybody.'),
  scopes: z.array(scopeView).readonly(),
  owners: z.array(z.object({ accountId: z.string(), email: z.string(), since: when })).readonly(),
  check: checkView.nullable(),
});
export type ServerView = z.infer<typeof serverView>;

export const inspectionView = z.object({
  uri: z.string(),
  ours: z.boolean().describe('Its documents name this authorization server and this very URL.'),
  warnings: z.array(z.enum(['not_ours', 'around'])),
  name: z.string(),
  steps: z.array(stepView).readonly(),
  scopes: z.array(scopeInput).readonly().describe('To begin from: descriptions may be empty.'),
  unplaced: z.array(z.string()).readonly().describe('Tools behind none of these scopes.'),
});
export type InspectionView = z.infer<typeof inspectionView>;
