/** Roles: what people may grant at most, and what makes somebody a member of one. */
import { AppError } from '../errors.ts';

/** Built in: its members administer this server. */
export const OWNER = 'owner';
/** Whose word a membership is that no connection gave. */
export const ADMINISTRATOR = 'administrator';

export interface Role {
  /** Its name: never changes. */
  id: string;
  description: string | undefined;
  createdAt: Date;
}

/** The most that a member may grant at one MCP server. */
export interface RoleCeiling {
  roleId: string;
  resourceId: string;
  resourceUri: string;
  scopes: readonly string[];
}

/** `app_role`: its value; `group`: the object id at the provider; `scim_group`: the id here of a group that SCIM sent. */
export type MappingSource = 'app_role' | 'group' | 'scim_group';

export interface RoleMapping {
  id: string;
  connectionId: string;
  source: MappingSource;
  /** Compared exactly, and never a name that people gave. */
  value: string;
  roleId: string;
}

/** One word for a membership: of an administrator, or of a connection. */
export interface Membership {
  accountId: string;
  roleId: string;
  source: string;
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** @throws AppError 400 `bad_role` */
export function parseRoleName(name: string): string {
  if (NAME.test(name)) return name;
  const how = 'use lower-case letters, digits, dot, hyphen and underscore, 64 at most';
  throw new AppError('bad_role', 400, `"${name}" cannot be the name of a role: ${how}.`);
}

/** As one word for comparing memberships. */
export function membershipKey({ accountId, roleId, source }: Membership): string {
  return JSON.stringify([accountId, roleId, source]);
}
