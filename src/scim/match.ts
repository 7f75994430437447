/** Which values of an attribute a filter in a path means (RFC 7644 §3.5.2): `emails[type eq "work"]`. */
import { asBoolean, type Complex, isObject, type Json } from './cast.ts';
import { invalidFilter } from './fault.ts';
import type { Filter, Value } from './filter.ts';
import { type Attribute, subAttributeOf } from './schemas.ts';

export function matches(attribute: Attribute, filter: Filter, value: Json): boolean {
  switch (filter.kind) {
    case 'and':
      return filter.of.every((one) => matches(attribute, one, value));
    case 'or':
      return filter.of.some((one) => matches(attribute, one, value));
    case 'not':
      return !matches(attribute, filter.of, value);
    case 'present':
      return read(attribute, filter.path, value) !== undefined;
    case 'compare':
      return compare(filter, read(attribute, filter.path, value));
    case 'within':
      throw invalidFilter('A filter within a path has no brackets of its own.');
  }
}

function read(attribute: Attribute, path: string, value: Json): Json | undefined {
  const sub = subAttributeOf(attribute, path);
  if (!sub) throw invalidFilter(`${attribute.name} has no ${JSON.stringify(path.slice(0, 60))}`);
  return isObject(value) ? (value[sub.name] as Json | undefined) : undefined;
}

function compare({ operator, value }: Extract<Filter, { kind: 'compare' }>, actual: Json | undefined): boolean {
  if (typeof actual === 'boolean') {
    const wanted = asBoolean(value);
    return operator === 'ne' ? actual !== wanted : operator === 'eq' && actual === wanted;
  }
  if (actual === undefined || value === null) {
    const same = (actual ?? null) === value;
    return operator === 'eq' ? same : operator === 'ne' && !same;
  }
  const left = String(actual).toLowerCase();
  const right = String(value).toLowerCase();
  switch (operator) {
    case 'eq':
      return left === right;
    case 'ne':
      return left !== right;
    case 'co':
      return left.includes(right);
    case 'sw':
      return left.startsWith(right);
    case 'ew':
      return left.endsWith(right);
    case 'gt':
      return left > right;
    case 'ge':
      return left >= right;
    case 'lt':
      return left < right;
    case 'le':
      return left <= right;
  }
}

/** What a value has to be so that the filter means it; undefined where that is not said by equality alone. */
export function valueMeant(attribute: Attribute, filter: Filter): Complex | undefined {
  const parts = filter.kind === 'and' ? filter.of : [filter];
  const meant: Complex = {};
  for (const part of parts) {
    if (part.kind !== 'compare' || part.operator !== 'eq' || part.value === null) return undefined;
    const sub = subAttributeOf(attribute, part.path);
    if (!sub) throw invalidFilter(`${attribute.name} has no ${JSON.stringify(part.path.slice(0, 60))}`);
    const value = typed(sub, part.value);
    if (value === undefined) return undefined;
    meant[sub.name] = value;
  }
  return meant;
}

function typed(sub: Attribute, value: Exclude<Value, null>): Json | undefined {
  return sub.type === 'boolean' ? asBoolean(value) : String(value);
}
