/** The path of a PATCH operation (RFC 7644 §3.5.2): `emails[type eq "work"].value`, with or without a URN. */
import { invalidPath, ScimFault } from './fault.ts';
import { type Filter, parseFilter } from './filter.ts';
import { limits } from './limits.ts';
import { findIn, splitUrn } from './names.ts';
import type { Attribute, ResourceKind } from './schemas.ts';

export type Path =
  /** A whole extension by its URN. */
  | { extension: string; attribute: undefined }
  | { extension: string | undefined; attribute: Attribute; filter: Filter | undefined; sub: Attribute | undefined };

const PATH = /^([A-Za-z$][\w$-]*)(?:\[(.+)\])?(?:\.([A-Za-z$][\w$-]*))?$/s;

/**
 * @returns `foreign` where it names a schema that we do not have: nothing to store, and no reason to refuse the rest
 * @throws ScimFault invalidPath
 */
export function parsePath(kind: ResourceKind, written: string): Path | 'foreign' | 'unknown' {
  if (written.length > limits.pathCharacters) throw invalidPath('The path is too long.');
  const named = splitUrn(kind, written.trim());
  if (!named) return 'foreign';
  const { extension, rest } = named;
  if (rest === '') {
    if (extension === undefined) throw invalidPath('The path names no attribute.');
    return { extension, attribute: undefined };
  }
  const [, name, inBrackets, subName] = PATH.exec(rest) ?? [];
  if (name === undefined) throw invalidPath(`${quoted(written)} is not written as a path.`);
  const found = findIn(kind, extension, subName === undefined ? name : `${name}.${subName}`);
  if (!found) return 'unknown';
  if (inBrackets !== undefined && !found.attribute.config.multiValued)
    throw invalidPath(`${found.attribute.name} has one value: there is nothing to choose from.`);
  return { ...found, filter: inBrackets === undefined ? undefined : filterOf(inBrackets) };
}

/** A filter that cannot be read makes a path that cannot. */
function filterOf(text: string): Filter {
  try {
    return parseFilter(text);
  } catch (error) {
    throw error instanceof ScimFault ? invalidPath(error.message) : error;
  }
}

export const quoted = (text: string) => JSON.stringify(text.slice(0, 80));
