/** Connections to identity providers, made, changed and ended: each with its record, and with what it ends for people. */
import { events } from './audit/events.ts';
import { AppError } from './errors.ts';
import type { ConnectionChange, ConnectionRecord, NewConnection } from './federation/connection-store.ts';
import { clouds, issuerOf } from './federation/entra/clouds.ts';
import type { Said } from './federation/people-store.ts';
import type { Rooms } from './rooms.ts';

export type ConnectionRooms = Pick<
  Rooms,
  'connectionStore' | 'connectionPeople' | 'leavers' | 'roles' | 'audit' | 'database' | 'now'
>;

/** What changing a connection did to people. */
export interface Touched {
  /** Nobody comes by these identities until somebody confirms them. */
  orphaned: number;
  /** People whose sessions and sign-ins of clients ended. */
  ended: number;
}

const UNTOUCHED: Touched = { orphaned: 0, ended: 0 };

/** @throws AppError 409 `connection_exists` where the id was ever used */
export function addConnection(rooms: ConnectionRooms, connection: NewConnection): Promise<void> {
  return rooms.database.unit(async () => {
    if (!(await rooms.connectionStore.create(connection)))
      throw new AppError('connection_exists', 409, `The connection ${connection.id} exists, or did once.`);
    const reason = isForAnybody(connection) ? 'any_tenant' : undefined;
    await rooms.audit.record(events.connectionAdded({}, describe(connection), reason));
  });
}

/**
 * Where the people would come from somebody else than before, everybody's identity is orphaned, and what they have here
 * ends: nobody is reached by a key that another provider could name. Roles and groups that are not read any more, or
 * from elsewhere, are forgotten: nothing would ever take them away.
 *
 * @throws AppError 404 `unknown_connection`
 */
export async function changeConnection(
  rooms: ConnectionRooms,
  before: ConnectionRecord,
  change: ConnectionChange,
): Promise<Touched> {
  const { id } = before;
  const after = { ...before, ...change } as ConnectionRecord;
  const moved = placeOf(before) !== placeOf(after);
  const unread = unreadOf(before, after);
  const orphaned = await rooms.database.unit(async () => {
    if (!(await rooms.connectionStore.update(id, change))) throw unknownConnection(id);
    const count = moved ? await rooms.connectionPeople.orphan(id) : 0;
    if (unread.length > 0) await rooms.connectionPeople.forgetSaid(id, unread);
    const changed = differences(before, after, change);
    const reason = isForAnybody(after) && !isForAnybody(before) ? 'any_tenant' : undefined;
    await rooms.audit.record(
      events.connectionUpdated(
        {},
        { ...describe(after), ...wasOf(before, after), changed, ...(moved ? { orphaned: count } : {}) },
        reason,
      ),
    );
    // Where the people are orphaned, ending what they have here does it.
    if (unread.length > 0 && !moved) await rooms.roles.recomputeConnection(id);
    return count;
  });
  if (!moved) return UNTOUCHED;
  return { orphaned, ended: await endAccess(rooms, id, 'connection_changed') };
}

type Removable = Pick<ConnectionRecord, 'id' | 'name'> & { kind: string };

/**
 * For good. Ends what people have here who come by it, also when it was removed before and that was cut short.
 * @returns how many people that were
 */
export async function removeConnection(rooms: ConnectionRooms, connection: Removable): Promise<number> {
  await markRemoved(rooms, connection);
  return endAccess(rooms, connection.id, 'connection_removed');
}

/** Nobody comes by it from then on; what people have here is ended by {@link accessEnding}. */
export function markRemoved(rooms: ConnectionRooms, { id, kind, name }: Removable): Promise<void> {
  return rooms.database.unit(async () => {
    const people = await rooms.connectionPeople.countPeople(id);
    const removed = await rooms.connectionStore.remove(id);
    // Also of a sign-in that was under way at the first removal.
    await rooms.connectionPeople.forgetTokens(id);
    if (!removed) return;
    await rooms.audit.record(events.connectionRemoved({}, { connection: id, kind, name, people }));
  });
}

/** Somebody says that whom the provider names now are the same people. @returns how many identities count again */
export function confirmIdentities(rooms: ConnectionRooms, record: ConnectionRecord): Promise<number> {
  const { id, name } = record;
  return rooms.database.unit(async () => {
    const confirmed = await confirm(rooms, record);
    if (confirmed > 0)
      await rooms.audit.record(events.connectionIdentitiesConfirmed({}, { connection: id, name, confirmed }));
    return confirmed;
  });
}

function confirm({ connectionPeople }: ConnectionRooms, { id, ...record }: ConnectionRecord): Promise<number> {
  if (record.kind === 'oidc') return connectionPeople.moveTo(id, record.settings.issuer);
  const { tenants, cloud } = record.settings;
  // An object id is somebody in one tenant, and nobody in another.
  const issuers = tenants === 'any' ? 'all' : tenants.map((tenant) => issuerOf(clouds[cloud], tenant));
  return connectionPeople.confirm(id, issuers);
}

async function endAccess(rooms: ConnectionRooms, connectionId: string, reason: string): Promise<number> {
  const next = accessEnding(rooms, connectionId, reason);
  let ended = 0;
  for (let count = await next(); count > 0; count = await next()) ended += count;
  return ended;
}

/**
 * A page of people at a time, so that nobody waits long for a lock.
 * @returns what ends what the next people have here, and says how many they were: 0 where nobody is left
 */
export function accessEnding(
  { connectionPeople, database, leavers, roles }: ConnectionRooms,
  connectionId: string,
  reason: string,
): () => Promise<number> {
  let after: string | undefined;
  return async () => {
    const page = await connectionPeople.listPeople(connectionId, after);
    if (page.length === 0) return 0;
    after = page.at(-1);
    await database.unit(async () => {
      // What the connection made of them, an owner among it, is no more. First, as a press does: consents, then sign-ins.
      await roles.recomputeAll(page);
      for (const accountId of page) await leavers.end({ accountId, reason });
    });
    return page.length;
  };
}

/** Who says who somebody is. */
export function placeOf(connection: Pick<ConnectionRecord, 'kind' | 'settings'>): string {
  const { settings } = connection;
  if (!('tenants' in settings)) return settings.issuer;
  const { cloud, tenants } = settings;
  return JSON.stringify([cloud, tenants === 'any' ? tenants : [...tenants].sort()]);
}

/** What the provider said of its people that is not read any more, or is said by another or in another place from now on. */
function unreadOf(before: ConnectionRecord, after: ConnectionRecord): Said[] {
  const [was, is] = [sourcesOf(before), sourcesOf(after)];
  return (['appRoles', 'groups'] as const).filter((what) => was[what] !== is[what]);
}

/** Where roles and groups are read; undefined: nowhere. */
function sourcesOf({ settings }: ConnectionRecord): Record<Said, string | undefined> {
  if ('tenants' in settings) {
    const { cloud, groups } = settings;
    return { appRoles: cloud, groups: groups === 'mapped' ? cloud : undefined };
  }
  const { issuer, rolesClaim, groupsClaim } = settings;
  const source = (claim: string | undefined) => (claim === undefined ? undefined : JSON.stringify([issuer, claim]));
  return { appRoles: source(rolesClaim), groups: source(groupsClaim) };
}

function isForAnybody({ settings }: Pick<NewConnection, 'settings'>): boolean {
  return 'tenants' in settings && settings.tenants === 'any';
}

/** For the record: nothing secret. */
function describe({ id, kind, name, origin, exclusive, provisioning, settings }: NewConnection | ConnectionRecord) {
  const { clientId, authentication } = settings;
  const shared = { connection: id, kind, name, origin, exclusive, provisioning, clientId, authentication };
  if (!('tenants' in settings)) return { ...shared, issuer: settings.issuer };
  const { cloud, tenants, guests, groups } = settings;
  return { ...shared, cloud, tenants, guests, groups };
}

function differences(before: ConnectionRecord, after: ConnectionRecord, change: ConnectionChange): string[] {
  const settings = Object.keys({ ...before.settings, ...after.settings }).filter(
    (key) => JSON.stringify(Reflect.get(before.settings, key)) !== JSON.stringify(Reflect.get(after.settings, key)),
  );
  const own = (['name', 'exclusive', 'provisioning'] as const).filter((key) => before[key] !== after[key]);
  return [...own, ...settings, ...(change.secrets ? ['credentials'] : [])];
}

/** What a change of these replaced: what they are now is told by {@link describe}. */
function wasOf(before: ConnectionRecord, after: ConnectionRecord): Record<string, string | boolean> {
  const changed = (['name', 'exclusive', 'provisioning'] as const).filter((key) => before[key] !== after[key]);
  return Object.fromEntries(changed.map((key) => [`${key}Before`, before[key]]));
}

export function unknownConnection(id: string): AppError {
  return new AppError('unknown_connection', 404, `There is no connection ${id}. See: npx consentry connection list`);
}
