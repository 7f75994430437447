/** `consentry client revoke`: one client, or every registration of the same program. */
import type { ClientRecord } from '../clients/client.ts';
import { isDocumentUrl } from '../clients/document-content.ts';
import type { ConsentEntry } from '../consents/store.ts';
import { AppError } from '../errors.ts';
import { revokeClient } from '../revocations.ts';
import type { Rooms } from '../rooms.ts';
import { nameOf, unknownClient } from './client-list.ts';
import { withRooms } from './open.ts';
import { count } from './print.ts';
import type { Terminal } from './terminal.ts';

export const FAMILY_HELP = `
With --family, everything that registered itself with the same name and the same redirect URIs ends. Whoever runs such a
program can register it again and ask people again.`;

/** As many as one transaction ends without keeping others waiting. */
const FAMILY_BATCH = 25;

export async function revoke(terminal: Terminal, id: string, { family }: { family?: boolean }): Promise<void> {
  await withRooms(terminal, async (rooms) => {
    const known = await findRevocable(rooms, id);
    if (family) return revokeFamily(terminal, rooms, known, id);
    if (known?.revokedAt) return terminal.out(`${id} was revoked already.`);
    const consents = await revokeClient(rooms, id, known);
    if (!known) return terminal.out(`Blocked ${id}, which nobody has used here yet.`);
    terminal.out(`Revoked ${nameOf(known) || id}, and with it ${ended(consents)}.`);
  });
}

async function revokeFamily(
  terminal: Terminal,
  rooms: Rooms,
  known: ClientRecord | undefined,
  id: string,
): Promise<void> {
  if (known?.origin !== 'dynamic') {
    const message = `${id} did not register itself and has no family. Leave out --family to revoke it alone.`;
    throw new AppError('no_family', 400, message);
  }
  const consents: ConsentEntry[] = [];
  let registrations = 0;
  for (let batch = await nextBatch(rooms, known); batch.length > 0; batch = await nextBatch(rooms, known)) {
    const ended = await rooms.database.unit(async () => {
      const each = [];
      for (const client of batch) each.push(await revokeClient(rooms, client.id, client));
      return each.flat();
    });
    consents.push(...ended);
    registrations += batch.length;
  }
  if (registrations === 0) return terminal.out(`Every registration of ${nameOf(known) || id} was revoked already.`);
  const what = `${count(registrations, 'registration')} of ${nameOf(known) || id}`;
  terminal.out(`Revoked ${what}, and with ${registrations === 1 ? 'it' : 'them'} ${ended(consents)}.`);
}

async function nextBatch(
  { clients }: Pick<Rooms, 'clients'>,
  { id, familyKey }: ClientRecord,
): Promise<ClientRecord[]> {
  if (familyKey) return clients.listFamily(familyKey, { living: true, limit: FAMILY_BATCH });
  // Registered before families were kept.
  const alone = await clients.find(id);
  return alone && !alone.revokedAt ? [alone] : [];
}

/** "3 consents of 2 accounts" */
function ended(consents: readonly ConsentEntry[]): string {
  const people = new Set(consents.map(({ email }) => email)).size;
  return consents.length > 0 ? `${count(consents.length, 'consent')} of ${count(people, 'account')}` : 'no consent';
}

/** @returns undefined for a metadata document that nobody has met here */
async function findRevocable({ clients }: Pick<Rooms, 'clients'>, id: string): Promise<ClientRecord | undefined> {
  const known = await clients.find(id);
  if (known?.origin === 'resource') {
    throw new AppError('resource_credential', 409, `${id} is the credential of an MCP server, not a client.`);
  }
  if (known || isDocumentUrl(id)) return known;
  throw unknownClient(id);
}
