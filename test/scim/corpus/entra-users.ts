/** What Entra ID sends of people, with the quirks of its documentation and of its provisioning log. */
import { ENTERPRISE, PATCH_OP, USER } from '../kit.ts';
import type { Row, Step } from './row.ts';

const get = (has: unknown): Step => ({ method: 'GET', path: '/Users/{user}', status: 200, has });
const patch = (...Operations: unknown[]): Step => ({
  method: 'PATCH',
  path: '/Users/{user}',
  body: { schemas: [PATCH_OP], Operations },
  status: 200,
});
const find = (filter: string, totalResults: number, more = ''): Step => ({
  method: 'GET',
  path: `/Users?filter=${filter}${more}`,
  status: 200,
  has: { schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'], totalResults },
});

export const entraUsers: readonly Row[] = [
  {
    title: 'Test Connection: a random person is 200 and an empty list, not 404',
    steps: [
      {
        method: 'GET',
        path: '/Users?filter=userName eq "5c0e4f4a-5f0f-4a53-8f2e-6b7c2e1b9c77"',
        status: 200,
        has: { totalResults: 0, Resources: [], startIndex: 1, itemsPerPage: 0 },
      },
    ],
  },
  {
    title: 'op is capitalised',
    steps: [patch({ op: 'Replace', path: 'displayName', value: 'B' }), get({ displayName: 'B' })],
  },
  {
    title: 'active is the string "False", and "True"',
    steps: [
      patch({ op: 'Replace', path: 'active', value: 'False' }),
      get({ active: false }),
      patch({ op: 'Replace', path: 'active', value: 'True' }),
      get({ active: true }),
    ],
  },
  {
    title: 'active without a path, as ?aadOptscim062020 sends it',
    steps: [
      { ...patch({ op: 'replace', value: { active: false } }), path: '/Users/{user}?aadOptscim062020' },
      get({ active: false }),
    ],
  },
  {
    title: 'a person who is switched off is still answered, by id and by filter',
    steps: [
      patch({ op: 'Replace', path: 'active', value: 'False' }),
      get({ id: '{user}', active: false }),
      find('externalId eq "{oid}"', 1),
      find('active eq "False" and externalId eq "{oid}"', 1),
    ],
  },
  {
    title: 'emails[type eq "work"].value with no such e-mail yet, by Add and by Replace',
    steps: [
      patch({ op: 'Remove', path: 'emails' }),
      get({ emails: null }),
      patch({ op: 'Add', path: 'emails[type eq "work"].value', value: 'new@contoso.test' }),
      get({ emails: [{ type: 'work', value: 'new@contoso.test' }] }),
      patch({ op: 'Replace', path: 'emails[type eq "work"].value', value: 'newer@contoso.test' }),
      get({ emails: [{ type: 'work', value: 'newer@contoso.test' }] }),
      patch({ op: 'Replace', path: 'emails[type eq "home"].value', value: 'home@contoso.test' }),
      get({ emails: [{ type: 'work' }, { type: 'home', value: 'home@contoso.test' }] }),
    ],
  },
  {
    title: 'emails[primary eq "True"] with the string, and addresses[type eq "work"].formatted',
    steps: [
      patch({ op: 'Replace', path: 'emails[primary eq "True"].value', value: 'primary@contoso.test' }),
      get({ emails: [{ primary: true, value: 'primary@contoso.test' }] }),
      patch({ op: 'Add', path: 'addresses[type eq "work"].formatted', value: '1 Main St' }),
      get({ addresses: [{ type: 'work', formatted: '1 Main St' }] }),
    ],
  },
  {
    title: 'dotted keys and URN keys in a replace without a path',
    steps: [
      patch({
        op: 'replace',
        value: {
          displayName: 'Bjfe',
          'name.givenName': 'Kelly',
          'name.familyName': 'Hill',
          [`${ENTERPRISE}:department`]: 'R&D',
          [`${ENTERPRISE}:manager`]: '26',
          'phoneNumbers[type eq "mobile"].value': '+81 3',
          'emails[type eq "work"].value': 'keyed@contoso.test',
        },
      }),
      get({
        displayName: 'Bjfe',
        name: { givenName: 'Kelly', familyName: 'Hill' },
        [ENTERPRISE]: { department: 'R&D', manager: { value: '26' } },
        phoneNumbers: [{ type: 'mobile', value: '+81 3' }],
        emails: [{ type: 'work', value: 'keyed@contoso.test' }],
        schemas: [USER, ENTERPRISE],
      }),
    ],
  },
  {
    title: 'an extension by its URN, as a key and as a path',
    steps: [
      patch({ op: 'Add', value: { [ENTERPRISE]: { employeeNumber: '7' } } }),
      patch({ op: 'Replace', path: `${ENTERPRISE}:costCenter`, value: '12' }),
      get({ [ENTERPRISE]: { employeeNumber: '7', costCenter: '12' } }),
    ],
  },
  {
    title: 'manager as a list, as an object, as a string, and taken away',
    steps: [
      patch({ op: 'Add', path: `${ENTERPRISE}:manager`, value: [{ $ref: '../Users/26', value: '26' }] }),
      get({ [ENTERPRISE]: { manager: { value: '26' } } }),
      patch({ op: 'Replace', path: `${ENTERPRISE}:manager`, value: { value: '27' } }),
      get({ [ENTERPRISE]: { manager: { value: '27' } } }),
      patch({ op: 'Replace', path: `${ENTERPRISE}:manager`, value: '28' }),
      get({ [ENTERPRISE]: { manager: { value: '28' } } }),
      patch({ op: 'Remove', path: `${ENTERPRISE}:manager` }),
      get({ [ENTERPRISE]: null }),
    ],
  },
  {
    title: 'manager without its URN, as the documentation has it: in a path, and in a filter without quotes',
    steps: [
      patch({
        op: 'Add',
        path: 'manager',
        value: [{ $ref: 'http://localhost/scim/Users/2819c223', value: '2819c223' }],
      }),
      get({ [ENTERPRISE]: { manager: { value: '2819c223' } } }),
      {
        ...find('id eq {user} and manager eq 2819c223', 1, '&attributes=id'),
        has: { totalResults: 1, Resources: [{ id: '{user}', userName: null }] },
      },
      find('id eq {user} and manager eq 2819c224', 0, '&attributes=id'),
      patch({ op: 'Replace', path: 'department', value: 'Sales' }),
      find(`id eq "{user}" and ${ENTERPRISE}:department eq "SALES"`, 1, '&attributes=manager'),
      patch({ op: 'Remove', path: 'manager' }),
      get({ [ENTERPRISE]: { manager: null, department: 'Sales' } }),
    ],
  },
  {
    title: 'single values wrapped as [{ "$ref": null, "value": … }]',
    steps: [
      patch({ op: 'Replace', path: 'displayName', value: [{ $ref: null, value: 'Wrapped' }] }),
      patch({ op: 'Add', path: 'active', value: [{ $ref: null, value: 'False' }] }),
      get({ displayName: 'Wrapped', active: false }),
    ],
  },
  {
    title: 'the URN without its colon, enterprise:2.0User',
    steps: [
      patch({
        op: 'Add',
        path: 'urn:ietf:params:scim:schemas:extension:enterprise:2.0User:department',
        value: 'Sales',
      }),
      get({ [ENTERPRISE]: { department: 'Sales' } }),
    ],
  },
  {
    title: 'an app role: primary as a string, a type nobody defined',
    steps: [
      patch({
        op: 'Add',
        path: 'roles',
        value: [{ primary: 'False', type: 'WindowsAzureActiveDirectoryRole', value: 'reader', display: 'Reader' }],
      }),
      get({ roles: [{ primary: false, type: 'WindowsAzureActiveDirectoryRole', value: 'reader' }] }),
      patch({ op: 'Replace', path: 'roles[primary eq "True"].value', value: 'writer' }),
      get({ roles: [{ value: 'reader' }, { primary: true, value: 'writer' }] }),
    ],
  },
  {
    title: 'an extension that nobody here knows stops nothing else',
    steps: [
      patch(
        { op: 'Add', path: 'urn:ietf:params:scim:schemas:extension:contoso:2.0:User:badge', value: '9' },
        { op: 'Replace', path: 'active', value: 'False' },
      ),
      get({ active: false }),
    ],
  },
  {
    title: 'several operations are applied in their order',
    steps: [
      patch(
        { op: 'Add', path: 'nickName', value: 'A' },
        { op: 'Replace', path: 'nickName', value: 'B' },
        { op: 'Remove', path: 'title' },
        { op: 'Replace', path: 'name.familyName', value: 'Sato' },
      ),
      get({ nickName: 'B', title: null, name: { familyName: 'Sato' } }),
    ],
  },
  {
    title: 'names and operators in any case',
    steps: [
      patch({ op: 'REPLACE', path: 'DisplayName', value: 'C' }),
      find('USERNAME EQ "person-{oid}@CONTOSO.test"', 1),
      find('urn:ietf:params:scim:schemas:core:2.0:User:userName eq "person-{oid}@contoso.test"', 1),
      get({ displayName: 'C' }),
    ],
  },
  {
    title: 'a value without quotes in a filter, and conditions joined by and',
    steps: [
      find('externalId eq {oid}', 1),
      find('userName eq person-{oid}@contoso.test', 1),
      find('externalId eq "{oid}" and active eq true', 1),
      find('externalId eq "{oid}" and active eq false', 0),
      find('emails[type eq "work"].value eq "MIO-{oid}@contoso.test"', 1),
      find('emails[type eq "home"].value eq "mio-{oid}@contoso.test"', 0),
      find('id eq "{user}"', 1),
    ],
  },
  {
    title: 'attributes and excludedAttributes are honoured',
    steps: [
      {
        method: 'GET',
        path: '/Users/{user}?attributes=userName,emails.value',
        status: 200,
        has: {
          id: '{user}',
          userName: 'person-{oid}@contoso.test',
          active: null,
          emails: [{ type: null }],
          meta: null,
        },
      },
      {
        method: 'GET',
        path: '/Users/{user}?excludedAttributes=emails',
        status: 200,
        has: { id: '{user}', emails: null, active: true },
      },
    ],
  },
];
