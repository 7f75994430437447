/** Loads what an interaction is about: the client, for whom it acts, where it returns to, the MCP server, the scopes. */
import type { Context } from 'koa';
import { type Client, errors, type Provider } from 'oidc-provider';
import { type ClientKind, type ClientOrigin, mayStandForOthers, type Stated } from '../clients/client.ts';
import { displayName } from '../clients/display-name.ts';
import type { DownstreamClient, DownstreamClients } from '../clients/downstream.ts';
import { isProven, provenance } from '../clients/provenance.ts';
import { redirectHost } from '../clients/redirect-uris.ts';
import type { ClientStore } from '../clients/store.ts';
import { type Asking, askingOf, DEVICE_REDIRECT } from '../consents/agreement.ts';
import { AppError } from '../errors.ts';
import type { Resource } from '../resources/resource.ts';
import type { ResourceStore } from '../resources/store.ts';
import { FetchFailed } from '../web/fetch-failed.ts';
import type { RedirectView, RequestModel } from '../web/pages.ts';

export type Interaction = InstanceType<Provider['Interaction']>;

export interface Subject {
  client: Client;
  origin: ClientOrigin;
  kind: ClientKind;
  /** The client as the contract asks about it; `downstream` is whom it acts for. */
  asking: Asking;
  downstream: DownstreamClient | undefined;
  /** A proxy that does not say for whom it asks. */
  namesNobody: boolean;
  /** Known by more than its word (consent.md §1). */
  proven: boolean;
  resource: Resource;
  redirectUri: string;
  scopes: readonly string[];
  views: Omit<RequestModel, 'crossSite'>;
}

export interface DescribeDeps {
  /** Not kept beyond a request: another takes its place when signing keys change. */
  provider: Pick<Provider, 'Client' | 'DeviceCode' | 'Grant' | 'Interaction' | 'Session'>;
  clients: ClientStore;
  resources: ResourceStore;
  downstreamClients: DownstreamClients;
  /** What a client says of itself, and whether its name looks like somebody else's. */
  stated: (asking: Asking) => Promise<Stated>;
  logos: { pathOf(clientId: string): Promise<string | undefined> };
  /** For whom the request's parameters say that a proxy acts. */
  actingFor: (params: Record<string, unknown>) => { clientId: string; redirectUri: string } | undefined;
  assertSameBrowser: (ctx: Context, uid: string) => void;
  interactionCookie: string;
}

/** The interaction of this address, in the browser that it began in and nowhere else. */
export async function loadInteraction(ctx: Context, uid: string, deps: DescribeDeps): Promise<Interaction> {
  const interaction = await deps.provider.Interaction.find(uid);
  if (!interaction) throw new AppError('interaction_expired', 400, 'The request has expired.');
  if (ctx.cookies.get(deps.interactionCookie, { signed: true }) !== uid) {
    throw new AppError('other_browser', 403, 'The request began in another browser.');
  }
  deps.assertSameBrowser(ctx, uid);
  return interaction;
}

/** Reads everything a page has to say; fetches metadata documents where the clients have one. */
export async function describe(interaction: Interaction, deps: DescribeDeps): Promise<Subject> {
  const params = interaction.params as Record<string, string>;
  const client = await findClient(String(params.client_id), deps.provider);
  const resource = await deps.resources.findByUri(String([params.resource].flat()[0]));
  if (!resource) throw new AppError('invalid_target', 400, 'The MCP server is no longer registered.');
  const record = await deps.clients.find(client.clientId);
  const origin = record?.origin ?? 'document';
  const kind = record?.kind ?? 'app';
  const redirectUri = interaction.deviceCode ? DEVICE_REDIRECT : String(params.redirect_uri);
  const asking = askingOf(client, redirectUri);
  if (!asking.redirectRegistered) {
    throw new AppError('redirect_mismatch', 400, 'The client no longer has this redirect URI.');
  }
  const downstream = await findDownstream(params, deps);
  const authMethod = client.clientAuthMethod ?? 'none';
  const subject = {
    client,
    origin,
    kind,
    asking,
    downstream,
    namesNobody: mayStandForOthers(kind) && !downstream,
    proven: isProven({ clientId: client.clientId, origin, redirectUri, authMethod }) && isProvenDownstream(downstream),
    resource,
    redirectUri,
    scopes: (params.scope ?? '').split(' ').filter(Boolean),
  };
  return { ...subject, views: await views(subject, authMethod, deps) };
}

/** As the client is now: its registration may be gone, its document withdrawn or no longer fit. */
async function findClient(clientId: string, { Client }: Pick<Provider, 'Client'>): Promise<Client> {
  const found = await Client.find(clientId).catch((cause: unknown) => {
    if (!(cause instanceof errors.OIDCProviderError)) throw cause;
    const code = cause instanceof errors.InvalidClient ? 'client_unreachable' : 'client_refused';
    throw new AppError(code, 400, 'The client is not what it was.', { cause });
  });
  if (!found) throw new AppError('client_stale', 400, 'The client is no longer registered.');
  return found;
}

async function findDownstream(params: Record<string, unknown>, deps: DescribeDeps) {
  const named = deps.actingFor(params);
  if (!named) return undefined;
  const found = await deps.downstreamClients.find(named, 'host').catch((cause: unknown) => {
    const code = cause instanceof FetchFailed ? 'client_unreachable' : 'client_refused';
    if (!(cause instanceof FetchFailed || cause instanceof errors.OIDCProviderError)) throw cause;
    throw new AppError(code, 400, 'The client that the proxy acts for cannot be read.', { cause });
  });
  if (!found) throw new AppError('client_stale', 400, 'The client that the proxy acts for is no longer known.');
  if (found.redirectRegistered) return found;
  throw new AppError('redirect_mismatch', 400, 'The client that the proxy acts for no longer has this redirect URI.');
}

/** A proxy that proved itself says nothing of the client behind it. */
export function isProvenDownstream(downstream: DownstreamClient | undefined): boolean {
  if (!downstream) return true;
  const { clientId, origin, redirectUri, metadata } = downstream;
  return isProven({ clientId, origin, redirectUri, authMethod: String(metadata.token_endpoint_auth_method ?? 'none') });
}

/** With a named downstream client the page is about that one, through the proxy. */
async function views(
  { client, origin, asking, downstream, namesNobody, resource, redirectUri }: Omit<Subject, 'views' | 'proven'>,
  authMethod: string,
  deps: DescribeDeps,
): Promise<Subject['views']> {
  const device = redirectUri === DEVICE_REDIRECT;
  const redirect: RedirectView = device ? { kind: 'device', host: '' } : redirectHost(redirectUri);
  const shared = {
    redirect,
    resource: { name: displayName(resource.name) || resource.uri, host: new URL(resource.uri).host },
    ...(namesNobody ? { namesNobody } : {}),
  };
  if (downstream) {
    const { clientId, origin: from, redirectUri: back, metadata } = downstream;
    const method = String(metadata.token_endpoint_auth_method ?? 'none');
    return {
      ...shared,
      client: await clientView(downstream, from, deps),
      provenance: provenance({ clientId, origin: from, redirectUri: back, authMethod: method }),
      through: {
        name: displayName(client.clientName) || client.clientId,
        host: redirect.host,
        clientRedirect: redirectHost(back),
      },
    };
  }
  return {
    ...shared,
    client: await clientView(asking, origin, deps),
    // Only an administrator gives a client the device flow.
    provenance: device ? 'administrator' : provenance({ clientId: client.clientId, origin, redirectUri, authMethod }),
  };
}

async function clientView(asking: Asking, origin: ClientOrigin, deps: DescribeDeps): Promise<RequestModel['client']> {
  const { name, resembles } = await deps.stated(asking);
  const host = origin === 'document' ? URL.parse(asking.clientId)?.host : undefined;
  const logo = await deps.logos.pathOf(asking.clientId);
  return { id: asking.clientId, name: name || (host ?? asking.clientId), host, resembles, ...(logo ? { logo } : {}) };
}
