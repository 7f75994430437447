/** One consent as it was given against how things are now: what differs, and so what suspended it. */
import { type FactRooms, type Facts, type PartyFacts, readFacts } from '../../approval-facts.ts';
import { DEVICE_REDIRECT } from '../../consents/agreement.ts';
import type { Consent } from '../../consents/consent.ts';
import { type Difference, statedDifferences, timesOf } from '../../consents/differences.ts';
import type { ConsentDetail } from '../../consents/listing-store.ts';
import { AppError } from '../../errors.ts';
import { scopeDigest } from '../../resources/scopes.ts';
import type { ConsentView, PartyView, ScopeView } from './shapes.ts';

/** What is no longer there to be agreed to. */
type Gone = { kind: 'scope_removed'; scopes: readonly string[] };

export async function viewConsent(line: ConsentDetail, consent: Consent, rooms: FactRooms): Promise<ConsentView> {
  const facts = await knownFacts(consent, rooms);
  const wanted = consent.scopes.map((name) => scopeView(name, consent, facts));
  const differences: (Difference | Gone)[] = [...partyDifferences(consent, facts), ...scopeDifferences(wanted)];
  return {
    ...line,
    version: consent.version,
    browserLabel: consent.browserLabel ?? null,
    fullPageAt: consent.fullPageAt,
    suspendedAt: consent.suspendedAt ?? null,
    revokedAt: consent.revokedAt ?? null,
    parties: partiesOf(consent, facts),
    wanted,
    differences: differences.map((difference) => ({ ...difference })),
  };
}

/** undefined where nothing is known any more of the client behind a proxy. */
async function knownFacts(consent: Consent, rooms: FactRooms): Promise<Facts | undefined> {
  try {
    return await readFacts(rooms, consent);
  } catch (error) {
    if (error instanceof AppError && error.code === 'client_unknown') return undefined;
    throw error;
  }
}

function partiesOf({ clientId, redirectUri, downstream, stated }: Consent, facts: Facts | undefined): PartyView[] {
  const view = (
    role: PartyView['role'],
    named: { clientId: string; redirectUri: string },
    then: PartyView['agreed'] | undefined,
    now: PartyFacts | undefined,
  ): PartyView => {
    const device = named.redirectUri === DEVICE_REDIRECT;
    return {
      role,
      clientId: named.clientId,
      returnsTo: device ? null : named.redirectUri,
      returnsToStill: device ? true : (now?.redirectRegistered ?? null),
      agreed: then ?? null,
      today: now?.stated ?? null,
    };
  };
  return [
    view('client', { clientId, redirectUri }, stated?.client, facts?.client),
    ...(downstream ? [view('downstream', downstream, stated?.downstream, facts?.downstream)] : []),
  ];
}

function partyDifferences(consent: Consent, facts: Facts | undefined): Difference[] {
  if (!facts) return [];
  const { stated } = consent;
  const pairs = [
    [stated?.client, facts.client],
    [stated?.downstream, facts.downstream],
  ] as const;
  const found = pairs.flatMap(([then, now]): Difference[] => {
    if (!now) return [];
    const moved = now.redirectUri === DEVICE_REDIRECT || now.redirectRegistered;
    return [
      ...(moved ? [] : [{ kind: 'redirect_removed', before: now.redirectUri } as const]),
      ...(then ? statedDifferences(then, now.stated) : []),
    ];
  });
  const changed = consent.clientFingerprint !== facts.current.clientFingerprint;
  const named = found.some(({ kind }) => kind !== 'redirect_removed');
  return changed && !named ? [...found, { kind: 'client_changed' }] : found;
}

/** An older consent has no Japanese words: those of today stand for them where the scope still reads as it did. */
function scopeView(name: string, consent: Consent, facts: Facts | undefined): ScopeView {
  const { until, shownAt } = timesOf(consent, name);
  const then = consent.scopeWords[name];
  const now = facts?.resource?.scopes.find((one) => one.name === name);
  const digest = consent.scopeDigests[name];
  const changed = now !== undefined && Boolean(digest) && digest !== scopeDigest(now);
  const { description = '', descriptionJa = changed ? undefined : now?.descriptionJa, tools = [] } = then ?? {};
  return {
    name,
    agreed: then ? { description, descriptionJa, tools } : null,
    today: now ? { description: now.description, descriptionJa: now.descriptionJa, tools: now.tools } : null,
    sensitivity: now?.sensitivity ?? null,
    changed,
    until,
    shownAt,
  };
}

function scopeDifferences(wanted: readonly ScopeView[]): (Difference | Gone)[] {
  const changed = wanted.filter((one) => one.changed).map(({ name }) => name);
  // Those of OpenID Connect are nobody's to take away.
  const gone = wanted.filter(({ agreed, today }) => agreed?.description && !today).map(({ name }) => name);
  return [
    ...(changed.length > 0 ? [{ kind: 'scope_changed', scopes: changed } as const] : []),
    ...(gone.length > 0 ? [{ kind: 'scope_removed', scopes: gone } as const] : []),
  ];
}
