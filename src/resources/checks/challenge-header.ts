/** Reads `WWW-Authenticate`: several challenges in one value, or one in each of several (RFC 9110 §11.6.1). */

export interface Challenge {
  /** Lower case. */
  scheme: string;
  /** Names in lower case. */
  params: ReadonlyMap<string, string>;
}

const MAX_CHARACTERS = 8_000;
/** A parameter, or else a word: a scheme, or a token68 that belongs to none we read. */
const PART = /[\s,]*(?:([\w!#$%&'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"=]+))|([^\s,="]+=*))/gy;

/** @returns none for a value that follows no grammar */
export function parseChallenges(value: string | null): Challenge[] {
  const text = (value ?? '').slice(0, MAX_CHARACTERS).replace(/[\s,]+$/, '');
  const found: { scheme: string; params: Map<string, string> }[] = [];
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const match = PART.exec(text);
    if (!match || match[0] === '') return [];
    const [, name, quoted, plain, word] = match;
    if (word !== undefined) found.push({ scheme: word.toLowerCase(), params: new Map() });
    else found.at(-1)?.params.set((name ?? '').toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '');
  }
  return found;
}

export function bearerChallenge(headers: Headers): Challenge | undefined {
  return parseChallenges(headers.get('www-authenticate')).find(({ scheme }) => scheme === 'bearer');
}
