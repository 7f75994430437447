/** What an ID token says of a person (OpenID Connect Core 1.0 §2 and §5.1), as we take it. */
import { isEmail, normaliseEmail } from '../../credentials.ts';
import { isStorable } from '../../web/storable-text.ts';
import { visibleText } from '../../web/visible-text.ts';
import type { UpstreamIdentity } from '../connection.ts';
import type { OidcConnectionSettings } from '../settings.ts';
import { UpstreamFailed } from '../upstream-failed.ts';

type Claims = Record<string, unknown>;
type Named = Pick<OidcConnectionSettings, 'rolesClaim' | 'groupsClaim'>;

const MAX_SUBJECT_CHARACTERS = 255;
const MAX_NAME_CHARACTERS = 100;
const MAX_VALUES = 1_000;
const MAX_VALUE_CHARACTERS = 256;

/**
 * @param said the same with what userinfo adds, for display alone
 * @throws UpstreamFailed
 */
export function identityOf(
  claims: Claims & { iss: string; sub: string },
  said: Claims,
  named: Named,
): UpstreamIdentity {
  const { iss: issuer, sub: subject, sid } = claims;
  if (!isId(subject)) throw malformed('no usable subject');
  return {
    issuer,
    subject,
    email: emailOf(said),
    name: nameOf(said),
    authTimeSeconds: typeof claims.auth_time === 'number' ? claims.auth_time : undefined,
    ...(typeof claims.acr === 'string' ? { authContexts: [claims.acr] } : {}),
    ...(isId(sid) ? { sid } : {}),
    ...rolesOf(claims, named),
  };
}

/**
 * Of the ID token alone. A claim that the connection names and the token lacks is an empty one: providers leave it out
 * for people who have none.
 *
 * @throws UpstreamFailed where a claim is there and cannot be read: that is not "none"
 */
export function rolesOf(claims: Claims, { rolesClaim, groupsClaim }: Named) {
  return {
    ...(rolesClaim === undefined ? {} : { appRoles: valuesOf(claims, rolesClaim) }),
    ...(groupsClaim === undefined ? {} : { groups: valuesOf(claims, groupsClaim) }),
  };
}

function valuesOf(claims: Claims, name: string): string[] {
  // Claim names that are addresses have dots themselves; what is nested is written with dots between.
  const value = Object.hasOwn(claims, name) ? claims[name] : name.split('.').reduce<unknown>(memberOf, claims);
  if (value === undefined || value === null) return [];
  const values = [value].flat();
  const fit = (one: unknown) => isId(one, MAX_VALUE_CHARACTERS);
  if (values.length > MAX_VALUES || !values.every(fit)) throw malformed(`${name} is no list of short texts`);
  return [...new Set(values as string[])];
}

function memberOf(value: unknown, member: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, member)
    ? (value as Claims)[member]
    : undefined;
}

function isId(value: unknown, maxCharacters = MAX_SUBJECT_CHARACTERS): value is string {
  return typeof value === 'string' && value !== '' && value.length <= maxCharacters && isStorable(value);
}

function malformed(what: string): UpstreamFailed {
  return new UpstreamFailed('failed', `id_token: ${what}`);
}

function emailOf({ email, email_verified: verified }: Claims): string | undefined {
  if (typeof email !== 'string' || verified === false) return undefined;
  const address = normaliseEmail(email);
  return isEmail(address) ? address : undefined;
}

function nameOf({ name }: Claims): string | undefined {
  if (typeof name !== 'string') return undefined;
  const line = visibleText(name.slice(0, 1_000), 'NFC');
  return [...line].slice(0, MAX_NAME_CHARACTERS).join('').trim() || undefined;
}

/** The administrator's word, never a client's. */
export function resourceOf({ resource }: Pick<OidcConnectionSettings, 'resource'>): { resource?: string } {
  return resource === undefined ? {} : { resource };
}
