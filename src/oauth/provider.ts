/** Builds the oidc-provider instance and mends, in one place each, what its configuration cannot reach. */
import { timingSafeEqual } from 'node:crypto';
import { type Configuration, errors, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Audit } from '../audit/store.ts';
import { type ClientKind, hashClientSecret, mayStandForOthers } from '../clients/client.ts';
import { parseRedirectUri } from '../clients/redirect-uris.ts';
import { isPreviousSecret } from '../clients/secrets.ts';
import type { ClientStore } from '../clients/store.ts';
import type { Sessions } from '../sessions.ts';
import type { ArtifactStore } from '../storage/artifacts.ts';
import { recordProviderEvents } from './events.ts';
import type { RefreshTokens } from './refresh-tokens.ts';
import { nameSessions } from './session-names.ts';
import { rememberUpstream, tellThroughOutbox } from './told-sessions.ts';

export interface ProviderDeps {
  issuer: string;
  configuration: Configuration;
  refreshTokens: RefreshTokens;
  artifacts: ArtifactStore;
  clients: Pick<ClientStore, 'find'>;
  now: () => Date;
  sealing: { hmac(purpose: string, value: string): string };
  sessions: Pick<Sessions, 'tell'>;
  audit: Audit;
}

export function createProvider(deps: ProviderDeps): Provider {
  const { issuer, configuration, refreshTokens, artifacts, sessions, audit } = deps;
  const provider = new Provider(issuer, configuration);
  // Host and scheme were pinned to the issuer's before: these headers are ours.
  provider.proxy = true;
  refreshTokens.nameSuccessors(provider);
  compareHashedSecrets(provider, deps);
  nameUnauthorizedClients(provider);
  queryResponsesOnly(provider);
  neverToOurselves(provider, issuer);
  // A grant names the consent it was made under, whether it may be refreshed, for whom a proxy got it and, for the
  // administration API, when the person proved to be there; an interaction whose sign-in it holds.
  keepInPayload(provider.Grant, 'consentId', 'refreshAllowed', 'actingFor', 'presentAt');
  keepInPayload(provider.Interaction, 'accountId');
  keepInPayload(provider.Session, 'upstream', 'toldAt');
  beginSessionsLate(provider, configuration);
  detectReplaysAtomically(provider, artifacts);
  nameSessions(provider, deps);
  rememberUpstream(provider);
  tellThroughOutbox(provider, sessions);
  recordProviderEvents(provider, audit);
  // It answers by itself; the request fails all the same.
  provider.on('server_error', (ctx, error) => {
    ctx.state.failure = error;
  });
  return provider;
}

/** What is stored where the secret would be is its hash; after a rotation the one before it is good for a while too. */
function compareHashedSecrets(provider: Provider, { clients, now }: Pick<ProviderDeps, 'clients' | 'now'>): void {
  const { prototype } = provider.Client as unknown as { prototype: Record<string, unknown> };
  prototype.compareClientSecret = async function compareClientSecret(this: Secretive, presented: string) {
    const hash = hashClientSecret(presented);
    const stored = Buffer.from(this.clientSecret ?? '');
    const hashed = Buffer.from(hash);
    if (stored.length === hashed.length && timingSafeEqual(stored, hashed)) return true;
    const record = await clients.find(this.clientId);
    return record !== undefined && isPreviousSecret(record, hash, now());
  };
}

interface Secretive {
  clientId: string;
  clientSecret?: string;
}

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';

/**
 * A grant that this client may not use has an error of its own (RFC 6749 §5.2); stock says `invalid_request`. Whoever may
 * stand for others has no device flow, whatever is stored of it: nobody could tell whose device it is.
 */
function nameUnauthorizedClients(provider: Provider): void {
  const { prototype } = provider.Client as unknown as {
    prototype: { consentry_kind: ClientKind; grantTypeAllowed(type: string): boolean };
  };
  const allowed = prototype.grantTypeAllowed;
  prototype.grantTypeAllowed = function grantTypeAllowed(type: string): boolean {
    const forAll = type === DEVICE_CODE && mayStandForOthers(this.consentry_kind);
    if (!forAll && allowed.call(this, type)) return true;
    const { oidc } = (Provider.ctx as KoaContextWithOIDC | undefined) ?? {};
    const asked = oidc?.route === 'device_authorization' ? DEVICE_CODE : oidc?.params?.grant_type;
    if (asked === type) throw new errors.UnauthorizedClient(`${type} is not allowed for this client`);
    return false;
  };
}

/** `fragment` and `form_post` are built in; a client that asks for one is told so instead of being served. */
function queryResponsesOnly(provider: Provider): void {
  const { prototype } = provider.Client as unknown as { prototype: Record<string, unknown> };
  prototype.responseModeAllowed = () => {
    const { params } = (Provider.ctx as KoaContextWithOIDC).oidc as unknown as { params: Record<string, unknown> };
    if (params.response_mode === undefined || params.response_mode === 'query') return true;
    params.response_mode = undefined;
    throw new errors.UnsupportedResponseMode();
  };
  // What is wrong with a request may show before its mode is looked at, and `form_post` would send the person on by script.
  provider.on('authorization.error', ({ oidc }) => {
    if (oidc.params) oidc.params.response_mode = undefined;
  });
}

/** A program takes whatever loopback port is free (RFC 8252 §7.3); ours is not, where we run on loopback ourselves. */
function neverToOurselves(provider: Provider, issuer: string): void {
  const { prototype } = provider.Client as unknown as { prototype: { redirectUriAllowed(uri: string): boolean } };
  const allowed = prototype.redirectUriAllowed;
  prototype.redirectUriAllowed = function redirectUriAllowed(uri: string): boolean {
    const parsed = parseRedirectUri(uri, { issuer });
    return (parsed.ok || parsed.reason !== 'own_origin') && allowed.call(this, uri);
  };
}

function keepInPayload(model: unknown, ...names: string[]): void {
  const inPayload = [...(model as { IN_PAYLOAD: string[] }).IN_PAYLOAD, ...names];
  Object.defineProperty(model, 'IN_PAYLOAD', { get: () => inPayload });
}

/** A page for a device code that comes without a session is answered with a form that needs one; stock fails there. */
function beginSessionsLate(provider: Provider, { cookies, ttl }: Configuration): void {
  const { prototype } = provider.Session as unknown as {
    prototype: { exp?: number; id: string; persist(): Promise<string>; save(ttl: number): Promise<string> };
  };
  const persist = prototype.persist;
  prototype.persist = function persistOrBegin(this: typeof prototype): Promise<string> {
    if (this.exp !== undefined) return persist.call(this);
    const ctx = Provider.ctx as KoaContextWithOIDC;
    ctx.oidc.cookies.set(provider.cookieName('session'), this.id, cookies?.long);
    return this.save(Number(ttl?.Session));
  };
}

/** Stock looks, then writes: two at once would both pass (RFC 9449 §11.1, RFC 7523 §3). */
function detectReplaysAtomically(provider: Provider, artifacts: ArtifactStore): void {
  const model = provider.ReplayDetection as unknown as Record<string, unknown>;
  model.unique = (issuer: string, jti: string, exp: number) => {
    const ttlSeconds = Math.max(1, exp - Math.floor(Date.now() / 1000));
    return artifacts.insert('ReplayDetection', `${issuer} ${jti}`, { iss: issuer }, ttlSeconds);
  };
}
