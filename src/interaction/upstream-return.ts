/** Who came back from upstream, and what that makes of them here: a sign-in, or the proof that they are still here. */
import type { Context } from 'koa';
import type { AccountStore } from '../accounts/store.ts';
import type { Arrivals } from '../arrivals.ts';
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import { AppError } from '../errors.ts';
import type { Connection } from '../federation/connection.ts';
import { assertAge, freshTime, PRESENCE_SECONDS } from '../federation/fresh.ts';
import type { RequestLeg } from '../federation/leg.ts';
import { upstreamSession, type VouchedFor } from '../federation/trips.ts';
import type { DescribeDeps, Interaction, Subject } from './describe.ts';
import { carriedBy, carry, finish, namedBy, signedInAccount, signOut } from './session.ts';
import { type RefusedDeps, refuse } from './upstream-refused.ts';

export interface ReturnDeps extends Pick<DescribeDeps, 'provider'>, RefusedDeps {
  arrivals: Arrivals;
  accountStore: Pick<AccountStore, 'findByIdentity'>;
  audit: Audit;
  now: () => Date;
}

export interface Returned {
  connection: Connection;
  identity: VouchedFor;
  /** Before the provider was asked. */
  askedAt: Date;
}

export async function signIn(
  ctx: Context,
  interaction: Interaction,
  subject: Subject,
  { connection, identity, askedAt }: Returned,
  deps: ReturnDeps,
): Promise<void> {
  assertFresh(interaction, identity, deps);
  const { client, resource, scopes } = subject;
  const party = { clientId: client.clientId, resource: resource.uri, scopes };
  const outcome = await deps.arrivals.welcome(identity, connection, { askedAt, party });
  if (!outcome.ok) {
    refuse(ctx, interaction, { reason: outcome.reason, connection, status: 403 }, deps);
    return;
  }
  const accountId = outcome.account.id;
  // Somebody else than before: a session of their own, with nothing of the first person's.
  if ((await signedInAccount(ctx, deps.provider)) !== accountId) await signOut(ctx, deps.provider);
  const how = { method: 'upstream', connection: connection.id };
  await deps.audit.record(events.signInSucceeded({ ...party, accountId }, how));
  // Where the provider does not say when, the person may have signed in there long ago: as good as never.
  const at = Math.min(identity.authTimeSeconds ?? 0, seconds(deps.now()));
  const login = { accountId, amr: ['fed'], ts: at };
  // Proven anew: the session that the page began under, which may have ended since, no longer matters.
  interaction.session = undefined;
  const result = {
    login,
    upstream: upstreamSession(identity),
    pressed: { named: namedBy(subject) },
    present: { accountId, at },
    select_account: {},
  };
  ctx.redirect(await finish(interaction, result));
}

/** Where a fresh sign-in was asked for, the provider has to say that it was one. */
function assertFresh(interaction: Interaction, identity: VouchedFor, { audit, now }: ReturnDeps): void {
  const maxAge = maxAgeOf(interaction);
  if (maxAge === undefined) return;
  counting(audit, 'sign_in_not_fresh', () => assertAge(identity, now(), maxAge));
}

/**
 * How old a sign-in upstream may be for this request, in seconds: a client or a device asks for a fresh one. undefined
 * where any will do.
 */
export function maxAgeOf({ params, deviceCode }: Interaction): number | undefined {
  const login = String(params.prompt ?? '')
    .split(' ')
    .includes('login');
  const stated = params.max_age === undefined ? Number.POSITIVE_INFINITY : Number(params.max_age);
  const asked = login || deviceCode !== undefined ? Math.min(PRESENCE_SECONDS, stated) : stated;
  return Number.isFinite(asked) ? asked : undefined;
}

/** For what asks who is here now: nobody is signed in, nobody is made. */
export async function provePresence(
  ctx: Context,
  interaction: Interaction,
  { expectedAccountId, wishes }: RequestLeg,
  { identity }: Returned,
  deps: ReturnDeps,
): Promise<void> {
  const account = await deps.accountStore.findByIdentity(identity);
  const here = await signedInAccount(ctx, deps.provider);
  if (account === undefined || account.id !== expectedAccountId || account.id !== here) {
    deps.audit.count('sign_in.failed', 'presence_of_another');
    throw new AppError('account_changed', 403, 'Somebody else signed in there.');
  }
  if (account.disabledAt) throw disabled();
  const { present } = carriedBy(interaction);
  const before = present?.accountId === account.id ? present : { accountId: account.id, at: 0 };
  const proven =
    wishes.authContext === undefined
      ? { ...before, at: counting(deps.audit, 'presence_not_fresh', () => freshTime(identity, deps.now())) }
      : { ...before, contexts: { ...before.contexts, [wishes.authContext]: seconds(deps.now()) } };
  await carry(interaction, { present: proven });
  ctx.redirect(`/interaction/${interaction.uid}`);
}

function counting<T>(audit: Audit, reason: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    audit.count('sign_in.failed', reason);
    throw error;
  }
}

function disabled(): AppError {
  return new AppError('account_disabled', 403, 'The account is disabled.');
}

function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
