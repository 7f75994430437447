/** What Consentry knows of an OAuth client beside the metadata that the client states (RFC 7591 §2). */
import { createHash } from 'node:crypto';

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
  createdAt: Date;
  lastUsedAt: Date | undefined;
  revokedAt: Date | undefined;
}

/** A client secret has at least 256 random bits, so one round of SHA-256 keeps it (no dictionary to try). */
export function hashClientSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

/** Whether one client ID may stand for many programs: it gets no refresh token while it names nobody. */
export function mayStandForOthers(kind: ClientKind): boolean {
  return kind === 'proxy' || kind === 'undeclared';
}

/**
 * Fingerprint of what a client says of itself that a person relies on: its name, how it proves itself, and the host of
 * its keys, in two parts: `name.proof`. Logos, links and added redirect URIs are not part of it.
 */
export function clientFingerprint(metadata: Record<string, unknown>): string {
  const jwksUri = typeof metadata.jwks_uri === 'string' ? (URL.parse(metadata.jwks_uri)?.host ?? '') : '';
  const name = digest([metadata.client_name ?? '']);
  const proof = digest([metadata.token_endpoint_auth_method ?? '', jwksUri]);
  return `${name}.${proof}`;
}

function digest(said: unknown[]): string {
  return createHash('sha256').update(JSON.stringify(said)).digest('base64url');
}
