/** When two names look alike: the skeleton of UTS 39 §4, widened by what a person does not tell apart at a glance. */
import unhomoglyph from 'unhomoglyph';

const MAX_CHARACTERS = 1_000;
const MAX_ROUNDS = 5;

const UNSEEN = /[\p{C}\p{Default_Ignorable_Code_Point}]/gu;
/** Accents, strokes and enclosing rings; not the vowel signs that other scripts spell with, nor the dakuten of kana. */
const ACCENTS = /[[\p{M}&&\p{Script=Inherited}]--[\u3099\u309A]]/gv;
const FOREIGN_MARKS = /(?<=[a-z\d])\p{M}+/gu;
const SEPARATORS = /[^\p{L}\p{N}\p{M}]+/gu;
const SIGNS = /[\p{P}\p{S}]+/gu;
/** What Unicode does not count as confusable: small capitals, which have no other case, a small omega, plain strokes. */
const MORE_LOOK_ALIKES = pairs('ᴀʙᴅᴇꜰɢʜᴊᴋĸʟᴍɴᴘᴛω丨〡│┃', 'abdefghjkklmnptwllll');
/** `I` is `l` to Unicode and `i` to a reader of small letters; pairs of letters that run together follow. */
const RUN_TOGETHER: readonly (readonly [RegExp, string])[] = [
  [/i/g, 'l'],
  [/m/g, 'rn'],
  [/w/g, 'vv'],
  [/d/g, 'cl'],
];
/** Scripts without blanks between words: a change of script is the nearest thing to one. */
const WORDS =
  /\p{scx=Katakana}+|\p{sc=Hiragana}+|\p{sc=Han}+|[[\p{L}\p{N}\p{M}]--[\p{scx=Katakana}\p{sc=Hiragana}\p{sc=Han}]]+/gv;
const CAMEL_CASE = /(?<=\p{Ll})(?=\p{Lu})/gu;

/**
 * Equal for names that look alike, meaningless otherwise: never shown. Beyond UTS 39 it ignores case, accents, blanks
 * and punctuation; unhomoglyph brings Unicode's map of confusables, which is about single characters and knows no case.
 *
 * @returns '' where no letter or digit is left
 */
export function skeleton(text: string): string {
  let current = text.slice(0, MAX_CHARACTERS);
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const next = fold(current);
    if (next === current) break;
    current = next;
  }
  return current;
}

/**
 * Every way to read a name: a sign such as `|` may stand for a letter or for nothing.
 *
 * @returns none where nothing visible is left
 */
export function looksOf(name: string): string[] {
  const visible = visibleOf(name);
  const looks = [skeleton(visible), skeleton(visible.replace(SIGNS, ' '))].filter((look) => look !== '');
  const signs = bare(visible).replace(/\p{Z}/gu, '');
  return looks.length > 0 ? [...new Set(looks)] : [signs].filter((look) => look !== '');
}

/** The skeletons of a name's words, in order. */
export function wordsOf(name: string, { camelCase = false }: { camelCase?: boolean } = {}): string[] {
  const visible = visibleOf(name);
  const parts = (camelCase ? visible.replace(CAMEL_CASE, ' ') : visible).match(WORDS) ?? [];
  return parts.map(skeleton).filter((word) => word !== '');
}

function fold(text: string): string {
  const letters = [...bare(text.replace(/\p{Pd}/gu, ''))].map(plainLetter).join('').replace(SEPARATORS, '');
  return RUN_TOGETHER.reduce((folded, [from, to]) => folded.replace(from, to), letters).replace(FOREIGN_MARKS, '');
}

/** In the case in which it looks Latin: к is no k to Unicode, but К is a K. */
function plainLetter(letter: string): string {
  if (/\p{M}/u.test(letter)) return letter;
  const forms = [letter, letter.toUpperCase(), letter.toLowerCase()].map(prototype);
  return (forms.find((form) => /^[\x21-\x7E]+$/.test(form)) ?? prototype(letter.toLowerCase())).toLowerCase();
}

function prototype(letter: string): string {
  const mapped = bare(unhomoglyph(letter));
  return MORE_LOOK_ALIKES.get(mapped) ?? mapped;
}

function visibleOf(name: string): string {
  return name.slice(0, MAX_CHARACTERS).normalize('NFKC').replace(UNSEEN, '');
}

function bare(text: string): string {
  return text.normalize('NFKD').replace(UNSEEN, '').replace(ACCENTS, '');
}

function pairs(letters: string, plain: string): ReadonlyMap<string, string> {
  return new Map([...letters].map((letter, index) => [letter, plain[index] ?? '']));
}
