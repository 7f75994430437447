/** How Entra ID sends somebody new, and somebody who is to go. */
import { ENTERPRISE, USER } from '../kit.ts';
import type { Row } from './row.ts';

export const entraCreations: readonly Row[] = [
  {
    title: 'nulls in what is created',
    steps: [
      {
        method: 'POST',
        path: '/Users',
        body: {
          schemas: [USER, 'urn:ietf:params:scim:schemas:extension:enterprise:2.0User'],
          externalId: '{oid}',
          userName: 'nulls-{oid}@contoso.test',
          active: true,
          displayName: null,
          nickName: null,
          emails: null,
          addresses: [null],
          phoneNumbers: [{ type: 'work', value: null }],
          name: { formatted: null, givenName: 'Kelly', familyName: null },
          [ENTERPRISE]: { manager: null, department: null },
          meta: { resourceType: 'User' },
          roles: [],
        },
        status: 201,
        has: {
          schemas: [USER],
          userName: 'nulls-{oid}@contoso.test',
          externalId: '{oid}',
          active: true,
          displayName: null,
          emails: null,
          name: { givenName: 'Kelly', familyName: null },
          meta: { resourceType: 'User' },
        },
      },
    ],
  },
  {
    title: 'active as a string and a password in what is created',
    steps: [
      {
        method: 'POST',
        path: '/Users',
        body: {
          schemas: [USER],
          externalId: '{oid}',
          userName: 'strings-{oid}@contoso.test',
          active: 'False',
          password: 'never kept',
        },
        status: 201,
        has: { active: false, password: null },
      },
    ],
  },
  {
    title: 'whoever is there already is 409 uniqueness, by userName in any case and by externalId',
    steps: [
      {
        method: 'POST',
        path: '/Users',
        body: {
          schemas: [USER],
          userName: 'PERSON-{oid}@contoso.test',
          externalId: '11111111-2222-4333-8444-555555555555',
        },
        status: 409,
        has: { schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: '409', scimType: 'uniqueness' },
      },
      {
        method: 'POST',
        path: '/Users',
        body: { schemas: [USER], userName: 'other-{oid}@contoso.test', externalId: '{oid}' },
        status: 409,
        has: { scimType: 'uniqueness' },
      },
    ],
  },
  {
    title: 'externalId is the object id: a mailNickname is refused in words that say what to map',
    steps: [
      {
        method: 'POST',
        path: '/Users',
        body: { schemas: [USER], userName: 'nick-{oid}@contoso.test', externalId: 'mio' },
        status: 400,
        has: { scimType: 'invalidValue' },
      },
    ],
  },
  {
    title: 'a person who is not there is 404',
    steps: [
      { method: 'GET', path: '/Users/5171a35d-82e3-4e3f-9c3a-0c0b1a2d3e4f', status: 404, has: { status: '404' } },
      { method: 'DELETE', path: '/Users/5171a35d-82e3-4e3f-9c3a-0c0b1a2d3e4f', status: 404 },
      { method: 'GET', path: '/Users/nobody', status: 404 },
    ],
  },
  {
    title: 'a person is deleted: 204, and 404 from then on',
    steps: [
      { method: 'DELETE', path: '/Users/{user}', status: 204 },
      { method: 'GET', path: '/Users/{user}', status: 404 },
      { method: 'DELETE', path: '/Users/{user}', status: 404 },
    ],
  },
];
