/** Registers the MCP servers as an administrator would, and says who looks after each. */
import { addResource } from '../registrations.ts';
import type { Resource } from '../resources/resource.ts';
import { RESOURCE_OWNER } from '../roles/authority.ts';
import type { Rooms } from '../rooms.ts';
import type { Leader } from './leaders.ts';
import type { DemoPerson } from './people.ts';
import { daysBefore } from './rhythm.ts';
import { SERVERS } from './servers-list.ts';

/** In the order of how much they are used. */
export async function makeServers(
  rooms: Pick<Rooms, 'database' | 'clients' | 'resources' | 'issuer'>,
): Promise<Resource[]> {
  const made: Resource[] = [];
  for (const { slug, name, consentDays, scopes } of SERVERS) {
    const description = { uri: `https://${slug}.demo.example/mcp`, name, consentDays, scopes };
    const { resource } = await rooms.database.unit(() => addResource(rooms, description));
    made.push(resource);
  }
  return made;
}

/** The resource owner has every fourth; some have somebody else, most have nobody. */
export function ownerRows(
  resources: readonly Resource[],
  leaders: readonly Leader[],
  people: readonly DemoPerson[],
  now: Date,
) {
  const steward = leaders.find(({ role }) => role === RESOURCE_OWNER);
  return resources.flatMap(({ id }, place) => {
    const person = place % 4 === 1 ? steward : place % 7 === 3 ? people[place] : undefined;
    return person ? [{ resource_id: id, account_id: person.id, created_at: daysBefore(now, 60) }] : [];
  });
}
