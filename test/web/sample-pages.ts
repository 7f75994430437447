/** Every page with models like real ones: for the previews and for the tests of the views. */
import { type Pages, stoppedCodes } from '../../src/web/pages.ts';

export type Sample = { [Page in keyof Pages]: { page: Page; model: Pages[Page] } }[keyof Pages];

const csrf = 'q0hZx3mPd2cT8rYw';
const action = '/interaction/Vt4x0zq';
const claude = { name: 'Claude', host: 'claude.ai', id: 'https://claude.ai/oauth/mcp-oauth-client-metadata' };
const claudeCode = { name: 'Claude Code', id: 'f3Kx' };
const hosted = { kind: 'https', host: 'claude.ai' } as const;
const loopback = { kind: 'loopback', host: '127.0.0.1' } as const;
const mail = { name: 'Mail', host: 'mail.contoso.example' };

const connect: Pages['connect'] = {
  action,
  csrf,
  client: claude,
  redirect: hosted,
  resource: mail,
  provenance: 'proven-host',
  crossSite: false,
  local: {},
  connections: [],
};

const scope = (name: string, description: string, tools: string[], more = {}) => ({
  name,
  description,
  tools,
  sensitivity: 'low' as const,
  checked: true,
  ...more,
});
const identity = {
  effect: 'identity',
  scopes: [
    { name: 'openid', tools: [], sensitivity: 'low', checked: true, required: true },
    { name: 'email', tools: [], sensitivity: 'low', checked: true },
  ],
} as const;
const read = {
  effect: 'read',
  scopes: [scope('mail:read', 'Read your messages', ['list_messages', 'read_message', 'search'])],
} as const;
const act = {
  effect: 'act',
  scopes: [scope('mail:send', 'Send mail in your name', ['send_message'], { sensitivity: 'high' })],
} as const;
const change = {
  effect: 'change',
  scopes: [scope('mail:sort', 'Sort and label your messages', ['move_message', 'label_message'])],
} as const;

const consent: Pages['consent'] = {
  action,
  csrf,
  account: { email: 'ana@contoso.example' },
  switchAccountAction: `${action}/switch`,
  client: claude,
  redirect: hosted,
  resource: mail,
  provenance: 'proven-host',
  crossSite: false,
  groups: [read, change, act, identity],
  differences: [],
  expiry: [
    { choice: 'max', until: new Date('2027-02-21T10:00:00Z'), checked: true },
    { choice: '30d', until: new Date('2026-12-23T10:00:00Z'), checked: false },
    { choice: 'once', checked: false },
  ],
};

const many: Pages['consent'] = {
  ...consent,
  client: { name: 'Claude', id: 'x', host: 'c1aude-ai.pages.example', resembles: true },
  redirect: { kind: 'https', host: 'login.callback.c1aude-ai-assistant.eu-central.pages.example' },
  resource: { name: 'Kundenverwaltung und Auftragsabwicklung', host: 'kundenverwaltung.intern.contoso.example' },
  provenance: 'shared-host',
  crossSite: true,
  groups: [
    {
      effect: 'read',
      scopes: ['contacts', 'orders', 'invoices', 'products', 'notes', 'calendars'].map((name) =>
        scope(`${name}:read`, `Read all ${name}`, [`list_${name}`, `get_${name}`]),
      ),
    },
    {
      effect: 'change',
      scopes: ['contacts', 'orders'].map((name) => scope(`${name}:write`, `Change ${name}`, [`update_${name}`])),
    },
    {
      effect: 'act',
      scopes: [
        scope('orders:place', 'Place orders that cost money, in your name and on behalf of your company', ['order'], {
          sensitivity: 'high',
          checked: false,
        }),
      ],
    },
    identity,
  ],
  differences: [
    { kind: 'redirect', before: 'claude.ai', after: 'login.callback.c1aude-ai-assistant.eu-central.pages.example' },
    { kind: 'scope', after: 'Place orders that cost money' },
    { kind: 'name', before: 'Claude Desktop', after: 'Claude' },
    { kind: 'wording', before: 'Read contacts', after: 'Read all contacts' },
    { kind: 'tools', after: 'Change orders' },
    { kind: 'keys', before: 'keys.example', after: 'other.example' },
    { kind: 'authentication' },
    { kind: 'age', before: new Date('2026-08-01T00:00:00Z') },
  ],
};

const password: Pages['password'] = { action: '/account', csrf };
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
