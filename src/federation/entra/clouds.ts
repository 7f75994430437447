/** The clouds of Microsoft Entra ID: each has hosts of its own, and nothing of one is believed from another. */
import type { EntraSettings } from '../settings.ts';

export interface Cloud {
  login: string;
  /** The first unless discovery names another of these. */
  graph: readonly [string, ...string[]];
  /** Audience of a federated credential's token. */
  exchange: string;
}

export const clouds: Readonly<Record<EntraSettings['cloud'], Cloud>> = {
  global: {
    login: 'login.microsoftonline.com',
    graph: ['graph.microsoft.com'],
    exchange: 'api://AzureADTokenExchange',
  },
  usgov: {
    login: 'login.microsoftonline.us',
    graph: ['graph.microsoft.us', 'dod-graph.microsoft.us'],
    exchange: 'api://AzureADTokenExchangeUSGov',
  },
  china: {
    login: 'login.partner.microsoftonline.cn',
    graph: ['microsoftgraph.chinacloudapi.cn'],
    exchange: 'api://AzureADTokenExchangeChina',
  },
};

/** Where everybody's personal account lives: no organisation vouches for who is there. */
export const PERSONAL_TENANT = '9188040d-6c67-4c5b-b112-36a304b66dad';

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** As Entra writes it: lower-case. */
export function isGuid(value: unknown): value is string {
  return typeof value === 'string' && GUID.test(value);
}

/** Of v2.0 ID tokens. */
export function issuerOf({ login }: Cloud, tenant: string): string {
  return `https://${login}/${tenant}/v2.0`;
}

/** The path segment to ask at: several tenants share one that takes work accounts alone. */
export function authorityOf({ tenants }: Pick<EntraSettings, 'tenants'>): string {
  const [only] = tenants === 'any' ? [] : tenants;
  return only !== undefined && tenants.length === 1 ? only : 'organizations';
}

/** Never a personal account's tenant, whatever the list says. */
export function isAllowedTenant({ tenants }: Pick<EntraSettings, 'tenants'>, tenant: unknown): tenant is string {
  if (!isGuid(tenant) || tenant === PERSONAL_TENANT) return false;
  return tenants === 'any' || tenants.includes(tenant);
}
