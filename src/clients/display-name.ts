/** What a client calls itself, made harmless to read beside our own words. */
import { isVisible, visibleText } from '../web/visible-text.ts';

const MAX_CHARACTERS = 60;

/** The page puts the name in quotation marks, which it must not be able to close. */
const QUOTATION_MARK = /["“”„‟«»‹›「」『』〝〞〟＂｢｣]/g;
/** Ticks, locks and shields: the pages have none, and a client must not bring one along that would seem to be theirs. */
const SEAL = /[✓✔☑✅⍻√🗸🗹🔒🔏🔐🛡]/gu;

/**
 * One line of at most 60 characters without bidi, zero-width or control characters, in compatibility form (NFKC), and
 * without quotation marks and seals of its own. Not escaped: templates do that.
 *
 * @returns '' where nothing visible is left or the value is no string
 */
export function displayName(value: unknown): string {
  if (typeof value !== 'string') return '';
  const visible = visibleText(value.slice(0, 1_000).normalize('NFKC').replace(SEAL, ' '), 'NFKC')
    .replace(QUOTATION_MARK, "'")
    .replace(/\.{3,}/g, '…');
  const name = shorten(visible);
  return isVisible(name) ? name : '';
}

/** Cuts between what people see as characters. */
function shorten(text: string): string {
  if ([...text].length <= MAX_CHARACTERS) return text;
  let kept = '';
  let characters = 0;
  for (const { segment } of new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(text)) {
    characters += [...segment].length;
    if (characters > MAX_CHARACTERS - 1) break;
    kept += segment;
  }
  // A dot before the ellipsis would be taken into it when the name is read again.
  return `${kept.replace(/[\s.…]+$/, '')}…`;
}
