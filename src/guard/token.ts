/** The form of an access token before any key is touched: a compact JWS with one spelling only (RFC 7515 §7.1, RFC 9068 §2.1, RFC 8725). */
import { base64url } from 'jose';
import type { Outcome, Problem } from './problems.ts';
import { parseStrictJson } from './strict-json.ts';

export type UnverifiedToken = {
  header: { alg: string; kid: string };
  claims: Readonly<Record<string, unknown>>;
};

const maxTokenLength = 8192;
const maxKidLength = 256;

/** Headers that name a key or change the meaning of the signature; keys come from the issuer's own key set alone. */
const headersRefused = ['crit', 'b64', 'jku', 'jwk', 'x5u', 'x5c'];

/** Reads header and claims; nothing in them may be trusted before the signature is verified. */
export function parseToken(token: string, algorithms: readonly string[]): Outcome<UnverifiedToken> {
  if (token.length > maxTokenLength) return invalid('too_long');
  const [headerPart = '', claimsPart = '', signaturePart = '', ...rest] = token.split('.');
  if (rest.length > 0 || !isCanonicalBase64url(signaturePart)) return invalid('malformed');
  const header = parseObject(headerPart);
  const claims = parseObject(claimsPart);
  if (header === undefined || claims === undefined) return invalid('malformed');

  const { alg, kid, typ } = header;
  if (typeof alg !== 'string' || !algorithms.includes(alg)) return invalid('wrong_algorithm');
  if (typeof typ !== 'string' || !/^(application\/)?at\+jwt$/i.test(typ)) return invalid('wrong_type');
  if (headersRefused.some((name) => Object.hasOwn(header, name))) return invalid('header_not_accepted');
  if (typeof kid !== 'string' || kid === '' || kid.length > maxKidLength) return invalid('header_not_accepted');
  return { kind: 'valid', value: { header: { alg, kid }, claims } };
}

function parseObject(part: string): Record<string, unknown> | undefined {
  if (!isCanonicalBase64url(part)) return undefined;
  try {
    const value = parseStrictJson(new TextDecoder('utf-8', { fatal: true }).decode(base64url.decode(part)));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Lenient decoders ignore the unused bits of the last character, so that one signature would have several spellings. */
function isCanonicalBase64url(part: string): boolean {
  return /^[\w-]+$/.test(part) && part.length % 4 !== 1 && base64url.encode(base64url.decode(part)) === part;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(problem: Problem): Outcome<never> {
  return { kind: 'invalid', problem };
}
