/** Brings the connections of the configuration into the database: added, changed, ended, each with its record. */
import { isDeepStrictEqual } from 'node:util';
import { events } from './audit/events.ts';
import { ConfigError } from './config.ts';
import { addConnection, type ConnectionRooms, changeConnection, placeOf, removeConnection } from './connections.ts';
import { AppError } from './errors.ts';
import type { ConnectionRecord, NewConnection } from './federation/connection-store.ts';

export interface Synchronised {
  added: string[];
  changed: string[];
  removed: string[];
}

/**
 * What is gone from the configuration is removed; the same id brings the same provider back, and never another one.
 * @throws ConfigError before anything is changed
 */
export async function synchroniseConnections(
  rooms: ConnectionRooms,
  configured: readonly NewConnection[],
): Promise<Synchronised> {
  const { records, broken } = await rooms.connectionStore.survey();
  const problems = await conflicts(rooms, configured, records);
  if (problems.length > 0) throw new ConfigError(problems);
  const done: Synchronised = { added: [], changed: [], removed: [] };
  for (const one of [...records, ...broken]) {
    if (one.origin !== 'configuration' || configured.some(({ id }) => id === one.id)) continue;
    await removeConnection(rooms, one);
    done.removed.push(one.id);
  }
  for (const connection of configured) {
    const outcome = await bringConnection(rooms, connection);
    if (outcome) done[outcome].push(connection.id);
  }
  return done;
}

async function conflicts(
  { connectionStore }: ConnectionRooms,
  configured: readonly NewConnection[],
  records: readonly ConnectionRecord[],
): Promise<string[]> {
  const problems: string[] = [];
  for (const connection of configured) {
    const where = `CONNECTIONS_FILE (${connection.id}):`;
    const known = await connectionStore.look(connection.id);
    if (known?.origin === 'cli')
      problems.push(`${where} id is that of a connection made on the command line; write another`);
    else if (known && isAnotherProvider(known, connection))
      problems.push(`${where} id was that of another provider, whose people it names; write another`);
    const namesake = records.find(
      ({ origin, name }) => origin === 'cli' && name.toLowerCase() === connection.name.toLowerCase(),
    );
    if (namesake) problems.push(`${where} name is that of the connection ${namesake.id} too; write another`);
  }
  return problems;
}

/** A living one may be changed, which orphans its people; one that is gone comes back only as what it was. */
export function isAnotherProvider(
  known: { removedAt: Date | undefined; kind: string },
  connection: NewConnection,
): boolean {
  if (known.kind !== connection.kind) return true;
  return known.removedAt !== undefined && (!isReadable(known) || placeOf(known) !== placeOf(connection));
}

function isReadable(known: object): known is ConnectionRecord {
  return 'settings' in known;
}

/** Makes the connection what it is to be. @returns undefined where it is that already */
export async function bringConnection(
  rooms: ConnectionRooms,
  connection: NewConnection,
): Promise<'added' | 'changed' | undefined> {
  const { id, kind: _kind, origin: _origin, credentialEndsAt = null, ...rest } = connection;
  const change = { ...rest, credentialEndsAt };
  const known = await rooms.connectionStore.look(id);
  if (!known) {
    return (await isFirst(() => addConnection(rooms, connection))) ? 'added' : undefined;
  }
  if (known.removedAt || !isReadable(known)) {
    await rooms.database.unit(async () => {
      if (known.removedAt) await rooms.connectionStore.revive(id, change);
      else await rooms.connectionStore.update(id, change);
      await rooms.audit.record(events.connectionAdded({}, { connection: id, name: connection.name }, 'again'));
    });
    return 'added';
  }
  const secrets = await rooms.connectionStore.findSecrets(id).catch(() => undefined);
  const sameSecrets = isDeepStrictEqual(secrets, connection.secrets);
  const same =
    sameSecrets &&
    known.name === connection.name &&
    known.exclusive === connection.exclusive &&
    known.provisioning === connection.provisioning &&
    (known.credentialEndsAt?.getTime() ?? 0) === (credentialEndsAt?.getTime() ?? 0) &&
    isDeepStrictEqual(known.settings, connection.settings);
  if (same) return undefined;
  const { secrets: _secrets, ...open } = change;
  await changeConnection(rooms, known, sameSecrets ? open : change);
  return 'changed';
}

/** Another process that starts at the same moment reads the same file. */
async function isFirst(add: () => Promise<void>): Promise<boolean> {
  try {
    await add();
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'connection_exists') return false;
    throw error;
  }
}
