/** What people agreed to: living, run out, taken back, and suspended because the client is no longer what it was. */
import { redirectKey } from '../clients/redirect-uris.ts';
import type { Downstream, StatedParties } from '../consents/consent.ts';
import { livingKey } from '../consents/press-store.ts';
import type { Resource } from '../resources/resource.ts';
import { scopeDigest } from '../resources/scopes.ts';
import type { DemoClient } from './clients.ts';
import type { Dice } from './dice.ts';
import { daysAfter, daysBefore, momentIn } from './rhythm.ts';

export interface Agreement {
  id: string;
  grantId: string;
  accountId: string;
  client: DemoClient;
  downstream: DemoClient | undefined;
  resource: Resource;
  scopes: readonly string[];
  createdAt: Date;
  approvedAt: Date;
  expiresAt: Date;
  lastUsedAt: Date | undefined;
  revoked: { at: Date; reason: string } | undefined;
  suspended: { at: Date; reason: string } | undefined;
}

export interface Parties {
  /** The first few have something of everything. */
  people: readonly { id: string; disabledAt?: Date | undefined }[];
  clients: readonly DemoClient[];
  /** The most used first. */
  resources: readonly Resource[];
}

interface Choice {
  accountId: string;
  client: DemoClient;
  downstream?: DemoClient | undefined;
  resource: Resource;
}

const REASONS = ['stopped_by_person', 'stopped_by_person', 'stopped_by_person', 'administrator', 'blocked_by_person'];
/** Not every browser says what it is. */
const BROWSERS = [
  'Chrome on Windows',
  'Safari on macOS',
  'Edge on Windows',
  'Firefox on Linux',
  'Safari on iPhone',
  null,
];
const RECORD_DAYS = 200;
const SHOWN_TO = 5;
const SHOWN_EACH = 12;

export function makeAgreements(count: number, parties: Parties, dice: Dice, now: Date): Agreement[] {
  const choose = createChoice(parties, dice);
  const taken = new Set<string>();
  const made: Agreement[] = [];
  for (let attempt = 0; made.length < count && attempt < count * MAX_ATTEMPTS; attempt += 1) {
    const choice = choose(made.length);
    const key = [choice.accountId, choice.client.id, choice.downstream?.id, choice.resource.id].join(' ');
    if (taken.has(key)) continue;
    taken.add(key);
    made.push(agree(choice, dice, now));
  }
  return made;
}

/** More than chance needs, however few people and clients there are. */
const MAX_ATTEMPTS = 30;

function createChoice({ people, clients, resources }: Parties, dice: Dice) {
  const those = (origin: DemoClient['origin'], kind: DemoClient['kind']) =>
    clients.filter((client) => client.origin === origin && client.kind === kind);
  const registrations = those('dynamic', 'app');
  const documents = those('document', 'app');
  const apps = those('static', 'app');
  const proxies = those('static', 'proxy');
  /** A registration is one person's: their program made it on their computer. */
  const owner = new Map(registrations.map((client) => [client.id, dice.pick(people).id]));
  return (place: number): Choice => {
    const resource = dice.favourite(resources);
    const shown = people[Math.floor(place / SHOWN_EACH)];
    const person = place < SHOWN_TO * SHOWN_EACH && shown ? shown : dice.pick(people);
    const what = dice.next();
    if (what < 0.55 && registrations.length > 0 && place >= SHOWN_TO * SHOWN_EACH) {
      const client = dice.pick(registrations);
      return { accountId: owner.get(client.id) ?? person.id, client, resource };
    }
    if (what < 0.85) return { accountId: person.id, client: dice.favourite(documents), resource };
    if (what < 0.95) return { accountId: person.id, client: dice.favourite(apps), resource };
    const through = { client: dice.favourite(proxies), downstream: dice.favourite(documents) };
    return { accountId: person.id, ...through, resource };
  };
}

function agree({ accountId, client, downstream, resource }: Choice, dice: Dice, now: Date): Agreement {
  const createdAt = momentIn({ from: daysBefore(now, RECORD_DAYS), to: now }, dice);
  const approvedAt = dice.chance(0.25) ? momentIn({ from: createdAt, to: now }, dice) : createdAt;
  const expiresAt = daysAfter(approvedAt, dice.chance(0.15) ? 30 : resource.consentDays);
  const end = new Date(Math.min(now.getTime(), expiresAt.getTime()));
  const revoked = revocation(client, { from: approvedAt, to: end }, dice);
  const { changed } = downstream?.changed ? downstream : client;
  const suspends = changed && !revoked && changed.at > approvedAt && expiresAt > now;
  const last = revoked?.at ?? (suspends ? changed.at : end);
  return {
    id: dice.id(),
    grantId: dice.hex(32),
    ...{ accountId, client, downstream, resource, createdAt, approvedAt, expiresAt, revoked },
    scopes: dice.some(
      resource.scopes.map(({ name }) => name),
      0.6,
    ),
    suspended: suspends ? changed : undefined,
    lastUsedAt: dice.chance(0.07) ? undefined : momentIn({ from: approvedAt, to: last }, dice),
  };
}

function revocation({ revokedAt }: DemoClient, span: { from: Date; to: Date }, dice: Dice): Agreement['revoked'] {
  if (revokedAt) return { at: revokedAt < span.from ? span.to : revokedAt, reason: 'client_revoked' };
  return dice.chance(0.08) ? { at: momentIn(span, dice), reason: dice.pick(REASONS) } : undefined;
}

export function consentRow(agreement: Agreement, dice: Dice) {
  const { id, accountId, client, resource, approvedAt, expiresAt, revoked, suspended, scopes } = agreement;
  const downstream = downstreamOf(agreement);
  const described = resource.scopes.filter(({ name }) => scopes.includes(name));
  const times = { until: expiresAt, shownAt: approvedAt };
  const words = described.map(({ name, description, descriptionJa, tools }) => [
    name,
    { description, descriptionJa, tools, ...times },
  ]);
  const browser = dice.hex(43);
  return {
    ...{ id, account_id: accountId, client_id: client.id, resource_id: resource.id, redirect_uri: client.redirectUri },
    downstream_client_id: downstream?.clientId ?? null,
    downstream_redirect_uri: downstream?.redirectUri ?? null,
    living_key: revoked ? null : keyOf(agreement),
    scopes,
    ...saidBy(agreement),
    scope_digests: Object.fromEntries(described.map((scope) => [scope.name, scopeDigest(scope)])),
    scope_words: Object.fromEntries(words),
    ...{ version: agreement.createdAt < approvedAt ? 2 : 1, browser_id: browser, browsers: [browser] },
    browser_label: dice.pick(BROWSERS),
    ...{ created_at: agreement.createdAt, approved_at: approvedAt, full_page_at: approvedAt, expires_at: expiresAt },
    last_used_at: agreement.lastUsedAt ?? null,
    ...{ revoked_at: revoked?.at ?? null, revoked_reason: revoked?.reason ?? null },
    ...{ suspended_at: suspended?.at ?? null, suspended_reason: suspended?.reason ?? null },
  };
}

/** What the parties said of themselves at that time, as a consent and a request keep it. */
export function saidBy({ client, downstream }: Pick<Agreement, 'client' | 'downstream'>) {
  const stated: StatedParties = { client: client.stated, ...(downstream ? { downstream: downstream.stated } : {}) };
  const fingerprints = downstream ? [client.fingerprint, downstream.fingerprint] : [client.fingerprint];
  return { client_fingerprint: fingerprints.join('.'), stated };
}

export function downstreamOf({ downstream }: Pick<Agreement, 'downstream'>): Downstream | undefined {
  return downstream && { clientId: downstream.id, redirectUri: downstream.redirectUri };
}

/** As a press would find it again. */
function keyOf(agreement: Agreement): string {
  const { accountId, client, resource } = agreement;
  const downstream = downstreamOf(agreement);
  return livingKey({
    accountId,
    clientId: client.id,
    resourceId: resource.id,
    redirectKey: redirectKey(client.redirectUri),
    downstream,
    downstreamKey: downstream && redirectKey(downstream.redirectUri),
  });
}
