/** What is typed wrongly into which form of the dashboard, and which fields are to blame. */
import { REGISTERED } from '../cli/connection-kit.ts';

export interface Case {
  /** Template and action, as the test finds them. */
  form: string;
  /** The page that the form is on; below `/admin`, with what was made for the test in braces. */
  page: string;
  action: string;
  typed: Record<string, string | string[]>;
  /** The fields that are to blame, by what their ids begin with `field-` before. */
  wrong: readonly string[];
  /** Typed, and never shown again. */
  secret?: string;
}

const LONG = 'x'.repeat(2001);
const SCOPE = { 'scope.known': 'false', 'scope.descriptionJa': '', 'scope.sensitivity': 'low', 'scope.effect': 'read' };
export const PROOF = { clientSecret: 'a-secret-nobody-shows', secretExpires: 'soon' };

export const cases: readonly Case[] = [
  {
    ...{ form: 'people/add /admin/people/add', page: '/people/add', action: '/people/add' },
    ...{ typed: { email: 'nobody', name: 'Nobody' }, wrong: ['email'] },
  },
  {
    ...{ form: 'people/add /admin/people/add', page: '/people/add', action: '/people/add' },
    ...{ typed: { email: LONG, name: LONG }, wrong: ['email', 'name'] },
  },
  {
    ...{ form: 'people/show {{ href }}/roles/give', page: '/people/{ana}', action: '/people/{ana}/roles/give' },
    ...{ typed: { role: 'nobody-offers-this' }, wrong: ['role'] },
  },
  {
    ...{ form: 'policy/form /admin/policy/add', page: '/policy/add', action: '/policy/add' },
    typed: { effect: 'perhaps', softwareId: LONG, redirectHost: LONG, sensitivity: 'huge', note: 'Why' },
    wrong: ['effect', 'softwareId', 'redirectHost', 'sensitivity'],
  },
  {
    ...{ form: 'policy/form /admin/policy/add', page: '/policy/add', action: '/policy/add' },
    ...{ typed: { effect: 'deny', clientHost: 'a b', note: 'Why' }, wrong: ['clientHost'] },
  },
  {
    ...{ form: 'policy/form /admin/policy/add', page: '/policy/add', action: '/policy/add' },
    ...{ typed: { effect: 'deny', resource: 'no address', note: 'Why' }, wrong: ['resource'] },
  },
  {
    ...{ form: 'policy/form /admin/policy/add', page: '/policy/add', action: '/policy/add' },
    ...{ typed: { effect: 'deny', clientHost: 'app.example', note: 'n'.repeat(201) }, wrong: ['note'] },
  },
  {
    ...{ form: 'policy/form /admin/policy/add', page: '/policy/add', action: '/policy/add' },
    ...{ typed: { effect: 'deny', clientHost: 'app.example', before: 'nowhere' }, wrong: ['before'] },
  },
  {
    ...{ form: 'policy/list /admin/policy/default', page: '/policy', action: '/policy/default' },
    ...{ typed: { peopleApprove: 'everything' }, wrong: ['peopleApprove'] },
  },
  {
    form: 'connections/form /admin/connections/add/{{ kind }}',
    ...{ page: '/connections/add/entra', action: '/connections/add/entra' },
    typed: { name: '', tenants: 'somewhere', clientId: 'nothing', ...PROOF },
    wrong: ['name', 'tenants', 'clientId', 'secretExpires', 'clientSecret'],
    secret: PROOF.clientSecret,
  },
  {
    form: 'connections/form /admin/connections/add/{{ kind }}',
    ...{ page: '/connections/add/oidc', action: '/connections/add/oidc' },
    typed: { name: 'Contoso', issuer: 'ftp://nowhere', clientId: 'us', pem: 'no key', rolesClaim: 'roles' },
    ...{ wrong: ['issuer', 'pem'], secret: 'no key' },
  },
  {
    form: 'connections/form /admin/connections/add/{{ kind }}',
    ...{ page: '/connections/add/oidc', action: '/connections/add/oidc' },
    ...{ typed: { name: 'Contoso', issuer: 'https://login.example', clientId: 'us' }, wrong: ['clientSecret'] },
  },
  {
    form: 'connections/change /admin/connections/{{ connection.id }}/change',
    ...{ page: `/connections/${REGISTERED}/change`, action: `/connections/${REGISTERED}/change` },
    typed: { name: LONG, provisioning: 'nobody', clientSecret: PROOF.clientSecret },
    ...{ wrong: ['name', 'provisioning', 'clientSecret'], secret: PROOF.clientSecret },
  },
  {
    form: 'connections/token /admin/connections/{{ connection.id }}/tokens',
    ...{ page: `/connections/${REGISTERED}/tokens`, action: `/connections/${REGISTERED}/tokens` },
    ...{ typed: { days: '9999' }, wrong: ['days'] },
  },
  {
    ...{ form: 'clients/add /admin/clients/add', page: '/clients/add', action: '/clients/add' },
    typed: { name: LONG, kind: 'thing', authMethod: 'trust', jwksUri: LONG, backchannelLogoutUri: LONG },
    wrong: ['name', 'kind', 'authMethod', 'jwksUri', 'backchannelLogoutUri'],
  },
  {
    ...{ form: 'clients/add /admin/clients/add', page: '/clients/add', action: '/clients/add' },
    typed: { name: 'Console', kind: 'app', authMethod: 'none', redirectUris: 'http://app.example/callback' },
    wrong: ['redirectUris'],
  },
  {
    ...{ form: 'clients/add /admin/clients/add', page: '/clients/add', action: '/clients/add' },
    typed: { name: 'Nightly', kind: 'service', authMethod: 'client_secret_basic', access: 'https://nowhere.example x' },
    wrong: ['access'],
  },
  {
    ...{ form: 'clients/import /admin/clients/import', page: '/clients/import', action: '/clients/import' },
    ...{ typed: { url: 'nowhere', document: '{"client_id"' }, wrong: ['url'] },
  },
  {
    ...{ form: 'clients/import /admin/clients/import', page: '/clients/import', action: '/clients/import' },
    ...{ typed: { url: 'https://app.example/client.json', document: '{"client_id"' }, wrong: ['document'] },
  },
  {
    form: 'clients/confirm /admin/clients/{{ act }}',
    ...{ page: '/clients/rotate-secret?id={client}', action: '/clients/rotate-secret' },
    ...{ typed: { overlapDays: '91' }, wrong: ['overlapDays'] },
  },
  {
    ...{ form: 'servers/add /admin/servers/add/look', page: '/servers/add', action: '/servers/add/look' },
    ...{ typed: { url: 'no address' }, wrong: ['url'] },
  },
  {
    ...{ form: 'servers/describe /admin/servers/add', page: '{look}', action: '/servers/add' },
    typed: { name: 'Notes', tokenSeconds: 'soon', consentDays: 'never', ...SCOPE, 'scope.name': 'notes:x' },
    wrong: ['tokenSeconds', 'consentDays'],
  },
  {
    ...{ form: 'servers/describe /admin/servers/add', page: '{look}', action: '/servers/add' },
    typed: { ...SCOPE, 'scope.name': 'notes:x', 'scope.description': 'Read', name: 'See https://evil.example' },
    wrong: ['name'],
  },
  {
    ...{ form: 'servers/describe /admin/servers/add', page: '{look}', action: '/servers/add' },
    typed: {
      ...SCOPE,
      name: 'Notes',
      'scope.name': 'a"b',
      'scope.description': 'Read',
      'scope.tools': 'a_tool',
      tokenSeconds: '601',
    },
    wrong: ['scope-0-name'],
  },
  {
    ...{ form: 'servers/edit {{ href }}/edit', page: '/servers/{server}/edit', action: '/servers/{server}/edit' },
    ...{ typed: { name: 'Mail 2', tokenSeconds: '5', consentDays: '30' }, wrong: ['tokenSeconds'] },
  },
  {
    ...{ form: 'servers/edit {{ href }}/people', page: '/servers/{server}/edit', action: '/servers/{server}/people' },
    typed: { stalenessMinutes: 'soon', connections: LONG, claim: 'shoe_size' },
    wrong: ['stalenessMinutes', 'connections', 'claim'],
  },
  {
    ...{ form: 'servers/edit {{ href }}/people', page: '/servers/{server}/edit', action: '/servers/{server}/people' },
    ...{ typed: { stalenessMinutes: '9', connections: 'nobody' }, wrong: ['connections'] },
  },
  {
    form: 'servers/scopes /admin/servers/{{ server.id }}/scopes',
    ...{ page: '/servers/{server}/scopes', action: '/servers/{server}/scopes' },
    typed: {
      'scope.known': ['true', 'false'],
      'scope.name': ['mail:read', 'mail:x'],
      'scope.description': ['Read mail', ''],
      'scope.descriptionJa': ['', ''],
      'scope.sensitivity': ['low', 'low'],
      'scope.effect': ['read', 'read'],
      'scope.tools': ['', 'x_tool'],
    },
    wrong: ['scope-1-description'],
  },
  {
    form: 'servers/scopes /admin/servers/{{ server.id }}/scopes',
    ...{ page: '/servers/{server}/scopes', action: '/servers/{server}/scopes' },
    typed: {
      ...SCOPE,
      'scope.name': 'mail:x',
      'scope.description': 'Read',
      'scope.tools': 'no tool',
      'scope.effect': 'x',
    },
    wrong: ['scope-0-effect'],
  },
  {
    form: 'servers/rotate /admin/servers/{{ server.id }}/rotate-secret',
    ...{ page: '/servers/{server}/rotate-secret', action: '/servers/{server}/rotate-secret' },
    ...{ typed: { overlapDays: '91' }, wrong: ['overlapDays'] },
  },
  {
    ...{ form: 'servers/show {{ href }}/owners', page: '/servers/{server}', action: '/servers/{server}/owners' },
    ...{ typed: { person: 'nobody@contoso.test' }, wrong: ['person'] },
  },
  {
    form: 'approvals/card /admin/approvals/{{ card.id }}/approve',
    ...{ page: '/approvals/{request}', action: '/approvals/{request}/approve' },
    ...{ typed: { days: '9999', note: 'Fine', audience: 'everyone' }, wrong: ['days'] },
  },
  {
    form: 'approvals/card /admin/approvals/{{ card.id }}/approve',
    ...{ page: '/approvals/{request}', action: '/approvals/{request}/approve' },
    ...{ typed: { days: 'soon', note: 'Fine', audience: 'nobody' }, wrong: ['days', 'audience'] },
  },
  {
    form: 'approvals/card /admin/approvals/{{ card.id }}/deny',
    ...{ page: '/approvals/{request}', action: '/approvals/{request}/deny' },
    ...{ typed: { note: 'n'.repeat(501) }, wrong: ['reason'] },
  },
  {
    ...{ form: 'reviews/start /admin/reviews/start', page: '/reviews/start', action: '/reviews/start' },
    typed: { name: LONG, subject: 'client', client: '', days: 'soon' },
    wrong: ['name', 'client', 'days'],
  },
  {
    ...{ form: 'reviews/start /admin/reviews/start', page: '/reviews/start', action: '/reviews/start' },
    typed: { name: '\u200b', subject: 'client', client: '{client}', days: '14' },
    wrong: ['name'],
  },
  {
    ...{ form: 'reviews/start /admin/reviews/start', page: '/reviews/start', action: '/reviews/start' },
    ...{ typed: { name: 'Autumn', subject: 'client', client: 'nobody', days: '14' }, wrong: ['client'] },
  },
  {
    form: 'approvals/card /admin/approvals/{{ card.id }}/approve',
    ...{ page: '/approvals/{request}', action: '/approvals/{request}/approve' },
    ...{ typed: { days: '30', note: 'n'.repeat(501), audience: 'person' }, wrong: ['note'] },
  },
  {
    ...{ form: 'reviews/show {{ href }}/keep', page: '/reviews/{review}', action: '/reviews/{review}/keep' },
    ...{ typed: { note: 'n'.repeat(501), id: '{item}' }, wrong: ['note'] },
  },
  {
    ...{ form: 'keys/rotate /admin/keys/rotate', page: '/keys/rotate', action: '/keys/rotate' },
    ...{ typed: { when: 'someday' }, wrong: ['when'] },
  },
];

/** Forms in which every choice was made by the page itself, each with why. */
export const ELSEWHERE: Readonly<Record<string, string>> = {
  'servers/show {{ href }}/tools': 'tools and scopes as the last check found them: there is nothing to type',
};
