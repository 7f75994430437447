/** The operations of a PATCH request, whatever case its client writes them in (RFC 7644 §3.5.2). */
import { assertStorable } from './body.ts';
import { isObject } from './cast.ts';
import { invalidPath, ScimFault, tooLarge } from './fault.ts';
import { limits } from './limits.ts';

export interface Operation {
  op: 'add' | 'remove' | 'replace';
  path: string | undefined;
  value: unknown;
}

/** @throws ScimFault */
export function readOperations(body: Record<string, unknown>): Operation[] {
  const list = member(body, 'operations');
  if (!Array.isArray(list) || list.length === 0) throw syntax('Operations is a list with at least one operation.');
  if (list.length > limits.operations) throw tooLarge(`A request has at most ${limits.operations} operations.`);
  return list.map(readOperation);
}

function readOperation(operation: unknown): Operation {
  if (!isObject(operation)) throw syntax('An operation is an object.');
  const op = String(member(operation, 'op')).toLowerCase();
  if (op !== 'add' && op !== 'remove' && op !== 'replace') throw syntax('op is add, remove or replace.');
  const path = member(operation, 'path');
  if (path !== undefined && path !== null && typeof path !== 'string') throw invalidPath('A path is a string.');
  const value = member(operation, 'value');
  return path?.trim() ? { op, path, value } : { op, path: undefined, value: unwrapped(value) };
}

/** Some clients write the object as JSON within a string. */
function unwrapped(value: unknown): unknown {
  if (typeof value !== 'string' || !value.trimStart().startsWith('{')) return value;
  try {
    const object: unknown = JSON.parse(value);
    assertStorable(object, 0);
    return object;
  } catch (error) {
    if (error instanceof ScimFault) throw error;
    return value;
  }
}

/** Whatever case its name is in; `name` is in lower case. */
export function member(object: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(object, name)) return object[name];
  const key = Object.keys(object).find((one) => one.toLowerCase() === name);
  return key === undefined ? undefined : object[key];
}

const syntax = (detail: string) => new ScimFault(400, 'invalidSyntax', detail);
