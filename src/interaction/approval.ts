/** Page E: what waits for an administrator, who is asked, and what the person does meanwhile (consent.md §3). */
import type { AccountStore } from '../accounts/store.ts';
import type { Approvals } from '../approvals/approval.ts';
import { MAX_CHARACTERS, parseWords } from '../approvals/deciding.ts';
import type { ApprovalRequest, ApprovalTerms } from '../approvals/request.ts';
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import type { Notices } from '../notices/notices.ts';
import type { Browsers } from '../web/browser.ts';
import type { Csrf } from '../web/csrf.ts';
import type { ApprovalModel } from '../web/pages.ts';
import { type Fields, single } from '../web/request-body.ts';
import type { Respond } from '../web/respond.ts';
import { beganElsewhere } from './began.ts';
import { scopeGroups } from './consent-model.ts';
import type { DescribeDeps, Interaction, Subject } from './describe.ts';
import { recordDocuments } from './documents.ts';
import type { Scene } from './scene.ts';
import { type Carried, calledBy, carriedBy, finish } from './session.ts';

export interface ApprovalDeps extends DescribeDeps {
  approvals: Pick<Approvals, 'ask' | 'find' | 'findOpen' | 'findDenied' | 'findExpired' | 'requestDays'>;
  notices: Pick<Notices, 'approvalRequested'>;
  accountStore: Pick<AccountStore, 'findById'>;
  audit: Audit;
  browsers: Browsers;
  csrf: Csrf;
  respond: Respond;
}

const REFRESH_SECONDS = 15;

interface Shown {
  error?: ApprovalModel['error'];
  /** What the person typed, where the page comes back. */
  reason?: string | undefined;
  status?: number;
}

/** A page that waits stands where it can still be reached when the authorization is over (`approval-routes.ts`). */
export async function showApproval(scene: Scene, deps: ApprovalDeps, shown: Shown = {}): Promise<void> {
  const request = await askedOn(scene, deps);
  const own = request?.state === 'pending' && request.browserId === deps.browsers.identify(scene.ctx);
  if (!own || shown.error) return renderApproval(scene, request, deps, shown);
  scene.ctx.status = 303;
  scene.ctx.redirect(placeOf(scene.interaction.uid, request, request.browserId));
}

/** @param request what was asked of an administrator, where the person did */
export async function renderApproval(
  scene: Scene,
  request: ApprovalRequest | undefined,
  deps: ApprovalDeps,
  shown: Shown = {},
): Promise<void> {
  const { ctx, interaction, subject, accountId, answer, bound } = scene;
  const { uid, params } = interaction;
  const uiLocales = params.ui_locales;
  const locale = deps.respond.localeOf(ctx, uiLocales);
  const model: ApprovalModel = {
    action: `/interaction/${uid}`,
    switchAccountAction: `/interaction/${uid}/switch-account`,
    csrf: deps.csrf.token(bound),
    account: { email: calledBy(await deps.accountStore.findById(accountId)) },
    ...subject.views,
    crossSite: beganElsewhere(ctx, interaction),
    missing: scopeGroups(subject.resource, answer.waiting, locale),
    rest: rest(scene).length > 0,
    ...outcomeOf(request),
    ...(await before(scene, request, deps)),
    reason: shown.reason,
    reasonMaxCharacters: MAX_CHARACTERS,
    refreshSeconds: REFRESH_SECONDS,
    error: shown.error,
  };
  deps.respond.page(ctx, 'approval', model, { status: shown.status ?? 200, uiLocales });
}

/** The form's token was verified by the caller. */
export async function submitApproval(scene: Scene, fields: Fields, deps: ApprovalDeps): Promise<void> {
  const { ctx, interaction, subject, accountId, answer } = scene;
  switch (single(fields, 'decision')) {
    case 'ask':
      return ask(scene, single(fields, 'reason'), deps);
    case 'without':
      if (rest(scene).length === 0) return showApproval(scene, deps);
      await carry(
        interaction,
        ({ without = [] }) => ({ without: [...new Set([...without, ...answer.waiting])] }),
        deps,
      );
      ctx.redirect(`/interaction/${interaction.uid}`);
      return;
    case 'cancel':
      await deps.audit.record(events.consentDenied(party(subject, accountId, subject.scopes), 'cancelled_by_person'));
      ctx.redirect(await finish(interaction, { error: 'access_denied', error_description: 'cancelled by the person' }));
      return;
    default:
      return showApproval(scene, deps);
  }
}

async function ask(scene: Scene, typed: string | undefined, deps: ApprovalDeps): Promise<void> {
  const { ctx, interaction, subject, accountId } = scene;
  const { uid } = interaction;
  if ((await askedOn(scene, deps))?.state === 'denied') return showApproval(scene, deps);
  if (!parseWords(typed).ok) {
    return showApproval(scene, deps, { error: 'reason_too_long', reason: typed, status: 400 });
  }
  await recordDocuments(subject, deps);
  const browserId = deps.browsers.identify(ctx);
  const { request, created, expired } = await deps.approvals.ask({ ...termsOf(scene), reason: typed, browserId });
  if (expired) {
    const details = { approval: expired.id, before: 'pending', askedAt: expired.createdAt.toISOString() };
    await deps.audit.record(events.approvalExpired(party(subject, accountId, expired.scopes), details));
  }
  if (created) {
    const details = { approval: request.id, redirectUri: request.redirectUri };
    await deps.audit.record(events.approvalRequested(party(subject, accountId, request.scopes), details));
    await deps.notices.approvalRequested(notice(request, subject));
  }
  await carry(interaction, () => ({ asked: request.id }), deps);
  ctx.redirect(placeOf(uid, request, browserId));
}

function notice(request: ApprovalRequest, { resource, views }: Subject): Parameters<Notices['approvalRequested']>[0] {
  const { accountId, clientId, downstream, stated, scopes, reason, id } = request;
  return {
    accountId,
    clientId: downstream?.clientId ?? clientId,
    clientName: (stated.downstream ?? stated.client).name,
    ...(stated.downstream ? { through: stated.client.name } : {}),
    resourceId: resource.id,
    resourceName: views.resource.name,
    scopes: scopes.map((name) => resource.scopes.find((scope) => scope.name === name) ?? { name }),
    reason,
    requestId: id,
  };
}

/** The open request for this, or the one that was made on this very page. */
export async function askedOn(scene: Scene, { approvals }: ApprovalDeps): Promise<ApprovalRequest | undefined> {
  const open = await approvals.findOpen(termsOf(scene));
  const { asked } = carriedBy(scene.interaction);
  if (open || asked === undefined) return open;
  const made = await approvals.find(asked);
  const same =
    made?.accountId === scene.accountId && scene.answer.waiting.every((scope) => made.scopes.includes(scope));
  return same ? made : undefined;
}

function termsOf({ answer }: Scene): ApprovalTerms {
  return { ...answer.terms, scopes: answer.waiting };
}

/** What the person may approve now without anybody else: something of the server among it. */
function rest({ answer, subject }: Scene): readonly string[] {
  const own = subject.resource.scopes.map(({ name }) => name);
  return answer.offered.filter((scope) => !answer.waiting.includes(scope) && own.includes(scope));
}

export function outcomeOf(request: ApprovalRequest | undefined): Pick<ApprovalModel, 'state' | 'askedAt' | 'note'> {
  if (request?.state === 'pending') return { state: 'waiting', askedAt: request.createdAt };
  if (request?.state === 'denied') return { state: 'denied', askedAt: request.createdAt, note: request.note };
  // An approval that does not cover what is asked for now: the client changed, or it ran out.
  return { state: 'ask' };
}

/** What the person asked before, and was denied or nobody decided: it may be asked again, and they read why. */
async function before(
  scene: Scene,
  request: ApprovalRequest | undefined,
  { approvals }: ApprovalDeps,
): Promise<Pick<ApprovalModel, 'lapsed' | 'refused'>> {
  if (request && request.state !== 'expired') return {};
  const { answer } = scene;
  const denied = request ? undefined : await approvals.findDenied(termsOf(scene));
  if (denied) return { refused: { at: denied.decidedAt ?? denied.createdAt, note: denied.note } };
  const expired = request ?? (await approvals.findExpired(answer.terms));
  return expired ? { lapsed: { askedAt: expired.createdAt, days: approvals.requestDays } } : {};
}

/** Another browser of the same person joined the request: it has the page of its own interaction alone. */
function placeOf(uid: string, request: ApprovalRequest, browserId: string): string {
  return request.browserId === browserId ? `/approval/${request.id}?interaction=${uid}` : `/interaction/${uid}`;
}

async function carry(
  interaction: Interaction,
  more: (carried: Carried) => Carried,
  { provider }: ApprovalDeps,
): Promise<void> {
  // Read anew: meanwhile the page may have been answered from a second load of it.
  const current = await provider.Interaction.find(interaction.uid);
  if (!current || current.result) return;
  const carried = carriedBy(current);
  current.lastSubmission = { ...carried, ...more(carried) } as typeof current.lastSubmission;
  await current.persist();
}

function party({ client, resource }: Subject, accountId: string, scopes: readonly string[]) {
  return { accountId, clientId: client.clientId, resource: resource.uri, scopes };
}
