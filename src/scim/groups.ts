/** `/Groups` (RFC 7644 §3): what each method does. */
import { type Answer, type Asked, assertVersion, type Handler, isId, isKnown } from './exchange.ts';
import { notFound, ScimFault } from './fault.ts';
import { readGroup, readGroupOperations } from './group-change.ts';
import type { ScimGroup, ScimGroupStore } from './group-store.ts';
import { limits } from './limits.ts';
import { readOperations } from './operations.ts';
import { type Projection, project, wants } from './project.ts';
import { type Parameters, projectionOf, readListQuery } from './query.ts';
import { listResponse, locationOf, representGroup, versionOf } from './represent.ts';
import { groupKind } from './schemas.ts';
import type { Teams } from './teams.ts';

export function createGroups({ groups, teams }: { groups: ScimGroupStore; teams: Teams }) {
  async function represent(base: string, list: readonly ScimGroup[], projection: Projection) {
    const ids = list.map(({ id }) => id);
    if (!wants(projection, 'members')) return list.map((group) => project(projection, representGroup(base, group)));
    if ((await groups.countMembers(ids)) > limits.groupMembers)
      throw new ScimFault(400, 'tooMany', 'These are too many members: ask with excludedAttributes=members.');
    const byGroup = Map.groupBy(await groups.members(ids), ({ groupId }) => groupId);
    return list.map((group) => project(projection, representGroup(base, group, byGroup.get(group.id) ?? [])));
  }

  async function answer({ base, parameters }: Asked, status: number, group: ScimGroup): Promise<Answer> {
    const [body] = await represent(base, [group], projectionOf(groupKind, parameters));
    return { status, body, version: versionOf(group) };
  }

  async function search({ directory, base }: Asked, parameters: Parameters): Promise<Answer> {
    const { filter, startIndex, count, projection } = readListQuery(groupKind, parameters);
    const query = { connectionId: directory.connectionId, filter, offset: startIndex - 1, count };
    const { groups: found, total } = await groups.list(query);
    return { status: 200, body: listResponse(await represent(base, found, projection), total, startIndex) };
  }

  async function held(asked: Asked): Promise<ScimGroup> {
    const group = isId(asked.id) ? await groups.lock(asked.directory.connectionId, asked.id) : undefined;
    if (!group) throw notFound();
    assertVersion(asked, group);
    return group;
  }

  const list: Handler = (asked) => search(asked, asked.parameters);
  const searchByPost: Handler = (asked) => search(asked, asked.body);
  const read: Handler = async (asked) => {
    const group = isId(asked.id) ? await groups.find(asked.directory.connectionId, asked.id) : undefined;
    if (!group) throw notFound();
    return isKnown(asked, group) ? { status: 304, version: versionOf(group) } : answer(asked, 200, group);
  };
  const create: Handler = async (asked) => {
    const group = await teams.create(asked.directory, readGroup(asked.body));
    return { ...(await answer(asked, 201, group)), location: locationOf(asked.base, 'Group', group.id) };
  };
  /** Whoever is not named is no member any more. */
  const replace: Handler = async (asked) => {
    const change = readGroup(asked.body);
    const group = await held(asked);
    return answer(asked, 200, await teams.change(asked.directory, group, { ...change, replaced: true }));
  };
  const patch: Handler = async (asked) => {
    const change = readGroupOperations(readOperations(asked.body));
    const group = await held(asked);
    return { status: 204, version: versionOf(await teams.change(asked.directory, group, change)) };
  };
  const remove: Handler = async (asked) => {
    await teams.remove(asked.directory, await held(asked));
    return { status: 204 };
  };
  return { list, search: searchByPost, read, create, replace, patch, remove };
}
