/** What an administrator registers: MCP servers with their credential, and static clients. */
import { randomBytes } from 'node:crypto';
import { adminApiUri } from './admin-api.ts';
import { type ClientKind, type ClientMetadata, hashClientSecret, newClientSecret } from './clients/client.ts';
import { ACTING_FOR } from './clients/downstream.ts';
import { AppError } from './errors.ts';
import { type NewResource, parseDescription } from './resources/description.ts';
import type { Resource } from './resources/resource.ts';
import type { Rooms } from './rooms.ts';
import { readableLine } from './web/visible-text.ts';

export type { NewResource };

/**
 * Registers an MCP server and the client as which it introspects (RFC 7662).
 *
 * @returns the credential, told this once
 * @throws AppError `invalid_resource`, `invalid_scope`, `invalid_text`, `invalid_consent_days` (400), `resource_exists`
 */
export async function addResource(
  { clients, resources, issuer }: Pick<Rooms, 'clients' | 'resources' | 'issuer'>,
  resource: NewResource,
): Promise<{ resource: Resource; clientId: string; clientSecret: string }> {
  const { uri, name, consentDays, tokenSeconds, scopes, people } = parseDescription(resource);
  // Whoever got tokens for that address from a client of their own would administer this server.
  if (uri === adminApiUri(issuer) || (await resources.findRegistered(uri)))
    throw new AppError('resource_exists', 409, `${uri} is registered already.`);
  const clientId = `rs_${randomBytes(12).toString('hex')}`;
  const clientSecret = newClientSecret();
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
  const created = await resources.create({ uri, name, clientId, consentDays, tokenSeconds, scopes, people });
  return { resource: created, clientId, clientSecret };
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
  /** A proxy that says for nobody it asks keeps a refresh token all the same: an operator's decision. */
  unnamedRefresh?: boolean | undefined;
  /** Where the client wants to hear that a session ended. */
  backchannelLogoutUri?: string | undefined;
}

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';

/**
 * Makes a static client.
 *
 * @param client checked already (`client-rules.ts`)
 * @returns the secret, told this once, where the client has one
 * @throws AppError `invalid_text`, `bad_client` (400)
 */
export async function addClient(
  { clients }: Pick<Rooms, 'clients'>,
  client: NewClient,
): Promise<{ clientId: string; clientSecret: string | undefined }> {
  if (client.kind === 'proxy' && client.deviceFlow) throw deviceForAll();
  const clientId = randomBytes(16).toString('hex');
  const name = readableLine(client.name, { what: 'The name of the client', maxCharacters: 60 });
  const hasSecret = client.authMethod.startsWith('client_secret');
  const clientSecret = hasSecret ? newClientSecret() : undefined;
  await clients.create({
    id: clientId,
    origin: 'static',
    kind: client.kind,
    metadata: staticMetadata(clientId, { ...client, name }),
    secretHash: clientSecret === undefined ? undefined : hashClientSecret(clientSecret),
  });
  return { clientId, clientSecret };
}

/** What a static client is kept as, whatever it is made from. */
export function staticMetadata(clientId: string, client: NewClient): ClientMetadata {
  const service = client.kind === 'service';
  // Who signs in with a code on another device (RFC 8628) may need no redirect.
  const browser = client.redirectUris.length > 0;
  const grants = service ? ['client_credentials'] : browser ? ['authorization_code'] : [];
  // A proxy gets one only where it names for whom it asks (oauth/configuration.ts).
  if (client.kind !== 'service') grants.push('refresh_token');
  if (client.deviceFlow) grants.push(DEVICE_CODE);
  return {
    client_id: clientId,
    client_name: client.name,
    redirect_uris: [...client.redirectUris],
    response_types: service || !browser ? [] : ['code'],
    grant_types: grants,
    token_endpoint_auth_method: client.authMethod,
    ...(client.kind === 'proxy' ? { authorization_details_types: [ACTING_FOR] } : {}),
    ...(client.jwksUri ? { jwks_uri: client.jwksUri } : {}),
    ...(client.postLogoutRedirectUris.length > 0
      ? { post_logout_redirect_uris: [...client.postLogoutRedirectUris] }
      : {}),
    ...(client.backchannelLogoutUri
      ? { backchannel_logout_uri: client.backchannelLogoutUri, backchannel_logout_session_required: true }
      : {}),
    ...(service ? { consentry_access: client.access } : {}),
    ...(client.kind === 'proxy' && client.unnamedRefresh ? { consentry_unnamed_refresh: true } : {}),
  };
}

/** Nobody could tell whose device it is. */
function deviceForAll(): AppError {
  return new AppError('bad_client', 400, 'A proxy has no device flow: make an app for the device.');
}
