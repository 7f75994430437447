/** Pages C and F: everything that a person agrees to, and what comes of the press. */
import { events } from '../audit/events.ts';
import { addedScopes } from '../consents/differences.ts';
import type { ConsentModel } from '../web/pages.ts';
import { type Fields, several, single } from '../web/request-body.ts';
import { beganElsewhere } from './began.ts';
import type { ConsentDeps } from './consent-deps.ts';
import { expiryChoices, expiryOf, pageDifferences, scopeGroups, sentences } from './consent-model.ts';
import type { Interaction } from './describe.ts';
import { give, party } from './give.ts';
import { refusalSubjects } from './page.ts';
import { type Presence, presenceOf, provenAt, provePresence } from './presence.ts';
import type { Scene } from './scene.ts';
import { calledBy, finish, type Pending } from './session.ts';

interface Shown {
  status?: number;
  presence?: Presence | undefined;
  /** What was ticked, where the page comes back. */
  ticked?: readonly string[];
}

export async function showFull(scene: Scene, deps: ConsentDeps, shown: Shown = {}): Promise<void> {
  const { ctx, interaction, subject, accountId, answer, bound } = scene;
  const { uid, params } = interaction;
  const uiLocales = params.ui_locales;
  const locale = deps.respond.localeOf(ctx, uiLocales);
  const account = await deps.accountStore.findById(accountId);
  // What a proxy that names nobody was given before, anybody behind it may have been given.
  const added = answer.widens && !subject.namesNobody ? addedScopes(answer.differences) : answer.offered;
  const held = answer.offered.filter((scope) => !added.includes(scope));
  const groups = (scopes: readonly string[]) => scopeGroups(subject.resource, scopes, locale, shown.ticked);
  const model: ConsentModel = {
    action: `/interaction/${uid}`,
    switchAccountAction: `/interaction/${uid}/switch-account`,
    csrf: deps.csrf.token(bound),
    account: { email: calledBy(account) },
    ...subject.views,
    crossSite: beganElsewhere(ctx, interaction),
    groups: groups(added),
    ...(held.length > 0 ? { held: groups(held) } : {}),
    presence: shown.presence ?? (await presenceOf(scene, deps)),
    saidNoTwice: answer.differences.some(({ kind }) => kind === 'said_no_twice'),
    leftOut: sentences(subject.resource, answer.leftOut, locale),
    differences: pageDifferences(answer.differences, { widens: answer.widens, resource: subject.resource, locale }),
    expiry: expiryChoices(deps.now(), subject.resource),
    device: await startedDevice(interaction, deps),
  };
  deps.respond.page(ctx, 'consent', model, { status: shown.status ?? 200, uiLocales });
}

export async function submitFull(scene: Scene, fields: Fields, deps: ConsentDeps): Promise<void> {
  const { ctx, interaction, subject, accountId, answer } = scene;
  const ticked = several(fields, 'scope');
  const approved = answer.offered.filter((scope) => ticked.includes(scope));
  const useful = approved.some((scope) => subject.resource.scopes.some(({ name }) => name === scope));
  const saidNoTwice = answer.differences.some(({ kind }) => kind === 'said_no_twice');
  if (single(fields, 'decision') !== 'approve' || !useful || saidNoTwice) {
    await deps.audit.record(events.consentDenied(party(subject, accountId), 'denied_by_person'));
    for (const refusing of await refusalSubjects(subject, accountId, deps)) await deps.refusals.deny(refusing);
    ctx.redirect(await finish(interaction, { error: 'access_denied', error_description: 'denied by the person' }));
    return;
  }
  const press = { approved, expiry: single(fields, 'expiry') };
  const proof = await provePresence(scene, press, fields, deps);
  if (proof.kind === 'sent') return;
  if (proof.kind === 'refused') {
    return showFull(scene, deps, { status: proof.status, presence: proof.presence, ticked: approved });
  }
  await giveFull(scene, press, proof.result, deps);
}

/** @param result what else the resumed request finds, such as a fresh sign-in */
export async function giveFull(
  { ctx, interaction, subject, accountId, answer }: Scene,
  { approved, expiry }: Pick<Pending, 'approved' | 'expiry'>,
  result: Record<string, unknown>,
  deps: ConsentDeps,
): Promise<void> {
  const { expiresAt, refreshAllowed } = expiryOf(expiry, deps.now(), subject.resource);
  const presentAt = subject.resource.builtIn ? provenAt(interaction, accountId, result) : undefined;
  const given = { approved, expiresAt, refreshAllowed, page: 'full', presentAt } as const;
  const consent = await give(ctx, subject, accountId, answer, given, deps);
  ctx.redirect(await finish(interaction, { ...result, consent }));
}

async function startedDevice(interaction: Interaction, deps: ConsentDeps) {
  if (!interaction.deviceCode) return undefined;
  const code = await deps.provider.DeviceCode.find(interaction.deviceCode, { ignoreExpiration: true });
  const seconds = Math.max(0, deps.now().getTime() / 1000 - Number(code?.iat ?? 0));
  return code ? { startedMinutesAgo: Math.floor(seconds / 60) } : undefined;
}
