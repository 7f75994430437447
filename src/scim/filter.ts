/** Filters (RFC 7644 §3.4.2.2) into a tree; bounded, linear in their length. */
import { isStorable } from '../web/storable-text.ts';
import { invalidFilter } from './fault.ts';
import { limits } from './limits.ts';

export type Operator = 'eq' | 'ne' | 'co' | 'sw' | 'ew' | 'gt' | 'ge' | 'lt' | 'le';
export type Value = string | boolean | null;

export type Filter =
  | { kind: 'and' | 'or'; of: Filter[] }
  | { kind: 'not'; of: Filter }
  | { kind: 'compare'; path: string; operator: Operator; value: Value }
  | { kind: 'present'; path: string }
  /** `emails[type eq "work"]`: one value of the attribute fulfils all of it. */
  | { kind: 'within'; path: string; of: Filter };

const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*")|([()[\]])|([^\s()[\]"]+))/sy;
const OPERATORS = /^(eq|ne|co|sw|ew|gt|ge|lt|le)$/i;

interface Reader {
  tokens: string[];
  at: number;
  comparisons: number;
}

/** @throws ScimFault invalidFilter */
export function parseFilter(text: string): Filter {
  if (text.length > limits.filterCharacters) throw invalidFilter('The filter is too long.');
  const reader: Reader = { tokens: tokenise(text), at: 0, comparisons: 0 };
  const filter = parseOr(reader, 0);
  if (reader.at < reader.tokens.length) throw malformed();
  return filter;
}

function tokenise(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  const end = text.trimEnd().length;
  let at = 0;
  while (at < end) {
    TOKEN.lastIndex = at;
    const [, string, bracket, word] = TOKEN.exec(text) ?? [];
    const token = string ?? bracket ?? word;
    if (token === undefined) throw malformed();
    tokens.push(token);
    at = TOKEN.lastIndex;
  }
  return tokens;
}

function parseOr(reader: Reader, depth: number): Filter {
  const of = [parseAnd(reader, depth)];
  while (takeWord(reader, 'or')) of.push(parseAnd(reader, depth));
  return of.length === 1 ? (of[0] as Filter) : { kind: 'or', of };
}

function parseAnd(reader: Reader, depth: number): Filter {
  const of = [parseTerm(reader, depth)];
  while (takeWord(reader, 'and')) of.push(parseTerm(reader, depth));
  return of.length === 1 ? (of[0] as Filter) : { kind: 'and', of };
}

function parseTerm(reader: Reader, depth: number): Filter {
  if (depth > limits.filterDepth) throw invalidFilter('The filter is nested too deeply.');
  if (takeWord(reader, 'not')) return { kind: 'not', of: parseTerm(reader, depth + 1) };
  if (take(reader, '(')) {
    const inner = parseOr(reader, depth + 1);
    expect(reader, ')');
    return inner;
  }
  reader.comparisons += 1;
  if (reader.comparisons > limits.filterComparisons) throw invalidFilter('The filter has too many comparisons.');
  const path = next(reader);
  if (!/^[A-Za-z$]/.test(path)) throw malformed();
  return take(reader, '[') ? parseWithin(reader, path, depth) : parseComparison(reader, path);
}

/** Entra ID goes on after the bracket: `emails[type eq "work"].value eq "…"`. */
function parseWithin(reader: Reader, path: string, depth: number): Filter {
  const inner = parseOr(reader, depth + 1);
  expect(reader, ']');
  const sub = /^\.([A-Za-z$][\w$-]*)$/.exec(peek(reader) ?? '')?.[1];
  if (sub === undefined) return { kind: 'within', path, of: inner };
  reader.at += 1;
  return { kind: 'within', path, of: { kind: 'and', of: [inner, parseComparison(reader, sub)] } };
}

function parseComparison(reader: Reader, path: string): Filter {
  const operator = next(reader).toLowerCase();
  if (operator === 'pr') return { kind: 'present', path };
  if (!OPERATORS.test(operator)) throw malformed();
  return { kind: 'compare', path, operator: operator as Operator, value: parseValue(next(reader)) };
}

/** A word without quotes is taken for a string: Entra ID's own documentation writes `externalId eq jyoung`. */
function parseValue(token: string): Value {
  if (/^[()[\]]$/.test(token)) throw malformed();
  if (token.startsWith('"')) return unquote(token);
  const word = token.toLowerCase();
  if (word === 'true' || word === 'false') return word === 'true';
  // No attribute here is a number, and 007 is not 7.
  return word === 'null' ? null : token;
}

/** What is no JSON is meant as it stands: CONTOSO\ana. */
function unquote(token: string): string {
  const text = parsed(token);
  // Its escapes may write what a body could not.
  if (!isStorable(text)) throw invalidFilter('A string has characters that cannot be stored.');
  return text;
}

function parsed(token: string): string {
  try {
    return JSON.parse(token) as string;
  } catch {
    return token.slice(1, -1);
  }
}

const peek = ({ tokens, at }: Reader): string | undefined => tokens[at];

function next(reader: Reader): string {
  const token = peek(reader);
  if (token === undefined) throw malformed();
  reader.at += 1;
  return token;
}

function take(reader: Reader, token: string): boolean {
  if (peek(reader) !== token) return false;
  reader.at += 1;
  return true;
}

function takeWord(reader: Reader, word: string): boolean {
  if (peek(reader)?.toLowerCase() !== word) return false;
  reader.at += 1;
  return true;
}

function expect(reader: Reader, token: string): void {
  if (!take(reader, token)) throw malformed();
}

const malformed = () => invalidFilter('The filter is not written as RFC 7644 §3.4.2.2 says.');
