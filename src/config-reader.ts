/** Reads one variable at a time, a secret also from a file, and collects what is wrong instead of stopping at it. */
import { resolve } from 'node:path';
import { ValueError } from './config-values.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
type ReadFile = (path: string) => string;

export interface Reader<Key extends string> {
  /** The parsed value; `fallback` where the variable is missing, blank or (then reported) wrong. */
  <T>(key: Key, parse: (value: string) => T, fallback: T): T;
  /** Whether something was written, be it wrong. */
  isSet(key: Key): boolean;
}

/**
 * @param secrets keys that may also be given as `<key>_FILE`, the path of a file that holds the value
 * @param problems grows by one line per variable that is wrong
 * @param root absolute; relative paths count from here
 */
export function createReader<Key extends string>(from: {
  env: Environment;
  secrets: readonly Key[];
  problems: string[];
  root: string;
  readFile: ReadFile;
}): Reader<Key> {
  const { env, secrets, problems, root, readFile } = from;
  const isWritten = (key: string) => (env[key] ?? '').trim() !== '';
  const isSet = (key: Key) => isWritten(key) || (secrets.includes(key) && isWritten(`${key}_FILE`));

  function secretText(key: Key): string | undefined {
    const fileKey = `${key}_FILE`;
    if (!isWritten(fileKey)) return isWritten(key) ? env[key] : undefined;
    if (isWritten(key)) throw new ValueError(`is set and ${fileKey} too; write only one of them`);
    const path = resolve(root, env[fileKey]?.trim() ?? '');
    const value = readText(readFile, path, `the file that ${fileKey} names`).replace(/\r?\n$/, '');
    if (value.trim() === '')
      throw new ValueError(`is empty in ${path}, the file that ${fileKey} names; write it there`);
    return value;
  }

  function plainText(key: Key): string | undefined {
    return isWritten(key) ? env[key]?.trim() : undefined;
  }

  function read<T>(key: Key, parse: (value: string) => T, fallback: T): T {
    try {
      const value = secrets.includes(key) ? secretText(key) : plainText(key);
      return value === undefined ? fallback : parse(value);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      problems.push(`${key} ${error.message}`);
      return fallback;
    }
  }

  return Object.assign(read, { isSet });
}

/** @throws ValueError saying which file cannot be read and why */
export function readText(readFile: ReadFile, path: string, what: string): string {
  try {
    return readFile(path);
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new ValueError(`cannot be read from ${path} (${why}), ${what}; write the path of a readable file`);
  }
}
