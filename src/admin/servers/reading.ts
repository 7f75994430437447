/** One MCP server with all that is known of it, for whoever reaches it. */
import type { ClientStore } from '../../clients/store.ts';
import type { ConsentListing } from '../../consents/listing-store.ts';
import type { CheckStore } from '../../resources/check-store.ts';
import { standingDifference } from '../../resources/checks/difference.ts';
import type { LastCheck } from '../../resources/checks/last-check.ts';
import type { OwnerStore } from '../../resources/owner-store.ts';
import { differences, type WordDifference } from '../../resources/proposals.ts';
import type { Resource, ResourceScope, ScopeDescription } from '../../resources/resource.ts';
import type { ResourceStore } from '../../resources/store.ts';
import { isWithin, type Reach } from '../frame/actor.ts';
import { notFound } from '../frame/operation.ts';
import type { CheckView, ScopeView, ServerView } from './shapes.ts';

export interface ReadingDeps {
  resources: ResourceStore;
  clients: ClientStore;
  ownerStore: OwnerStore;
  checkStore: CheckStore;
  consentListing: ConsentListing;
  now: () => Date;
}

export type Reading = ReturnType<typeof createReading>;

export function createReading({ resources, clients, ownerStore, checkStore, consentListing, now }: ReadingDeps) {
  /** Disabled or not. @throws AppError 404 `not_found`, also for another's */
  async function within(id: string, reach: Reach): Promise<Resource> {
    const resource = isWithin(reach, id) ? await resources.findRegisteredById(id) : undefined;
    if (!resource) throw notFound('There is no such MCP server.');
    return resource;
  }

  async function scopeView(resource: Resource, scope: ResourceScope): Promise<ScopeView> {
    const { name, suspended, proposal } = scope;
    if (!proposal) return { name, ...wordsOf(scope), suspended, proposal: null };
    const query = { resourceId: resource.id, scope: name, state: 'living' } as const;
    const { people } = await consentListing.affected(query);
    const found = proposal.added ? [] : differences(scope, proposal.words).map(differenceView);
    const { at, added, words } = proposal;
    return {
      name,
      ...wordsOf(scope),
      suspended,
      proposal: { words: wordsOf(words), at, added, differences: found, people },
    };
  }

  return {
    within,
    checked,
    /** @throws AppError as `within` */
    async show(id: string, reach: Reach): Promise<ServerView> {
      const resource = await within(id, reach);
      const client = await clients.find(resource.clientId);
      const scopes: ScopeView[] = [];
      for (const scope of resource.scopes) scopes.push(await scopeView(resource, scope));
      const check = await checkStore.find(id);
      const previousUntil = client?.previousSecret?.endsAt;
      const { uri, name, clientId, consentDays, tokenSeconds, tokenClaims, stalenessMinutes, connectionIds } = resource;
      return {
        ...{ id, uri, name, clientId, consentDays, tokenSeconds, tokenClaims, stalenessMinutes, connectionIds, scopes },
        previousSecretUntil: previousUntil && previousUntil > now() ? previousUntil : null,
        disabledAt: resource.disabledAt ?? null,
        owners: await ownerStore.list(id),
        check: check ? checked(resource, check) : null,
      };
    },
  };
}

/** What it found, without the differences that somebody decided about since. */
function checked(resource: Resource, { at, steps, difference }: LastCheck): CheckView {
  const none = { unplaced: [], gone: [], elsewhere: [], reworded: [] };
  const { unplaced, gone, elsewhere } = standingDifference(resource, difference ?? none);
  const tools = unplaced.map(({ tool, declared = null }) => ({ tool, declared }));
  return { at: new Date(at), steps, unplaced: tools, gone, elsewhere };
}

function wordsOf({ description, descriptionJa = undefined, sensitivity, effect, tools }: ScopeDescription) {
  return { description, descriptionJa: descriptionJa ?? null, sensitivity, effect, tools };
}

function differenceView(difference: WordDifference) {
  const { what } = difference;
  if (what === 'tools')
    return { what, before: null, after: null, added: difference.added, removed: difference.removed };
  return { what, before: difference.before ?? null, after: difference.after ?? null, added: [], removed: [] };
}
