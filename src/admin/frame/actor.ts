/** Who acts in the dashboard or through its API, and how far they reach. */
import type { Authority } from '../../roles/authority.ts';

/**
 * - `read`: owner, admin, auditor
 * - `change`: owner, admin
 * - `own`: owner
 */
export type Access = 'read' | 'change' | 'own';

export interface Actor {
  accountId: string;
  email: string;
  authority: Authority;
  /** Proved to be here a moment ago. */
  fresh: boolean;
  /** The browser session, at the pages: what goes on after the answer ends with it. */
  sessionUid?: string | undefined;
  /** The client that acts for the person, at the API. */
  clientId?: string | undefined;
}

/** MCP servers whose things may be seen or changed, by id; undefined: all of them. */
export type Reach = readonly string[] | undefined;

/** Whether a role reaches everything. */
function reachesAll({ owner, admin, auditor }: Authority, access: Access): boolean {
  if (access === 'own') return owner;
  return owner || admin || (access === 'read' && auditor);
}

/**
 * @param operation.resourceOwners also for who looks after MCP servers, as far as those go
 * @returns how far, or false where the actor may not at all
 */
export function reachOf(
  { authority }: Pick<Actor, 'authority'>,
  { access, resourceOwners }: { access: Access; resourceOwners: boolean },
): { reach: Reach } | false {
  if (reachesAll(authority, access)) return { reach: undefined };
  return resourceOwners && authority.resourceOwner ? { reach: authority.resourceIds } : false;
}

/** Whether something that belongs to an MCP server is within reach. */
export function isWithin(reach: Reach, resourceId: string): boolean {
  return reach === undefined || reach.includes(resourceId);
}
