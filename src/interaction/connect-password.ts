/** Page A, by a password: everybody who has one here, or only break-glass accounts while a connection is exclusive. */
import type { Context } from 'koa';
import type { Accounts } from '../accounts/account.ts';
import type { Account } from '../accounts/store.ts';
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import type { Notices } from '../notices/notices.ts';
import type { ConnectModel } from '../web/pages.ts';
import type { DescribeDeps, Interaction, Subject } from './describe.ts';
import { finish, namedBy, signedInAccount, signOut } from './session.ts';

export interface PasswordDeps extends Pick<DescribeDeps, 'provider'> {
  accounts: Pick<Accounts, 'signIn'>;
  audit: Audit;
  notices: Pick<Notices, 'breakGlassUsed'>;
  clientAddress: (ctx: Context) => string;
  now: () => Date;
}

export interface PasswordRefused {
  status: number;
  error: NonNullable<ConnectModel['error']>;
  retryAfterSeconds?: number | undefined;
}

/** @returns what to show, unless the person is signed in and on the way back to the request */
export async function signInByPassword(
  ctx: Context,
  interaction: Interaction,
  subject: Subject,
  claim: { email: string; password: string; breakGlassOnly: boolean },
  deps: PasswordDeps,
): Promise<PasswordRefused | undefined> {
  const { client, resource, scopes } = subject;
  const party = { clientId: client.clientId, resource: resource.uri, scopes };
  const outcome = await deps.accounts.signIn({ ...claim, address: deps.clientAddress(ctx) });
  if (!outcome.ok) {
    const { reason, accountId, retryAfterSeconds } = outcome;
    // What was not even looked at is counted: anybody can send it without end.
    if (accountId && reason !== 'throttled')
      await deps.audit.record(events.signInFailed({ ...party, accountId }, reason));
    else deps.audit.count('sign_in.failed', reason);
    if (reason === 'owes_sign_in') return { status: 403, error: 'elsewhere' };
    if (reason === 'throttled') return { status: 429, error: 'throttled', retryAfterSeconds };
    return { status: 401, error: claim.breakGlassOnly ? 'emergency' : 'credentials' };
  }
  const { account } = outcome;
  if ((await signedInAccount(ctx, deps.provider)) !== account.id) await signOut(ctx, deps.provider);
  await deps.audit.record(events.signInSucceeded({ ...party, accountId: account.id }, { method: 'password' }));
  if (claim.breakGlassOnly) await soundAlarm(account, subject, deps);
  const login = { accountId: account.id, amr: ['pwd'], ts: Math.floor(deps.now().getTime() / 1000) };
  // Proven anew: the session that the page began under, which may have ended since, no longer matters.
  interaction.session = undefined;
  ctx.redirect(await finish(interaction, { login, pressed: { named: namedBy(subject) }, select_account: {} }));
  return undefined;
}

/** Loudly: a way in that goes around the identity provider. */
export async function soundAlarm(
  { id, email }: Account,
  { client, resource, views }: Subject,
  { audit, notices, now }: Pick<PasswordDeps, 'audit' | 'notices' | 'now'>,
): Promise<void> {
  await audit.record(events.breakGlassUsed({ accountId: id, clientId: client.clientId, resource: resource.uri }));
  await notices.breakGlassUsed({ accountId: id, email, resourceName: views.resource.name, at: now() });
}
