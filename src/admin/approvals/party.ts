/** All that is known of one client behind a request: what it says, what it proved, who else uses it, what the rules say. */
import type { PartyFacts } from '../../approval-facts.ts';
import { isProven, provenance } from '../../clients/provenance.ts';
import { redirectHost } from '../../clients/redirect-uris.ts';
import { DEVICE_REDIRECT } from '../../consents/agreement.ts';
import type { Verdict } from '../../policy/policy.ts';
import type { Resource, Sensitivity } from '../../resources/resource.ts';
import type { Rooms } from '../../rooms.ts';
import type { Reach } from '../frame/actor.ts';
import type { PartyView } from './shapes.ts';

export type PartyDeps = Pick<Rooms, 'approvalListing' | 'policy' | 'now'>;

export interface Asked {
  /** undefined while the MCP server is disabled */
  resource: Resource | undefined;
  scopes: readonly string[];
  reach: Reach;
}

export async function viewParty(party: PartyFacts, asked: Asked, deps: PartyDeps): Promise<PartyView> {
  const { approvalListing } = deps;
  const { clientId, record, redirectUri, redirectRegistered, stated } = party;
  const device = redirectUri === DEVICE_REDIRECT;
  const familyKey = record?.familyKey;
  const use = await approvalListing.use({ clientId, familyKey, reach: asked.reach, at: deps.now() });
  const redirect = device ? ({ kind: 'device', host: '' } as const) : redirectHost(redirectUri);
  return {
    clientId,
    name: stated.name,
    resembles: stated.resembles,
    provenance: device ? 'administrator' : provenanceOf(party),
    host: URL.parse(clientId)?.host || redirect.host,
    redirectUri: device ? null : redirectUri,
    redirectKind: redirect.kind,
    redirectHost: redirect.host,
    redirectRegistered: device || redirectRegistered,
    authMethod: stated.authMethod,
    keysHost: stated.keysHost,
    kind: record?.kind ?? 'app',
    firstSeen: record?.createdAt ?? null,
    blocked: record?.revokedAt !== undefined,
    registrations: familyKey ? await approvalListing.registrations(familyKey) : null,
    ...use,
    verdict: [...((await judge(party, asked, deps))?.decisions ?? [])],
  };
}

/** The rules on this client alone: approvals and roles are left aside. */
export async function judge(
  { clientId, record, metadata, redirectUri, stated }: PartyFacts,
  { resource, scopes }: Pick<Asked, 'resource' | 'scopes'>,
  { policy }: Pick<PartyDeps, 'policy'>,
): Promise<Verdict | undefined> {
  if (!resource) return undefined;
  const origin = record?.origin ?? 'document';
  const proven = isProven({ clientId, origin, redirectUri, authMethod: stated.authMethod });
  const softwareId = typeof metadata.software_id === 'string' ? metadata.software_id : undefined;
  const named = scopes.map((name) => ({ name, sensitivity: sensitivityOf(resource, name) }));
  return policy.judge({
    client: { id: clientId, origin, proven, softwareId },
    redirectUri,
    resourceUri: resource.uri,
    scopes: named,
  });
}

/** The host that the client proved to be its own, by its document and the address it returns to. */
export function provenHost(party: PartyFacts): string | undefined {
  if (party.redirectUri === DEVICE_REDIRECT || !party.redirectRegistered) return undefined;
  return provenanceOf(party) === 'proven-host' ? URL.parse(party.clientId)?.hostname : undefined;
}

export function sensitivityOf({ scopes }: Resource, name: string): Sensitivity {
  return scopes.find((scope) => scope.name === name)?.sensitivity ?? 'low';
}

function provenanceOf({ clientId, record, redirectUri, stated }: PartyFacts): PartyView['provenance'] {
  return provenance({ clientId, origin: record?.origin ?? 'document', redirectUri, authMethod: stated.authMethod });
}
