/** Page D: one sentence and one button, under a consent that covers the request. */
import { events } from '../audit/events.ts';
import type { PageAnswer } from '../consents/agreement.ts';
import { earliest } from '../consents/contract.ts';
import { timesOf } from '../consents/differences.ts';
import { beganElsewhere } from './began.ts';
import type { ConsentDeps } from './consent-deps.ts';
import { scopeGroups } from './consent-model.ts';
import { endAccess } from './end-access.ts';
import { type Given, give, party } from './give.ts';
import type { Scene } from './scene.ts';
import { calledBy, finish } from './session.ts';

export async function showShort(scene: Scene, deps: ConsentDeps, status = 200): Promise<void> {
  const { ctx, interaction, subject, accountId, answer, bound } = scene;
  const { uid, params } = interaction;
  const account = await deps.accountStore.findById(accountId);
  const action = `/interaction/${uid}`;
  const times = agreedTimes(answer);
  const model = {
    action,
    switchAccountAction: `${action}/switch-account`,
    csrf: deps.csrf.token(bound),
    account: { email: calledBy(account) },
    ...subject.views,
    crossSite: beganElsewhere(ctx, interaction),
    approvedAt: times.shownAt,
    until: times.until,
    groups: scopeGroups(subject.resource, answer.offered, deps.respond.localeOf(ctx, params.ui_locales)),
    fullHref: `${action}?page=full`,
  };
  deps.respond.page(ctx, 'short', model, { status, uiLocales: params.ui_locales });
}

export async function submitShort(scene: Scene, decision: string, deps: ConsentDeps): Promise<void> {
  const { ctx, interaction, subject, accountId, answer } = scene;
  if (decision === 'stop') return stop(scene, deps);
  if (decision === 'cancel') {
    await deps.audit.record(events.consentDenied(party(subject, accountId), 'cancelled_by_person'));
    ctx.redirect(await finish(interaction, { error: 'access_denied', error_description: 'cancelled by the person' }));
    return;
  }
  const consent = await give(ctx, subject, accountId, answer, continueUnder(answer, 'short'), deps);
  ctx.redirect(await finish(interaction, { consent }));
}

/** What was agreed to goes on as it was: no scope more, not a day longer. */
export function continueUnder(answer: PageAnswer, page: 'short' | 'connect'): Given {
  return { approved: answer.offered, expiresAt: agreedTimes(answer).until, refreshAllowed: true, page };
}

/** "Stop this app": its consent, and where registrations of the same program have their own, theirs. */
async function stop({ ctx, interaction, subject, accountId, answer }: Scene, deps: ConsentDeps): Promise<void> {
  await endAccess(subject, accountId, { id: livingBasis(answer).id }, 'stopped_by_person', deps);
  deps.respond.stopped(ctx, { code: 'app_stopped' }, { status: 200, uiLocales: interaction.params.ui_locales });
}

/** Of the shortest of what is asked for. */
function agreedTimes(answer: PageAnswer) {
  const basis = livingBasis(answer);
  return earliest(answer.offered.map((scope) => timesOf(basis, scope)));
}

function livingBasis({ basis }: PageAnswer) {
  if (!basis) throw new Error('a short page without a consent');
  return basis;
}
