/** What others wrote, for a mail: one line, and nothing in it that a mail program would turn into a link. */
import { isVisible, visibleText } from '../web/visible-text.ts';

const NAME_CHARACTERS = 60;
const HOST_CHARACTERS = 300;
const WORDS_CHARACTERS = 1_000;
/** Longer than any visible part of it can matter. */
const READ_CHARACTERS = 4_000;

const QUOTATION_MARK = /["“”„‟«»‹›「」『』〝〞〟＂｢｣]/g;
/** The dot inside a host name, and what a resolver takes for one (RFC 3490 §3.1). */
const HOST_DOT = /[.．﹒](?=[\p{L}\p{N}])|(?<=[a-z0-9])[。｡](?=[a-z0-9])/giu;
/** Looks like a dot and is part of no host name. */
const DOT_THAT_LINKS_NOTHING = '\u2024';

/** A name that goes between quotation marks, which it cannot close; '' where nothing visible is left. */
export function inertName(text: string): string {
  return inert(text, 'NFKC', NAME_CHARACTERS);
}

/** A sentence or more that a person wrote; goes between quotation marks too. '' where nothing visible is left. */
export function inertWords(text: string): string {
  return inert(text, 'NFC', WORDS_CHARACTERS);
}

/** A host or a mail address: readable as it is, but no link. Neither has more than 254 characters (RFC 5321 §4.5.3.1). */
export function inertHost(host: string): string {
  return unlinked(visibleText(host.slice(0, HOST_CHARACTERS), 'NFKC'));
}

function inert(text: string, form: 'NFC' | 'NFKC', maxCharacters: number): string {
  const visible = visibleText(text.slice(0, READ_CHARACTERS), form).replace(QUOTATION_MARK, "'");
  if (!isVisible(visible)) return '';
  const characters = [...visible.replace(/\.{3,}/g, '…')];
  const line =
    characters.length > maxCharacters ? `${characters.slice(0, maxCharacters - 1).join('')}…` : characters.join('');
  return unlinked(line);
}

/** Last of all: normalising would turn the dots back. */
function unlinked(line: string): string {
  return line.replace(/:\/+/g, ': ').replace(HOST_DOT, DOT_THAT_LINKS_NOTHING).trimEnd();
}
