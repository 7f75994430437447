/** Filters as conditions of SQL: names come from the schema, every value is a parameter. */
import { asBoolean } from './cast.ts';
import { invalidFilter } from './fault.ts';
import type { Filter, Operator, Value } from './filter.ts';
import { findAttribute, splitUrn } from './names.ts';
import { type Attribute, type ResourceKind, subAttributeOf } from './schemas.ts';

type Comparison = Extract<Filter, { kind: 'compare' }>;
export type Condition = Comparison | Extract<Filter, { kind: 'present' }>;

/** An SQL expression and how to compare with it. */
export interface Column {
  sql: string;
  /** `folded`: already lower-cased; `exact`: case counts. */
  as: 'folded' | 'exact' | 'boolean' | 'moment';
  /** Brings what is compared into the form that is stored. */
  fold?: (value: string) => string;
}

export interface Source {
  kind: ResourceKind;
  /** By path in lower case, without a URN. */
  columns: Readonly<Record<string, Column>>;
  /** Rows of another table, by path. */
  related: Readonly<Record<string, { exists: (condition: string) => string; column: Column }>>;
  /** The column with everything else, where there is one. */
  json?: string;
}

export interface Compiled {
  sql: string;
  values: unknown[];
}

interface Build {
  source: Source;
  /** Adds a value, and says how SQL refers to it. */
  param(value: unknown, type: string): string;
}

/** @throws ScimFault invalidFilter */
export function compile(source: Source, filter: Filter | undefined, first: number): Compiled {
  const values: unknown[] = [];
  const param = (value: unknown, type: string) => `$${first + values.push(value) - 1}::${type}`;
  return { sql: filter ? visit({ source, param }, filter) : 'true', values };
}

function visit(build: Build, one: Filter): string {
  switch (one.kind) {
    case 'and':
    case 'or':
      return joined(
        one.kind,
        one.of.map((part) => visit(build, part)),
      );
    case 'not':
      return negated(visit(build, one.of));
    case 'within':
      return within(build, one.path, one.of);
    default:
      return condition(build, one);
  }
}

const joined = (kind: 'and' | 'or', parts: string[]) => `(${parts.join(kind === 'and' ? ' AND ' : ' OR ')})`;
const negated = (sql: string) => `(NOT coalesce(${sql}, false))`;

function condition(build: Build, one: Condition): string {
  const { source } = build;
  const path = plain(source, one.path);
  const column = own(source.columns, path);
  if (column) return compare(build, column, one);
  const related = own(source.related, path.replace(/\.value$/, ''));
  if (related) return related.exists(compare(build, related.column, one));
  const { attribute, sub, place } = find(build, one.path);
  if (attribute.config.multiValued)
    return anyOf(build, place, inner(build, attribute, sub ?? subAttributeOf(attribute, 'value'), one));
  // `manager eq "26"` means its value.
  const part = sub ?? (one.kind === 'compare' ? subAttributeOf(attribute, 'value') : undefined);
  if (attribute.type === 'complex' && !part && one.kind === 'compare') throw unknown(one.path);
  const text = `(${source.json} #>> ${build.param([...place, ...(part ? [part.name] : [])], 'text[]')})`;
  return compare(build, typed(text, part ?? attribute), one);
}

function within(build: Build, path: string, filter: Filter): string {
  const related = own(build.source.related, plain(build.source, path));
  if (related) return related.exists(visitWithin(build, filter, undefined, related.column));
  const { attribute, sub, place } = find(build, path);
  if (!attribute.config.multiValued || sub) throw unknown(path);
  return anyOf(build, place, visitWithin(build, filter, attribute, undefined));
}

function visitWithin(build: Build, one: Filter, attribute: Attribute | undefined, column: Column | undefined): string {
  switch (one.kind) {
    case 'and':
    case 'or':
      return joined(
        one.kind,
        one.of.map((part) => visitWithin(build, part, attribute, column)),
      );
    case 'not':
      return negated(visitWithin(build, one.of, attribute, column));
    case 'within':
      throw invalidFilter('There are no brackets within brackets.');
    default:
      if (column && one.path.toLowerCase() === 'value') return compare(build, column, one);
      return inner(build, attribute, attribute && subAttributeOf(attribute, one.path), one);
  }
}

/** @param sub of one value of an attribute that has several, which SQL calls `element` */
function inner(build: Build, attribute: Attribute | undefined, sub: Attribute | undefined, one: Condition): string {
  if (!attribute || !sub) throw unknown(one.path);
  return compare(build, typed(`(element ->> ${build.param(sub.name, 'text')})`, sub), one);
}

function anyOf({ source, param }: Build, place: readonly string[], sql: string): string {
  const list = `${source.json} #> ${param([...place], 'text[]')}`;
  const safe = `CASE jsonb_typeof(${list}) WHEN 'array' THEN ${list} ELSE '[]' END`;
  return `EXISTS (SELECT 1 FROM jsonb_array_elements(${safe}) AS element WHERE ${sql})`;
}

/** What has no column of its own, and where it is in the JSON. */
function find({ source }: Build, path: string) {
  const found = findAttribute(source.kind, path);
  if (!found || !source.json) throw unknown(path);
  const { extension, attribute, sub } = found;
  return { attribute, sub, place: [...(extension === undefined ? [] : [extension]), attribute.name] };
}

/** Every object has a `constructor`. */
const own = <T>(table: Readonly<Record<string, T>>, path: string): T | undefined =>
  Object.hasOwn(table, path) ? table[path] : undefined;

/** In lower case, without the URN of the resource's own schema. */
function plain({ kind }: Source, path: string): string {
  const named = splitUrn(kind, path);
  return (named && named.extension === undefined ? named.rest : path).toLowerCase();
}

function compare({ param }: Build, column: Column, one: Condition): string {
  if (one.kind === 'present') return `(${column.sql} IS NOT NULL)`;
  const { operator, value } = one;
  if (value === null) return nothing(column.sql, operator);
  if (column.as === 'boolean') return equality(column.sql, operator, param(boolean(value), 'boolean'));
  if (column.as === 'moment') return order(column.sql, operator, param(moment(value), 'timestamptz'));
  const given = param(column.fold ? column.fold(String(value)) : String(value), 'text');
  return textual(column.sql, operator, column.as === 'folded' && !column.fold ? `lower(${given})` : given);
}

function typed(text: string, { type }: Attribute): Column {
  return type === 'boolean' ? { sql: `(${text})::boolean`, as: 'boolean' } : { sql: `lower(${text})`, as: 'folded' };
}

function textual(sql: string, operator: Operator, given: string): string {
  switch (operator) {
    case 'co':
      return `(position(${given} in ${sql}) > 0)`;
    case 'sw':
      return `starts_with(${sql}, ${given})`;
    case 'ew':
      return `(right(${sql}, length(${given})) = ${given})`;
    default:
      return operator in SIGNS ? order(`${sql} COLLATE "C"`, operator, given) : equality(sql, operator, given);
  }
}

const SIGNS: Readonly<Record<string, string>> = { gt: '>', ge: '>=', lt: '<', le: '<=' };

function order(sql: string, operator: Operator, given: string): string {
  const sign = SIGNS[operator];
  return sign ? `(${sql} ${sign} ${given})` : equality(sql, operator, given);
}

function equality(sql: string, operator: Operator, given: string): string {
  if (operator === 'eq') return `(${sql} = ${given})`;
  if (operator === 'ne') return `(${sql} IS DISTINCT FROM ${given})`;
  throw invalidFilter(`${operator} does not compare this attribute.`);
}

function nothing(sql: string, operator: Operator): string {
  if (operator === 'eq') return `(${sql} IS NULL)`;
  if (operator === 'ne') return `(${sql} IS NOT NULL)`;
  throw invalidFilter(`${operator} does not compare with null.`);
}

function boolean(value: Value): boolean {
  const known = asBoolean(value);
  if (known === undefined) throw invalidFilter('This attribute is true or false.');
  return known;
}

function moment(value: Value): Date {
  const at = typeof value === 'string' && /^\d{4}-\d{2}-\d{2}/.test(value) ? new Date(value) : undefined;
  const year = at?.getUTCFullYear() ?? Number.NaN;
  if (!at || !(year > 0 && year < 10_000)) throw invalidFilter('This attribute is a date and time.');
  return at;
}

const unknown = (path: string) => invalidFilter(`There is no attribute ${JSON.stringify(path.slice(0, 80))}.`);
