/** One difference between what a file declares and what there is: in words, and as what makes it so. */
import type { Section } from './shape.ts';

export interface Change {
  section: Section;
  how: 'added' | 'changed' | 'removed';
  /** What it is about: a URI, a key, an id. */
  name: string;
  /** Field by field. */
  lines: readonly string[];
  /** People who lose something by it, where anybody could. */
  people?: number | undefined;
  /** It makes something that is told once. */
  secret?: true | undefined;
  /** Makes it so, in the caller's unit of work. @returns what was made that nobody can be told again */
  make(): Promise<readonly Secret[]>;
}

export interface Secret {
  /** Of what. */
  name: string;
  fields: Readonly<Record<string, string>>;
}

export const NONE: readonly Secret[] = [];

/** As a person compares them; `undefined` is nothing. */
export function difference(what: string, before: unknown, after: unknown): string {
  return `${what}: ${said(before)} → ${said(after)}`;
}

export function said(value: unknown): string {
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return 'none';
  if (Array.isArray(value)) return value.map((one) => String(one)).join(', ');
  return typeof value === 'string' ? `"${value}"` : typeof value === 'object' ? JSON.stringify(value) : String(value);
}
