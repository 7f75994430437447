/** Connections as a file declares them: known by their id, read as those of `CONNECTIONS_FILE` are. */
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { bringConnection, isAnotherProvider } from '../configured-connections.ts';
import { placeOf, removeConnection } from '../connections.ts';
import { collision, type Sound, sift } from '../federation/apart.ts';
import { readEntry } from '../federation/configuration/configured.ts';
import { describeSettings, type Problem } from '../federation/configuration/description.ts';
import type { ConnectionRecord, NewConnection } from '../federation/connection-store.ts';
import { type Change, difference, NONE } from './change.ts';
import type { Planning } from './plan.ts';
import type { DeclaredConnection } from './shape.ts';

/** Ending what they have here takes longer for more of them than one unit of work may last. */
const MAX_PEOPLE = 500;

export async function planConnections(planning: Planning): Promise<Change[]> {
  const { rooms, file, issuer } = planning;
  const { connections, prune } = file.declared;
  if (!connections) return [];
  const read = connections.map((entry, index) => readConnection(planning, entry, index));
  const { sound } = await sift({
    survey: () => rooms.connectionStore.survey(),
    findSecrets: ({ id }) => rooms.connectionStore.findSecrets(id),
    issuer,
  });
  const staying = sound.filter(({ record: { id, origin } }) => {
    const pruned = prune.includes('connections') && origin === 'cli';
    return !pruned && !read.some((one) => one.id === id);
  });
  const changes: Change[] = [];
  for (const [index, connection] of read.entries()) {
    assertApart(planning, connection, [...staying, ...read.slice(0, index).map(asSound)], index);
    changes.push(...(await planned(planning, connection, index)));
  }
  if (!prune.includes('connections')) return changes;
  const rest = sound.filter(({ record: { id, origin } }) => origin === 'cli' && !read.some((one) => one.id === id));
  for (const { record } of rest) changes.push(await removal(planning, record));
  return changes;
}

function readConnection({ file, env, path }: Planning, entry: DeclaredConnection, index: number): NewConnection {
  const problems: Problem[] = [];
  const { client_secret: secret, ...rest } = entry;
  const [, variable] = /^\$\{([A-Za-z_]\w*)\}$/.exec(String(secret)) ?? [];
  if (secret !== undefined && variable === undefined) {
    const what = 'must name a variable, as in $' + '{NAME}: a secret never stands in this file';
    throw file.fault(['connections', index, 'client_secret'], what);
  }
  const described = variable === undefined ? rest : { ...rest, client_secret_env: variable };
  const connection = readEntry(described, { path, env, readFile: (file) => readFileSync(file, 'utf8') }, problems);
  if (connection && problems.length === 0) return { ...connection, origin: 'cli' };
  const [first = { key: '', what: 'cannot be read' }] = problems;
  const key = first.key in entry ? [first.key] : [];
  throw file.fault(['connections', index, ...key], key.length > 0 ? first.what : `${first.key} ${first.what}`.trim());
}

function assertApart(
  { file, issuer }: Planning,
  connection: NewConnection,
  others: readonly { record: Sound['record'] | NewConnection; secrets: Sound['secrets'] }[],
  index: number,
): void {
  const place = ['connections', index] as const;
  if (others.some(({ record }) => record.id === connection.id)) throw file.fault([...place, 'id'], 'is used twice');
  const why = collision(connection, connection.secrets, others, issuer);
  if (why !== undefined) throw file.fault(place, `cannot be used: ${why}`);
  const namesake = others.find(({ record }) => record.name.toLowerCase() === connection.name.toLowerCase());
  if (namesake) throw file.fault(place, `has the name of ${namesake.record.id} too; people could not tell them apart`);
}

function asSound(record: NewConnection): { record: NewConnection; secrets: NewConnection['secrets'] } {
  return { record, secrets: record.secrets };
}

async function planned(planning: Planning, connection: NewConnection, index: number): Promise<Change[]> {
  const { rooms, file } = planning;
  const known = await rooms.connectionStore.look(connection.id);
  const make = async () => {
    await bringConnection(rooms, connection);
    return NONE;
  };
  if (known?.origin === 'configuration')
    throw file.fault(['connections', index, 'id'], 'is that of a connection in CONNECTIONS_FILE');
  if (known && (isAnotherProvider(known, connection) || !('settings' in known)))
    throw file.fault(['connections', index, 'id'], 'is or was that of another provider, whose people it names');
  const warning = await lockoutWarning(planning, known, connection);
  if (!known || known.removedAt) {
    const lines = [`kind: ${connection.kind}`, ...fieldLines({}, fieldsOf(connection)), ...warning];
    return [{ section: 'connections', how: 'added', name: connection.id, lines, make }];
  }
  const lines = [
    ...fieldLines(fieldsOf(known), fieldsOf(connection)),
    ...(await credentialLines(planning, connection, known)),
  ];
  if (lines.length === 0) return [];
  const moved = placeOf(known) !== placeOf(connection);
  const people = moved ? await countPeople(planning, connection.id) : undefined;
  return [{ section: 'connections', how: 'changed', name: connection.id, lines: [...lines, ...warning], people, make }];
}

async function removal(planning: Planning, record: ConnectionRecord): Promise<Change> {
  const people = await countPeople(planning, record.id);
  return {
    ...{ section: 'connections', how: 'removed', name: record.id, lines: [`"${record.name}", for good`], people },
    make: async () => {
      await removeConnection(planning.rooms, record);
      return NONE;
    },
  };
}

async function countPeople({ rooms, file }: Planning, id: string): Promise<number> {
  const people = await rooms.connectionPeople.countPeople(id);
  if (people <= MAX_PEOPLE) return people;
  const what = `${id}: what ${people} people have here would end, more than is done at once; do that first with consentry connection`;
  throw file.fault(['connections'], what);
}

function fieldsOf(connection: ConnectionRecord | NewConnection): Record<string, unknown> {
  const { name, exclusive, provisioning, settings } = connection;
  const { authentication } = settings;
  return { name, exclusive, provisioning, authentication, ...describeSettings(connection) };
}

function fieldLines(before: Record<string, unknown>, after: Record<string, unknown>): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names
    .filter((name) => !isDeepStrictEqual(before[name], after[name]))
    .map((name) => difference(name, before[name], after[name]));
}

/** That it is another one, never which. */
async function credentialLines(
  { rooms }: Planning,
  { id, secrets, credentialEndsAt }: NewConnection,
  known: ConnectionRecord,
): Promise<string[]> {
  const before = await rooms.connectionStore.findSecrets(id).catch(() => undefined);
  const day = (date: Date | undefined) => date?.toISOString().slice(0, 10);
  const ends = known.credentialEndsAt?.getTime() === credentialEndsAt?.getTime();
  return [
    ...(isDeepStrictEqual(before, secrets) ? [] : ['credentials: replaced']),
    ...(ends ? [] : [difference('credentials end', day(known.credentialEndsAt), day(credentialEndsAt))]),
  ];
}

async function lockoutWarning(
  { rooms }: Planning,
  known: { exclusive: boolean } | undefined,
  { exclusive }: NewConnection,
): Promise<string[]> {
  if (!exclusive || known?.exclusive || (await rooms.accountStore.hasBreakGlass())) return [];
  return ['passwords are off then, and there is no break-glass account to sign in with if the provider fails'];
}
