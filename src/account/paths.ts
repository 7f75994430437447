/** Where a person's own pages are, and to which of our pages a proof may lead back. */
export const APPS = '/account';
export const PROVE = '/account/prove';
export const PASSWORD = '/account/password';
export const WAYS_IN = '/account/ways-in';
export const SIGN_OUT = '/account/sign-out';
export const SESSIONS = '/account/sessions';
export const SECURITY = '/account/security';
export const REMOVE_CODES = '/account/security/remove-codes';
export const CODES_FILE = '/account/security/recovery-codes.txt';
export const LANGUAGE = '/account/language';

const MAX_CHARACTERS = 2_000;
const PATH = /^\/(?:account|admin)(?:\/[\w.~!$&'()*+,;=:@%-]+)*$/;
const QUERY = /^[\w.~!$&'()*+,;=:@%/?-]*$/;

/**
 * An address below `/account` or `/admin` that nothing in it can make another's: no authority, no way upwards, no character
 * that a browser drops or turns (WHATWG URL §4.4 takes a backslash for a slash, and drops line breaks).
 *
 * @returns undefined for anything else
 */
export function parseOwnPath(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > MAX_CHARACTERS) return undefined;
  const [path = '', ...rest] = value.split('?');
  if (!PATH.test(path) || !QUERY.test(rest.join('?'))) return undefined;
  if (path.split('/').some(leadsAway)) return undefined;
  const url = URL.parse(value, 'http://own.invalid');
  return url?.origin === 'http://own.invalid' && url.pathname + url.search === value ? value : undefined;
}

/** Also where a proxy in front of us would decode it first. */
function leadsAway(segment: string): boolean {
  try {
    const decoded = decodeURIComponent(segment);
    return decoded.split('/').some((part) => /^\.{1,2}$/.test(part)) || /[\\\p{Cc}]/u.test(decoded);
  } catch {
    return true;
  }
}

/** The page where a person signs in, or shows once more that it is them, and goes on to `to`. */
export function proofHref(to: string): string {
  return `${PROVE}?to=${encodeURIComponent(to).replaceAll('%2F', '/')}`;
}
