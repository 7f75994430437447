/** Samples of what follows a first consent: the short page, step-up, two refusals, an administrator who is asked. */
import type { ConsentModel, Pages } from '../../src/web/pages.ts';
import type { Sample } from './sample-pages.ts';
import { act, change, claudeCode, connect, consent, identity, loopback, read, scope } from './sample-parts.ts';

const { action, csrf, account, switchAccountAction, client, redirect, resource, provenance, crossSite } = consent;
const request = { action, csrf, account, switchAccountAction, client, redirect, resource, provenance, crossSite };
const logo = '/static/icon.svg';

const short: Pages['short'] = {
  ...request,
  approvedAt: new Date('2026-10-03T09:00:00Z'),
  until: new Date('2027-01-01T09:00:00Z'),
  groups: [read, change, identity],
  fullHref: `${action}?page=full`,
};

const approval: Pages['approval'] = {
  ...request,
  state: 'ask',
  missing: [act],
  rest: true,
  reasonMaxCharacters: 500,
  refreshSeconds: 10,
};

const stepUp: ConsentModel = { ...consent, groups: [act], held: [read, change, identity] };

/** As long as they can be: what the normalised name, a host name (RFC 1035) and a scope may have. */
const longHost = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.example`;
const longName = 'W'.repeat(60);
const forty = Array.from({ length: 40 }, (_, index) =>
  scope(`files:${index}`, `Read the files of folder number ${index + 1}, and of all folders in it`, [`tool_${index}`], {
    sensitivity: index % 7 ? 'low' : 'high',
  }),
);
const long: ConsentModel = {
  ...consent,
  account: { email: `${'e'.repeat(64)}@${longHost}` },
  client: { name: longName, id: 'x', host: longHost, resembles: true },
  redirect: { kind: 'https', host: longHost },
  resource: { name: longName, host: longHost },
  provenance: 'unproven-site',
  groups: [
    { effect: 'read', scopes: forty.slice(0, 25) },
    { effect: 'change', scopes: forty.slice(25) },
    { effect: 'act', scopes: [scope('s'.repeat(120), 'd'.repeat(200), ['t'.repeat(120)], { sensitivity: 'high' })] },
  ],
  held: [{ effect: 'read', scopes: forty }],
  leftOut: ['d'.repeat(200)],
};

export const agreementSamples: Record<string, Sample> = {
  'connect-logo': { page: 'connect', model: { ...connect, client: { ...client, logo } } },
  'consent-logo': { page: 'consent', model: { ...consent, client: { ...client, logo } } },
  'consent-more': { page: 'consent', model: { ...stepUp, presence: { by: 'password' } } },
  'consent-more-wrong': {
    page: 'consent',
    model: { ...stepUp, presence: { by: 'password', error: 'credentials' }, leftOut: ['Delete all your mail'] },
  },
  'consent-more-passkey': {
    page: 'consent',
    model: { ...stepUp, presence: { by: 'password', error: 'passkey', passkey: { options: '{}' } } },
  },
  'consent-more-throttled': {
    page: 'consent',
    model: { ...stepUp, presence: { by: 'password', error: 'throttled' } },
  },
  'consent-more-connection': {
    page: 'consent',
    model: { ...stepUp, presence: { by: 'connection', name: 'Contoso' } },
  },
  'consent-twice': {
    page: 'consent',
    model: {
      ...consent,
      client: claudeCode,
      redirect: loopback,
      provenance: 'local-program',
      crossSite: true,
      saidNoTwice: true,
    },
  },
  'consent-changed': {
    page: 'consent',
    model: {
      ...consent,
      client: { ...client, resembles: true },
      differences: [
        { kind: 'resembles', before: 'Mail Helper', after: 'Claude' },
        { kind: 'resembles', before: 'Claude', after: 'Claude' },
        { kind: 'resembles', before: '', after: 'Claude' },
        { kind: 'name', before: '', after: 'Claude' },
        { kind: 'keys', before: '', after: 'keys.example' },
        { kind: 'redirect', before: '', after: 'x.example' },
        { kind: 'redirect', before: 'claude.ai', after: '' },
        { kind: 'wording', before: '', after: 'Read your messages' },
      ],
    },
  },
  'consent-long': { page: 'consent', model: long },
  short: { page: 'short', model: short },
  'short-local': {
    page: 'short',
    model: { ...short, client: claudeCode, redirect: loopback, provenance: 'local-program', crossSite: true },
  },
  'short-long': {
    page: 'short',
    model: { ...short, account: long.account, client: long.client, resource: long.resource, groups: long.groups },
  },
  'approval-ask': { page: 'approval', model: approval },
  'approval-ask-all': {
    page: 'approval',
    model: {
      ...approval,
      client: claudeCode,
      redirect: loopback,
      provenance: 'local-program',
      crossSite: true,
      missing: [read, act],
      rest: false,
      reason: 'I sort the mail of the whole team.',
      error: 'reason_too_long',
    },
  },
  'approval-expired': { page: 'approval', model: { ...approval, reason: 'For the audit', error: 'expired' } },
  'approval-refused': {
    page: 'approval',
    model: { ...approval, refused: { at: new Date('2026-11-23T10:00:00Z'), note: 'Use the one that we host.' } },
  },
  'approval-waiting': {
    page: 'approval',
    model: { ...approval, state: 'waiting', askedAt: new Date('2026-11-23T10:00:00Z') },
  },
  'approval-waiting-all': { page: 'approval', model: { ...approval, state: 'waiting', rest: false } },
  'approval-denied': {
    page: 'approval',
    model: { ...approval, state: 'denied', note: 'Not before the audit in December.' },
  },
  'approval-denied-silent': { page: 'approval', model: { ...approval, state: 'denied', rest: false } },
  'approval-over-ask': { page: 'approval', model: { ...approval, csrf: '', rest: false } },
  'approval-over-waiting': {
    page: 'approval',
    model: { ...approval, csrf: '', rest: false, state: 'waiting', refreshSeconds: 300 },
  },
  'approval-approved': { page: 'approval', model: { ...approval, state: 'approved' } },
  'approval-long': {
    page: 'approval',
    model: { ...approval, account: long.account, client: long.client, resource: long.resource, missing: long.groups },
  },
};
