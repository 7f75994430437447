/** Static clients as a file declares them: known by a key that stands in their metadata and nowhere else. */
import { isDeepStrictEqual } from 'node:util';
import { events } from '../audit/events.ts';
import { setClientKind } from '../client-standing.ts';
import type { ClientMetadata } from '../clients/client.ts';
import { AppError } from '../errors.ts';
import { addClient, type NewClient, staticMetadata } from '../registrations.ts';
import { canonicalResource } from '../resources/resource.ts';
import { revokeClient } from '../revocations.ts';
import { readableLine } from '../web/visible-text.ts';
import { type Change, difference, NONE, said } from './change.ts';
import { KEY_MEMBER, type StaticClient } from './declared-store.ts';
import type { Planning } from './plan.ts';
import type { DeclaredClient } from './shape.ts';

export async function planClients(planning: Planning): Promise<Change[]> {
  const { file, store, rooms, now } = planning;
  const { clients, prune } = file.declared;
  if (!clients) return [];
  const there = await store.listStatic();
  const named = clients.map((client, index) => knownAs(planning, client, index, there));
  const changes: Change[] = [];
  for (const [index, declared] of clients.entries()) {
    const client = await readClient(planning, declared, index);
    const known = named[index];
    if (known) changes.push(...(await planChange(planning, known, { declared, client, index })));
    else changes.push(addition(planning, declared, client));
  }
  if (!prune.includes('clients')) return changes;
  for (const { id, metadata } of there.filter((one) => !named.includes(one))) {
    const record = await rooms.clients.find(id);
    changes.push({
      ...{ section: 'clients', how: 'removed', name: String(metadata[KEY_MEMBER] ?? id) },
      lines: [`${said(metadata.client_name)} (${id}) is revoked, for good`],
      people: await store.countPeople({ clientId: id }, now),
      make: async () => {
        await revokeClient(rooms, id, record);
        return NONE;
      },
    });
  }
  return changes;
}

/** The one of that key; or the one that the file takes over under it. */
function knownAs(
  { file }: Planning,
  { key, client_id: id }: DeclaredClient,
  index: number,
  there: readonly StaticClient[],
): StaticClient | undefined {
  const first = file.declared.clients?.findIndex((one) => one.key === key);
  if (first !== index) throw file.fault(['clients', index, 'key'], `is that of clients[${first}] too`);
  const known = there.find(({ metadata }) => metadata[KEY_MEMBER] === key);
  if (id === undefined) return known;
  const place = ['clients', index, 'client_id'] as const;
  const own = there.find((one) => one.id === id);
  if (!own) throw file.fault(place, 'is that of no living client that an administrator made');
  const other = own.metadata[KEY_MEMBER];
  if (known && known !== own)
    throw file.fault(place, `is not that of the client with the key ${key}, which is ${known.id}`);
  if (other !== undefined && other !== key) throw file.fault(place, `has the key ${String(other)} already`);
  return own;
}

async function readClient(planning: Planning, declared: DeclaredClient, index: number): Promise<NewClient> {
  const { file, rooms } = planning;
  try {
    const client = planning.parseClient(declared);
    const name = readableLine(client.name, { what: 'The name', maxCharacters: 60 });
    const access: Record<string, readonly string[]> = {};
    for (const [uri, scopes] of Object.entries(declared.access)) {
      const canonical = canonicalResource(uri) ?? uri;
      const listed = file.declared.resources?.find((one) => canonicalResource(one.uri) === canonical);
      const known = listed ?? (await rooms.resources.findRegistered(canonical));
      const unknown = scopes.find((scope) => !known?.scopes.some((one) => one.name === scope));
      if (!known) throw new AppError('bad_access', 400, `access names no MCP server: there is no ${uri}.`);
      if (unknown !== undefined) throw new AppError('bad_access', 400, `access: ${uri} has no scope ${unknown}.`);
      access[canonical] = [...new Set(scopes)];
    }
    return { ...client, name, access };
  } catch (error) {
    if (error instanceof AppError && error.code !== 'bad_file') throw file.fault(['clients', index], error.message);
    throw error;
  }
}

function addition({ rooms }: Planning, { key }: DeclaredClient, client: NewClient): Change {
  const metadata = Object.entries(staticMetadata('', client)).filter(([member]) => member !== 'client_id');
  const lines = [
    `kind: ${client.kind}`,
    ...metadata.filter(isSaid).map(([member, value]) => `${member}: ${said(value)}`),
  ];
  return {
    ...{ section: 'clients', how: 'added', name: key, lines },
    secret: client.authMethod.startsWith('client_secret') ? true : undefined,
    make: async () => {
      const { clientId, clientSecret } = await addClient(rooms, client);
      await rooms.clients.setKind(clientId, client.kind, { ...staticMetadata(clientId, client), [KEY_MEMBER]: key });
      const { name, kind, authMethod, redirectUris } = client;
      await rooms.audit.record(events.clientCreated({ clientId }, { name, kind, authMethod, redirectUris, key }));
      const secret = clientSecret === undefined ? {} : { client_secret: clientSecret };
      return [{ name: key, fields: { client_id: clientId, ...secret } }];
    },
  };
}

function isSaid([, value]: [string, unknown]): boolean {
  return !Array.isArray(value) || value.length > 0;
}

async function planChange(
  planning: Planning,
  known: StaticClient,
  { declared, client, index }: { declared: DeclaredClient; client: NewClient; index: number },
): Promise<Change[]> {
  const { rooms, store, now } = planning;
  const after: ClientMetadata = { ...staticMetadata(known.id, client), [KEY_MEMBER]: declared.key };
  const members = [...new Set([...Object.keys(known.metadata), ...Object.keys(after)])].filter(
    (member) => !isDeepStrictEqual(known.metadata[member], after[member]),
  );
  const turned = known.kind !== client.kind;
  if (members.length === 0 && !turned) return [];
  assertChangeable(planning, known, client, index);
  const lines = [
    ...(turned ? [difference('kind', known.kind, client.kind)] : []),
    ...members.map((member) => difference(member, known.metadata[member], after[member])),
  ];
  const harmless = !turned && members.every((member) => member === KEY_MEMBER);
  return [
    {
      ...{ section: 'clients', how: 'changed', name: declared.key, lines },
      people: harmless || client.kind === 'service' ? undefined : await store.countPeople({ clientId: known.id }, now),
      make: async () => {
        if (turned && client.kind !== 'service') await setClientKind(rooms, known.id, client.kind);
        await rooms.clients.setKind(known.id, client.kind, after);
        await rooms.audit.record(
          events.clientUpdated({ clientId: known.id }, recorded(members, known.metadata, after)),
        );
        await rooms.suspendChanged(known.id, after);
        return NONE;
      },
    },
  ];
}

function assertChangeable({ file }: Planning, known: StaticClient, client: NewClient, index: number): void {
  const place = ['clients', index];
  const service = known.kind === 'service' || client.kind === 'service';
  if (service && known.kind !== client.kind)
    throw file.fault([...place, 'kind'], `cannot become ${client.kind} from ${known.kind}: write it under another key`);
  const before = known.metadata.token_endpoint_auth_method;
  if (before !== client.authMethod)
    throw file.fault(
      [...place, 'auth'],
      `cannot become ${client.authMethod} from ${String(before)}: write it under another key`,
    );
}

/** Flat, as the record has it. */
function recorded(members: readonly string[], before: ClientMetadata, after: ClientMetadata) {
  const flat = (value: unknown) =>
    Array.isArray(value) ? value.map(String) : value === undefined ? null : said(value);
  return Object.fromEntries(
    members.flatMap((member) => [
      [`${member}Before`, flat(before[member])],
      [member, flat(after[member])],
    ]),
  );
}
