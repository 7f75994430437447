/** What a request to an administrator, or a consent, is about as it is at this moment: what people look at and decide on. */
import type { Said } from './approvals/request.ts';
import { type ClientRecord, clientFingerprint } from './clients/client.ts';
import { sameRedirect } from './clients/redirect-uris.ts';
import type { Asking } from './consents/agreement.ts';
import type { Consent, Downstream, Stated } from './consents/consent.ts';
import { AppError } from './errors.ts';
import type { Resource } from './resources/resource.ts';
import { IDENTITY_SCOPES, scopeDigest } from './resources/scopes.ts';
import type { Rooms } from './rooms.ts';

/** Who asks, where it returns to, and for which MCP server. */
export type FactSubject = Pick<Consent, 'clientId' | 'redirectUri' | 'resourceId'> & {
  downstream?: Downstream | undefined;
};

export type FactRooms = Pick<Rooms, 'clients' | 'documents' | 'resources' | 'stated'>;

export interface Facts {
  /** The client that came, and whom it acts for where it is a proxy that says so. */
  client: PartyFacts;
  downstream: PartyFacts | undefined;
  /** undefined while the MCP server is disabled */
  resource: Resource | undefined;
  /** What an approval would bind to. */
  current: Said;
}

export interface PartyFacts extends Asking {
  /** undefined for a document that was never recorded as a client */
  record: ClientRecord | undefined;
  stated: Stated;
}

/** @throws AppError 409 `client_unknown` where the client behind a proxy is no longer known */
export async function readFacts(rooms: FactRooms, subject: FactSubject): Promise<Facts> {
  const { clientId, redirectUri, downstream: named } = subject;
  const record = await rooms.clients.find(clientId);
  const client = await readParty(rooms, { clientId, redirectUri }, record, record?.metadata);
  const downstream = named && (await readDownstream(rooms, named));
  const resource = await rooms.resources.findById(subject.resourceId);
  const parties = downstream ? [client, downstream] : [client];
  return {
    client,
    downstream,
    resource,
    current: {
      clientFingerprint: parties.map(({ metadata }) => clientFingerprint(metadata)).join('.'),
      stated: { client: client.stated, ...(downstream ? { downstream: downstream.stated } : {}) },
      scopeDigests: digests(resource),
    },
  };
}

/** A document as it was read last, anything else as it is registered. */
async function readDownstream(rooms: FactRooms, named: Downstream): Promise<PartyFacts> {
  const record = await rooms.clients.find(named.clientId);
  const isDocument = URL.parse(named.clientId)?.protocol === 'https:';
  const copy = isDocument ? await rooms.documents.find(named.clientId) : undefined;
  const metadata = copy ? (JSON.parse(copy.body) as Record<string, unknown>) : record?.metadata;
  return readParty(rooms, named, record, metadata);
}

async function readParty(
  { stated }: FactRooms,
  { clientId, redirectUri }: Downstream,
  record: ClientRecord | undefined,
  metadata: Record<string, unknown> | undefined,
): Promise<PartyFacts> {
  if (!metadata) {
    throw new AppError('client_unknown', 409, `Nothing is known any more of ${clientId}: the person has to ask again.`);
  }
  const uris = Array.isArray(metadata.redirect_uris) ? metadata.redirect_uris : [];
  const redirectRegistered = uris.some((uri) => typeof uri === 'string' && sameRedirect(uri, redirectUri));
  const asking = { clientId, metadata, redirectUri, redirectRegistered };
  return { ...asking, record, stated: await stated(asking) };
}

/** Scopes of OpenID Connect have fixed wording and no digest to differ. */
function digests(resource: Resource | undefined): Record<string, string> {
  const own = (resource?.scopes ?? []).map((scope) => [scope.name, scopeDigest(scope)]);
  return Object.fromEntries([...IDENTITY_SCOPES.map((name) => [name, '']), ...own]);
}
