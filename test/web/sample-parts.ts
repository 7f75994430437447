/** Models like real ones: what the samples of several pages are made of. */
import type { Pages } from '../../src/web/pages.ts';

export const csrf = 'q0hZx3mPd2cT8rYw';
const action = '/interaction/Vt4x0zq';
export const claude = { name: 'Claude', host: 'claude.ai', id: 'https://claude.ai/oauth/mcp-oauth-client-metadata' };
export const claudeCode = { name: 'Claude Code', id: 'f3Kx' };
export const hosted = { kind: 'https', host: 'claude.ai' } as const;
export const loopback = { kind: 'loopback', host: '127.0.0.1' } as const;
const mail = { name: 'Mail', host: 'mail.contoso.example' };

export const connect: Pages['connect'] = {
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

export const scope = (name: string, description: string, tools: string[], more = {}) => ({
  name,
  description,
  tools,
  sensitivity: 'low' as const,
  checked: true,
  ...more,
});
export const identity = {
  effect: 'identity',
  scopes: [
    { name: 'openid', tools: [], sensitivity: 'low', checked: true, required: true },
    { name: 'email', tools: [], sensitivity: 'low', checked: true },
  ],
} as const;
export const read = {
  effect: 'read',
  scopes: [scope('mail:read', 'Read your messages', ['list_messages', 'read_message', 'search'])],
} as const;
export const act = {
  effect: 'act',
  scopes: [scope('mail:send', 'Send mail in your name', ['send_message'], { sensitivity: 'high' })],
} as const;
export const change = {
  effect: 'change',
  scopes: [scope('mail:sort', 'Sort and label your messages', ['move_message', 'label_message'])],
} as const;

export const consent: Pages['consent'] = {
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

export const many: Pages['consent'] = {
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
