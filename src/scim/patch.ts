/** Applies PATCH operations to a resource in memory (RFC 7644 §3.5.2), as Entra ID and others write them. */
import { type Complex, cast, castOne, isObject, type Json, onePrimary } from './cast.ts';
import { invalidPath, invalidValue, ScimFault, tooLarge } from './fault.ts';
import type { Filter } from './filter.ts';
import { limits } from './limits.ts';
import { matches, valueMeant } from './match.ts';
import type { Operation } from './operations.ts';
import { type Path, parsePath, quoted } from './path.ts';
import type { Attribute, ResourceKind } from './schemas.ts';

/** Attributes by their names; those of an extension in an object by its URN. */
export type Resource = Record<string, Json>;

type Verb = Operation['op'];
type AttributePath = Extract<Path, { attribute: Attribute }>;

/** Given by us, however they are written; clients send them back and mean nothing by it. */
const OURS = new Set(['id', 'meta', 'schemas', 'groups']);
const isOurs = ({ extension, attribute }: Path) => extension === undefined && OURS.has(attribute?.name ?? '');

/** A resource as POST and PUT send it. */
export function readResource(kind: ResourceKind, body: Record<string, unknown>): Resource {
  return applyOperations(kind, {}, [{ op: 'add', path: undefined, value: body }]);
}

/** @returns a copy; `resource` stays as it is */
export function applyOperations(kind: ResourceKind, resource: Resource, operations: readonly Operation[]): Resource {
  const result = structuredClone(resource);
  let unknown: string | undefined;
  for (const { op, path, value } of operations) {
    if (path === undefined) setMembers(kind, result, op, value);
    else if (!applyAt(kind, result, op, path, value)) unknown ??= path;
  }
  // Somebody who is to leave leaves, whatever else the request names.
  const leaves = result.active === false && resource.active !== false;
  if (unknown !== undefined && !leaves) throw invalidPath(`There is no attribute ${quoted(unknown)}.`);
  return result;
}

/** Without a path: each member of the value is a path of its own, also dotted or with a URN. What we do not know is let be. */
function setMembers(kind: ResourceKind, resource: Resource, op: Verb, value: unknown): void {
  if (op === 'remove') throw new ScimFault(400, 'noTarget', 'A remove operation has a path.');
  if (!isObject(value)) throw invalidValue('Without a path the value is an object.');
  for (const [name, inner] of Object.entries(value)) {
    // The schema's own URN, as if its attributes had one object like those of an extension.
    if (name.toLowerCase() === kind.schema.toLowerCase()) {
      if (isObject(inner)) setMembers(kind, resource, op, inner);
      continue;
    }
    const path = isPathLike(name) ? parsePath(kind, name) : 'unknown';
    if (path !== 'foreign' && path !== 'unknown' && !isOurs(path)) set(kind, resource, op, path, inner);
  }
}

const isPathLike = (name: string) =>
  name.length <= limits.pathCharacters && /^[A-Za-z][\w:.$-]*(\[.+\](\.\w+)?)?$/.test(name);

/** @returns false where no such attribute exists */
function applyAt(kind: ResourceKind, resource: Resource, op: Verb, written: string, value: unknown): boolean {
  const path = parsePath(kind, written);
  if (path === 'unknown') return false;
  if (path === 'foreign' || path.attribute?.name === 'schemas') return true;
  if (isOurs(path)) throw new ScimFault(400, 'mutability', `${quoted(written)} is ours to set.`);
  set(kind, resource, op, path, value);
  return true;
}

function set(kind: ResourceKind, resource: Resource, op: Verb, path: Path, value: unknown): void {
  if (!path.attribute) {
    setExtension(kind, resource, op, path.extension, value);
    return;
  }
  const container = containerOf(resource, path.extension);
  const { attribute, sub } = path;
  if (!attribute.config.multiValued) setSingle(container, op, attribute, sub, value);
  else setSeveral(container, op, path, value);
  if (path.extension !== undefined && Object.keys(container).length === 0) delete resource[path.extension];
}

function setExtension(kind: ResourceKind, resource: Resource, op: Verb, extension: string, value: unknown): void {
  if (op === 'remove' || value === null) {
    delete resource[extension];
    return;
  }
  if (!isObject(value)) throw invalidValue('An extension is an object.');
  for (const [name, inner] of Object.entries(value)) {
    const path = isPathLike(name) ? parsePath(kind, `${extension}:${name}`) : 'unknown';
    if (path !== 'foreign' && path !== 'unknown') set(kind, resource, op, path, inner);
  }
}

function containerOf(resource: Resource, extension: string | undefined): Resource {
  if (extension === undefined) return resource;
  const known = resource[extension];
  if (isObject(known)) return known as Resource;
  const made: Resource = {};
  resource[extension] = made;
  return made;
}

function setSingle(
  container: Resource,
  op: Verb,
  attribute: Attribute,
  sub: Attribute | undefined,
  value: unknown,
): void {
  const { name } = attribute;
  const known = container[name];
  if (sub) {
    const complex = { ...(isObject(known) ? (known as Complex) : {}) };
    assign(complex, sub, op === 'remove' ? undefined : cast(sub, value));
    put(container, name, complex);
    return;
  }
  const wanted = op === 'remove' ? undefined : cast(attribute, value);
  // What a complex value does not name stays as it is (RFC 7644 §3.5.2.3).
  put(container, name, isObject(wanted) && isObject(known) ? ({ ...known, ...wanted } as Complex) : wanted);
}

function setSeveral(container: Resource, op: Verb, path: AttributePath, value: unknown): void {
  const { attribute, filter, sub } = path;
  const known = Array.isArray(container[attribute.name]) ? (container[attribute.name] as Json[]) : [];
  const list = sub || filter ? changeSome(known, op, path, value) : changeAll(known, op, attribute, value);
  if (list.length > limits.values) throw tooLarge(`${attribute.name} has at most ${limits.values} values`);
  put(container, attribute.name, list);
}

function changeAll(known: Json[], op: Verb, attribute: Attribute, value: unknown): Json[] {
  const given = (cast(attribute, value) ?? []) as Json[];
  if (op === 'replace') return given;
  // Entra ID removes values by naming them; without any, all of them are meant.
  if (op === 'remove')
    return given.length === 0 ? [] : known.filter((one) => !given.some((other) => isSame(one, other)));
  return onePrimary([...known, ...given.filter((one) => !known.some((other) => isSame(one, other)))]);
}

function changeSome(known: Json[], op: Verb, { attribute, filter, sub }: AttributePath, value: unknown): Json[] {
  const isMeant = (one: Json) => !filter || matches(attribute, filter, one);
  if (op === 'remove' && !sub) return known.filter((one) => !isMeant(one));
  const change = op === 'remove' ? undefined : sub ? cast(sub, value) : changeOf(attribute, value);
  if (!known.some(isMeant)) return [...known, ...missing(attribute, filter, sub, change)];
  const changed = known.map((one) => {
    if (!isMeant(one) || !isObject(one)) return one;
    const copy = { ...one } as Complex;
    if (sub) assign(copy, sub, change);
    else if (isObject(change)) Object.assign(copy, change);
    return copy;
  });
  return onePrimary(changed.filter((one) => !isObject(one) || Object.keys(one).some((name) => !LABELS.has(name))));
}

/** A value that has nothing but these is none. */
const LABELS = new Set(['type', 'primary']);

function changeOf(attribute: Attribute, value: unknown): Json | undefined {
  return castOne(attribute, Array.isArray(value) && value.length === 1 ? value[0] : value);
}

/** Entra ID sets `emails[type eq "work"].value` of people who have no such e-mail yet. */
function missing(
  attribute: Attribute,
  filter: Filter | undefined,
  sub: Attribute | undefined,
  change: Json | undefined,
): Json[] {
  if (change === undefined) return [];
  const meant = filter ? valueMeant(attribute, filter) : {};
  if (!meant) throw new ScimFault(400, 'noTarget', `No value of ${attribute.name} is meant by the path.`);
  return [{ ...meant, ...(sub ? { [sub.name]: change } : (change as Complex)) }];
}

function assign(complex: Complex, sub: Attribute, value: Json | undefined): void {
  if (value === undefined) delete complex[sub.name];
  else complex[sub.name] = value;
}

/** Nothing, in whatever form, is not kept. */
function put(container: Resource, name: string, value: Json | undefined): void {
  const isEmpty = value === undefined || (isObject(value) && Object.keys(value).length === 0);
  if (isEmpty || (Array.isArray(value) && value.length === 0)) delete container[name];
  else container[name] = value;
}

/** The same value of an attribute that has several: `value` and `type` say which. */
function isSame(one: Json, other: Json): boolean {
  if (!isObject(one) || !isObject(other)) return one === other;
  if (one.value === undefined && other.value === undefined) return JSON.stringify(one) === JSON.stringify(other);
  return one.value === other.value && (other.type === undefined || one.type === other.type);
}
