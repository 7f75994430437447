/** How connections look to the dashboard: what is known of them, and no secret. */
import { z } from 'zod';
import { when } from '../frame/shapes.ts';

const params = z.record(z.string(), z.union([z.string(), z.number()])).readonly();

const shared = {
  id: z.string(),
  kind: z.string().describe('`entra` or `oidc`.'),
  name: z.string().describe('What people read on the button.'),
  origin: z.enum(['cli', 'configuration']).describe('`configuration`: it is changed in a file, and not here.'),
  exclusive: z.boolean().describe('Passwords are off, but for break-glass accounts.'),
  health: z.enum(['ended', 'failing', 'ending', 'working', 'unused', 'unusable']),
  unusable: z.string().optional().describe('Why nobody can come by it, in English.'),
  unusableBecause: z.object({ code: z.string(), params }).optional().describe('The same as a code.'),
  people: z.number().int().describe('Who has come by it, or was sent by its directory.'),
};

export const connectionLine = z.object({
  ...shared,
  place: z.string().optional().describe('Whose people may come: an issuer, or tenants.'),
  credentialEndsAt: when.optional(),
  credentialDays: z.number().int().optional().describe('Until it ends, counted up; 0 where it is over.'),
  lastSuccessAt: when.optional(),
  lastFailureAt: when.optional(),
});
export type ConnectionLine = z.infer<typeof connectionLine>;

export const scimToken = z.object({
  id: z.string(),
  status: z.enum(['valid', 'expired', 'revoked']),
  createdAt: when,
  expiresAt: when.nullable(),
  lastUsedAt: when.nullable(),
});

const settings = z.object({
  clientId: z.string(),
  authentication: z.string(),
  provisioning: z.enum(['first_sign_in', 'scim']),
  checkMinutes: z.number().int(),
  authContexts: z.array(z.object({ resource: z.string(), scope: z.string(), context: z.string() })),
  issuer: z.string().optional(),
  tenants: z.array(z.string()).optional().describe('`any` alone: everybody with a work account anywhere.'),
  cloud: z.string().optional(),
  guests: z.boolean().optional(),
  groups: z.boolean().optional(),
  offlineAccess: z.boolean().optional(),
  rolesClaim: z.string().optional(),
  groupsClaim: z.string().optional(),
});

export const connectionView = connectionLine.extend({
  settings: settings.optional().describe('Absent where they cannot be read.'),
  createdAt: when.optional(),
  lastFailure: z.string().optional().describe('What the provider answered.'),
  addresses: z.object({
    callbackUrl: z.string(),
    frontChannelLogoutUrl: z.string(),
    backChannelLogoutUrl: z.string().optional(),
  }),
  scimUrl: z.string(),
  certificates: z.array(z.object({ thumbprint: z.string(), startsAt: when, endsAt: when })),
  publicJwk: z.record(z.string(), z.unknown()).optional().describe('Of a bare key: what the provider has to know.'),
  unconfirmed: z.number().int().describe('Identities that count no more until they are confirmed.'),
  mappings: z.array(z.object({ id: z.string(), source: z.string(), value: z.string(), role: z.string() })),
  tokens: z.array(scimToken),
  risks: z
    .array(z.enum(['nobody_yet', 'no_break_glass']))
    .describe('Of an exclusive one: how people could be shut out.'),
});
export type ConnectionView = z.infer<typeof connectionView>;

export const diagnosis = z.object({
  name: z.string(),
  steps: z.array(
    z.object({
      step: z.string(),
      result: z.enum(['ok', 'warning', 'failed']),
      what: z.string().describe('In English.'),
      todo: z.string().optional().describe('What to do, in English.'),
      code: z.string().describe('What was found, as a code.'),
      todoCode: z.string().optional(),
      params,
    }),
  ),
});
export type Diagnosis = z.infer<typeof diagnosis>;
