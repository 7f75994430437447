/** What a file of `consentry apply` may say: version 1, every member named here, nothing else. */
import { z } from 'zod';
import { CEILINGS } from '../policy/rule.ts';

const text = z.string();
const list = z.array(text);

const scope = z.strictObject({
  name: text,
  description: text,
  description_ja: text.optional(),
  sensitivity: z.enum(['low', 'medium', 'high']),
  effect: z.enum(['read', 'change', 'act']),
  tools: list.default([]),
});

const resource = z.strictObject({
  uri: text,
  name: text,
  consent_days: z.number().optional(),
  token_seconds: z.number().optional(),
  token_claims: list.optional(),
  staleness_minutes: z.number().optional(),
  /** Ids; none: everybody. */
  connections: list.optional(),
  disabled: z.boolean().optional(),
  /** All that it has. */
  scopes: z.array(scope).min(1),
});

/** Its other members are those of `CONNECTIONS_FILE`, read by the same reader. */
const connection = z.looseObject({ id: text, kind: z.enum(['entra', 'oidc']) });

const client = z.strictObject({
  /** By which it is known again; stands nowhere else. */
  key: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'must be lower-case letters, digits, dot, hyphen and underscore'),
  /** Of one that there is: it is taken over under this key. */
  client_id: text.optional(),
  name: text,
  kind: z.enum(['app', 'proxy', 'service']),
  redirect_uris: list.max(20).default([]),
  auth: z.enum(['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt']).optional(),
  jwks_uri: text.optional(),
  device_flow: z.boolean().default(false),
  unnamed_refresh: z.boolean().default(false),
  access: z.record(text, list.min(1)).default({}),
  post_logout_redirect_uris: list.max(20).default([]),
  backchannel_logout_uri: text.optional(),
});

const rule = z.strictObject({
  effect: z.enum(['allow', 'ask', 'deny']),
  client_host: text.optional(),
  redirect_host: text.optional(),
  software_id: text.optional(),
  resource: text.optional(),
  sensitivity: list.optional(),
  note: text.optional(),
});

/** The whole list, in the order in which the rules are asked. */
const policy = z.strictObject({ people_approve: z.enum(CEILINGS).optional(), rules: z.array(rule) });

export const PRUNABLE = ['resources', 'connections', 'clients'] as const;

export const declaredShape = z.strictObject({
  version: z.literal(1),
  /** Of these sections, what the file does not name goes. */
  prune: z.array(z.enum(PRUNABLE)).default([]),
  connections: z.array(connection).optional(),
  resources: z.array(resource).optional(),
  clients: z.array(client).optional(),
  policy: policy.optional(),
});

export type Declared = z.infer<typeof declaredShape>;
export type Section = (typeof PRUNABLE)[number] | 'policy';
export type DeclaredResource = NonNullable<Declared['resources']>[number];
export type DeclaredConnection = NonNullable<Declared['connections']>[number];
export type DeclaredClient = NonNullable<Declared['clients']>[number];
export type DeclaredPolicy = NonNullable<Declared['policy']>;
