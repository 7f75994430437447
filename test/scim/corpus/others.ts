/** What Okta and other clients send, and what RFC 7644 allows that Entra ID does not use. */
import { ENTERPRISE, GROUP, PATCH_OP, USER } from '../kit.ts';
import type { Row, Step } from './row.ts';

const read = (path: string, has: unknown): Step => ({ method: 'GET', path, status: 200, has });

export const others: readonly Row[] = [
  {
    title: 'Okta creates a person',
    steps: [
      {
        method: 'POST',
        path: '/Users',
        body: {
          schemas: [USER],
          userName: 'okta-{oid}@fabrikam.test',
          name: { givenName: 'Test', familyName: 'User' },
          emails: [{ primary: true, value: 'okta-{oid}@fabrikam.test', type: 'work' }],
          displayName: 'Test User',
          locale: 'en-US',
          externalId: '00u{oid}',
          groups: [],
          password: '1mz050nq',
          active: true,
        },
        status: 201,
        has: { externalId: '00u{oid}', password: null, name: { givenName: 'Test' }, locale: 'en-US' },
      },
    ],
  },
  {
    title: 'Okta replaces a person by PUT, and what it does not name goes',
    steps: [
      {
        method: 'PUT',
        path: '/Users/{user}',
        body: {
          schemas: [USER],
          id: '{user}',
          userName: 'put-{oid}@fabrikam.test',
          name: { givenName: 'Another', middleName: 'Excited', familyName: 'User' },
          active: true,
          groups: [],
          meta: { resourceType: 'User' },
        },
        status: 200,
        has: { id: '{user}', externalId: '{oid}', emails: null, displayName: null, name: { middleName: 'Excited' } },
      },
      read('/Users?filter=userName eq "put-{oid}@fabrikam.test"&startIndex=1&count=100', { totalResults: 1 }),
    ],
  },
  {
    title: 'a PUT that does not mention active brings nobody back',
    steps: [
      {
        method: 'PATCH',
        path: '/Users/{user}',
        body: { schemas: [PATCH_OP], Operations: [{ op: 'replace', value: { active: false } }] },
        status: 200,
        has: { active: false },
      },
      { method: 'PUT', path: '/Users/{user}', body: { userName: 'back-{oid}' }, status: 200, has: { active: false } },
      {
        method: 'PATCH',
        path: '/Users/{user}',
        body: { Operations: [{ op: 'remove', path: 'active' }] },
        status: 200,
        has: { active: false },
      },
    ],
  },
  {
    title: 'Okta renames a group with its id in the value, and pushes members',
    steps: [
      {
        method: 'PATCH',
        path: '/Groups/{group}',
        body: {
          schemas: [PATCH_OP],
          Operations: [{ op: 'replace', value: { id: '{group}', displayName: 'Okta {oid}' } }],
        },
        status: 204,
      },
      {
        method: 'PATCH',
        path: '/Groups/{group}',
        body: {
          schemas: [PATCH_OP],
          Operations: [
            { op: 'remove', path: 'members[value eq "{other}"]' },
            { op: 'add', path: 'members', value: [{ value: '{user}', display: 'person' }] },
          ],
        },
        status: 204,
      },
      read('/Groups/{group}', { displayName: 'Okta {oid}', members: [{ value: '{user}', type: 'User' }] }),
      read('/Users/{user}', { groups: [{ value: '{group}', display: 'Okta {oid}', type: 'direct' }] }),
      {
        method: 'PUT',
        path: '/Groups/{group}',
        body: { schemas: [GROUP], displayName: 'Okta {oid}', members: [{ value: '{other}' }] },
        status: 200,
        has: { members: [{ value: '{other}' }] },
      },
    ],
  },
  {
    title: 'a PatchOp with another case, and without its schema',
    steps: [
      {
        method: 'PATCH',
        path: '/Users/{user}',
        body: {
          schemas: ['URN:IETF:PARAMS:SCIM:API:MESSAGES:2.0:PATCHOP'],
          operations: [{ OP: 'add', Path: 'title', Value: 'Dr' }],
        },
        status: 200,
        has: { title: 'Dr' },
      },
      {
        method: 'PATCH',
        path: '/Users/{user}',
        body: { Operations: [{ op: 'remove', path: 'title' }] },
        status: 200,
        has: { title: null },
      },
    ],
  },
  {
    title: 'values of an attribute with several are added once, one is primary, and all are set by a sub-attribute',
    steps: [
      {
        method: 'PATCH',
        path: '/Users/{user}',
        body: {
          Operations: [
            { op: 'add', path: 'emails', value: [{ value: 'x@fabrikam.test', type: 'home', primary: true }] },
            { op: 'add', path: 'emails', value: [{ value: 'x@fabrikam.test', type: 'home' }] },
            { op: 'add', path: 'phoneNumbers', value: { value: '+1', type: 'mobile' } },
          ],
        },
        status: 200,
        has: {
          emails: [{ primary: false }, { value: 'x@fabrikam.test', primary: true }],
          phoneNumbers: [{ value: '+1' }],
        },
      },
      {
        method: 'PATCH',
        path: '/Users/{user}',
        body: {
          Operations: [
            { op: 'remove', path: 'emails[type eq "home" or value sw "nobody"]' },
            { op: 'replace', path: 'emails.display', value: 'Mio' },
          ],
        },
        status: 200,
        has: { emails: [{ type: 'work', display: 'Mio' }] },
      },
    ],
  },
  {
    title: 'pages: startIndex and count, more than there is, none at all',
    steps: [
      read('/Users?filter=externalId eq "{oid}"&startIndex=0&count=500', {
        totalResults: 1,
        startIndex: 1,
        itemsPerPage: 1,
      }),
      read('/Users?filter=externalId eq "{oid}"&startIndex=2', { totalResults: 1, startIndex: 2, Resources: [] }),
      read('/Users?filter=externalId eq "{oid}"&count=0', { totalResults: 1, itemsPerPage: 0, Resources: [] }),
      read('/Users?filter=userName co "{oid}"&count=1', { totalResults: 2, itemsPerPage: 1 }),
      { method: 'GET', path: '/Users?count=many', status: 400, has: { scimType: 'invalidValue' } },
    ],
  },
  {
    title: 'the filters of RFC 7644: co, sw, ew, pr, not, or, brackets, dates, extensions',
    steps: [
      read('/Users?filter=externalId eq "{oid}" and (userName sw "person-" or userName ew "nowhere")', {
        totalResults: 1,
      }),
      read('/Users?filter=externalId eq "{oid}" and not (displayName co "MIO")', { totalResults: 0 }),
      read('/Users?filter=externalId eq "{oid}" and not (title eq "x")', { totalResults: 1 }),
      read('/Users?filter=externalId eq "{oid}" and title pr', { totalResults: 0 }),
      {
        method: 'PATCH',
        path: '/Users/{user}',
        body: { Operations: [{ op: 'add', path: 'title', value: '007' }] },
        status: 200,
      },
      read('/Users?filter=externalId eq "{oid}" and title eq 007', { totalResults: 1 }),
      read('/Users?filter=externalId eq "{oid}" and title eq 7', { totalResults: 0 }),
      read('/Users?filter=externalId eq "{oid}" and emails pr', { totalResults: 1 }),
      read('/Users?filter=externalId eq "{oid}" and emails co "mio-"', { totalResults: 1 }),
      read('/Users?filter=externalId eq "{oid}" and emails[type eq "work" and primary eq true]', { totalResults: 1 }),
      read('/Users?filter=externalId eq "{oid}" and meta.lastModified gt "2020-01-01T00:00:00Z"', { totalResults: 1 }),
      read('/Users?filter=externalId eq "{oid}" and meta.created lt "2020-01-01T00:00:00Z"', { totalResults: 0 }),
      read(`/Users?filter=externalId eq "{oid}" and ${ENTERPRISE}:department eq null`, { totalResults: 1 }),
      read('/Users?filter=externalId eq "{oid}" and name.familyName ne "x"', { totalResults: 1 }),
      read('/Users?filter=externalId eq "{oid}" and userName gt "a"', { totalResults: 1 }),
    ],
  },
  {
    title: 'a search by POST',
    steps: [
      {
        method: 'POST',
        path: '/Users/.search',
        body: {
          schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'],
          filter: 'externalId eq "{oid}"',
          attributes: ['userName'],
          startIndex: 1,
          count: 5,
        },
        status: 200,
        has: { totalResults: 1, Resources: [{ id: '{user}', userName: 'person-{oid}@contoso.test', active: null }] },
      },
    ],
  },
  {
    title: 'addresses with a slash too many, and in another case',
    steps: [read('//Users/{user}/', { id: '{user}' }), read('/users/{user}', { id: '{user}' })],
  },
];
