/** The record of all that, as it would have been written at the time: an event for each thing, oldest first. */
import { type AuditEvent, events } from '../audit/events.ts';
import type { Resource } from '../resources/resource.ts';
import type { Agreement } from './agreements.ts';
import type { DemoClient } from './clients.ts';
import type { Dice } from './dice.ts';
import type { DemoPerson } from './people.ts';
import type { DemoRequest } from './requests.ts';
import { daysBefore, hourOf, momentIn, type Span } from './rhythm.ts';

/** Made when it is written: a million of them are too many to hold. */
export interface Happening {
  at: Date;
  event(): AuditEvent;
}

export interface Told {
  people: readonly DemoPerson[];
  clients: readonly DemoClient[];
  resources: readonly Resource[];
  agreements: readonly Agreement[];
  requests: readonly DemoRequest[];
  /** How many tokens were refreshed. */
  tokens: number;
}

const RECORD_DAYS = 90;

export function makeHappenings(told: Told, dice: Dice, now: Date): Happening[] {
  const { people, clients, resources, agreements, requests } = told;
  const span = { from: daysBefore(now, RECORD_DAYS), to: now };
  const all = [
    ...people.flatMap(ofPerson),
    ...clients.flatMap(ofClient),
    ...agreements.flatMap((agreement) => ofAgreement(agreement, dice)),
    ...requests.flatMap(ofRequest),
    ...refreshes(told, span, dice),
    ...denials({ people, clients, resources }, span, dice, Math.ceil(agreements.length * 0.08)),
  ];
  return all
    .filter(({ at }) => at >= span.from && at <= now)
    .sort((one, other) => one.at.getTime() - other.at.getTime());
}

function ofPerson({ id, createdAt, disabledAt, connection }: DemoPerson): Happening[] {
  const by = connection ? `upstream:${connection.id}` : 'administrator';
  const linked = { connection: connection?.id ?? '' };
  return [
    { at: createdAt, event: () => events.accountCreated({ accountId: id }, connection ? linked : { role: 'user' }) },
    ...(connection ? [{ at: createdAt, event: () => events.identityLinked({ accountId: id }, linked) }] : []),
    ...(disabledAt ? [{ at: disabledAt, event: () => events.accountDisabled({ accountId: id }, { by }) }] : []),
  ];
}

function ofClient({ id, origin, stated, redirectUri, createdAt, revokedAt, changed }: DemoClient): Happening[] {
  const said = { name: stated.name, redirectUris: [redirectUri] };
  const first = {
    dynamic: events.clientRegistered,
    document: events.clientDocumentRecorded,
    static: events.clientCreated,
  };
  const reason = changed?.reason;
  return [
    { at: createdAt, event: () => first[origin]({ clientId: id }, said) },
    ...(revokedAt ? [{ at: revokedAt, event: () => events.clientRevoked({ clientId: id }, {}, 'administrator') }] : []),
    ...(changed
      ? [{ at: changed.at, event: () => events.consentSuspended({ clientId: id }, { changed: id }, reason) }]
      : []),
  ];
}

function ofAgreement(agreement: Agreement, dice: Dice): Happening[] {
  const { approvedAt: at, revoked, downstream } = agreement;
  const subject = subjectOf(agreement);
  const acting = downstream ? { actingFor: downstream.id } : {};
  const refresh = { grantType: 'authorization_code', refresh: true };
  const tokenId = dice.hex(32);
  return [
    { at, event: () => events.signInSucceeded({ accountId: agreement.accountId }, { method: 'upstream' }) },
    {
      at,
      event: () => events.consentApproved(subject, { ...acting, version: 1, page: 'full', differences: ['absent'] }),
    },
    { at, event: () => events.codeIssued(subject) },
    { at, event: () => events.tokenIssued({ ...subject, tokenId }, refresh) },
    ...returns(agreement, dice),
    ...(revoked ? [{ at: revoked.at, event: () => events.consentRevoked(subject, acting, revoked.reason) }] : []),
  ];
}

/** Who comes back goes on with what they agreed to before. */
function returns(agreement: Agreement, dice: Dice): Happening[] {
  const { approvedAt, lastUsedAt } = agreement;
  if (!lastUsedAt || dice.chance(0.5)) return [];
  const at = momentIn({ from: approvedAt, to: lastUsedAt }, dice);
  const subject = subjectOf(agreement);
  const details = { version: 1, page: 'short', under: agreement.id };
  return [
    { at, event: () => events.consentContinued(subject, details) },
    { at, event: () => events.codeIssued(subject) },
  ];
}

function ofRequest({
  id,
  accountId,
  client,
  resource,
  scopes,
  state,
  createdAt,
  ...decided
}: DemoRequest): Happening[] {
  const subject = { accountId, clientId: client.id, resource: resource.uri, scopes };
  const { decidedAt, decidedBy, audience } = decided;
  const details = { approval: id, decision: state, approver: decidedBy ?? null, audience };
  return [
    { at: createdAt, event: () => events.approvalRequested(subject, { approval: id }) },
    ...(decidedAt && decidedBy ? [{ at: decidedAt, event: () => events.approvalDecided(subject, details) }] : []),
  ];
}

/** Most by whoever uses an app every day. */
function refreshes({ agreements, tokens }: Told, span: Span, dice: Dice): Happening[] {
  const used = agreements.filter(({ lastUsedAt }) => lastUsedAt && lastUsedAt > span.from);
  if (used.length === 0) return [];
  return Array.from({ length: tokens }, () => {
    const agreement = dice.favourite(used);
    const from = later(agreement.approvedAt, span.from);
    const at = momentIn({ from, to: agreement.lastUsedAt ?? span.to }, dice);
    const refused = dice.chance(0.015);
    const tokenId = dice.hex(32);
    const details = { grantType: 'refresh_token', refresh: true };
    return {
      at,
      event: () =>
        refused
          ? events.tokenRefused(subjectOf(agreement), 'invalid_grant', { detail: 'consent_expired' })
          : events.tokenIssued({ ...subjectOf(agreement), tokenId }, details),
    };
  });
}

function later(one: Date, other: Date): Date {
  return new Date(Math.max(one.getTime(), other.getTime()));
}

function denials(
  { people, clients, resources }: Pick<Told, 'people' | 'clients' | 'resources'>,
  span: Span,
  dice: Dice,
  count: number,
): Happening[] {
  return Array.from({ length: count }, () => {
    const resource = dice.favourite(resources);
    const subject = {
      accountId: dice.pick(people).id,
      clientId: dice.pick(clients).id,
      resource: resource.uri,
      scopes: dice.some(
        resource.scopes.map(({ name }) => name),
        0.5,
      ),
    };
    const kind = dice.next();
    const at = momentIn(span, dice);
    if (kind < 0.6) return { at, event: () => events.consentDenied(subject, 'denied_by_person') };
    if (kind < 0.75) return { at, event: () => events.authorizationRefused(subject, 'policy_denied') };
    return { at, event: () => events.signInFailed({ accountId: subject.accountId }, 'credentials') };
  });
}

function subjectOf({ id, grantId, accountId, client, resource, scopes }: Agreement) {
  return { accountId, clientId: client.id, resource: resource.uri, scopes, consentId: id, grantId };
}

/** As a row of the record; who asked was somebody at a browser or a program. */
export function auditRow({ at, event }: Happening, dice: Dice) {
  const told = event();
  return {
    ...{ at, type: told.type, outcome: told.outcome, reason: told.reason ?? null },
    ...{ account_id: told.accountId ?? null, client_id: told.clientId ?? null, resource: told.resource ?? null },
    ...{ scopes: told.scopes ?? [], consent_id: told.consentId ?? null, grant_id: told.grantId ?? null },
    ...{ token_id: told.tokenId ?? null, request_id: dice.hex(22), actor: 'client', details: told.details ?? {} },
  };
}

const REFUSALS = [
  ['token.refused', 'invalid_grant', 6],
  ['client.registration', 'invalid_redirect_uri', 2],
  ['sign_in.failed', 'credentials', 4],
  ['authorization.refused', 'invalid_client', 3],
] as const;

/** Of unknown parties, by the hour; one bad night among them. */
export function refusalRows(dice: Dice, now: Date) {
  const hours = RECORD_DAYS * 24;
  const bad = dice.between(24 * 20, 24 * 40);
  return Array.from({ length: hours }, (_none, ago) => {
    const hour = hourOf(new Date(now.getTime() - ago * 3_600_000));
    const worse = Math.abs(ago - bad) < 4 ? 400 : 1;
    return REFUSALS.map(([type, reason, most]) => ({ hour, type, reason, count: dice.below(most * worse + 1) }));
  })
    .flat()
    .filter(({ count }) => count > 0);
}
