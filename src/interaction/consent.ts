/** The pages of a signed-in person: by which one a request is answered, and what comes of the press on it. */
import type { Context } from 'koa';
import { isLocal } from '../accounts/sign-in.ts';
import { events } from '../audit/events.ts';
import { clientFingerprint } from '../clients/client.ts';
import type { PageAnswer } from '../consents/agreement.ts';
import { AppError } from '../errors.ts';
import { isExclusive } from '../federation/connection.ts';
import { scopeDigest } from '../resources/scopes.ts';
import { type Fields, single } from '../web/request-body.ts';
import { showApproval, submitApproval } from './approval.ts';
import { rememberWhereItBegan } from './began.ts';
import type { ConsentDeps } from './consent-deps.ts';
import { describe, type Interaction, type Subject } from './describe.ts';
import { endAccess } from './end-access.ts';
import { giveFull, showFull, submitFull } from './full.ts';
import { give, party } from './give.ts';
import { choosePage, refusalSubjects } from './page.ts';
import { presenceOf, pressedBefore } from './presence.ts';
import type { Scene } from './scene.ts';
import { carriedBy, finish, namedBy, signOut, startOver } from './session.ts';
import { continueUnder, showShort, submitShort } from './short.ts';
import { stop } from './stop.ts';

export async function showConsent(ctx: Context, interaction: Interaction, deps: ConsentDeps): Promise<void> {
  const scene = await setScene(ctx, interaction, deps);
  if (!scene) return;
  await rememberWhereItBegan(ctx, interaction, deps);
  const { answer, subject, accountId } = scene;
  switch (answer.page) {
    case 'stopped':
      return stop(scene, deps);
    case 'approval':
      await endPressOnConnect(interaction, deps);
      return showApproval(scene, deps);
    case 'short':
      // Only on the full page a person is asked for more than a press.
      if (await waitsForPresence(scene, deps)) return showOrGiveFull(scene, deps);
      if (pressedOnConnect(interaction, subject, accountId)) {
        const consent = await give(ctx, subject, accountId, answer, continueUnder(answer, 'connect'), deps);
        ctx.redirect(await finish(interaction, { consent }));
        return;
      }
      return ctx.query.page === 'full' ? showFull(scene, deps) : showShort(scene, deps);
    case 'full':
      return showOrGiveFull(scene, deps);
  }
}

async function showOrGiveFull(scene: Scene, deps: ConsentDeps): Promise<void> {
  const pending = await pressedBefore(scene, deps);
  await endPressOnConnect(scene.interaction, deps);
  return pending ? giveFull(scene, pending, {}, deps) : showFull(scene, deps);
}

async function waitsForPresence(scene: Scene, deps: ConsentDeps): Promise<boolean> {
  return (await pressedBefore(scene, deps)) !== undefined || (await presenceOf(scene, deps)) !== undefined;
}

export async function submitConsent(
  ctx: Context,
  interaction: Interaction,
  fields: Fields,
  deps: ConsentDeps,
): Promise<void> {
  const scene = await setScene(ctx, interaction, deps);
  if (!scene) return;
  const { answer } = scene;
  if (answer.page === 'stopped') return stop(scene, deps);
  const decision = single(fields, 'decision') ?? '';
  if (!isOfThisPage(scene, fields, deps) && (SHORT_DECISIONS.has(decision) || !sawMore(scene, fields, deps))) {
    // Also where the client's document changed while the person read: what they pressed is not what they would get.
    if (answer.page === 'approval') return showApproval(scene, deps, { error: 'expired', status: 403 });
    return answer.page === 'short' ? showShort(scene, deps, 403) : showFull(scene, deps, { status: 403 });
  }
  if (answer.page === 'approval') return submitApproval(scene, fields, deps);
  if (answer.page === 'short' && decision === 'continue' && (await presenceOf(scene, deps)))
    return showFull(scene, deps);
  if (answer.page === 'short' && SHORT_DECISIONS.has(decision)) return submitShort(scene, decision, deps);
  if (decision === 'block' && answer.differences.some(({ kind }) => kind === 'said_no_twice'))
    return block(scene, deps);
  return submitFull(scene, fields, deps);
}

const SHORT_DECISIONS: ReadonlySet<string> = new Set(['continue', 'stop', 'cancel']);

function isOfThisPage({ bound }: Scene, fields: Fields, { csrf }: ConsentDeps): boolean {
  return csrf.verify(single(fields, 'csrf'), bound);
}

/** The same was agreed to in another tab, and a short page would do by now: the full one that was pressed said no less. */
function sawMore({ answer, bound }: Scene, fields: Fields, { csrf }: ConsentDeps): boolean {
  return answer.page === 'short' && csrf.verify(single(fields, 'csrf'), ['full', ...bound.slice(1)]);
}

/** "Not you?": whoever was signed in is signed out, and page A follows. */
export async function switchAccount(
  ctx: Context,
  interaction: Interaction,
  fields: Fields,
  deps: ConsentDeps,
): Promise<void> {
  const scene = await setScene(ctx, interaction, deps);
  if (!scene) return;
  const { accountId } = scene;
  const meant = isOfThisPage(scene, fields, deps) || sawMore(scene, fields, deps);
  if (meant) {
    await signOut(ctx, deps.provider);
    await deps.audit.record(events.sessionEnded({ accountId }, { why: 'not_you' }));
  }
  ctx.redirect(await startOver(interaction, { switched: meant }));
}

/** @returns undefined where the page comes back for whoever is here now: another tab signed in as somebody else */
export async function setScene(ctx: Context, interaction: Interaction, deps: ConsentDeps): Promise<Scene | undefined> {
  const accountId = await sameAccount(ctx, interaction, deps);
  if (!accountId) {
    ctx.redirect(await startOver(interaction));
    return undefined;
  }
  const subject = await describe(interaction, deps);
  const elsewhere = await acceptedInstead(ctx, subject, deps);
  const chosen = await choosePage(ctx, interaction, subject, accountId, deps);
  const answer: PageAnswer = elsewhere ? { ...chosen, page: 'stopped', differences: [elsewhere] } : chosen;
  return { ctx, interaction, subject, accountId, answer, bound: bound(interaction, accountId, subject, answer) };
}

/** Somebody whom an accepted connection knows too has yet to come by it: what another vouches for is not its word (threat 85). */
async function acceptedInstead(
  ctx: Context,
  { resource: { connectionIds } }: Subject,
  { provider, upstreamSessions, connections }: ConsentDeps,
): Promise<PageAnswer['differences'][number] | undefined> {
  if (connectionIds.length === 0) return undefined;
  const by = await upstreamSessions.connectionOf((await provider.Session.get(ctx as never)).uid);
  if (by !== undefined && connectionIds.includes(by)) return undefined;
  const accepted = (await connections.list()).filter(({ id }) => connectionIds.includes(id));
  return { kind: 'sign_in_elsewhere', connections: accepted.map(({ name }) => name) };
}

/**
 * The account that the page was made for, if it is still the one signed in, in the same session.
 * @throws AppError `account_disabled`, and signs out
 */
async function sameAccount(ctx: Context, interaction: Interaction, deps: ConsentDeps): Promise<string | undefined> {
  const { accountId, uid, amr } = (await deps.provider.Session.get(ctx as never)) as Session;
  const { session } = interaction;
  if (!accountId || accountId !== session?.accountId || uid !== session.uid) return undefined;
  const account = await deps.accountStore.findById(accountId);
  if (account) deps.respond.follow(ctx, account.locale);
  // Signed in by a password or passkey while that still counted.
  const byPassword = account && !account.breakGlass && isLocal(amr);
  if (byPassword && (await isExclusive(deps.connections))) {
    await signOut(ctx, deps.provider);
    return undefined;
  }
  if (account?.disabledAt === null) return accountId;
  await signOut(ctx, deps.provider);
  throw new AppError('account_disabled', 403, 'The account is disabled.');
}

interface Session {
  accountId?: string;
  uid: string;
  amr?: readonly string[];
}

/** Page A named this very client, return address and server a moment ago, and this person pressed there. */
function pressedOnConnect(interaction: Interaction, subject: Subject, accountId: string): boolean {
  const { login, pressed, switched } = carriedBy(interaction);
  return !switched && login?.accountId === accountId && pressed?.named === namedBy(subject);
}

/**
 * A page that was shown waits for a press of its own. Otherwise one that the person did not answer would give a code when
 * it is loaded again, after they agreed to the same client elsewhere.
 */
async function endPressOnConnect(interaction: Interaction, { provider }: Pick<ConsentDeps, 'provider'>): Promise<void> {
  if (!carriedBy(interaction).pressed) return;
  // Read anew: meanwhile the page may have been answered from a second load of it.
  const current = await provider.Interaction.find(interaction.uid);
  if (!current || current.result) return;
  const { pressed: _pressed, ...kept } = carriedBy(current);
  current.lastSubmission = kept as typeof current.lastSubmission;
  interaction.lastSubmission = current.lastSubmission;
  await current.persist();
}

async function block(scene: Scene, deps: ConsentDeps): Promise<void> {
  const { subject, accountId } = scene;
  const client = { clientId: subject.client.clientId, clientName: subject.views.client.name };
  await endAccess(subject, accountId, {}, 'blocked_by_person', deps);
  // Read after that: what has no consent of its own any more is blocked by its looks too.
  for (const refusing of await refusalSubjects(subject, accountId, deps)) await deps.refusals.block(refusing, client);
  await deps.audit.record(events.clientBlocked(party(subject, accountId), {}, 'said_no_twice'));
  deps.respond.stopped(
    scene.ctx,
    { code: 'blocked_now' },
    { status: 200, uiLocales: scene.interaction.params.ui_locales },
  );
}

function bound(
  interaction: Interaction,
  accountId: string,
  { asking, downstream, redirectUri, resource }: Subject,
  { page, offered }: PageAnswer,
): string[] {
  const shown = resource.scopes.filter(({ name }) => offered.includes(name)).map(scopeDigest);
  const through = downstream
    ? [downstream.clientId, downstream.redirectUri, clientFingerprint(downstream.metadata)]
    : [];
  const { metadata } = asking;
  return [page, interaction.uid, accountId, clientFingerprint(metadata), redirectUri, ...through, '', ...shown];
}
