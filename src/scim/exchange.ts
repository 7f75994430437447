/** A request of a directory as the handlers see it, and their answer to it. */
import type { Directory } from './directory.ts';
import { ScimFault } from './fault.ts';
import type { Parameters } from './query.ts';
import { versionOf } from './represent.ts';

export interface Asked {
  directory: Directory;
  /** The address of this server's SCIM, without a slash at the end. */
  base: string;
  /** What follows the collection; '' where nothing does. */
  id: string;
  parameters: Parameters;
  body: Record<string, unknown>;
  ifMatch: string;
  ifNoneMatch: string;
}

export interface Answer {
  status: number;
  body?: unknown;
  location?: string;
  version?: string;
}

export type Handler = (asked: Asked) => Promise<Answer>;

export function isId(id: string): boolean {
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(id);
}

/** @throws ScimFault 412 where the client knows an older version (RFC 7644 §3.14) */
export function assertVersion({ ifMatch }: Pick<Asked, 'ifMatch'>, row: { updatedAt: Date }): void {
  if (ifMatch !== '' && !names(ifMatch, row)) throw new ScimFault(412, undefined, 'The resource has changed since.');
}

export function isKnown({ ifNoneMatch }: Pick<Asked, 'ifNoneMatch'>, row: { updatedAt: Date }): boolean {
  return ifNoneMatch !== '' && names(ifNoneMatch, row);
}

function names(header: string, row: { updatedAt: Date }): boolean {
  const bare = (tag: string) => tag.trim().replace(/^W\//, '');
  return header.split(',').some((tag) => tag.trim() === '*' || bare(tag) === bare(versionOf(row)));
}
