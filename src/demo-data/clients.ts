/** Clients as they come to an authorization server: most of them a few programs that register themselves again and again. */
import { type ClientKind, type ClientMetadata, clientFingerprint, type Stated, statedBy } from '../clients/client.ts';
import { ACTING_FOR } from '../clients/downstream.ts';
import { familyKey } from '../clients/families.ts';
import { FAMILIES, OWN_APPS, OWN_PROXIES, OWN_SERVICES, PUBLISHERS } from './clients-list.ts';
import type { Dice } from './dice.ts';
import { daysBefore, momentIn } from './rhythm.ts';

export interface DemoClient {
  id: string;
  origin: 'dynamic' | 'document' | 'static';
  kind: ClientKind;
  /** As it is by now. */
  metadata: ClientMetadata;
  redirectUri: string;
  /** What people agreed to: differs from the metadata where the client changed since. */
  fingerprint: string;
  stated: Stated;
  /** Why consents are suspended since it changed. */
  changed?: { reason: string; at: Date } | undefined;
  createdAt: Date;
  lastUsedAt: Date | undefined;
  revokedAt: Date | undefined;
  familyKey?: string;
}

const DOCUMENT_SHARE = 0.19;
const STATIC_SHARE = 0.03;
const RECORD_DAYS = 240;

export function makeClients(count: number, dice: Dice, now: Date): DemoClient[] {
  const documents = Math.ceil(count * DOCUMENT_SHARE);
  const own = Math.ceil(count * STATIC_SHARE);
  const made = [
    ...times(own, (place) => ownClient(place, dice, now)),
    ...times(documents, (place) => document(place, dice, now)),
    ...times(Math.max(0, count - documents - own), () => registration(dice, now)),
  ];
  return made;
}

function registration(dice: Dice, now: Date): DemoClient {
  const { name, redirectUri: bare, softwareId } = dice.favourite(FAMILIES);
  const redirectUri = withPort(bare, dice);
  const metadata: ClientMetadata = {
    client_id: dice.id(),
    ...(name === '' ? {} : { client_name: name }),
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    ...(softwareId ? { software_id: softwareId, software_version: `1.${dice.below(9)}.${dice.below(20)}` } : {}),
  };
  const made = asMade('dynamic', 'app', metadata, dice, now);
  const revoked = dice.chance(0.02) ? { revokedAt: momentIn({ from: made.createdAt, to: now }, dice) } : {};
  return { ...made, familyKey: familyKey(metadata), ...revoked };
}

function document(place: number, dice: Dice, now: Date): DemoClient {
  const publisher = PUBLISHERS[place % PUBLISHERS.length] ?? 'Demo';
  const series = Math.floor(place / PUBLISHERS.length);
  const host = `${publisher.toLowerCase()}${series === 0 ? '' : `-${series}`}.demo.example`;
  const keys = place % 3 === 0;
  const metadata: ClientMetadata = {
    client_id: `https://${host}/oauth/client.json`,
    client_name: series === 0 ? publisher : `${publisher} ${series + 1}`,
    client_uri: `https://${host}`,
    redirect_uris: [`https://${host}/oauth/callback`],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: keys ? 'private_key_jwt' : 'none',
    ...(keys ? { jwks_uri: `https://${host}/jwks.json` } : {}),
  };
  const made = asMade('document', 'app', metadata, dice, now);
  const blocked = place % 37 === 36 ? { revokedAt: momentIn({ from: made.createdAt, to: now }, dice) } : {};
  return {
    ...made,
    ...blocked,
    ...changedSince(place, metadata, host, momentIn({ from: daysBefore(now, 12), to: now }, dice)),
  };
}

/** A few say something else of themselves than people agreed to. */
function changedSince(place: number, metadata: ClientMetadata, host: string, at: Date): Partial<DemoClient> {
  switch (place) {
    case 3:
      return {
        metadata: { ...metadata, jwks_uri: 'https://keys.elsewhere.example/jwks.json' },
        changed: { reason: 'client_keys_moved', at },
      };
    case 6:
      return {
        metadata: { ...metadata, token_endpoint_auth_method: 'none', jwks_uri: undefined },
        changed: { reason: 'client_proof_weaker client_keys_moved', at },
      };
    case 8:
      return {
        metadata: { ...metadata, redirect_uris: [`https://${host}/v2/return`] },
        changed: { reason: 'redirect_removed', at },
      };
    case 10:
      return { metadata: { ...metadata, client_name: `${String(metadata.client_name)} (renamed)` } };
    default:
      return {};
  }
}

function ownClient(place: number, dice: Dice, now: Date): DemoClient {
  const [kind, names] = OWN[place % OWN.length] ?? (['app', OWN_APPS] as const);
  const series = Math.floor(place / OWN.length);
  const name = `${names[series % names.length]}${series < names.length ? '' : ` ${Math.floor(series / names.length) + 1}`}`;
  const service = kind === 'service';
  const redirectUri = service ? '' : `https://${kind}-${place}.demo.example/callback`;
  const metadata: ClientMetadata = {
    client_id: dice.id(),
    client_name: name,
    redirect_uris: service ? [] : [redirectUri],
    grant_types: service ? ['client_credentials'] : ['authorization_code', 'refresh_token'],
    response_types: service ? [] : ['code'],
    token_endpoint_auth_method: kind === 'app' ? 'none' : 'private_key_jwt',
    ...(kind === 'app' ? {} : { jwks_uri: `https://${kind}-${place}.demo.example/jwks.json` }),
    ...(kind === 'proxy' ? { authorization_details_types: [ACTING_FOR] } : {}),
    ...(service ? { consentry_access: { 'https://analytics.demo.example/mcp': ['analytics:read'] } } : {}),
  };
  return asMade('static', kind, metadata, dice, now);
}

const OWN = [
  ['app', OWN_APPS],
  ['proxy', OWN_PROXIES],
  ['app', OWN_APPS],
  ['service', OWN_SERVICES],
] as const;

function asMade(
  origin: DemoClient['origin'],
  kind: ClientKind,
  metadata: ClientMetadata,
  dice: Dice,
  now: Date,
): DemoClient {
  const createdAt = momentIn({ from: daysBefore(now, RECORD_DAYS), to: daysBefore(now, 1) }, dice);
  const unused = dice.chance(0.06);
  return {
    id: metadata.client_id,
    origin,
    kind,
    metadata,
    redirectUri: String((metadata.redirect_uris as string[])[0] ?? ''),
    fingerprint: clientFingerprint(metadata),
    stated: statedBy(metadata, { resembles: false }),
    createdAt,
    lastUsedAt: unused ? undefined : momentIn({ from: createdAt, to: now }, dice),
    revokedAt: undefined,
  };
}

/** Each time another, as programs that listen on a computer have it (RFC 8252 §7.3). */
function withPort(uri: string, dice: Dice): string {
  return uri.replace(/^(http:\/\/[^/]+)/, (_all, origin: string) => `${origin}:${dice.between(20_000, 60_000)}`);
}

function times<T>(count: number, make: (place: number) => T): T[] {
  return Array.from({ length: count }, (_none, place) => make(place));
}

export function clientRow({
  id,
  origin,
  kind,
  metadata,
  createdAt,
  lastUsedAt,
  revokedAt,
  familyKey: family,
}: DemoClient) {
  return {
    ...{ id, origin, kind, metadata },
    ...{ created_at: createdAt, last_used_at: lastUsedAt ?? null, revoked_at: revokedAt ?? null },
    family_key: family ?? null,
  };
}
