/** Sign-in by connections: page A in its forms, what is refused, and the ways in of a person. */
import { upstreamRefusals } from '../../src/web/sign-in-pages.ts';
import type { Sample } from './sample-pages.ts';
import { connect, csrf } from './sample-parts.ts';

const connections = [
  { id: 'entra', name: 'Contoso' },
  { id: 'g', name: 'Fabrikam Research and Development' },
];
const emergency = { shown: false, href: '/interaction/x?step=emergency' };
const action = '/account/ways-in';
const prove = '/account/prove?to=/account/ways-in';
const section = 'ways-in' as const;
const account = { email: 'ana.maria.de-oliveira-lima@research.contoso.example' };

export const signInSamples: Record<string, Sample> = {
  'connect-exclusive': { page: 'connect', model: { ...connect, local: null, connections, emergency } },
  'connect-emergency': {
    page: 'connect',
    model: {
      ...connect,
      local: { email: 'root@contoso.example' },
      connections: [],
      emergency: { shown: true, href: '/interaction/x' },
      error: 'emergency',
    },
  },
  'connect-no-way': { page: 'connect', model: { ...connect, local: null, connections: [], emergency } },
  'connect-refused-there': {
    page: 'connect',
    model: { ...connect, connections, error: 'refused_there', refusedBy: 'Fabrikam Research and Development' },
  },
  ...Object.fromEntries(
    upstreamRefusals.map((reason) => [
      `upstream-${reason}`,
      {
        page: 'upstream-refused',
        model: {
          code: reason,
          connection: 'Contoso',
          again: { href: '/interaction/x', sameWay: reason === 'failed' },
          returnLink: { href: 'https://claude.ai/api/mcp/auth_callback?error=access_denied', host: 'claude.ai' },
          requestId: 'b4Jk9aTq2mZx',
        },
      } satisfies Sample,
    ]),
  ),
  'ways-in': {
    page: 'ways-in',
    model: {
      section,
      action,
      csrf,
      account,
      password: true,
      ways: [
        { id: 'a', name: 'Contoso', email: account.email, since: new Date('2026-10-03'), state: 'removable' },
        { id: 'b', name: 'Fabrikam', since: new Date('2026-11-02'), state: 'kept' },
      ],
      connections,
      news: { kind: 'linked', name: 'Contoso' },
    },
  },
  'ways-in-last': {
    page: 'ways-in',
    model: {
      section,
      action,
      csrf,
      account,
      password: false,
      ways: [{ id: 'a', name: 'Contoso', since: new Date('2026-10-03'), state: 'last' }],
      connections: [],
      news: { kind: 'last', name: 'Contoso' },
    },
  },
  'account-sign-in': {
    page: 'account-sign-in',
    model: { action: prove, csrf, local: {}, connections, error: 'credentials' },
  },
  'account-sign-in-again': {
    page: 'account-sign-in',
    model: {
      ...{ action: prove, csrf, account, local: {}, connections, cancelHref: '/admin/people/p1', error: 'credentials' },
      purpose: 'personDisable',
    },
  },
  'account-sign-in-no-way': {
    page: 'account-sign-in',
    model: { action: prove, csrf, account, local: null, connections: [] },
  },
};
