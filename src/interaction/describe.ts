/** Loads what an interaction is about: the client, where it returns to, the MCP server, the scopes it asks for. */
import type { Context } from 'koa';
import { type Client, errors, type Provider } from 'oidc-provider';
import type { ClientOrigin } from '../clients/client.ts';
import { displayName } from '../clients/display-name.ts';
import { provenance } from '../clients/provenance.ts';
import { redirectHost } from '../clients/redirect-uris.ts';
import type { ClientStore } from '../clients/store.ts';
import { DEVICE_REDIRECT } from '../consents/agreement.ts';
import { AppError } from '../errors.ts';
import type { Resource } from '../resources/resource.ts';
import type { ResourceStore } from '../resources/store.ts';
import type { ClientView, Provenance, RedirectView, ResourceView } from '../web/pages.ts';

export type Interaction = InstanceType<Provider['Interaction']>;

export interface Subject {
  client: Client;
  origin: ClientOrigin;
  resource: Resource;
  redirectUri: string;
  scopes: readonly string[];
  views: { client: ClientView; redirect: RedirectView; resource: ResourceView; provenance: Provenance };
}

export interface DescribeDeps {
  provider: Provider;
  clients: ClientStore;
  resources: ResourceStore;
  interactionCookie: string;
}

/** The interaction of this address, in the browser that it began in and nowhere else. */
export async function loadInteraction(ctx: Context, uid: string, deps: DescribeDeps): Promise<Interaction> {
  const interaction = await deps.provider.Interaction.find(uid);
  if (!interaction) throw new AppError('interaction_expired', 400, 'The request has expired.');
  if (ctx.cookies.get(deps.interactionCookie, { signed: true }) !== uid) {
    throw new AppError('other_browser', 403, 'The request began in another browser.');
  }
  return interaction;
}

/** Reads everything a page has to say; fetches the client's metadata document where it has one. */
export async function describe(interaction: Interaction, deps: DescribeDeps): Promise<Subject> {
  const params = interaction.params as Record<string, string>;
  const client = await findClient(String(params.client_id), deps.provider);
  const resource = await deps.resources.findByUri(String([params.resource].flat()[0]));
  if (!resource) throw new AppError('invalid_target', 400, 'The MCP server is no longer registered.');
  const record = await deps.clients.find(client.clientId);
  const origin = record?.origin ?? 'document';
  const redirectUri = interaction.deviceCode ? DEVICE_REDIRECT : String(params.redirect_uri);
  if (redirectUri !== DEVICE_REDIRECT && !client.redirectUriAllowed(redirectUri)) {
    throw new AppError('redirect_mismatch', 400, 'The client no longer has this redirect URI.');
  }
  const scopes = (params.scope ?? '').split(' ').filter(Boolean);
  return { client, origin, resource, redirectUri, scopes, views: views(client, origin, resource, redirectUri) };
}

/** As the client is now: its registration may be gone, its document withdrawn or no longer fit. */
async function findClient(clientId: string, { Client }: Provider): Promise<Client> {
  const found = await Client.find(clientId).catch((cause: unknown) => {
    if (!(cause instanceof errors.OIDCProviderError)) throw cause;
    const code = cause instanceof errors.InvalidClient ? 'client_unreachable' : 'client_refused';
    throw new AppError(code, 400, 'The client is not what it was.', { cause });
  });
  if (!found) throw new AppError('client_stale', 400, 'The client is no longer registered.');
  return found;
}

function views(client: Client, origin: ClientOrigin, resource: Resource, redirectUri: string): Subject['views'] {
  const authMethod = client.clientAuthMethod ?? 'none';
  const host = origin === 'document' ? URL.parse(client.clientId)?.host : undefined;
  const device = redirectUri === DEVICE_REDIRECT;
  const redirect: RedirectView = device ? { kind: 'device', host: '' } : redirectHost(redirectUri);
  return {
    client: { id: client.clientId, name: displayName(client.clientName) || (host ?? client.clientId), host },
    redirect,
    resource: { name: displayName(resource.name) || resource.uri, host: new URL(resource.uri).host },
    // Only an administrator gives a client the device flow.
    provenance: device ? 'administrator' : provenance({ clientId: client.clientId, origin, redirectUri, authMethod }),
  };
}
