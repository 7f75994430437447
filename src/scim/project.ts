/** `attributes` and `excludedAttributes` (RFC 7644 §3.9): what of a resource is answered. */
import { isObject, type Json } from './cast.ts';
import { findAttribute, splitUrn } from './names.ts';
import type { ResourceKind } from './schemas.ts';

export interface Projection {
  /** Paths in lower case such as `name.givenname`, those of extensions after their URN. Undefined: whatever there is. */
  only: ReadonlySet<string> | undefined;
  but: ReadonlySet<string>;
}

/** Answered whatever is asked for. */
const ALWAYS = new Set(['schemas', 'id']);
const MAX_NAMES = 100;

export function readProjection(
  kind: ResourceKind,
  attributes: string | undefined,
  excluded: string | undefined,
): Projection {
  const only = namesOf(kind, attributes);
  return { only: only.size > 0 ? only : undefined, but: namesOf(kind, excluded) };
}

function namesOf(kind: ResourceKind, text: string | undefined): Set<string> {
  const names = (text ?? '').split(',', MAX_NAMES).map((name) => name.trim());
  return new Set(names.filter((name) => name !== '').map((name) => fullName(kind, name)));
}

function fullName(kind: ResourceKind, name: string): string {
  const named = splitUrn(kind, name);
  const rest = named?.rest ?? name;
  const extension = named?.extension ?? findAttribute(kind, name)?.extension;
  return (extension === undefined ? rest : rest === '' ? extension : `${extension}:${rest}`).toLowerCase();
}

/** Whether an attribute is asked for at all, so that what is not need not be looked up. */
export function wants({ only, but }: Projection, name: string): boolean {
  const path = name.toLowerCase();
  if (but.has(path)) return false;
  return !only || [...only].some((one) => one === path || one.startsWith(`${path}.`));
}

export function project(projection: Projection, resource: Record<string, Json>): Record<string, Json> {
  if (!projection.only && projection.but.size === 0) return resource;
  const result: Record<string, Json> = {};
  for (const [name, value] of Object.entries(resource)) {
    const kept = ALWAYS.has(name)
      ? value
      : keep(projection, name.toLowerCase(), value, name.startsWith('urn:') ? ':' : '.');
    if (kept !== undefined) result[name] = kept;
  }
  return result;
}

function keep({ only, but }: Projection, path: string, value: Json, separator: string): Json | undefined {
  if (but.has(path)) return undefined;
  if (Array.isArray(value)) {
    const list = value.map((one) => keep({ only, but }, path, one, separator)).filter((one) => one !== undefined);
    return list.length > 0 ? list : undefined;
  }
  const whole = !only || only.has(path);
  if (!isObject(value)) return whole ? value : undefined;
  const inner: Record<string, Json> = {};
  for (const [name, one] of Object.entries(value)) {
    const place = `${path}${separator}${name.toLowerCase()}`;
    const kept = keep({ only: whole ? undefined : only, but }, place, one as Json, '.');
    if (kept !== undefined) inner[name] = kept;
  }
  return Object.keys(inner).length > 0 ? inner : undefined;
}
