/** Which members of client metadata (RFC 7591 §2) are kept from a client that registers itself. */
import { URI_CHARACTERS } from './redirect-uris.ts';

/** Wire metadata, snake_case. */
export type Metadata = Record<string, unknown>;

/**
 * Members beyond those oidc-provider knows. The first three are server-owned: our adapter states them, no client can.
 * `requested_scope` holds the `scope` that a client stated.
 */
export const extraMembers = [
  'consentry_origin',
  'consentry_kind',
  'consentry_access',
  'requested_scope',
  'software_id',
  'software_version',
] as const;

const KEPT: ReadonlySet<string> = new Set([
  'application_type',
  'backchannel_logout_session_required',
  'backchannel_logout_uri',
  'client_id',
  'client_id_issued_at',
  'client_name',
  'client_secret',
  'client_secret_expires_at',
  'client_uri',
  'contacts',
  'dpop_bound_access_tokens',
  'grant_types',
  'id_token_signed_response_alg',
  'jwks',
  'jwks_uri',
  'logo_uri',
  'policy_uri',
  'redirect_uris',
  'require_pushed_authorization_requests',
  'response_types',
  'scope',
  'software_id',
  'software_version',
  'subject_type',
  'token_endpoint_auth_method',
  'token_endpoint_auth_signing_alg',
  'tos_uri',
]);

const LINKS = ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri'];
const MAX_CONTACTS = 5;
const MAX_LINK_LENGTH = 1_000;

/**
 * Removes what a client that registers itself has no use for, and links that are none, instead of refusing it: unknown
 * members are ignored (RFC 7591 §2), and clients in the wild send `"logo_uri": ""`.
 */
export function dropUnusable(metadata: Metadata): void {
  dropEmpty(metadata);
  for (const member of Object.keys(metadata)) {
    if (!KEPT.has(member)) delete metadata[member];
  }
  for (const link of LINKS) if (!isHttpsLink(metadata[link])) delete metadata[link];
  const contacts = Array.isArray(metadata.contacts) ? metadata.contacts.filter(isEmail).slice(0, MAX_CONTACTS) : [];
  setMember(metadata, 'contacts', contacts.length > 0 ? contacts : undefined);
  setMember(metadata, 'software_id', shortText(metadata.software_id));
  setMember(metadata, 'software_version', shortText(metadata.software_version));
  for (const list of ['grant_types', 'response_types']) {
    if (Array.isArray(metadata[list]) && metadata[list].length === 0) delete metadata[list];
  }
}

/** `''` and null mean absent, also inside lists. */
export function dropEmpty(metadata: Metadata): void {
  for (const [member, value] of Object.entries(metadata)) {
    if (isEmpty(value)) delete metadata[member];
    else if (Array.isArray(value)) metadata[member] = value.filter((one) => !isEmpty(one));
  }
}

export function isHttpsLink(value: unknown): boolean {
  if (typeof value !== 'string' || value.length > MAX_LINK_LENGTH) return false;
  // As it stands, not as a parser would mend it: `https:\\host`, a line break in the middle of a host, an empty user.
  return /^https:\/\/[^/?#@]+(?:[/?#]|$)/i.test(value) && URI_CHARACTERS.test(value) && URL.canParse(value);
}

export function setMember(metadata: Metadata, member: string, value: unknown): void {
  if (value === undefined) delete metadata[member];
  else metadata[member] = value;
}

function isEmpty(value: unknown): boolean {
  return value === '' || value === null || value === undefined;
}

function isEmail(value: unknown): boolean {
  return typeof value === 'string' && /^[\w.+-]{1,64}@[a-z\d-]{1,63}(?:\.[a-z\d-]{1,63})+$/i.test(value);
}

function shortText(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\x20-\x7e]{1,100}$/.test(value) ? value : undefined;
}
