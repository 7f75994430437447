/**
 * English sentences for whoever has no page: the command line, the log, mails and the API. Their words stand in the catalogues
 * of the pages, once.
 */
import { type Messages, type Params, readMessages } from './messages.ts';

export type Plain = Readonly<Record<string, string | number>>;

const english: Messages = readMessages(new URL('../../views/messages/', import.meta.url), 'en');

/** Without quotation marks, and numbers as programs write them. */
export function inEnglish(key: string, params: Plain = {}): string {
  const plain = Object.entries(params).map(([name, value]) => [name, String(value)]);
  return english.text(key, Object.fromEntries(plain) as Params);
}

export function hasEnglish(key: string): boolean {
  return english.has(key);
}
