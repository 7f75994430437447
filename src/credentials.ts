/** What an e-mail address and a password must be to be accepted here (NIST SP 800-63B-4, section 3.1.1). */

const minPasswordCharacters = 12;
export const maxPasswordBytes = 256;
const MAX_EMAIL_CHARACTERS = 254;
const MIN_DISTINCT_CHARACTERS = 5;

export type PasswordProblem = 'too_short' | 'too_long' | 'too_simple' | 'same_as_email';

/** One spelling for one address: trimmed, NFC, lower case. What is stored and what is searched. */
export function normaliseEmail(email: string): string {
  return email.trim().normalize('NFC').toLowerCase();
}

/** Whether a normalised address is one a browser's e-mail field would also take; `admin@localhost` is. */
export function isEmail(email: string): boolean {
  return email.length <= MAX_EMAIL_CHARACTERS && /^[^\s@\p{C}"<>(),:;\\]+@[^\s@\p{C}"<>(),:;\\]+$/u.test(email);
}

/** The same password however the keyboard composed its characters (RFC 8265, section 4.2.2). */
export function normalisePassword(password: string): string {
  return password.replace(/\p{Zs}/gu, ' ').normalize('NFC');
}

/** What keeps a new password from being accepted, or undefined. Length is counted in characters, bounded in UTF-8 bytes. */
export function passwordProblem(password: string, email?: string): PasswordProblem | undefined {
  if (Buffer.byteLength(password) > maxPasswordBytes) return 'too_long';
  const characters = [...normalisePassword(password)];
  if (characters.length < minPasswordCharacters) return 'too_short';
  if (new Set(characters).size < MIN_DISTINCT_CHARACTERS) return 'too_simple';
  if (email !== undefined && normaliseEmail(password) === normaliseEmail(email)) return 'same_as_email';
  return undefined;
}

/** The rule in English, for the command line and the configuration; pages translate the code themselves. */
export function passwordRule(problem: PasswordProblem): string {
  switch (problem) {
    case 'too_short':
      return `use at least ${minPasswordCharacters} characters`;
    case 'too_long':
      return `use at most ${maxPasswordBytes} bytes`;
    case 'too_simple':
      return `use at least ${MIN_DISTINCT_CHARACTERS} different characters`;
    case 'same_as_email':
      return 'use something other than the e-mail address';
  }
}
