/** What an administrator registers: MCP servers with their credential, and static clients. */
import { randomBytes } from 'node:crypto';
import { type ClientKind, type ClientMetadata, hashClientSecret } from './clients/client.ts';
import { AppError } from './errors.ts';
import { canonicalResource, type Resource, type ResourceScope } from './resources/resource.ts';
import type { Rooms } from './rooms.ts';

export interface NewResource {
  uri: string;
  name: string;
  scopes: readonly ResourceScope[];
}

/**
 * Registers an MCP server and the client as which it introspects (RFC 7662).
 *
 * @returns the credential, told this once
 * @throws AppError `invalid_resource`, `invalid_scope`, `resource_exists`
 */
export async function addResource(
  { clients, resources }: Pick<Rooms, 'clients' | 'resources'>,
  { uri, name, scopes }: NewResource,
): Promise<{ resource: Resource; clientId: string; clientSecret: string }> {
  const canonical = canonicalResource(uri);
  if (!canonical) {
    throw new AppError(
      'invalid_resource',
      400,
      `${uri} is not the URL of an MCP server: write https://host/path, without # or credentials.`,
    );
  }
  assertScopes(scopes);
  const existing = await resources.findByUri(canonical);
  if (existing) throw new AppError('resource_exists', 409, `${canonical} is registered already.`);
  const clientId = `rs_${randomBytes(12).toString('hex')}`;
  const clientSecret = newSecret();
  const metadata: ClientMetadata = {
    client_id: clientId,
    client_name: name,
    redirect_uris: [],
    response_types: [],
    grant_types: [],
    token_endpoint_auth_method: 'client_secret_basic',
  };
  await clients.create({
    id: clientId,
    origin: 'resource',
    kind: 'resource',
    metadata,
    secretHash: hashClientSecret(clientSecret),
  });
  const resource = await resources.create({ uri: canonical, name, clientId, scopes });
  return { resource, clientId, clientSecret };
}

/** RFC 6749 §3.3: printable ASCII without space, quotation mark and backslash. */
const SCOPE_TOKEN = /^[\x21\x23-\x5B\x5D-\x7E]+$/;
const RESERVED = new Set(['openid', 'profile', 'email', 'offline_access']);

function assertScopes(scopes: readonly ResourceScope[]): void {
  const seen = new Set<string>();
  for (const { name, description } of scopes) {
    if (!SCOPE_TOKEN.test(name))
      throw new AppError(
        'invalid_scope',
        400,
        `"${name}" is not a scope: use letters, digits and :._-/ without spaces.`,
      );
    if (RESERVED.has(name))
      throw new AppError('invalid_scope', 400, `${name} belongs to OpenID Connect; choose another name.`);
    if (seen.has(name)) throw new AppError('invalid_scope', 400, `${name} is given twice.`);
    if (!description.trim())
      throw new AppError('invalid_scope', 400, `${name} needs a sentence that a person will understand.`);
    seen.add(name);
  }
  if (scopes.length === 0) throw new AppError('invalid_scope', 400, 'Give at least one scope.');
}

export interface NewClient {
  name: string;
  kind: Extract<ClientKind, 'app' | 'proxy' | 'service'>;
  redirectUris: readonly string[];
  authMethod: 'none' | 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt';
  deviceFlow: boolean;
  jwksUri?: string | undefined;
  /** For a service: resource URI → scopes it may have. */
  access: Readonly<Record<string, readonly string[]>>;
  postLogoutRedirectUris: readonly string[];
}

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';

/**
 * Makes a static client.
 *
 * @returns the secret, told this once, where the client has one
 */
export async function addClient(
  { clients }: Pick<Rooms, 'clients'>,
  client: NewClient,
): Promise<{ clientId: string; clientSecret: string | undefined }> {
  const clientId = randomBytes(16).toString('hex');
  const hasSecret = client.authMethod.startsWith('client_secret');
  const clientSecret = hasSecret ? newSecret() : undefined;
  await clients.create({
    id: clientId,
    origin: 'static',
    kind: client.kind,
    metadata: staticMetadata(clientId, client),
    secretHash: clientSecret === undefined ? undefined : hashClientSecret(clientSecret),
  });
  return { clientId, clientSecret };
}

function staticMetadata(clientId: string, client: NewClient): ClientMetadata {
  const service = client.kind === 'service';
  const grants = service ? ['client_credentials'] : ['authorization_code'];
  // A proxy that names nobody stands for everybody behind it: nothing of it outlives the access token.
  if (client.kind === 'app') grants.push('refresh_token');
  if (client.deviceFlow) grants.push(DEVICE_CODE);
  return {
    client_id: clientId,
    client_name: client.name,
    redirect_uris: [...client.redirectUris],
    response_types: service ? [] : ['code'],
    grant_types: grants,
    token_endpoint_auth_method: client.authMethod,
    ...(client.jwksUri ? { jwks_uri: client.jwksUri } : {}),
    ...(client.postLogoutRedirectUris.length > 0
      ? { post_logout_redirect_uris: [...client.postLogoutRedirectUris] }
      : {}),
    ...(service ? { consentry_access: client.access } : {}),
  };
}

/** 384 random bits in letters that every client sends unchanged, form-encoded or not. */
function newSecret(): string {
  return randomBytes(48).toString('base64url');
}
