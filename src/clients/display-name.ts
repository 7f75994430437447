/** What a client calls itself, made harmless to read: Unicode normalisation (UAX 15) and identifier hygiene (UTS 39). */

const MAX_CHARACTERS = 60;

const LINE_BREAK = /[\t\n\v\f\r\u0085\u2028\u2029]/g;
/** Control, format (bidi, zero width), private-use and unassigned characters, and what is drawn as nothing. */
const INVISIBLE = /[\p{C}\p{Default_Ignorable_Code_Point}]/gu;
const BLANK = /[\p{Z}\u2800]+/gu;
/** Marks stacked so high that they cover the text around them. */
const STACKED_MARKS = /(\p{M}{3})\p{M}+/gu;
/** The page puts the name in quotation marks, which it must not be able to close. */
const QUOTATION_MARK = /["“”„‟«»‹›「」『』〝〞〟＂｢｣]/g;

/**
 * One line of at most 60 characters without bidi, zero-width or control characters, in compatibility form (NFKC), and
 * without quotation marks of its own. Not escaped: templates do that.
 *
 * @returns '' where nothing visible is left or the value is no string
 */
export function displayName(value: unknown): string {
  if (typeof value !== 'string') return '';
  const visible = value
    .slice(0, 1_000)
    .replace(LINE_BREAK, ' ')
    .normalize('NFKC')
    .replace(INVISIBLE, '')
    .normalize('NFKC')
    .replace(QUOTATION_MARK, "'")
    .replace(/\.{3,}/g, '…')
    .replace(STACKED_MARKS, '$1')
    .replace(BLANK, ' ')
    .trim();
  const name = shorten(visible);
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(name) ? name : '';
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
  return `${kept.trimEnd()}…`;
}
