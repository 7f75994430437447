/** What Entra ID sends of groups. */
import { GROUP, PATCH_OP } from '../kit.ts';
import type { Row, Step } from './row.ts';

const get = (has: unknown): Step => ({ method: 'GET', path: '/Groups/{group}', status: 200, has });
const patch = (...Operations: unknown[]): Step => ({
  method: 'PATCH',
  path: '/Groups/{group}',
  body: { schemas: [PATCH_OP], Operations },
  status: 204,
});
const both = [{ value: '{user}' }, { value: '{other}' }];
const add = patch({ op: 'Add', path: 'members', value: both.map((one) => ({ $ref: null, ...one })) });

export const entraGroups: readonly Row[] = [
  {
    title: 'created with the schema of another product beside its own',
    steps: [
      {
        method: 'POST',
        path: '/Groups',
        body: {
          schemas: [GROUP, 'http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group'],
          externalId: '8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159',
          displayName: 'Created {oid}',
          meta: { resourceType: 'Group' },
        },
        status: 201,
        has: { schemas: [GROUP], displayName: 'Created {oid}', members: [], meta: { resourceType: 'Group' } },
      },
    ],
  },
  {
    title: 'members are added several at once, with "$ref": null, and 204 answers',
    steps: [add, get({ members: both }), add, get({ members: both })],
  },
  {
    title: 'a member is removed by naming it',
    steps: [
      add,
      patch({ op: 'Remove', path: 'members', value: [{ $ref: null, value: '{user}' }] }),
      get({ members: [{ value: '{other}' }] }),
    ],
  },
  {
    title: 'a member is removed by members[value eq "…"]',
    steps: [add, patch({ op: 'Remove', path: 'members[value eq "{user}"]' }), get({ members: [{ value: '{other}' }] })],
  },
  { title: 'all members are removed', steps: [add, patch({ op: 'Remove', path: 'members' }), get({ members: [] })] },
  {
    title: 'members without a path, added and replaced',
    steps: [
      patch({ op: 'add', value: { members: both } }),
      get({ members: both }),
      patch({ op: 'Replace', value: { members: [{ value: '{other}' }] } }),
      get({ members: [{ value: '{other}' }] }),
    ],
  },
  {
    title: 'members and the name in one request',
    steps: [
      patch(
        { op: 'Add', path: 'members', value: both },
        { op: 'Remove', path: 'members', value: [{ value: '{user}' }] },
        { op: 'Replace', path: 'displayName', value: 'Renamed {oid}' },
        { op: 'Replace', path: 'externalId', value: '{oid}' },
      ),
      get({ displayName: 'Renamed {oid}', externalId: '{oid}', members: [{ value: '{other}' }] }),
    ],
  },
  {
    title: 'excludedAttributes=members is honoured, alone and in a list',
    steps: [
      add,
      { ...get({ id: '{group}', members: null }), path: '/Groups/{group}?excludedAttributes=members' },
      {
        method: 'GET',
        path: '/Groups?excludedAttributes=members&filter=displayName eq "GROUP {oid}"',
        status: 200,
        has: { totalResults: 1, Resources: [{ id: '{group}', members: null }] },
      },
    ],
  },
  {
    title: 'who is in which group is asked by id and members eq',
    steps: [
      add,
      {
        method: 'GET',
        path: '/Groups?filter=id eq "{group}" and members eq "{user}"&excludedAttributes=members',
        status: 200,
        has: { totalResults: 1 },
      },
      patch({ op: 'Remove', path: 'members', value: [{ value: '{user}' }] }),
      {
        method: 'GET',
        path: '/Groups?filter=id eq "{group}" and members eq "{user}"',
        status: 200,
        has: { totalResults: 0 },
      },
      { method: 'GET', path: '/Groups?filter=members[value eq "{other}"]', status: 200, has: { totalResults: 1 } },
    ],
  },
  {
    title: 'two groups share no displayName, whatever its case: 409',
    steps: [
      {
        method: 'POST',
        path: '/Groups',
        body: { schemas: [GROUP], displayName: 'group {oid}' },
        status: 409,
        has: { scimType: 'uniqueness' },
      },
      { method: 'POST', path: '/Groups', body: { displayName: 'Second {oid}' }, status: 201 },
      {
        ...patch({ op: 'Replace', path: 'displayName', value: 'second {oid}' }),
        status: 409,
        has: { scimType: 'uniqueness' },
      },
      get({ displayName: 'Group {oid}' }),
    ],
  },
  {
    title: 'a person who is not of this directory is no member: 400, and nothing changed',
    steps: [
      {
        ...patch({ op: 'Add', path: 'members', value: [...both, { value: '5171a35d-82e3-4e3f-9c3a-0c0b1a2d3e4f' }] }),
        status: 400,
        has: { scimType: 'invalidValue' },
      },
      get({ members: [] }),
    ],
  },
  {
    title: 'a member who is deleted is none any more, and a group is deleted',
    steps: [
      add,
      { method: 'DELETE', path: '/Users/{user}', status: 204 },
      get({ members: [{ value: '{other}' }] }),
      { method: 'DELETE', path: '/Groups/{group}', status: 204 },
      { method: 'GET', path: '/Groups/{group}', status: 404 },
    ],
  },
];
