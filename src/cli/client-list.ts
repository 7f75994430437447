/** `consentry client list` and `client show`: which clients there are, and what is known of one. */
import type { ClientOrigin, ClientRecord } from '../clients/client.ts';
import { displayName } from '../clients/display-name.ts';
import type { DocumentCopy } from '../clients/document-store.ts';
import type { ClientFamily } from '../clients/store.ts';
import { AppError } from '../errors.ts';
import type { Rooms } from '../rooms.ts';
import { withRooms } from './open.ts';
import { fields, moment, printJson, table } from './print.ts';
import type { Terminal } from './terminal.ts';

export const LISTED_ORIGINS = ['static', 'dynamic', 'document'] as const satisfies ClientOrigin[];

export interface ListOptions {
  origin?: (typeof LISTED_ORIGINS)[number];
  each?: boolean;
  all?: boolean;
  json?: boolean;
}

export const LIST_HELP = `
Many programs register themselves anew with every connection. Registrations with the same name and the same redirect
URIs (but for a port on this computer) are one line, under the newest of them: TIMES says how many they are.`;

export async function list(terminal: Terminal, { origin, each, all, json }: ListOptions): Promise<void> {
  const filter = { origins: origin ? [origin] : LISTED_ORIGINS, living: !all };
  await withRooms(terminal, async ({ clients }) => {
    const found = each ? eachOne(await clients.list(filter)) : families(await clients.listFamilies(filter));
    if (json) printJson(terminal, found.described);
    else if (found.rows.length > 0) terminal.out(table(found.headings, found.rows));
    else terminal.out('No client yet. Most register themselves; see: npx consentry client add --help');
  });
}

const HEADINGS = ['CLIENT', 'ORIGIN', 'KIND', 'NAME', 'LAST USED'];

function eachOne(clients: readonly ClientRecord[]) {
  const rows = clients.map((client) => cells(client, client.lastUsedAt));
  return { described: clients.map(describe), headings: HEADINGS, rows };
}

function families(found: readonly ClientFamily[]) {
  const rows = found.map((family) => {
    const { newest, lastUsedAt, firstSeen, livingConsents } = family;
    return [...cells(newest, lastUsedAt), times(family), moment(firstSeen), String(livingConsents)];
  });
  return { described: found.map(describeFamily), headings: [...HEADINGS, 'TIMES', 'FIRST SEEN', 'CONSENTS'], rows };
}

function cells(client: ClientRecord, lastUsedAt: Date | undefined): string[] {
  const { id, origin, kind, revokedAt } = client;
  const used = revokedAt ? `revoked ${moment(revokedAt)}` : moment(lastUsedAt);
  return [id, origin, kind, nameOf(client) || '-', used];
}

function times({ registrations, living }: ClientFamily): string {
  const revoked = registrations - living;
  return revoked === 0 || living === 0 ? String(registrations) : `${registrations} (${revoked} revoked)`;
}

export async function show(terminal: Terminal, id: string, { json }: { json?: boolean }): Promise<void> {
  await withRooms(terminal, async (rooms) => {
    const client = await rooms.clients.find(id);
    const copy = await rooms.documents.find(id);
    if (!client && !copy) throw unknownClient(id);
    const facts = {
      ...(client ? await knownFacts(client, rooms) : { client_id: id }),
      ...copyFacts(copy, rooms.now()),
    };
    if (json) return printJson(terminal, facts);
    const lines = Object.entries(facts).map(([name, value]) => [name, words(value)] as const);
    terminal.out(fields(Object.fromEntries(lines.filter(([, value]) => value !== '-'))));
  });
}

async function knownFacts(client: ClientRecord, { clients, consents, now }: Rooms) {
  const living = await consents.list({ clientId: client.id }, { living: true });
  const family = client.familyKey ? await clients.listFamily(client.familyKey, { living: true }) : [];
  return {
    ...describe(client),
    living_consents: living.filter(({ expiresAt }) => expiresAt > now()).length,
    // This one among them, unless it is revoked.
    ...(client.familyKey ? { living_registrations: family.length } : {}),
  };
}

function copyFacts(copy: DocumentCopy | undefined, now: Date) {
  if (!copy) return {};
  const { fetchedAt, importedAt, staleUntil } = copy;
  const ended = staleUntil <= now ? { document_unusable_since: staleUntil } : {};
  return { ...(importedAt ? { document_imported_at: importedAt } : { document_fetched_at: fetchedAt }), ...ended };
}

function words(value: unknown): string {
  if (value instanceof Date) return moment(value);
  if (Array.isArray(value)) return value.join(' ') || '-';
  return value === null || value === '' ? '-' : String(value);
}

/** '' where it has none that anybody could see. */
export function nameOf({ metadata }: ClientRecord): string {
  return displayName(metadata.client_name);
}

export function unknownClient(id: string): AppError {
  return new AppError('unknown_client', 404, `There is no client ${id}. See: npx consentry client list`);
}

function describeFamily({ newest, registrations, living, firstSeen, lastUsedAt, livingConsents }: ClientFamily) {
  return {
    ...describe(newest),
    last_used_at: lastUsedAt ?? null,
    registrations,
    living_registrations: living,
    first_seen_at: firstSeen,
    living_consents: livingConsents,
  };
}

function describe(client: ClientRecord) {
  const { id, origin, kind, metadata, createdAt, lastUsedAt, revokedAt } = client;
  return {
    client_id: id,
    origin,
    kind,
    client_name: nameOf(client),
    token_endpoint_auth_method: metadata.token_endpoint_auth_method ?? null,
    redirect_uris: metadata.redirect_uris ?? [],
    created_at: createdAt,
    last_used_at: lastUsedAt ?? null,
    revoked_at: revokedAt ?? null,
  };
}
