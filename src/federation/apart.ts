/**
 * Two connections are kept apart: no key, secret or token endpoint of one counts at the other, so that no provider can
 * pass on what it got from us (audience injection, draft-ietf-oauth-security-topics-update §2.1).
 */
import { createHash, createPublicKey } from 'node:crypto';
import type { Egress, EgressResponse } from '../web/egress.ts';
import { FetchFailed } from '../web/fetch-failed.ts';
import { type Because, tellWhy } from './because.ts';
import type { BrokenConnection, ConnectionRecord } from './connection-store.ts';
import { clouds } from './entra/clouds.ts';
import type { ConnectionSecrets, EntraSettings, OidcConnectionSettings } from './settings.ts';

/** A connection as far as others are to be told apart from it. */
export type Party = { id: string; name: string } & (
  | { kind: 'entra'; settings: EntraSettings }
  | { kind: 'oidc'; settings: OidcConnectionSettings }
);

export interface Sound {
  record: ConnectionRecord;
  secrets: ConnectionSecrets;
}

/** Where Entra ID speaks too. */
const ALSO_ENTRA: readonly string[] = [
  ...Object.values(clouds).map(({ login }) => login),
  'sts.windows.net',
  'login.windows.net',
];
const ENDPOINTS = ['authorization_endpoint', 'token_endpoint', 'jwks_uri', 'userinfo_endpoint'] as const;

/** Those that may be used, and those that may not, each with why. Of two that collide the older one stays. */
export async function sift(from: {
  survey: () => Promise<{ records: ConnectionRecord[]; broken: BrokenConnection[] }>;
  findSecrets: (record: ConnectionRecord) => Promise<ConnectionSecrets>;
  /** Our own. */
  issuer: string;
}): Promise<{ sound: Sound[]; broken: BrokenConnection[] }> {
  const { records, broken: unreadable } = await from.survey();
  const sound: Sound[] = [];
  const broken = [...unreadable];
  for (const record of records) {
    const { id, kind, name, origin, exclusive, removedAt } = record;
    const secrets = await from.findSecrets(record).catch(() => undefined);
    const why = secrets
      ? collision(record, secrets, sound, from.issuer)
      : ({ code: 'sealed_otherwise', params: {} } satisfies Because);
    if (secrets && !why) sound.push({ record, secrets });
    else if (why) broken.push({ id, kind, name, origin, exclusive, removedAt, why: tellWhy(why), because: why });
  }
  return { sound, broken };
}

/** @returns what of a connection belongs to another one, or to us */
export function collision(
  party: Party,
  secrets: ConnectionSecrets,
  others: readonly { record: Party; secrets: ConnectionSecrets }[],
  ownIssuer: string,
): Because | undefined {
  const host = hostOf(party);
  if (host === URL.parse(ownIssuer)?.host) return { code: 'ourselves', params: {} };
  if (party.kind === 'oidc' && ALSO_ENTRA.includes(host)) return { code: 'is_entra', params: {} };
  const keys = keysOf(secrets);
  for (const other of others.filter(({ record }) => record.id !== party.id)) {
    const { id, name } = other.record;
    if (keysOf(other.secrets).some((key) => keys.includes(key))) return { code: 'same_key', params: { name, id } };
    const sameSecret = secrets.clientSecret !== undefined && secrets.clientSecret === other.secrets.clientSecret;
    if (sameSecret && !isSameProvider(party, other.record)) return { code: 'same_secret', params: { name, id } };
  }
  return undefined;
}

/** SHA-256 of each public key: the same key is the same under whatever certificate. */
function keysOf({ certificates }: ConnectionSecrets): string[] {
  return certificates.map(({ privateKey }) =>
    createHash('sha256')
      .update(createPublicKey(privateKey).export({ type: 'spki', format: 'der' }))
      .digest('base64url'),
  );
}

function hostOf(party: Party): string {
  return party.kind === 'entra' ? clouds[party.settings.cloud].login : (URL.parse(party.settings.issuer)?.host ?? '');
}

function isSameProvider(one: Party, other: Party): boolean {
  if (one.kind === 'entra' || other.kind === 'entra') return one.kind === other.kind && hostOf(one) === hostOf(other);
  return one.settings.issuer === other.settings.issuer;
}

/**
 * A fetch for each connection that believes no discovery document which sends us to another connection's provider.
 *
 * @param living the connections of now, the oldest first
 */
export function createApartFetch(fetch: Egress['fetch'], living: () => readonly Party[]) {
  /** Connection id → its token endpoint, as its provider said last. */
  const tokenEndpoints = new Map<string, string>();

  function assertOwn(id: string, document: Readonly<Record<string, unknown>>): void {
    const parties = living();
    const place = parties.findIndex((party) => party.id === id);
    const party = parties[place];
    if (!party) return;
    const others = parties.filter((other) => other.id !== id && !isSameProvider(party, other));
    for (const name of ENDPOINTS) {
      const url = URL.parse(String(document[name] ?? ''));
      if (!url) continue;
      const foreign = others.find((other) => {
        const known = parties.indexOf(other) < place ? URL.parse(tokenEndpoints.get(other.id) ?? '') : null;
        if (known?.href === url.href) return true;
        return url.host !== hostOf(party) && (url.host === hostOf(other) || url.host === known?.host);
      });
      if (foreign) throw new FetchFailed('bad_document', `its ${name} is that of the connection ${foreign.id}`);
    }
    if (typeof document.token_endpoint === 'string') tokenEndpoints.set(id, document.token_endpoint);
  }

  return (id: string): Egress['fetch'] =>
    async (address, request) => {
      const answer = await fetch(address, request);
      const document = discoveryOf(address, answer);
      if (document) assertOwn(id, document);
      return answer;
    };
}

function discoveryOf(address: string | URL, { status, body }: EgressResponse): Record<string, unknown> | undefined {
  if (status !== 200 || !URL.parse(String(address))?.pathname.includes('/.well-known/')) return undefined;
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
