/** Users, groups and lists as they are answered (RFC 7643 §3, RFC 7644 §3.4.2). */
import type { Json } from './cast.ts';
import type { Member, ScimGroup } from './group-store.ts';
import { ENTERPRISE, GROUP, USER } from './schemas.ts';
import type { Membership, ScimUser } from './user-store.ts';

/** A weak validator: the moment of the last change. */
export function versionOf({ updatedAt }: { updatedAt: Date }): string {
  return `W/"${updatedAt.getTime().toString(36)}"`;
}

export function locationOf(base: string, kind: 'User' | 'Group', id: string): string {
  return `${base}/${kind}s/${id}`;
}

export function representUser(base: string, user: ScimUser, memberships?: readonly Membership[]): Record<string, Json> {
  const { id, externalId, userName, active, attributes } = user;
  const groups = memberships?.map(({ groupId, displayName }) => ({
    value: groupId,
    $ref: locationOf(base, 'Group', groupId),
    display: displayName,
    type: 'direct',
  }));
  return {
    schemas: attributes[ENTERPRISE] === undefined ? [USER] : [USER, ENTERPRISE],
    id,
    ...(externalId === null ? {} : { externalId }),
    userName,
    active,
    ...attributes,
    ...(groups && groups.length > 0 ? { groups } : {}),
    meta: metaOf(base, 'User', user),
  };
}

export function representGroup(base: string, group: ScimGroup, members?: readonly Member[]): Record<string, Json> {
  const { id, externalId, displayName } = group;
  const list = members?.map(({ userId, userName }) => ({
    value: userId,
    $ref: locationOf(base, 'User', userId),
    display: userName,
    type: 'User',
  }));
  return {
    schemas: [GROUP],
    id,
    ...(externalId === null ? {} : { externalId }),
    displayName,
    ...(list ? { members: list } : {}),
    meta: metaOf(base, 'Group', group),
  };
}

function metaOf(base: string, resourceType: 'User' | 'Group', row: { id: string; createdAt: Date; updatedAt: Date }) {
  return {
    resourceType,
    created: row.createdAt.toISOString(),
    lastModified: row.updatedAt.toISOString(),
    location: locationOf(base, resourceType, row.id),
    version: versionOf(row),
  };
}

export function listResponse(resources: readonly unknown[], totalResults: number, startIndex = 1) {
  return {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
    totalResults,
    startIndex,
    itemsPerPage: resources.length,
    Resources: resources,
  };
}
