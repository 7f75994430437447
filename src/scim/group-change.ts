/** What operations on a group come to: its names, and whose membership begins or ends. No list of members is loaded. */
import { isObject } from './cast.ts';
import { invalidPath, invalidValue, ScimFault, tooLarge } from './fault.ts';
import type { Filter } from './filter.ts';
import { limits } from './limits.ts';
import { splitUrn } from './names.ts';
import { member, type Operation } from './operations.ts';
import { parsePath, quoted } from './path.ts';
import { groupKind } from './schemas.ts';

export interface GroupChange {
  displayName?: string;
  /** null: taken away. */
  externalId?: string | null;
  /** Nobody but `add` is a member afterwards. */
  replaced: boolean;
  add: Set<string>;
  remove: Set<string>;
}

const NO_PATH = new Set(['id', 'meta', 'schemas']);

/** A group as POST and PUT send it. */
export function readGroup(body: Record<string, unknown>): GroupChange & { displayName: string } {
  const { displayName, ...change } = readGroupOperations([{ op: 'replace', path: undefined, value: body }]);
  if (displayName === undefined) throw invalidValue('displayName is required.');
  return { ...change, displayName };
}

export function readGroupOperations(operations: readonly Operation[]): GroupChange {
  const change: GroupChange = { replaced: false, add: new Set(), remove: new Set() };
  for (const operation of operations) {
    if (operation.path === undefined) applyMembers(change, operation);
    else if (!apply(change, operation, operation.path))
      throw invalidPath(`There is no attribute ${quoted(operation.path)}.`);
    if (change.add.size + change.remove.size > limits.members)
      throw tooLarge(`A request names at most ${limits.members} members.`);
  }
  return change;
}

function applyMembers(change: GroupChange, { op, value }: Operation): void {
  if (op === 'remove') throw new ScimFault(400, 'noTarget', 'A remove operation has a path.');
  if (!isObject(value)) throw invalidValue('Without a path the value is an object.');
  for (const [name, inner] of Object.entries(value)) {
    if (!NO_PATH.has(name.toLowerCase()) && name.length <= limits.pathCharacters)
      apply(change, { op, path: name, value: inner }, name);
  }
}

/** @returns false where no such attribute exists */
function apply(change: GroupChange, operation: Operation, written: string): boolean {
  const named = splitUrn(groupKind, written.trim());
  if (!named) return true;
  if (named.rest.toLowerCase() === 'externalid') {
    change.externalId = operation.op === 'remove' ? null : (nameOf(operation.value, 'externalId') ?? null);
    return true;
  }
  if (NO_PATH.has(named.rest.toLowerCase()))
    throw new ScimFault(400, 'mutability', `${quoted(written)} is ours to set.`);
  if (!/^(displayname|members)\b/i.test(named.rest)) return false;
  const path = parsePath(groupKind, written);
  if (typeof path === 'string' || !path.attribute) return false;
  if (path.attribute.name === 'members') changeMembers(change, operation, path.filter);
  else change.displayName = displayNameOf(operation);
  return true;
}

function displayNameOf({ op, value }: Operation): string {
  const name = op === 'remove' ? undefined : nameOf(value, 'displayName');
  if (name === undefined) throw invalidValue('displayName is required.');
  return name;
}

function changeMembers(change: GroupChange, { op, value }: Operation, filter: Filter | undefined): void {
  const ids = filter ? idsMeant(filter) : idsOf(value);
  if (op === 'add' || (filter && op === 'replace')) {
    for (const id of ids) move(id, change.remove, change.add);
  } else if (op === 'remove' && ids.length > 0) {
    for (const id of ids) move(id, change.add, change.remove);
  } else if (op === 'replace' || !filter) {
    change.replaced = true;
    change.add = new Set(ids);
    change.remove = new Set();
  }
}

function move(id: string, from: Set<string>, to: Set<string>): void {
  from.delete(id);
  to.add(id);
}

/** `members[value eq "…"]`, several of them joined by `or`. */
function idsMeant(filter: Filter): string[] {
  if (filter.kind === 'or') return filter.of.flatMap(idsMeant);
  const isValue = filter.kind === 'compare' && filter.operator === 'eq' && filter.path.toLowerCase() === 'value';
  if (!isValue) throw invalidPath('Members are chosen by value eq.');
  return [String(filter.value).toLowerCase()];
}

/** [{ value, $ref: null }], one of them without the list, or bare ids. */
function idsOf(value: unknown): string[] {
  if (value === undefined || value === null || value === '') return [];
  const list = Array.isArray(value) ? value : [value];
  if (list.length > limits.members) throw tooLarge(`A request names at most ${limits.members} members.`);
  return list.map((one) => {
    const id = isObject(one) ? member(one, 'value') : one;
    if (typeof id !== 'string' || id === '') throw invalidValue('A member has a value: the id of a user.');
    return id.toLowerCase();
  });
}

/** A name that stands in an index. */
export function nameOf(value: unknown, what: string): string | undefined {
  const inner = Array.isArray(value) && value.length === 1 ? value[0] : value;
  const name = isObject(inner) ? inner.value : inner;
  if (name === undefined || name === null || name === '') return undefined;
  if (typeof name === 'object') throw invalidValue(`${what} is a string.`);
  const text = String(name);
  if (text.length > limits.nameCharacters)
    throw invalidValue(`${what} has at most ${limits.nameCharacters} characters.`);
  return text;
}
