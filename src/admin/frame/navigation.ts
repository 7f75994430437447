/** What stands in the dashboard's navigation, and for whom. */
import { type Access, type Actor, reachOf } from './actor.ts';

interface Entry {
  /** Of the message `admin.nav.<key>`. */
  key: string;
  href: string;
  access: Access;
  resourceOwners: boolean;
}

/** In the order of how often they are needed. */
const entries: readonly Entry[] = [
  { key: 'overview', href: '/admin', access: 'read', resourceOwners: true },
  { key: 'approvals', href: '/admin/approvals', access: 'read', resourceOwners: true },
  { key: 'consents', href: '/admin/consents', access: 'read', resourceOwners: true },
  { key: 'clients', href: '/admin/clients', access: 'read', resourceOwners: false },
  { key: 'servers', href: '/admin/servers', access: 'read', resourceOwners: true },
  { key: 'people', href: '/admin/people', access: 'read', resourceOwners: false },
  { key: 'reviews', href: '/admin/reviews', access: 'read', resourceOwners: true },
  { key: 'audit', href: '/admin/audit', access: 'read', resourceOwners: false },
  { key: 'policy', href: '/admin/policy', access: 'read', resourceOwners: false },
  { key: 'connections', href: '/admin/connections', access: 'read', resourceOwners: false },
  { key: 'keys', href: '/admin/keys', access: 'read', resourceOwners: false },
];

export interface NavigationEntry {
  key: string;
  href: string;
  current: boolean;
}

/** @param path of the page shown */
export function navigationFor(actor: Actor, path: string): NavigationEntry[] {
  return entries
    .filter((entry) => reachOf(actor, entry))
    .map(({ key, href }) => ({
      key,
      href,
      current: href === '/admin' ? path === href : path === href || path.startsWith(`${href}/`),
    }));
}
