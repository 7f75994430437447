/** Who an ID token of Entra ID is about, and whether they may come in. */
import { isEmail, normaliseEmail } from '../../credentials.ts';
import { isStorable } from '../../web/storable-text.ts';
import { visibleText } from '../../web/visible-text.ts';
import type { UpstreamIdentity } from '../connection.ts';
import type { EntraSettings } from '../settings.ts';
import { UpstreamFailed, type UpstreamReason } from '../upstream-failed.ts';
import { clouds, isAllowedTenant, isGuid, issuerOf } from './clouds.ts';

export type Claims = Readonly<Record<string, unknown>>;
export type TenantOf = { issuer: string; tenant: string };

const MAX_NAME_CHARACTERS = 100;
const MAX_ID_CHARACTERS = 255;
const MAX_ROLES = 500;
const MAX_ROLE_CHARACTERS = 200;

/**
 * Whether the token is a v2.0 one of a tenant whose people may come in. openid-client takes any tenant's for a
 * connection to several.
 * @throws UpstreamFailed
 */
export function assertTenant(claims: Claims, settings: EntraSettings): TenantOf {
  const { aud, iss, tid, ver } = claims;
  if (ver !== '2.0') throw unbelievable('it is not of version 2.0');
  // Ours is among them; whoever else's are there could have got it too (OpenID Connect Core 1.0 §3.1.3.7).
  if ([aud].flat().length !== 1) throw unbelievable('it is for others too');
  if (!isGuid(tid)) throw unbelievable('tid is not a tenant');
  const issuer = issuerOf(clouds[settings.cloud], tid);
  if (iss !== issuer) throw unbelievable('tid and iss differ, or another cloud');
  if (!isAllowedTenant(settings, tid)) throw notLetIn('tenant_not_allowed', `tenant ${tid} is not one of ours`);
  return { issuer, tenant: tid };
}

/**
 * After `assertTenant` and the signature.
 * @throws UpstreamFailed
 */
export function identityOf(claims: Claims, { issuer, tenant }: TenantOf, settings: EntraSettings): UpstreamIdentity {
  const { oid, sub } = claims;
  // `sub` is another one for each application, so it could not stand in.
  if (!isGuid(oid)) throw unbelievable('no oid: the application has to allow the scope profile');
  const guest = isGuest(claims, issuer, tenant);
  if (guest && !settings.guests) throw notLetIn('guest', `${oid} of ${tenant} is a guest there`);
  return {
    issuer,
    subject: oid,
    tenantId: tenant,
    objectId: oid,
    pairwiseSubject: idOf(sub),
    guest,
    email: addressOf(claims),
    name: nameOf(claims),
    // When a token was made says nothing of when the person was last asked: only `auth_time` does.
    authTimeSeconds: typeof claims.auth_time === 'number' ? claims.auth_time : undefined,
    authContexts: stringsOf(claims.acrs, 'acrs'),
    sid: idOf(claims.sid),
    // Without any assigned the claim is absent: that is none, not what they were before.
    appRoles: stringsOf(claims.roles, 'roles') ?? [],
  };
}

/** By any of three signs, of which the first two depend on what the application was set up to send. */
function isGuest({ acct, upn, preferred_username: username, idp }: Claims, issuer: string, tenant: string): boolean {
  if (acct !== undefined && acct !== 0 && acct !== '0') return true;
  if ([upn, username].some((name) => typeof name === 'string' && /#ext#/i.test(name))) return true;
  return idp !== undefined && idp !== issuer && idp !== `https://sts.windows.net/${tenant}/`;
}

/** For display: a user name is in a domain that the tenant has proven, an `email` may be anything. */
function addressOf({ preferred_username: username, email, xms_edov: proven }: Claims): string | undefined {
  const isProven = proven === true || proven === 1 || proven === '1' || proven === 'true';
  for (const candidate of [username, isProven ? email : undefined]) {
    if (typeof candidate !== 'string') continue;
    const address = normaliseEmail(candidate);
    if (isEmail(address)) return address;
  }
  return undefined;
}

function nameOf({ name }: Claims): string | undefined {
  if (typeof name !== 'string') return undefined;
  const line = visibleText(name.slice(0, 1_000), 'NFC');
  return [...line].slice(0, MAX_NAME_CHARACTERS).join('').trim() || undefined;
}

/** Where it is cut short, it is nobody's. */
function idOf(id: unknown): string | undefined {
  if (typeof id !== 'string' || id === '' || id.length > MAX_ID_CHARACTERS) return undefined;
  return isStorable(id) ? id : undefined;
}

/** A string alone would let `Admin` be found in `NotAdmin`. */
function stringsOf(value: unknown, claim: string): string[] | undefined {
  if (value === undefined) return undefined;
  const fits = (one: unknown) => typeof one === 'string' && one.length <= MAX_ROLE_CHARACTERS && isStorable(one);
  if (Array.isArray(value) && value.length <= MAX_ROLES && value.every(fits)) return value;
  throw unbelievable(`${claim} is not a list of strings`);
}

function unbelievable(what: string): UpstreamFailed {
  return new UpstreamFailed('failed', `id_token: ${what}`);
}

function notLetIn(reason: UpstreamReason, what: string): UpstreamFailed {
  return new UpstreamFailed('denied', what, undefined, { reason });
}
