/** What a press of Approve or Continue makes: the consent row, and the grant that this one authorization lives on. */
import type { Context } from 'koa';
import type { Approvals } from '../approvals/approval.ts';
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import { redirectHost } from '../clients/redirect-uris.ts';
import { DEVICE_REDIRECT, type PageAnswer } from '../consents/agreement.ts';
import type { Consent } from '../consents/consent.ts';
import type { PressStore } from '../consents/press-store.ts';
import type { Notices } from '../notices/notices.ts';
import type { Database } from '../storage/transactions.ts';
import { browserLabel } from '../web/browser-label.ts';
import type { Subject } from './describe.ts';
import { recordDocuments } from './documents.ts';
import type { PageDeps } from './page.ts';

export interface GiveDeps extends PageDeps {
  presses: PressStore;
  audit: Audit;
  approvals: Pick<Approvals, 'ask' | 'decide'>;
  database: Database;
  notices: Pick<Notices, 'appConnected'>;
  now: () => Date;
}

export interface Given {
  approved: readonly string[];
  expiresAt: Date;
  refreshAllowed: boolean;
  /** Of a full page; a short one, or page A, shows nothing anew. */
  page: 'full' | 'short' | 'connect';
  /** For the administration API: when the person proved to be there, in seconds since the epoch. */
  presentAt?: number | undefined;
}

/** What the resumed request finds (`oauth/press.ts`). */
interface Press {
  grantId: string;
  consentId: string;
}

export async function give(
  ctx: Context,
  subject: Subject,
  accountId: string,
  answer: PageAnswer,
  given: Given,
  deps: GiveDeps,
): Promise<Press> {
  const { now, presses, provider, browsers } = deps;
  await recordDocuments(subject, deps);
  await approveOwn(ctx, subject, accountId, answer, given, deps);
  const { approved, expiresAt, refreshAllowed, page, presentAt } = given;
  const consent = await presses.approve({
    terms: answer.terms,
    shown: answer.offered,
    approved,
    browserId: browsers.identify(ctx),
    browserLabel: browserLabel(ctx.get('user-agent')),
    expiresAt,
    ...(page === 'full' ? {} : { basis: answer.basis }),
  });
  const grant = new provider.Grant({
    accountId,
    clientId: subject.client.clientId,
    consentId: consent.id,
    refreshAllowed,
    ...(presentAt === undefined ? {} : { presentAt }),
    ...(answer.terms.downstream ? { actingFor: answer.terms.downstream } : {}),
    expiresIn: Math.max(1, Math.floor((expiresAt.getTime() - now().getTime()) / 1000)),
  } as never);
  const own = new Set(subject.resource.scopes.map((scope) => scope.name));
  const identity = approved.filter((scope) => !own.has(scope));
  if (identity.length > 0) grant.addOIDCScope(identity.join(' '));
  grant.addResourceScope(subject.resource.uri, approved.filter((scope) => own.has(scope)).join(' '));
  const grantId = await grant.save();
  await record(subject, accountId, consent, { ...given, grantId }, answer, deps);
  return { grantId, consentId: consent.id };
}

/** The only administrator asks nobody; the approval is kept all the same, for when there are others. */
async function approveOwn(
  ctx: Context,
  subject: Subject,
  accountId: string,
  { terms }: PageAnswer,
  { approved }: Given,
  { approvals, audit, browsers }: GiveDeps,
): Promise<void> {
  const scopes = terms.admission.byOwnPress.filter((scope) => approved.includes(scope));
  if (scopes.length === 0) return;
  const { request, expired } = await approvals.ask({ ...terms, scopes, browserId: browsers.identify(ctx) });
  if (expired) {
    const ended = { approval: expired.id, before: 'pending', askedAt: expired.createdAt.toISOString() };
    await audit.record(events.approvalExpired({ ...party(subject, accountId), scopes: expired.scopes }, ended));
  }
  const decide = () => approvals.decide({ id: request.id, decision: 'approve', approver: accountId, current: terms });
  const first = await decide();
  // A request made before the client changed holds from now on what this page showed.
  const { outcome } = first.outcome === 'changed' ? await decide() : first;
  const details = { approval: request.id, decision: outcome, approver: accountId, audience: 'person' };
  await audit.record(events.approvalDecided({ ...party(subject, accountId), scopes }, details, 'only_administrator'));
}

async function record(
  subject: Subject,
  accountId: string,
  consent: Consent,
  { approved, expiresAt, page, grantId }: Given & { grantId: string },
  answer: PageAnswer,
  { audit, notices, now }: GiveDeps,
): Promise<void> {
  const event = page === 'full' ? events.consentApproved : events.consentContinued;
  const { version, id: consentId } = consent;
  const differences = answer.differences.map(({ kind }) => kind);
  const actingFor = consent.downstream?.clientId;
  const details = {
    ...(actingFor ? { actingFor } : {}),
    ...(page !== 'full' && answer.basis ? { under: answer.basis.id } : {}),
    version,
    page,
    until: expiresAt.toISOString(),
    redirectUri: subject.redirectUri,
    differences,
  };
  await audit.record(event({ ...party(subject, accountId), scopes: approved, consentId, grantId }, details));
  if (version > 1 || page !== 'full') return;
  await notices.appConnected({
    accountId,
    clientName: subject.views.client.name,
    clientId: subject.downstream?.clientId ?? subject.client.clientId,
    ...(subject.views.through ? { through: subject.views.through.name } : {}),
    redirectHost: subject.redirectUri === DEVICE_REDIRECT ? '' : redirectHost(subject.redirectUri).host,
    resourceName: subject.views.resource.name,
    scopes: approved.map((name) => subject.resource.scopes.find((scope) => scope.name === name) ?? { name }),
    at: now(),
  });
}

export function party({ client, resource, scopes }: Subject, accountId: string) {
  return { accountId, clientId: client.clientId, resource: resource.uri, scopes };
}
