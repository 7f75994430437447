/** Attribute names as directories write them: in any case, with a URN in front, with its typos (RFC 7644 §3.10). */
import { type Attribute, attributeOf, type ResourceKind, subAttributeOf } from './schemas.ts';

export interface Named {
  /** URN of an extension, undefined for the resource's own schema. */
  extension: string | undefined;
  /** What follows the URN, such as `name.givenName`; '' where the whole extension is meant. */
  rest: string;
}

/** Entra ID writes `…:enterprise:2.0User` here and there. */
const TYPO = /^(urn:ietf:params:scim:schemas:extension:enterprise:2\.0):?(?=user)/i;

/** @returns undefined where the URN is of no schema that this resource has */
export function splitUrn(kind: ResourceKind, written: string): Named | undefined {
  if (!/^urn:/i.test(written)) return { extension: undefined, rest: written };
  const name = written.replace(TYPO, '$1:');
  for (const urn of [kind.schema, ...Object.keys(kind.extensions)]) {
    if (!name.toLowerCase().startsWith(urn.toLowerCase())) continue;
    const rest = name.slice(urn.length);
    if (rest !== '' && rest[0] !== ':') continue;
    return { extension: urn === kind.schema ? undefined : urn, rest: rest.slice(1) };
  }
  return undefined;
}

export interface Found {
  extension: string | undefined;
  attribute: Attribute;
  sub: Attribute | undefined;
}

/** An attribute by `name`, `name.sub` or either after a URN; undefined where there is none. */
export function findAttribute(kind: ResourceKind, written: string): Found | undefined {
  const named = splitUrn(kind, written);
  return named && findIn(kind, named.extension, named.rest);
}

/** Entra ID's documentation also writes attributes of the extension without its URN: `manager`. */
export function findIn(kind: ResourceKind, extension: string | undefined, path: string): Found | undefined {
  if (extension !== undefined) return findOne(kind, extension, path);
  for (const urn of [undefined, ...Object.keys(kind.extensions)]) {
    const found = findOne(kind, urn, path);
    if (found) return found;
  }
  return undefined;
}

function findOne(kind: ResourceKind, extension: string | undefined, path: string): Found | undefined {
  const definition = extension === undefined ? kind.definition : kind.extensions[extension];
  const [name = '', subName, ...more] = path.split('.');
  const attribute = definition && attributeOf(definition, name);
  if (!attribute || more.length > 0) return undefined;
  if (subName === undefined) return { extension, attribute, sub: undefined };
  const sub = subAttributeOf(attribute, subName);
  return sub && { extension, attribute, sub };
}
