/** A person's own pages. */
import type { Sample } from './sample-pages.ts';
import { claude, claudeCode, csrf, identity, loopback, read } from './sample-parts.ts';

const account = { email: 'ana.maria.de-oliveira-lima@research.contoso.example' };
const mail = { name: 'Contoso Mail', host: 'mail.contoso.example' };
const day = (text: string) => new Date(text);
const app = {
  id: 'c1',
  client: claudeCode,
  redirect: loopback,
  resource: mail,
  groups: [read, identity],
  since: day('2026-10-03'),
  until: day('2027-01-01'),
  here: true,
  stopHref: '/account/apps/c1/stop',
  receiptHref: '/account/apps/c1/receipt',
};
const through = {
  ...{ name: 'Contoso Gateway', host: 'gateway.contoso.example' },
  clientRedirect: { kind: 'https', host: 'claude.ai' } as const,
};
const frame = (section: 'apps' | 'sessions' | 'security' | 'language') => ({ section, csrf, account });

export const accountSamples: Record<string, Sample> = {
  apps: {
    page: 'apps',
    model: {
      ...frame('apps'),
      apps: [
        app,
        {
          ...app,
          ...{ id: 'c2', client: claude, through, here: false, lastUsedAt: day('2026-11-20') },
          ...{ browser: { browser: 'Samsung Internet', system: 'ChromeOS' }, approvedAgainAt: day('2026-11-02') },
          redirect: { kind: 'https', host: 'gateway.contoso.example' },
          suspended: ['redirect_removed', 'client_keys_moved', 'client_proof_weaker', 'client_resembles', 'changed'],
        },
      ],
      nextHref: '/account?after=x',
      stopAllHref: '/account/apps/stop-all',
      blocks: [{ id: 'b', name: 'A program that asks too often', resource: mail.name, since: day('2026-11-02') }],
      unblockAction: '/account/apps/unblock',
      requests: [
        { name: 'A program that asks', resource: mail.name, state: 'waiting', askedAt: day('2026-11-02') },
        {
          ...{ name: 'Another', resource: mail.name, state: 'denied', note: 'Use the one that we host.' },
          ...{ askedAt: day('2026-10-02'), at: day('2026-10-03') },
        },
      ],
      news: { kind: 'stopped', count: 2 },
      changePasswordHref: '/account/password',
    },
  },
  'apps-none': {
    page: 'apps',
    model: { ...frame('apps'), apps: [], blocks: [], unblockAction: '/account/apps/unblock' },
  },
  'stop-app': {
    page: 'stop-apps',
    model: { ...frame('apps'), action: app.stopHref, backHref: '/account', count: 1, app, tokenMinutes: 10 },
  },
  receipt: {
    page: 'receipt',
    model: {
      ...frame('apps'),
      id: 'c1.2',
      operator: 'Contoso',
      contact: 'mailto:help@contoso.example',
      issuer: 'https://auth.contoso.example',
      person: { id: 'p1', email: account.email },
      client: {
        id: claudeCode.id,
        name: claudeCode.name,
        returnsTo: 'http://127.0.0.1/callback',
        fingerprint: 'abc.def',
      },
      actingFor: { id: claude.id, name: claude.name, returnsTo: 'https://claude.ai/callback' },
      resource: { uri: 'https://mail.contoso.example/mcp', name: mail.name },
      scopes: [{ name: 'mail:read', description: 'Read your mail', tools: ['list_mail'], until: day('2027-01-01') }],
      givenAt: day('2026-11-02'),
      givenFrom: { browser: 'Safari', system: 'iPhone' },
      firstGivenAt: day('2026-10-03'),
      until: day('2027-01-01'),
      version: 2,
      status: 'revoked',
      endedAt: day('2026-11-20'),
      withdrawAt: 'https://auth.contoso.example/account',
      jsonHref: '/account/apps/c1/receipt.json',
    },
  },
  sessions: {
    page: 'sessions',
    model: {
      ...frame('sessions'),
      action: '/account/sessions',
      devices: [
        {
          id: 'a',
          browser: 'Chrome',
          system: 'Windows',
          by: 'webauthn',
          since: day('2026-11-01'),
          lastSeenAt: day('2026-11-28'),
          here: true,
        },
        {
          id: 'b',
          browser: 'Firefox',
          since: day('2026-11-01'),
          lastSeenAt: day('2026-11-20'),
          by: 'fed',
          here: false,
        },
        { id: 'c', browser: '', since: day('2026-11-01'), lastSeenAt: day('2026-11-02'), by: 'pwd', here: false },
      ],
    },
  },
  security: {
    page: 'security',
    model: {
      ...frame('security'),
      action: '/account/security',
      removeCodesHref: '/account/security/remove-codes',
      passwordHref: '/account/password',
      codes: {
        all: ['k7m3p-xq9ta', 'abcde-fghjk'],
        fileAction: '/account/security/recovery-codes.txt',
        issuer: 'https://auth.contoso.test',
      },
      secondFactor: { state: 'on', codesLeft: 10 },
      passkeys: [
        { id: 'k', name: 'My laptop', backedUp: true, since: day('2026-10-03'), lastUsedAt: day('2026-11-20') },
        { id: 'l', name: 'Phone', backedUp: false, since: day('2026-11-03') },
      ],
      passkeyOptions: '{"challenge":"x"}',
      news: 'codes_on',
    },
  },
  'security-begun': {
    page: 'security',
    model: {
      ...frame('security'),
      action: '/account/security',
      removeCodesHref: '/account/security/remove-codes',
      passwordHref: '/account/password',
      secondFactor: {
        state: 'begun',
        codesLeft: 0,
        setUp: { secret: 'ABCD EFGH', qr: { size: 10, path: 'M4 4h1v1h-1z' } },
      },
      passkeys: [],
      news: 'wrong_code',
    },
  },
  'remove-codes': {
    page: 'remove-codes',
    model: {
      ...frame('security'),
      ...{ action: '/account/security/remove-codes', backHref: '/account/security', codesLeft: 7 },
    },
  },
  language: { page: 'language', model: { ...frame('language'), action: '/account/language', chosen: 'ja' } },
  hop: { page: 'hop', model: { to: '/account' } },
  'account-code': {
    page: 'account-sign-in',
    model: {
      ...{ action: '/account/prove?to=/account', csrf, local: {}, connections: [], error: 'code' },
      secondFactor: { ticket: 'abc' },
    },
  },
};
