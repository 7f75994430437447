/** What a client may say of itself: one policy for registration (RFC 7591), its management (7592) and metadata documents. */
import { errors } from 'oidc-provider';
import type { ClientKind, ClientOrigin } from './client.ts';
import { displayName } from './display-name.ts';
import { dropEmpty, dropUnusable, extraMembers, isHttpsLink, type Metadata, setMember } from './metadata-members.ts';
import { faultText, MAX_REDIRECT_URIS, parseRedirectUri, type RedirectRules } from './redirect-uris.ts';

const SELF_REGISTERED_GRANTS = ['authorization_code', 'refresh_token'];
const AUTH_METHODS = {
  dynamic: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
  document: ['none', 'private_key_jwt'],
};
const KINDS: readonly ClientKind[] = ['app', 'proxy', 'service', 'undeclared', 'resource'];
const MAX_KEYS = 10;
/** Escaped U+0000 and lone surrogates: what JSON can say and a jsonb column cannot hold. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;
/** Scope tokens and spaces (RFC 6749 §3.3). */
const SCOPE = /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,2000}$/;

type PolicyRules = Pick<RedirectRules, 'issuer' | 'moreSchemes'>;

export type MetadataPolicy = ReturnType<typeof createMetadataPolicy>;

/**
 * The policy as oidc-provider takes it (`extraClientMetadata`) and by itself. Every refusal is an
 * `invalid_client_metadata` or `invalid_redirect_uri` (RFC 7591 §3.2.2).
 */
export function createMetadataPolicy(rules: PolicyRules) {
  return {
    extraClientMetadata: {
      properties: extraMembers,
      /** oidc-provider calls this once for each property; the policy is about all of them and runs with the first. */
      validator(ctx: unknown, key: string, _value: unknown, metadata: object): void {
        if (key === extraMembers[0]) applyPolicy(metadata as Metadata, originOf(ctx, metadata as Metadata), rules);
      },
    },
    /** Throws where a metadata document breaks the policy; changes nothing. */
    assertDocument(document: Metadata): void {
      applyPolicy(structuredClone(document), 'document', rules);
    },
  };
}

/**
 * A registration has a request (`ctx`), a document has its own address for an identifier, and everything else comes
 * from our database, whose adapter states the origin. Whatever is unclear has registered itself.
 */
function originOf(ctx: unknown, { client_id: clientId, consentry_origin: stated }: Metadata): ClientOrigin {
  if (typeof clientId === 'string' && /^https:/i.test(clientId)) return 'document';
  if (ctx !== undefined) return 'dynamic';
  return stated === 'static' || stated === 'resource' ? stated : 'dynamic';
}

/**
 * Brings metadata into the form we keep, in place.
 * @throws errors.InvalidClientMetadata
 */
export function applyPolicy(metadata: Metadata, origin: ClientOrigin, rules: PolicyRules): void {
  const administered = origin === 'static' || origin === 'resource';
  dropEmpty(metadata);
  const scope = statedScope(metadata);
  setMember(metadata, 'client_name', displayName(metadata.client_name) || undefined);
  if (!administered) {
    dropUnusable(metadata);
    limitGrants(metadata);
    limitAuthentication(metadata, origin);
    dropForeignLogout(metadata);
    metadata.subject_type = 'public';
    metadata.id_token_signed_response_alg = 'ES256';
  }
  // A registered scope is no ceiling: what is granted is decided with the person, and step-up asks for more.
  delete metadata.scope;
  setMember(metadata, 'requested_scope', scope);
  metadata.consentry_origin = origin;
  metadata.consentry_kind = administered ? kindOf(metadata) : 'app';
  checkRedirects(metadata, { ...rules, specialUseHosts: administered });
  checkLogout(metadata);
  if (UNSTORABLE.test(JSON.stringify(metadata))) {
    throw new errors.InvalidClientMetadata('metadata must not have U+0000 or half characters in it');
  }
}

/** A client whose kind nobody declared is treated with the least trust. */
function kindOf({ consentry_kind: stated }: Metadata): ClientKind {
  return KINDS.find((kind) => kind === stated) ?? 'undeclared';
}

/**
 * What a registration answers: as registered, with `scope` again where the client stated one, and without what is ours.
 *
 * @param body the answer of oidc-provider, or any stored client
 */
export function statedMetadata(body: Metadata): Metadata {
  const stated = Object.fromEntries(Object.entries(body).filter(([member]) => !member.startsWith('consentry_')));
  const { requested_scope: scope, ...said } = stated;
  return scope === undefined ? said : { ...said, scope };
}

function statedScope({ scope, requested_scope: before }: Metadata): string | undefined {
  const stated = scope ?? before;
  return typeof stated === 'string' && SCOPE.test(stated) ? stated : undefined;
}

/** Drops grant types that only an administrator can give; what remains must be able to begin. */
function limitGrants(metadata: Metadata): void {
  const { grant_types: grants, response_types: responses } = metadata;
  if (Array.isArray(grants)) {
    metadata.grant_types = grants.filter((grant) => SELF_REGISTERED_GRANTS.includes(grant));
    if (!grants.some((grant) => SELF_REGISTERED_GRANTS.includes(grant))) {
      throw new errors.InvalidClientMetadata('grant_types must include authorization_code');
    }
  }
  if (Array.isArray(responses)) {
    metadata.response_types = responses.filter((response) => response === 'code');
    if (!responses.includes('code')) throw new errors.InvalidClientMetadata('response_types must include code');
  }
}

function limitAuthentication(metadata: Metadata, origin: 'dynamic' | 'document'): void {
  // A stated secret has been refused before; this is oidc-provider's default where the document says nothing.
  if (origin === 'document' && metadata.token_endpoint_auth_method === 'client_secret_basic') {
    delete metadata.token_endpoint_auth_method;
  }
  const method = metadata.token_endpoint_auth_method ?? (origin === 'document' ? 'none' : 'client_secret_basic');
  const allowed = AUTH_METHODS[origin];
  if (!allowed.some((one) => one === method)) {
    throw new errors.InvalidClientMetadata(`token_endpoint_auth_method must be one of ${allowed.join(', ')}`);
  }
  metadata.token_endpoint_auth_method = method;
  if (method === 'none' || method === 'private_key_jwt') {
    delete metadata.client_secret;
    delete metadata.client_secret_expires_at;
  }
  if (metadata.jwks_uri !== undefined && !isHttpsLink(metadata.jwks_uri)) {
    throw new errors.InvalidClientMetadata('jwks_uri must be an https URL');
  }
  const keys = (metadata.jwks as { keys?: unknown } | undefined)?.keys;
  if (Array.isArray(keys) && keys.length > MAX_KEYS) {
    throw new errors.InvalidClientMetadata(`jwks must not have more than ${MAX_KEYS} keys`);
  }
}

/** Nobody makes us call a server that is not where the person is sent back to anyway. */
function dropForeignLogout(metadata: Metadata): void {
  const { backchannel_logout_uri: uri, backchannel_logout_session_required: session, redirect_uris } = metadata;
  const own = [redirect_uris].flat().map((redirect) => (typeof redirect === 'string' ? URL.parse(redirect) : null));
  const url = isHttpsLink(uri) ? URL.parse(String(uri)) : null;
  const kept = url !== null && own.some((redirect) => redirect?.protocol === 'https:' && redirect.host === url.host);
  if (!kept) delete metadata.backchannel_logout_uri;
  // As oidc-provider completes it.
  if (session !== undefined) metadata.backchannel_logout_session_required = kept && session === true;
}

/** OpenID Connect Back-Channel Logout 1.0 §2.2. */
function checkLogout({ backchannel_logout_uri: uri }: Metadata): void {
  if (uri === undefined || (isHttpsLink(uri) && !String(uri).includes('#'))) return;
  throw new errors.InvalidClientMetadata('backchannel_logout_uri must be an https URL without a fragment');
}

/** Every redirect URI is checked, not only the one in use; a program on a computer is native whatever it says. */
function checkRedirects(metadata: Metadata, rules: RedirectRules): void {
  const { redirect_uris: uris } = metadata;
  if (!Array.isArray(uris) || uris.length === 0) return;
  if (uris.length > MAX_REDIRECT_URIS) {
    throw new errors.InvalidClientMetadata(`redirect_uris must not have more than ${MAX_REDIRECT_URIS} members`);
  }
  const kinds = uris.map((uri, index) => {
    const parsed = parseRedirectUri(uri, rules);
    if (!parsed.ok) throw new errors.InvalidClientMetadata(`redirect_uris[${index}] ${faultText(parsed.reason)}`);
    return parsed.kind;
  });
  // oidc-provider matches loopback ports (RFC 8252 §7.3) and takes private-use schemes for native clients only, and
  // https on loopback for web clients only.
  if (!uris.every((uri) => /^https:/i.test(uri))) metadata.application_type = 'native';
  else if (kinds.includes('loopback') || metadata.application_type !== 'native') metadata.application_type = 'web';
}
