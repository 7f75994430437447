/** Every page with models like real ones: for the previews and for the tests of the views. */
import { type Pages, stoppedCodes } from '../../src/web/pages.ts';
import { accountSamples } from './sample-account.ts';
import { agreementSamples } from './sample-agreements.ts';
import { claude, claudeCode, connect, consent, csrf, identity, loopback, many, read } from './sample-parts.ts';
import { proxySamples } from './sample-proxies.ts';
import { signInSamples } from './sample-sign-ins.ts';

export type Sample = { [Page in keyof Pages]: { page: Page; model: Pages[Page] } }[keyof Pages];

const password: Pages['password'] = { action: '/account/password', csrf };
const stopped = Object.fromEntries(
  stoppedCodes.map((code) => [`stopped-${code}`, { page: 'stopped', model: { code } }] as const),
);

/** Sample name → page and model. */
export const samples: Record<string, Sample> = {
  home: { page: 'home', model: { issuer: 'https://auth.contoso.example', resources: 3 } },
  connect: { page: 'connect', model: connect },
  'connect-local': {
    page: 'connect',
    model: {
      ...connect,
      client: claudeCode,
      redirect: loopback,
      provenance: 'local-program',
      local: { email: 'ana@contoso.example' },
      error: 'credentials',
    },
  },
  'connect-sso': {
    page: 'connect',
    model: {
      ...connect,
      client: { name: 'Cursor', id: 'c' },
      redirect: { kind: 'private-use', host: 'cursor:' },
      provenance: 'local-program',
      crossSite: true,
      connections: [{ id: 'entra', name: 'Contoso' }],
      error: 'throttled',
      retryAfterSeconds: 170,
    },
  },
  'connect-sso-only': {
    page: 'connect',
    model: {
      ...connect,
      local: null,
      connections: [
        { id: 'entra', name: 'Contoso' },
        { id: 'g', name: 'Fabrikam' },
      ],
      error: 'expired',
    },
  },
  consent: { page: 'consent', model: consent },
  'consent-local': {
    page: 'consent',
    model: {
      ...consent,
      client: claudeCode,
      redirect: loopback,
      provenance: 'local-program',
      groups: [read, identity],
      device: { startedMinutesAgo: 2 },
    },
  },
  'consent-many': { page: 'consent', model: many },
  'consent-administrator': { page: 'consent', model: { ...consent, provenance: 'administrator', groups: [read] } },
  ...agreementSamples,
  ...proxySamples,
  ...accountSamples,
  ...signInSamples,
  ...stopped,
  'stopped-full': {
    page: 'stopped',
    model: {
      code: 'invalid_request',
      description: 'invalid_request: code_challenge is missing; PKCE with S256 is required (RFC 7636)',
      requestId: 'b4Jk9aTq2mZx',
      returnLink: { href: 'https://claude.ai/api/mcp/auth_callback?error=invalid_request', host: 'claude.ai' },
    },
  },
  'sign-in-elsewhere': {
    page: 'stopped',
    model: {
      code: 'sign_in_elsewhere',
      connections: ['Contoso staff', 'd'.repeat(200)],
      switchAccount: { action: '/interaction/x/switch-account', csrf },
      requestId: 'b4Jk9aTq2mZx',
    },
  },
  password: { page: 'password', model: password },
  'password-weak': { page: 'password', model: { ...password, email: 'ana@contoso.example', error: 'weak' } },
  'password-done': { page: 'password', model: { ...password, done: true } },
  'device-code': { page: 'device-code', model: { action: '/device', csrf, error: 'unknown' } },
  'device-confirm': {
    page: 'device-confirm',
    model: { action: '/device', csrf, userCode: 'WDJB-MJHT', client: claudeCode },
  },
  'device-done': { page: 'device-done', model: { client: claudeCode } },
  logout: {
    page: 'logout',
    model: { action: '/session/end/confirm', fields: [{ name: 'xsrf', value: csrf }], client: claude },
  },
  'logged-out': { page: 'logged-out', model: {} },
};
