/** What an administrator says of roles, each with its event in the record; what goes too far then is taken back in the same unit. */
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import { AppError } from '../errors.ts';
import type { Database } from '../storage/transactions.ts';
import { ADMIN, AUDITOR, RESOURCE_OWNER } from './authority.ts';
import { OWNER, parseRoleName, type RoleCeiling } from './role.ts';
import type { RoleChange, Roles } from './roles.ts';
import type { Exceeding } from './standing-store.ts';
import type { RoleStore } from './store.ts';

/** What a change does to people. */
export interface Effect {
  /** false: it was so already. */
  changed: boolean;
  changes: readonly RoleChange[];
  taken: readonly Exceeding[];
}

export interface RoleChangeDeps {
  roleStore: RoleStore;
  roles: Roles;
  audit: Audit;
  database: Database;
  now: () => Date;
}

/** The MCP server as far as a ceiling goes. */
interface Bounded {
  id: string;
  uri: string;
  scopes: readonly { name: string }[];
}

/** They never go, and no MCP server hears of them. */
export const BUILT_IN: readonly string[] = [OWNER, ADMIN, AUDITOR, RESOURCE_OWNER];

const NOTHING: Effect = { changed: false, changes: [], taken: [] };

/** @throws AppError 400 `bad_role`, 409 `role_exists` */
export function addRole(deps: RoleChangeDeps, name: string, description: string | undefined): Promise<void> {
  const { roleStore, audit, database, now } = deps;
  return database.unit(async () => {
    const id = parseRoleName(name);
    if (!(await roleStore.create(id, description, now()))) {
      throw new AppError('role_exists', 409, `There is a role ${id} already.`);
    }
    await audit.record(events.roleChanged({}, { role: id }, 'added'));
  });
}

/**
 * With its ceilings, mappings and memberships.
 *
 * @param open also where an MCP server would be left without any ceiling
 * @throws AppError 404 `unknown_role`, 409 `built_in`, `would_open`
 */
export function removeRole(deps: RoleChangeDeps, name: string, open: boolean): Promise<Effect> {
  const { roleStore, roles, audit, database } = deps;
  return database.unit(async () => {
    await roleStore.hold();
    await assertRole(deps, name);
    if (BUILT_IN.includes(name)) throw new AppError('built_in', 409, `${name} is built in: the dashboard knows it.`);
    const ceilings = await roleStore.ceilings({ roleId: name });
    if (!open) for (const ceiling of ceilings) await assertStaysBounded(deps, ceiling);
    const members = [...new Set((await roleStore.people(name)).map(({ accountId }) => accountId))];
    await roleStore.remove(name);
    await audit.record(events.roleChanged({}, { role: name, people: members.length }, 'removed'));
    for (const accountId of members)
      await audit.record(events.roleLost({ accountId }, { role: name, source: 'removed' }));
    const changes = members.map((accountId) => ({ accountId, gained: [], lost: [name] }));
    const taken = await roles.takeBack({ resourceIds: ceilings.map(({ resourceId }) => resourceId) });
    return { changed: true, changes, taken };
  });
}

/**
 * Members may grant these scopes too. The first ceiling of an MCP server takes from everybody what no role of theirs allows.
 *
 * @throws AppError 404 `unknown_role`, 400 `bad_scope`
 */
export function allow(
  deps: RoleChangeDeps,
  name: string,
  resource: Bounded,
  scopes: readonly string[],
): Promise<Effect> {
  return changeCeiling(deps, name, resource, scopes, (before) => [...new Set([...(before ?? []), ...scopes])]);
}

/** Members may grant these scopes no more; where none is left they may grant nothing there. @throws AppError as `allow` */
export function disallow(
  deps: RoleChangeDeps,
  name: string,
  resource: Bounded,
  scopes: readonly string[],
): Promise<Effect> {
  return changeCeiling(deps, name, resource, scopes, (before) => before?.filter((scope) => !scopes.includes(scope)));
}

/**
 * The role says nothing of this MCP server any more.
 *
 * @param open also where it is the last that does: from then on everybody may grant everything
 * @throws AppError 404 `unknown_role`, 409 `would_open`
 */
export function forget(deps: RoleChangeDeps, name: string, resource: Bounded, open: boolean): Promise<Effect> {
  const { roleStore, roles, audit, database } = deps;
  return database.unit(async () => {
    await roleStore.hold();
    await assertRole(deps, name);
    const before = await ceilingOf(deps, name, resource);
    if (!before) return NOTHING;
    if (!open) await assertStaysBounded(deps, before);
    await roleStore.removeCeiling(name, resource.id);
    const subject = { resource: resource.uri, scopes: before.scopes };
    await audit.record(events.roleChanged(subject, { role: name }, 'ceiling_removed'));
    return { changed: true, changes: [], taken: await roles.takeBack({ resourceIds: [resource.id] }) };
  });
}

/** @throws AppError 404 `unknown_role` */
export async function assertRole({ roleStore }: Pick<RoleChangeDeps, 'roleStore'>, name: string): Promise<void> {
  if (await roleStore.find(name)) return;
  throw new AppError('unknown_role', 404, `There is no role ${name}. See: npx consentry role list`);
}

function changeCeiling(
  deps: RoleChangeDeps,
  name: string,
  resource: Bounded,
  named: readonly string[],
  next: (before: readonly string[] | undefined) => readonly string[] | undefined,
): Promise<Effect> {
  const { roleStore, roles, audit, database } = deps;
  return database.unit(async () => {
    await roleStore.hold();
    await assertRole(deps, name);
    const own = resource.scopes.map((scope) => scope.name);
    const before = (await ceilingOf(deps, name, resource))?.scopes;
    const unknown = named.find((scope) => !own.includes(scope) && !before?.includes(scope));
    if (unknown !== undefined) {
      throw new AppError('bad_scope', 400, `${resource.uri} has no scope ${unknown}; it has ${own.join(', ')}.`);
    }
    const after = next(before);
    if (!after || (before && after.length === before.length)) return NOTHING;
    await roleStore.setCeiling(name, resource.id, after);
    const details = { role: name, before: before ?? null };
    await audit.record(events.roleChanged({ resource: resource.uri, scopes: after }, details, 'ceiling_changed'));
    return { changed: true, changes: [], taken: await roles.takeBack({ resourceIds: [resource.id] }) };
  });
}

async function ceilingOf({ roleStore }: RoleChangeDeps, roleId: string, resource: Bounded) {
  const [ceiling] = await roleStore.ceilings({ roleId, resourceId: resource.id });
  return ceiling;
}

/** Without its last ceiling an MCP server is open to everybody: nobody should do that by tidying up. */
async function assertStaysBounded({ roleStore }: RoleChangeDeps, ceiling: RoleCeiling): Promise<void> {
  const { resourceId, resourceUri } = ceiling;
  if ((await roleStore.ceilings({ resourceId })).length > 1) return;
  const message = `No other role says anything of ${resourceUri}: everybody could grant everything there. Say --open if that is what you want.`;
  throw new AppError('would_open', 409, message);
}
