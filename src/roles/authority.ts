/** What an account may do here beside its own things: who administers, who only reads, who looks after which MCP servers. */

/** Built in beside `owner`: rows of `roles` like any other, whose members the dashboard knows. */
export const ADMIN = 'admin';
export const AUDITOR = 'auditor';
export const RESOURCE_OWNER = 'resource-owner';

export interface Authority {
  owner: boolean;
  admin: boolean;
  auditor: boolean;
  resourceOwner: boolean;
  /** MCP servers that a resource owner looks after; empty for everybody else. */
  resourceIds: readonly string[];
}

export function isUser({ owner, admin, auditor, resourceOwner }: Authority): boolean {
  return !owner && !admin && !auditor && !resourceOwner;
}
