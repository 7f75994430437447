/** What Consentry knows of an OAuth client beside the metadata that the client states (RFC 7591 §2). */
import { createHash, randomBytes } from 'node:crypto';
import { displayName } from './display-name.ts';

/** How a client came to us. */
export type ClientOrigin = 'dynamic' | 'static' | 'document' | 'resource';
/** What stands behind the client ID; `undeclared` is treated as a proxy that names nobody. */
export type ClientKind = 'app' | 'proxy' | 'service' | 'undeclared' | 'resource';

/** Snake-case members of RFC 7591 as oidc-provider holds them. */
export type ClientMetadata = Record<string, unknown> & { client_id: string };

export interface ClientRecord {
  id: string;
  origin: ClientOrigin;
  kind: ClientKind;
  metadata: ClientMetadata;
  secretHash: string | undefined;
  /** The secret before the last rotation, accepted until then. */
  previousSecret: { hash: string; endsAt: Date } | undefined;
  /** When the secret was made; undefined for one that was never rotated and is as old as the client. */
  secretCreatedAt: Date | undefined;
  /** An owner said that it may ask for the scopes of the administration API. */
  adminApi: boolean;
  createdAt: Date;
  lastUsedAt: Date | undefined;
  revokedAt: Date | undefined;
  /** Housekeeping ended it, as nobody used it; otherwise somebody blocked it. */
  removed?: boolean | undefined;
  /** What registrations of the same program have in common (families.ts). Proves nothing. */
  familyKey?: string | undefined;
}

/** A client secret has at least 256 random bits, so one round of SHA-256 keeps it (no dictionary to try). */
export function hashClientSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

/** 384 random bits in letters that every client sends unchanged, form-encoded or not. */
export function newClientSecret(): string {
  return randomBytes(48).toString('base64url');
}

/** Whether one client ID may stand for many programs: it gets no refresh token while it names nobody. */
export function mayStandForOthers(kind: ClientKind): boolean {
  return kind === 'proxy' || kind === 'undeclared';
}

/** What a person relies on of what a client says of itself, in the words behind {@link clientFingerprint}. */
export interface Stated {
  /** As shown; '' where it has none. */
  name: string;
  /** `token_endpoint_auth_method` */
  authMethod: string;
  /** Host of `jwks_uri`; '' where it has none. */
  keysHost: string;
  /** Its name looks like somebody else's. */
  resembles: boolean;
}

/** @param metadata RFC 7591 §2; a document that states no authentication has none, a registration the standard's default */
export function statedBy(metadata: Record<string, unknown>, { resembles }: Pick<Stated, 'resembles'>): Stated {
  const { client_id: id, client_name: name, token_endpoint_auth_method: method } = metadata;
  const isDocument = typeof id === 'string' && /^https:/i.test(id);
  return {
    name: displayName(name),
    authMethod: typeof method === 'string' ? method : isDocument ? 'none' : 'client_secret_basic',
    keysHost: keysHostOf(metadata),
    resembles,
  };
}

/**
 * Fingerprint of what a client says of itself that a person relies on: its name, how it proves itself, and the host of
 * its keys, in two parts: `name.proof`. Logos, links and added redirect URIs are not part of it.
 */
export function clientFingerprint(metadata: Record<string, unknown>): string {
  const name = digest([metadata.client_name ?? '']);
  const proof = digest([metadata.token_endpoint_auth_method ?? '', keysHostOf(metadata)]);
  return `${name}.${proof}`;
}

function keysHostOf({ jwks_uri: uri }: Record<string, unknown>): string {
  return typeof uri === 'string' ? (URL.parse(uri)?.host ?? '') : '';
}

function digest(said: unknown[]): string {
  return createHash('sha256').update(JSON.stringify(said)).digest('base64url');
}
