/** Who came back from upstream, and what that makes of them here: a sign-in, or the proof that they are still here. */
import type { Context } from 'koa';
import type { Accounts } from '../accounts/account.ts';
import type { AccountStore } from '../accounts/store.ts';
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import { AppError } from '../errors.ts';
import type { UpstreamIdentity } from '../federation/connection.ts';
import type { Leg } from '../federation/legs.ts';
import { UpstreamFailed } from '../federation/upstream-failed.ts';
import type { DescribeDeps, Interaction, Subject } from './describe.ts';
import { carry, finish, namedBy, signedInAccount, signOut } from './session.ts';

export interface ReturnDeps extends Pick<DescribeDeps, 'provider'> {
  accounts: Pick<Accounts, 'signInByIdentity'>;
  accountStore: Pick<AccountStore, 'findByIdentity'>;
  audit: Audit;
  now: () => Date;
}

/** By the connection. */
export type VouchedFor = UpstreamIdentity & { connectionId: string };

/** How old a sign-in upstream may be to prove that the person is here. */
export const PRESENCE_SECONDS = 300;
const CLOCK_TOLERANCE_SECONDS = 60;

export async function signIn(
  ctx: Context,
  interaction: Interaction,
  subject: Subject,
  identity: VouchedFor,
  deps: ReturnDeps,
): Promise<void> {
  assertFresh(interaction, identity, deps);
  const outcome = await deps.accounts.signInByIdentity(identity);
  const accountId = outcome.ok ? outcome.account.id : outcome.accountId;
  const { client, resource, scopes } = subject;
  const party = { accountId, clientId: client.clientId, resource: resource.uri, scopes };
  const how = { method: 'upstream', connection: identity.connectionId };
  if (!outcome.ok) {
    await deps.audit.record(events.signInFailed(party, outcome.reason, how));
    throw disabled();
  }
  if (outcome.created) {
    await deps.audit.record(events.accountCreated({ accountId }, how));
    await deps.audit.record(events.identityLinked({ accountId }, { ...how, issuer: identity.issuer }));
  }
  // Somebody else than before: a session of their own, with nothing of the first person's.
  if ((await signedInAccount(ctx, deps.provider)) !== accountId) await signOut(ctx, deps.provider);
  await deps.audit.record(events.signInSucceeded(party, how));
  // Where the provider does not say when, the person may have signed in there long ago: as good as never.
  const at = Math.min(identity.authTimeSeconds ?? 0, seconds(deps.now()));
  const login = { accountId, amr: ['fed'], ts: at };
  // Proven anew: the session that the page began under, which may have ended since, no longer matters.
  interaction.session = undefined;
  const result = { login, pressed: { named: namedBy(subject) }, present: { accountId, at }, select_account: {} };
  ctx.redirect(await finish(interaction, result));
}

/** Where a fresh sign-in was asked for, the provider has to say that it was one. */
function assertFresh(interaction: Interaction, identity: VouchedFor, { audit, now }: ReturnDeps): void {
  const maxAge = maxAgeOf(interaction);
  if (maxAge === undefined) return;
  const at = identity.authTimeSeconds;
  const age = at === undefined ? Number.POSITIVE_INFINITY : seconds(now()) - at;
  if (age <= maxAge + CLOCK_TOLERANCE_SECONDS && age >= -CLOCK_TOLERANCE_SECONDS) return;
  audit.count('sign_in.failed', 'sign_in_not_fresh');
  throw new UpstreamFailed('failed', at === undefined ? 'no auth_time' : `auth_time is ${age} seconds old`);
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
  { expectedAccountId }: Leg,
  identity: VouchedFor,
  deps: ReturnDeps,
): Promise<void> {
  const account = await deps.accountStore.findByIdentity(identity);
  const here = await signedInAccount(ctx, deps.provider);
  if (account === undefined || account.id !== expectedAccountId || account.id !== here) {
    deps.audit.count('sign_in.failed', 'presence_of_another');
    throw new AppError('account_changed', 403, 'Somebody else signed in there.');
  }
  if (account.disabledAt) throw disabled();
  // When a token was made says nothing of when the person was last asked.
  const at = identity.authTimeSeconds;
  const age = at === undefined ? Number.POSITIVE_INFINITY : seconds(deps.now()) - at;
  if (at === undefined || age > PRESENCE_SECONDS || age < -CLOCK_TOLERANCE_SECONDS) {
    deps.audit.count('sign_in.failed', 'presence_not_fresh');
    throw new UpstreamFailed('failed', at === undefined ? 'no auth_time' : `auth_time is ${age} seconds old`);
  }
  await carry(interaction, { present: { accountId: account.id, at } });
  ctx.redirect(`/interaction/${interaction.uid}`);
}

function disabled(): AppError {
  return new AppError('account_disabled', 403, 'The account is disabled.');
}

function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
