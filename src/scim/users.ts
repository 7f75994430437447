/** `/Users` (RFC 7644 §3): what each method does. People who are switched off are still answered. */
import { type Answer, type Asked, assertVersion, type Handler, isId, isKnown } from './exchange.ts';
import { notFound } from './fault.ts';
import { readOperations } from './operations.ts';
import { applyOperations, readResource } from './patch.ts';
import type { People } from './people.ts';
import { type Projection, project, wants } from './project.ts';
import { type Parameters, projectionOf, readListQuery } from './query.ts';
import { listResponse, locationOf, representUser, versionOf } from './represent.ts';
import { userKind } from './schemas.ts';
import type { ScimUser, ScimUserStore } from './user-store.ts';

export function createUsers({ users, people }: { users: ScimUserStore; people: People }) {
  /** Groups are looked up for one person, and for many where they are asked for by name. */
  async function represent(base: string, list: readonly ScimUser[], projection: Projection, alone: boolean) {
    const groups = wants(projection, 'groups') && (alone || projection.only !== undefined);
    const memberships = groups ? await users.memberships(list.map(({ id }) => id)) : [];
    const byUser = Map.groupBy(memberships, ({ userId }) => userId);
    return list.map((user) => project(projection, representUser(base, user, byUser.get(user.id))));
  }

  async function answer({ base, parameters }: Asked, status: number, user: ScimUser): Promise<Answer> {
    const [body] = await represent(base, [user], projectionOf(userKind, parameters), true);
    return { status, body, version: versionOf(user) };
  }

  async function search({ directory, base }: Asked, parameters: Parameters): Promise<Answer> {
    const { filter, startIndex, count, projection } = readListQuery(userKind, parameters);
    const query = { connectionId: directory.connectionId, filter, offset: startIndex - 1, count };
    const { users: found, total } = await users.list(query, directory.fold);
    return { status: 200, body: listResponse(await represent(base, found, projection, false), total, startIndex) };
  }

  async function held(asked: Asked): Promise<ScimUser> {
    const user = isId(asked.id) ? await users.lock(asked.directory.connectionId, asked.id) : undefined;
    if (!user) throw notFound();
    assertVersion(asked, user);
    return user;
  }

  const list: Handler = (asked) => search(asked, asked.parameters);
  const searchByPost: Handler = (asked) => search(asked, asked.body);
  const read: Handler = async (asked) => {
    const user = isId(asked.id) ? await users.find(asked.directory.connectionId, asked.id) : undefined;
    if (!user) throw notFound();
    return isKnown(asked, user) ? { status: 304, version: versionOf(user) } : answer(asked, 200, user);
  };
  const create: Handler = async (asked) => {
    const user = await people.create(asked.directory, readResource(userKind, asked.body));
    return { ...(await answer(asked, 201, user)), location: locationOf(asked.base, 'User', user.id) };
  };
  /** What says who the person is stays where it is not sent. */
  const replace: Handler = async (asked) => {
    const wanted = readResource(userKind, asked.body);
    const user = await held(asked);
    const changed = await people.change(asked.directory, user, ({ externalId }) =>
      externalId === undefined ? wanted : { externalId, ...wanted },
    );
    return answer(asked, 200, changed);
  };
  const patch: Handler = async (asked) => {
    const operations = readOperations(asked.body);
    const user = await held(asked);
    const changed = await people.change(asked.directory, user, (resource) =>
      applyOperations(userKind, resource, operations),
    );
    return answer(asked, 200, changed);
  };
  const remove: Handler = async (asked) => {
    await people.remove(asked.directory, await held(asked));
    return { status: 204 };
  };
  return { list, search: searchByPost, read, create, replace, patch, remove };
}
