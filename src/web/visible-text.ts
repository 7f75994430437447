/** Text that somebody else wrote, made harmless to read: Unicode normalisation (UAX 15), identifier hygiene (UTS 39). */
import { AppError } from '../errors.ts';

const LINE_BREAK = /[\t\n\v\f\r\u0085\u2028\u2029]/g;
/** Control, format (bidi, zero width), private-use and unassigned characters, and what is drawn as nothing. */
const INVISIBLE = /[\p{C}\p{Default_Ignorable_Code_Point}]/gu;
const BLANK = /[\p{Z}\u2800]+/gu;
/** Marks stacked so high that they cover the text around them. */
const STACKED_MARKS = /(\p{M}{3})\p{M}+/gu;

/**
 * One line without bidi, zero-width or control characters, its blanks single spaces. Not escaped and not shortened.
 *
 * @param form NFC keeps what the writer chose, such as full-width punctuation; NFKC makes look-alikes equal
 */
export function visibleText(text: string, form: 'NFC' | 'NFKC'): string {
  return text
    .replace(LINE_BREAK, ' ')
    .normalize(form)
    .replace(INVISIBLE, '')
    .normalize(form)
    .replace(STACKED_MARKS, '$1')
    .replace(BLANK, ' ')
    .trim();
}

/** Whether anything but marks and blanks is left to see. */
export function isVisible(text: string): boolean {
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(text);
}

/**
 * One visible line of an administrator's. Refused rather than cut: a person relies on its end too.
 * @throws AppError 400 `invalid_text`
 */
export function readableLine(
  text: string,
  { what, maxCharacters, member }: { what: string; maxCharacters: number; member?: string | undefined },
): string {
  const at = member === undefined ? {} : { member };
  const line = visibleText(text, 'NFC');
  if (!isVisible(line))
    throw new AppError('invalid_text', 400, `${what} is empty: write what a person will understand.`, {
      broken: { rule: 'empty', ...at },
    });
  if ([...line].length <= maxCharacters) return line;
  throw new AppError('invalid_text', 400, `${what} is too long: use at most ${maxCharacters} characters.`, {
    broken: { rule: 'too_long', facts: { count: maxCharacters }, ...at },
  });
}
