/** What an administrator says of a connection: stored as JSON, read back strictly; and its secrets, sealed beside it. */
import { z } from 'zod';

/** A scope whose presence the provider proves by an authentication context of its own (Entra: `acrs`; others: `acr`). */
const authContext = z.strictObject({ resource: z.string(), scope: z.string(), context: z.string().max(200) });

const shared = {
  authContexts: z.array(authContext).default([]),
  /** A client's refresh asks the provider for the person at most every so many minutes. */
  checkMinutes: z.int().min(1).max(1440).default(10),
};

export const entraSettings = z.strictObject({
  cloud: z.enum(['global', 'usgov', 'china']).default('global'),
  /** Tenant ids whose people may come in; `any` is everybody with a work account anywhere. */
  tenants: z.union([z.literal('any'), z.array(z.guid().toLowerCase()).min(1)]),
  clientId: z.guid().toLowerCase(),
  authentication: z.enum(['federated_credential', 'certificate', 'client_secret']),
  /** Absolute path of the file with the workload's own token, read at each use. */
  federatedTokenFile: z.string().optional(),
  guests: z.boolean().default(false),
  /** `mapped`: groups are read, from Graph where the token has no room for them. */
  groups: z.enum(['ignored', 'mapped']).default('ignored'),
  ...shared,
});
export type EntraSettings = z.infer<typeof entraSettings>;

export const oidcSettings = z.strictObject({
  /** As the provider writes it. */
  issuer: z.url(),
  clientId: z.string().min(1).max(500),
  authentication: z.enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt']),
  /** Sent with every request as it stands (RFC 8707): for providers that ask which resource it is about. */
  resource: z.url().optional(),
  /** Claims of the ID token with roles and groups, where the provider has any. */
  rolesClaim: z.string().optional(),
  groupsClaim: z.string().optional(),
  /** Asks for `offline_access`, so that leavers are noticed; off where the provider gives none. */
  offlineAccess: z.boolean().default(false),
  ...shared,
});
export type OidcConnectionSettings = z.infer<typeof oidcSettings>;

/** Sealed; the newest certificate first. `certificate` is '' for a bare key (`private_key_jwt` of an OpenID provider). */
export const connectionSecrets = z.strictObject({
  clientSecret: z.string().optional(),
  certificates: z.array(z.strictObject({ certificate: z.string(), privateKey: z.string() })).default([]),
});
export type ConnectionSecrets = z.infer<typeof connectionSecrets>;
