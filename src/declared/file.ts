/** Reads the YAML of a declared state (YAML 1.2.2, core schema); whatever is wrong is told with its line and its path. */
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { AppError } from '../errors.ts';
import { type Declared, declaredShape } from './shape.ts';

/** Where in the file, as members and places: `['resources', 0, 'scopes']`. */
export type Place = readonly (string | number)[];

export interface DeclaredFile {
  declared: Declared;
  /** An error at that place, in the words of who found it. */
  fault(place: Place, what: string): AppError;
}

const MAX_BYTES = 1_000_000;
const MAX_FAULTS = 20;

/**
 * @param name for the person, such as the path they gave
 * @throws AppError 400 `bad_file`, with every problem at once
 */
export function parseDeclared(text: string, name: string): DeclaredFile {
  if (Buffer.byteLength(text) > MAX_BYTES) throw bad(name, ['is longer than a megabyte']);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, stringKeys: true, merge: false });
  const broken = [...document.errors, ...document.warnings].map(({ message, pos: [at] }) => {
    const { line, col } = lines.linePos(at);
    return `${line}:${col} ${message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? ''}`;
  });
  if (broken.length > 0) throw bad(name, broken);
  const where = (place: Place) => `${lineOf(document, lines, place)}${pathOf(place)}`;
  const read = declaredShape.safeParse(plainValue(document, name), { reportInput: true });
  if (!read.success) {
    const faults = read.error.issues.flatMap((issue) =>
      faultsOf(issue).map(({ place, what }) => `${where(place)} ${what}`),
    );
    throw bad(name, faults);
  }
  return { declared: read.data, fault: (place, what) => bad(name, [`${where(place)} ${what}`]) };
}

/** A short file cannot grow without end by naming parts of itself. */
function plainValue(document: Document, name: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 50 });
  } catch (cause) {
    throw bad(name, [cause instanceof Error ? cause.message : 'cannot be read']);
  }
}

function faultsOf(issue: z.core.$ZodIssue): { place: Place; what: string }[] {
  const place = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({ place: [...place, key], what: 'is not known here' }));
    case 'invalid_value':
      return [{ place, what: issue.input === undefined ? MISSING : `must be ${inWords(issue.values.map(String))}` }];
    case 'invalid_type':
      return [
        {
          place,
          what: issue.input === undefined ? MISSING : `must be ${TYPES[issue.expected] ?? issue.expected}`,
        },
      ];
    case 'too_small':
      return [{ place, what: 'must not be empty' }];
    case 'too_big':
      return [{ place, what: `must be ${String(issue.maximum)} at most` }];
    default:
      return [{ place, what: issue.message }];
  }
}

const MISSING = 'is missing';
const TYPES: Readonly<Record<string, string>> = {
  string: 'text (put it in quotation marks)',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};

function inWords(values: readonly string[]): string {
  const last = values.at(-1) ?? '';
  return values.length < 2 ? last : `${values.slice(0, -1).join(', ')} or ${last}`;
}

/** Of the member itself where it is there, and otherwise of what should have it. */
function lineOf(document: Document, lines: LineCounter, place: Place): string {
  for (let length = place.length; length >= 0; length -= 1) {
    const start = startOf(document, place.slice(0, length));
    if (start === undefined) continue;
    const { line, col } = lines.linePos(start);
    return `${line}:${col} `;
  }
  return '';
}

function startOf(document: Document, place: Place): number | undefined {
  const last = place.at(-1);
  const parent = place.length === 0 ? document.contents : document.getIn(place.slice(0, -1), true);
  if (isMap(parent) && typeof last === 'string') {
    const key = parent.items.find((pair) => isScalar(pair.key) && pair.key.value === last)?.key;
    return isNode(key) ? key.range?.[0] : undefined;
  }
  const node = document.getIn(place, true);
  return isNode(node) ? node.range?.[0] : undefined;
}

function pathOf(place: Place): string {
  const path = place.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('');
  return path === '' ? 'the file' : path.replace(/^\./, '');
}

function bad(name: string, faults: readonly string[]): AppError {
  const lines = faults.slice(0, MAX_FAULTS).map((fault) => `  ${name}:${fault}`);
  const more = faults.length > MAX_FAULTS ? [`  and ${faults.length - MAX_FAULTS} more`] : [];
  return new AppError('bad_file', 400, ['Nothing was changed:', ...lines, ...more].join('\n'));
}
