/**
 * Page A, by a password, the code that follows it, or a passkey: everybody who has one here, or only break-glass accounts
 * while a connection is exclusive.
 */
import type { Context } from 'koa';
import type { Accounts } from '../accounts/account.ts';
import type { Passkeys } from '../accounts/passkeys.ts';
import { amrOf, type Method, type SignInResult } from '../accounts/sign-in.ts';
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import type { Emergency, SoundBreakGlass } from '../break-glass.ts';
import type { FactorChanges } from '../factor-changes.ts';
import type { Browsers } from '../web/browser.ts';
import type { ConnectModel } from '../web/pages.ts';
import { type Fields, single } from '../web/request-body.ts';
import type { DescribeDeps, Interaction, Subject } from './describe.ts';
import { finish, namedBy, signedInAccount, signOut } from './session.ts';

export interface PasswordDeps extends Pick<DescribeDeps, 'provider'> {
  accounts: Pick<Accounts, 'signIn' | 'signInWithCode' | 'signInByPasskey'>;
  passkeys: Pick<Passkeys, 'possible' | 'list' | 'askFor' | 'verify' | 'anybodyHasOne'>;
  factorChanges: Pick<FactorChanges, 'recoveryCodeUsed'>;
  audit: Audit;
  soundBreakGlass: SoundBreakGlass;
  browsers: Browsers;
  clientAddress: (ctx: Context) => string;
  now: () => Date;
}

export interface LocalRefused {
  status: number;
  error?: ConnectModel['error'];
  retryAfterSeconds?: number | undefined;
  /** The password was right: with the code, which is asked for next. */
  ticket?: string | undefined;
}

/** What a passkey, or the code after a password, is shown for: here, and by this browser. */
export function purposeOf({ uid }: Interaction): string {
  return `connect ${uid}`;
}

interface Tried {
  outcome: SignInResult;
  breakGlassOnly: boolean;
  method: Method;
  ticket?: string | undefined;
}

/** @returns what to show, unless the person is signed in and on the way back to the request */
export async function signInHere(
  ctx: Context,
  interaction: Interaction,
  subject: Subject,
  { fields, breakGlassOnly }: { fields: Fields; breakGlassOnly: boolean },
  deps: PasswordDeps,
): Promise<LocalRefused | undefined> {
  const { accounts, browsers, clientAddress } = deps;
  const field = (name: string) => single(fields, name) ?? '';
  const purpose = purposeOf(interaction);
  const browserId = browsers.identify(ctx);
  const claim = { breakGlassOnly, address: clientAddress(ctx), binding: `${purpose} ${browserId}` };
  if (field('passkey')) {
    const proven = await deps.passkeys.verify(field('passkey'), { browserId, purpose });
    const outcome = proven
      ? await accounts.signInByPasskey(proven.accountId, { breakGlassOnly })
      : ({ ok: false, reason: 'credentials' } as const);
    return settle(ctx, interaction, subject, { outcome, breakGlassOnly, method: 'passkey' }, deps);
  }
  const ticket = single(fields, 'ticket');
  if (ticket !== undefined) {
    const outcome = await accounts.signInWithCode({ ...claim, ticket, code: field('code') });
    return settle(ctx, interaction, subject, { outcome, breakGlassOnly, method: 'code', ticket }, deps);
  }
  const outcome = await accounts.signIn({ ...claim, email: field('email'), password: field('password') });
  return settle(ctx, interaction, subject, { outcome, breakGlassOnly, method: 'password' }, deps);
}

async function settle(
  ctx: Context,
  interaction: Interaction,
  subject: Subject,
  tried: Tried,
  deps: PasswordDeps,
): Promise<LocalRefused | undefined> {
  const { outcome, breakGlassOnly, method } = tried;
  const { client, resource, scopes } = subject;
  const party = { clientId: client.clientId, resource: resource.uri, scopes };
  if (!outcome.ok) {
    await record(outcome, party, deps);
    return refusedWith(outcome, tried);
  }
  const { account, by } = outcome;
  if ((await signedInAccount(ctx, deps.provider)) !== account.id) await signOut(ctx, deps.provider);
  const how = { method: method === 'passkey' ? 'passkey' : 'password', ...(by ? { secondFactor: by } : {}) };
  await deps.audit.record(events.signInSucceeded({ ...party, accountId: account.id }, how));
  if (by === 'recovery') await deps.factorChanges.recoveryCodeUsed(account);
  if (breakGlassOnly) await deps.soundBreakGlass(account, emergencyAt(subject));
  const login = { accountId: account.id, amr: amrOf(method), ts: Math.floor(deps.now().getTime() / 1000) };
  // Proven anew: the session that the page began under, which may have ended since, no longer matters.
  interaction.session = undefined;
  ctx.redirect(await finish(interaction, { login, pressed: { named: namedBy(subject) }, select_account: {} }));
  return undefined;
}

/** What was not even looked at is counted: anybody can send it without end. A right password is no failure. */
async function record(
  { reason, accountId }: Exclude<SignInResult, { ok: true }>,
  party: { clientId: string; resource: string; scopes: readonly string[] },
  { audit }: PasswordDeps,
): Promise<void> {
  if (reason === 'second_factor') return;
  if (accountId && reason !== 'throttled') await audit.record(events.signInFailed({ ...party, accountId }, reason));
  else audit.count('sign_in.failed', reason);
}

function refusedWith(outcome: Exclude<SignInResult, { ok: true }>, { breakGlassOnly, method, ticket }: Tried) {
  switch (outcome.reason) {
    case 'second_factor':
      return { status: 200, ticket: outcome.ticket };
    case 'owes_sign_in':
      return { status: 403, error: 'elsewhere' as const };
    case 'throttled':
      return { status: 429, error: 'throttled' as const, retryAfterSeconds: outcome.retryAfterSeconds, ticket };
    case 'code':
      return { status: 401, error: 'code' as const, ticket };
    case 'ticket':
      return { status: 401, error: 'expired' as const };
    default:
      if (method === 'passkey') return { status: 401, error: 'passkey' as const };
      return { status: 401, error: breakGlassOnly ? ('emergency' as const) : ('credentials' as const) };
  }
}

export function emergencyAt({ client, resource, views }: Subject): Emergency {
  return { where: views.resource.name, clientId: client.clientId, resource: resource.uri };
}
