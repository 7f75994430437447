/** The words of the pages: JSON catalogues per language, and the only way from a message to HTML. */
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Locale } from './locale.ts';

/**
 * A value for a placeholder. `said` is client-stated and comes out between the language's quotation marks; of a date, the
 * day (UTC); of a phrase, its words.
 */
type Param = string | number | Date | { said: string } | Phrase;
export type Params = Record<string, Param>;
/** A message that stands inside another. */
export type Phrase = { key: string; params: Params };
export type Messages = {
  /** Escaped HTML; `**…**` in the catalogue is bold, every text parameter is isolated from its surroundings (`<bdi>`). */
  html(key: string, params?: Params): string;
  /** The same sentence without markup, not escaped: for titles and attributes. */
  text(key: string, params?: Params): string;
  has(key: string): boolean;
};

/** A message, or one per plural category of its `count` parameter (Unicode CLDR). */
type Message = string | Record<string, string>;
type Catalogue = { [section: string]: Catalogue | string };

const quotationMarks = { en: ['“', '”'], ja: ['「', '」'] } as const;
/** A name that brings its own quotation marks could seem to end the quotation. */
const quotes = /["“”„‟«»‹›「」『』﹁﹂﹃﹄〝〞〟＂「」]/g;

/**
 * Reads every `<locale>.json` in `directory` and below it as one catalogue.
 * @throws Error where two of them have the same key; for an unknown key or a missing parameter, when a page is rendered
 */
export function readMessages(directory: URL, locale: Locale): Messages {
  const messages = new Map<string, Message>();
  for (const file of globSync(`**/${locale}.json`, { cwd: fileURLToPath(directory) }).sort()) {
    for (const [key, message] of flatten(JSON.parse(readFileSync(new URL(file, directory), 'utf8')))) {
      if (messages.has(key)) throw new Error(`Message "${key}" is in ${file} and in another catalogue`);
      messages.set(key, message);
    }
  }
  const plural = new Intl.PluralRules(locale);
  const days = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' });
  const [open, close] = quotationMarks[locale];

  function find(key: string, params: Params): string {
    const message = messages.get(key);
    if (message === undefined) throw new Error(`No message "${key}" in ${locale}`);
    if (typeof message === 'string') return message;
    const text = message[plural.select(Number(params.count))] ?? message.other;
    if (text === undefined) throw new Error(`No plural form of "${key}" in ${locale}`);
    return text;
  }

  function show(value: Exclude<Param, Phrase>): string {
    if (value instanceof Date) return days.format(value);
    if (typeof value === 'object') return `${open}${String(value.said).replace(quotes, "'")}${close}`;
    return typeof value === 'number' ? value.toLocaleString(locale) : String(value);
  }

  function text(key: string, params: Params = {}): string {
    const shown = (value: Param) => (isPhrase(value) ? text(value.key, value.params) : show(value));
    return fill(find(key, params).replaceAll('**', ''), (name) => shown(required(key, params, name)));
  }

  function html(key: string, params: Params = {}): string {
    const shown = (value: Param) => (isPhrase(value) ? html(value.key, value.params) : isolate(value, show));
    // Emphasis is read from the catalogue before the parameters come in, so that no parameter can bring any.
    return find(key, params)
      .split('**')
      .map((part, index) => (index % 2 === 1 ? `<strong>${escapeHtml(part)}</strong>` : escapeHtml(part)))
      .map((part) => fill(part, (name) => shown(required(key, params, name))))
      .join('');
  }

  return { has: (key) => messages.has(key), text, html };
}

function isPhrase(value: Param): value is Phrase {
  return typeof value === 'object' && 'key' in value;
}

/** Escapes text for HTML, also inside quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"'`]/g, (char) => `&#${char.charCodeAt(0)};`);
}

function isolate<Value extends Exclude<Param, Phrase>>(value: Value, show: (value: Value) => string): string {
  const text = escapeHtml(show(value));
  if (value instanceof Date) return `<time datetime="${value.toISOString().slice(0, 10)}">${text}</time>`;
  return typeof value === 'number' ? text : `<bdi>${text}</bdi>`;
}

function fill(template: string, value: (name: string) => string): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => value(name));
}

function required(key: string, params: Params, name: string): Param {
  const value = params[name];
  if (value === undefined || value === null) throw new Error(`Message "${key}" needs "${name}"`);
  return value;
}

function flatten(catalogue: Catalogue, prefix = '', found = new Map<string, Message>()): Map<string, Message> {
  for (const [name, value] of Object.entries(catalogue)) {
    if (typeof value === 'string') found.set(prefix + name, value);
    else if ('other' in value) found.set(prefix + name, value as Record<string, string>);
    else flatten(value, `${prefix}${name}.`, found);
  }
  return found;
}
