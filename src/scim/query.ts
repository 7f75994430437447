/** The parameters of a query, in the address or in the body of `/.search` (RFC 7644 §3.4.2, §3.4.3). */
import { assertText } from './body.ts';
import { invalidFilter, invalidValue } from './fault.ts';
import { type Filter, parseFilter } from './filter.ts';
import { limits } from './limits.ts';
import { member } from './operations.ts';
import { type Projection, readProjection } from './project.ts';
import type { ResourceKind } from './schemas.ts';

export interface ListQuery {
  filter: Filter | undefined;
  /** From 1. */
  startIndex: number;
  count: number;
  projection: Projection;
}

export type Parameters = Readonly<Record<string, unknown>>;

/** @throws ScimFault invalidFilter, invalidValue */
export function readListQuery(kind: ResourceKind, parameters: Parameters): ListQuery {
  const filter = text(parameters, 'filter');
  return {
    filter: filter === undefined ? undefined : readFilter(filter),
    startIndex: Math.max(1, integer(parameters, 'startIndex') ?? 1),
    count: Math.min(limits.page, Math.max(0, integer(parameters, 'count') ?? limits.defaultPage)),
    projection: projectionOf(kind, parameters),
  };
}

export function projectionOf(kind: ResourceKind, parameters: Parameters): Projection {
  return readProjection(kind, text(parameters, 'attributes'), text(parameters, 'excludedAttributes'));
}

function readFilter(filter: string): Filter {
  if (filter.length > limits.filterCharacters) throw invalidFilter('The filter is too long.');
  assertText(filter);
  return parseFilter(filter);
}

/** A list of strings, as `/.search` has it, and a parameter given several times are one with commas. */
function text(parameters: Parameters, name: string): string | undefined {
  const value = named(parameters, name);
  const written = Array.isArray(value) ? value.join(',') : value;
  return typeof written === 'string' && written.trim() !== '' ? written : undefined;
}

/** In any case: a filter that is overlooked would be answered with everybody. */
const named = (parameters: Parameters, name: string) => member(parameters, name.toLowerCase());

const MOST = 1_000_000_000;

function integer(parameters: Parameters, name: string): number | undefined {
  const value = named(parameters, name);
  if (value === undefined || value === null || value === '') return undefined;
  if (/^[+-]?\d+$/.test(String(value))) return Math.max(-MOST, Math.min(MOST, Number(value)));
  throw invalidValue(`${name} is a whole number.`);
}
