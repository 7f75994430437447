/** Registrations that are the same program again and again (RFC 7591): what they have in common proves nothing. */
import { createHash } from 'node:crypto';
import { displayName } from './display-name.ts';
import { redirectKey } from './redirect-uris.ts';

/**
 * Equal for registrations that call themselves the same, return to the same places but for a loopback port, and state
 * the same `software_id`. Anybody can state all three: it groups for display, the short page and bulk revocation, and no
 * consent, approval or policy goes by it.
 *
 * @param metadata of a client that registered itself (RFC 7591 §2)
 * @returns SHA-256, base64url
 */
export function familyKey(metadata: Readonly<Record<string, unknown>>): string {
  const { client_name: name, redirect_uris: uris, software_id: software } = metadata;
  const redirects = (Array.isArray(uris) ? uris : []).filter((uri) => typeof uri === 'string').map(redirectKey);
  const said = [fold(displayName(name)), [...new Set(redirects)].sort(), typeof software === 'string' ? software : ''];
  return createHash('sha256').update(JSON.stringify(said)).digest('base64url');
}

/** The same name for whoever reads it: compatibility form and case (Unicode §3.13). */
function fold(name: string): string {
  return name.normalize('NFKC').toLowerCase().normalize('NFKC');
}
