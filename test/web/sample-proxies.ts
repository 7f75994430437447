/** Samples of requests that come through a proxy (consent.md §4): every kind of client that it can name, or nobody. */
import type { ConnectModel, Provenance, RedirectView } from '../../src/web/pages.ts';
import type { Sample } from './sample-pages.ts';
import { claude, claudeCode, connect, consent, hosted, loopback } from './sample-parts.ts';

type Asked = Pick<ConnectModel, 'client' | 'redirect' | 'through' | 'provenance'>;

const gateway = { name: 'Gateway', host: 'gw.example' };
const redirect = { kind: 'https', host: gateway.host } as const;
const app = { kind: 'private-use', host: 'cursor:' } as const;

function through(provenance: Provenance, client: Asked['client'], clientRedirect: RedirectView): Asked {
  return { provenance, client, redirect, through: { ...gateway, clientRedirect } };
}

const named: Record<string, Asked> = {
  'proven-host': through('proven-host', claude, hosted),
  'shared-host': through(
    'shared-host',
    { name: 'Notes', id: 'n', host: 'notes.pages.example' },
    { kind: 'https', host: 'notes.pages.example' },
  ),
  'local-program': through('local-program', claudeCode, loopback),
  'local-app': through('local-program', { name: 'Cursor', id: 'c' }, app),
  'unproven-site': through('unproven-site', { name: 'Helper', id: 'h' }, { kind: 'https', host: 'helper.example' }),
  administrator: through('administrator', { name: 'Payroll', id: 'p' }, { kind: 'https', host: 'payroll.example' }),
  resembling: through('proven-host', { ...claude, host: 'c1aude.example', resembles: true }, hosted),
  device: through('administrator', { name: 'Screen', id: 's' }, { kind: 'device', host: '' }),
};
const nobody = {
  client: { name: gateway.name, id: 'gw', logo: '/static/icon.svg' },
  redirect,
  provenance: 'administrator',
  namesNobody: true,
} as const;

export const proxySamples: Record<string, Sample> = {
  ...Object.fromEntries(
    Object.entries(named).map(([name, asked]) => [
      `connect-through-${name}`,
      { page: 'connect', model: { ...connect, ...asked } } as const,
    ]),
  ),
  'consent-through': {
    page: 'consent',
    model: { ...consent, ...through('proven-host', { ...claude, logo: '/static/icon.svg' }, hosted) },
  },
  'consent-through-local': {
    page: 'consent',
    model: { ...consent, ...through('local-program', claudeCode, loopback), crossSite: true },
  },
  'short-through': {
    page: 'short',
    model: {
      ...consent,
      ...through('proven-host', claude, hosted),
      approvedAt: new Date('2026-10-03T09:00:00Z'),
      until: new Date('2027-01-01T09:00:00Z'),
      fullHref: `${consent.action}?page=full`,
    },
  },
  'connect-nobody': { page: 'connect', model: { ...connect, ...nobody } },
  'consent-nobody': { page: 'consent', model: { ...consent, ...nobody } },
  'consent-nobody-local': {
    page: 'consent',
    model: { ...consent, ...nobody, redirect: loopback, provenance: 'local-program', crossSite: true },
  },
};
