/** Word to people of what others took back of what they had allowed: one notice each, however much it was. */
import { revokeConsents } from './consents/revocation.ts';
import type { ConsentEntry, ConsentFilter } from './consents/store.ts';
import type { Ending } from './notices/matters.ts';
import type { Rooms } from './rooms.ts';

export type EndingRooms = Pick<Rooms, 'audit' | 'consents' | 'database' | 'notices' | 'now' | 'resources'>;

/** Ends consents for an administrator, and tells whose they were, as one unit. @returns those that were living */
export function revokeForAdministrator(rooms: EndingRooms, filters: readonly ConsentFilter[]): Promise<ConsentEntry[]> {
  return rooms.database.unit(async () => {
    const ended = await revokeConsents(rooms, filters);
    await tellEnded(rooms, ended);
    return ended;
  });
}

/** In the caller's unit, where there is one. */
export async function tellEnded(
  { notices, resources, now }: Pick<EndingRooms, 'notices' | 'resources' | 'now'>,
  ended: readonly ConsentEntry[],
): Promise<void> {
  const servers = new Map<string, string>();
  for (const { resourceId, resourceUri } of ended) {
    if (servers.has(resourceId)) continue;
    // A disabled one is not found by its id: it is named by where it is.
    servers.set(resourceId, (await resources.findById(resourceId))?.name ?? hostOf(resourceUri));
  }
  for (const [accountId, consents] of Map.groupBy(ended, (consent) => consent.accountId)) {
    const endings = consents.map((consent) => endingOf(consent, servers.get(consent.resourceId) ?? ''));
    await notices.accessEnded({ accountId, why: 'administrator', endings, at: now() });
  }
}

function endingOf({ clientId, clientName, stated, downstream }: ConsentEntry, resourceName: string): Ending {
  const name = stated?.client.name || clientName || clientId;
  if (!downstream) return { clientName: name, resourceName };
  return { clientName: stated?.downstream?.name || downstream.clientId, through: name, resourceName };
}

function hostOf(uri: string): string {
  return URL.parse(uri)?.host ?? uri;
}
