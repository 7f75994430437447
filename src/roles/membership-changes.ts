/** Who has a role, as an administrator says: person by person, or by what a connection says of people. */
import { events } from '../audit/events.ts';
import { AppError } from '../errors.ts';
import { assertRole, type Effect, type RoleChangeDeps } from './changes.ts';
import type { MembershipStore } from './membership-store.ts';
import { ADMINISTRATOR, OWNER, type RoleMapping } from './role.ts';

export interface MembershipChangeDeps extends RoleChangeDeps {
  memberships: MembershipStore;
}

type Person = { id: string; email: string };

const NOTHING: Effect = { changed: false, changes: [], taken: [] };
const OBJECT_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MAX_VALUE_CHARACTERS = 256;

/**
 * From now on people of whom the connection says this are members.
 *
 * @param makeOwners has to be said where the role is `owner`: whoever decides upstream then decides who administers this server
 * @throws AppError 404 `unknown_role`, `unknown_group`, 400 `bad_value`, 409 `owner_not_said`
 */
export function mapRole(
  deps: MembershipChangeDeps,
  wanted: Omit<RoleMapping, 'id' | 'connectionId'> & { connection: { id: string; kind: 'entra' | 'oidc' } },
  { makeOwners }: { makeOwners: boolean },
): Promise<Effect & { mapping: RoleMapping | undefined }> {
  const { roleStore, roles, audit, database, now } = deps;
  return database.unit(async () => {
    await roleStore.hold();
    const { roleId, source, connection } = wanted;
    await assertRole(deps, roleId);
    if (roleId === OWNER && !makeOwners) {
      const message = `Whoever decides this at ${connection.id} would decide who administers this server. Say --make-owners if that is what you want.`;
      throw new AppError('owner_not_said', 409, message);
    }
    const value = await parseValue(deps, wanted);
    const mapping = await roleStore.addMapping({ roleId, source, connectionId: connection.id, value }, now());
    if (!mapping) return { ...NOTHING, mapping: undefined };
    const details = { role: roleId, mapping: mapping.id, connection: connection.id, source, value };
    await audit.record(events.roleChanged({}, details, roleId === OWNER ? 'mapped_to_owner' : 'mapped'));
    return { changed: true, mapping, ...(await roles.recomputeConnection(connection.id)) };
  });
}

/** @throws AppError 404 `unknown_mapping` */
export function unmapRole(deps: MembershipChangeDeps, id: string): Promise<Effect & { mapping: RoleMapping }> {
  const { roleStore, roles, audit, database } = deps;
  return database.unit(async () => {
    await roleStore.hold();
    const mapping = await roleStore.findMapping(id);
    if (!mapping) throw new AppError('unknown_mapping', 404, `There is no mapping ${id}. See: npx consentry role list`);
    await roleStore.removeMapping(id);
    const { roleId, connectionId, source, value } = mapping;
    const details = { role: roleId, mapping: id, connection: connectionId, source, value };
    await audit.record(events.roleChanged({}, details, 'unmapped'));
    return { changed: true, mapping, ...(await roles.recomputeConnection(connectionId)) };
  });
}

/** The word of an administrator, which no connection takes back. @throws AppError 404 `unknown_role` */
export function giveRole(deps: MembershipChangeDeps, name: string, { id }: Person): Promise<Effect> {
  const { roleStore, memberships, audit, database, now } = deps;
  return database.unit(async () => {
    await assertRole(deps, name);
    const [account] = await memberships.hold([id]);
    const before = await roleStore.memberships(id, name);
    if (name === OWNER) {
      if (!account || (account.role === OWNER && account.roleBy === null)) return NOTHING;
      await memberships.makeOwner(id, null);
      await audit.record(events.ownerMade({ accountId: id }, { by: ADMINISTRATOR }));
      return { ...NOTHING, changed: true };
    }
    if (!(await roleStore.give(id, name, now()))) return NOTHING;
    await audit.record(events.roleGained({ accountId: id }, { role: name, source: ADMINISTRATOR }));
    const gained = before.length === 0 ? [name] : [];
    return { changed: true, changes: [{ accountId: id, gained, lost: [] }], taken: [] };
  });
}

/**
 * Takes back what an administrator gave.
 *
 * @throws AppError 404 `unknown_role`, 409 `last_owner`, `given_by_connection`
 */
export function takeRole(deps: MembershipChangeDeps, name: string, person: Person): Promise<Effect> {
  const { roleStore, roles, memberships, audit, database } = deps;
  const { id } = person;
  return database.unit(async () => {
    await assertRole(deps, name);
    if (name === OWNER) return takeOwner(deps, person);
    await memberships.hold([id]);
    const taken = await roleStore.take(id, name);
    const others = await roleStore.memberships(id, name);
    if (!taken && others.length > 0) throw givenBy(others.join(', '), name, person);
    if (!taken) return NOTHING;
    await audit.record(events.roleLost({ accountId: id }, { role: name, source: ADMINISTRATOR }));
    const lost = others.length === 0 ? [name] : [];
    const changes = [{ accountId: id, gained: [], lost }];
    return { changed: true, changes, taken: await roles.takeBack({ accountIds: [id] }) };
  });
}

async function takeOwner(deps: MembershipChangeDeps, person: Person): Promise<Effect> {
  const { memberships, roles, audit } = deps;
  const { id, email } = person;
  const before = await memberships.owning(id);
  if (before?.role !== OWNER) return NOTHING;
  if (before.roleBy !== null) throw givenBy(before.roleBy, OWNER, person);
  if (!(await memberships.endOwner(id))) {
    const message = `${email} is the last owner: nobody could administer this server any more. Add another owner first.`;
    throw new AppError('last_owner', 409, message);
  }
  await audit.record(events.ownerEnded({ accountId: id }, { by: ADMINISTRATOR }, 'administrator'));
  // A mapping may say so too.
  const { taken } = await roles.recomputeAll([id]);
  return { changed: true, changes: [{ accountId: id, gained: [], lost: [OWNER] }], taken };
}

function givenBy(source: string, name: string, { email }: Person): AppError {
  const message = `${email} has the role ${name} by the connection ${source}: change the mapping, or the person's role there.`;
  return new AppError('given_by_connection', 409, message);
}

/** Entra ID writes object ids as GUIDs in lower case; a name of a group, which anybody may give another, is none. */
async function parseValue(
  { roleStore }: MembershipChangeDeps,
  { source, value, connection }: Parameters<typeof mapRole>[1],
): Promise<string> {
  if (source === 'scim_group') {
    if (await roleStore.holdScimGroup(connection.id, value)) return value;
    const message = `${connection.id} has sent no group ${value}. Groups are named by their id here: see consentry scim --help`;
    throw new AppError('unknown_group', 404, message);
  }
  if (source === 'group' && connection.kind === 'entra') {
    const id = value.toLowerCase();
    if (OBJECT_ID.test(id)) return id;
    const message = `"${value}" is no object id: copy it from the group's page in the Entra portal, 8-4-4-4-12 hexadecimal digits. Names are not unique there.`;
    throw new AppError('bad_value', 400, message);
  }
  if (value !== '' && value.length <= MAX_VALUE_CHARACTERS && value.trim() === value && !/\p{Cc}/u.test(value))
    return value;
  throw new AppError('bad_value', 400, 'Write the value exactly as the provider sends it, without spaces around it.');
}
