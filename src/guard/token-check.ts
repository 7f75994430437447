/** Form, issuer, signature and claims of an access token, in this order (RFC 9068 §4, RFC 8725). */
import { type CryptoKey, compactVerify } from 'jose';
import { type AccessTokenClaims, checkClaims } from './claims.ts';
import { createIssuerKeys } from './issuer-keys.ts';
import type { Outcome, Problem } from './problems.ts';
import { isSecureUrl } from './resource-uri.ts';
import { parseToken } from './token.ts';

const asymmetricAlgorithms = [
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
  'EdDSA',
  'Ed25519',
] as const;

export type Algorithm = (typeof asymmetricAlgorithms)[number];

export type TokenCheckOptions = {
  issuers: readonly string[];
  resource: string;
  algorithms?: readonly Algorithm[];
  /** 0 to 60. */
  clockSkewSeconds?: number;
  report?: (cause: Error) => void;
  fetch?: typeof fetch;
  now?: () => Date;
};

/**
 * Throws a TypeError for options that cannot be right; the check itself never throws.
 * Its order matters: nothing is fetched for a token of a foreign issuer or algorithm, nothing is believed before the signature.
 */
export function createTokenCheck(options: TokenCheckOptions): (token: string) => Promise<Outcome<AccessTokenClaims>> {
  const { resource, now = () => new Date() } = options;
  const algorithms = checkedAlgorithms(options.algorithms ?? ['ES256']);
  const clockSkewSeconds = checkedSkew(options.clockSkewSeconds ?? 30);
  const report = options.report ?? ((cause) => console.error('consentry/guard: cannot read the issuer keys:', cause));
  const fetchDocument: typeof fetch = options.fetch ?? ((...request) => fetch(...request));
  const keysOf = new Map(
    checkedIssuers(options.issuers).map((issuer) => [
      issuer,
      createIssuerKeys({ issuer, fetch: fetchDocument, now, report }),
    ]),
  );

  return async (token: string) => {
    const parsed = parseToken(token, algorithms);
    if (parsed.kind !== 'valid') return parsed;
    const { header, claims } = parsed.value;
    const keys = typeof claims.iss === 'string' ? keysOf.get(claims.iss) : undefined;
    if (keys === undefined) return invalid('wrong_issuer');
    const found = await keys.find(header);
    if (found.kind === 'unavailable') return found;
    if (found.kind === 'unknown') return invalid('unknown_key');
    if (!(await isSignedBy(token, found.key, algorithms))) return invalid('bad_signature');
    return checkClaims(claims, { resource, clockSkewSeconds, nowSeconds: now().getTime() / 1000 });
  };
}

async function isSignedBy(token: string, key: CryptoKey, algorithms: readonly string[]): Promise<boolean> {
  try {
    await compactVerify(token, key, { algorithms: [...algorithms] });
    return true;
  } catch {
    return false;
  }
}

function checkedIssuers(issuers: readonly string[]): readonly string[] {
  if (issuers.length === 0) throw new TypeError('issuer is missing');
  for (const issuer of issuers) {
    const url = URL.canParse(issuer) ? new URL(issuer) : undefined;
    if (!isSecureUrl(issuer) || issuer.includes('*') || url?.search || url?.hash) {
      throw new TypeError(
        `issuer must be one https URL without query, fragment or wildcard (http on this machine only), not "${issuer}"`,
      );
    }
  }
  return issuers;
}

function checkedAlgorithms(algorithms: readonly Algorithm[]): readonly string[] {
  const foreign = algorithms.find((algorithm) => !asymmetricAlgorithms.includes(algorithm));
  if (foreign !== undefined)
    throw new TypeError(`algorithm ${foreign} is not accepted: only asymmetric signatures are`);
  if (algorithms.length === 0) throw new TypeError('algorithms must name at least one');
  return [...algorithms];
}

function checkedSkew(seconds: number): number {
  if (!(seconds >= 0 && seconds <= 60))
    throw new TypeError(`clockSkewSeconds must be between 0 and 60, not ${seconds}`);
  return seconds;
}

function invalid(problem: Problem): Outcome<never> {
  return { kind: 'invalid', problem };
}
