/** `/account/password`: a person changes their password, also who is not signed in. */
import Router from '@koa/router';
import type { Context } from 'koa';
import type { Accounts } from '../accounts/account.ts';
import { mayUsePassword } from '../accounts/sign-in.ts';
import type { AccountStore } from '../accounts/store.ts';
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import { isEmail, normaliseEmail, passwordProblem } from '../credentials.ts';
import type { FactorChanges } from '../factor-changes.ts';
import { type Connections, isExclusive } from '../federation/connection.ts';
import type { Sessions } from '../sessions.ts';
import type { ArtifactStore } from '../storage/artifacts.ts';
import type { Browsers } from '../web/browser.ts';
import type { Csrf } from '../web/csrf.ts';
import type { PasswordModel } from '../web/pages.ts';
import { readForm, single } from '../web/request-body.ts';
import type { Respond } from '../web/respond.ts';
import { PASSWORD, proofHref } from './paths.ts';
import { type Visitor, type VisitorDeps, visitorOf } from './visitor.ts';

export interface PasswordDeps extends Omit<VisitorDeps, 'accountStore' | 'respond'> {
  accounts: Accounts;
  connections: Connections;
  accountStore: AccountStore;
  factorChanges: Pick<FactorChanges, 'passwordChanged'>;
  artifacts: ArtifactStore;
  sessions: Pick<Sessions, 'endOf'>;
  audit: Audit;
  browsers: Browsers;
  csrf: Csrf;
  respond: Respond;
  clientAddress: (ctx: Context) => string;
}

const MAX_EMAIL_CHARACTERS = 1000;

export function passwordRoutes(deps: PasswordDeps): Router {
  const router = new Router();
  router.get(PASSWORD, async (ctx) => {
    const owner = await ownerOf(ctx, deps);
    show(ctx, deps, { email: owner?.account.email, signedIn: owner !== undefined }, 200);
  });
  router.post(PASSWORD, (ctx) => submit(ctx, deps));
  return router;
}

function show(ctx: Context, deps: PasswordDeps, model: Partial<PasswordModel>, status: number): void {
  const csrf = deps.csrf.token(['account', deps.browsers.identify(ctx)]);
  const proveHref = proofHref(PASSWORD);
  deps.respond.page(ctx, 'password', { action: PASSWORD, csrf, proveHref, ...model }, { status });
}

async function submit(ctx: Context, deps: PasswordDeps): Promise<void> {
  const fields = (await readForm(ctx)) ?? {};
  const owner = await ownerOf(ctx, deps);
  const email = owner?.account.email ?? (single(fields, 'email') ?? '').slice(0, MAX_EMAIL_CHARACTERS);
  const newPassword = single(fields, 'new_password') ?? '';
  const shown = { email, signedIn: owner !== undefined };
  const genuine =
    deps.csrf.sameOrigin(ctx) && deps.csrf.verify(single(fields, 'csrf'), ['account', deps.browsers.identify(ctx)]);
  if (!genuine) return show(ctx, deps, { ...shown, error: 'expired' }, 403);
  if (newPassword !== single(fields, 'repeat_password')) return show(ctx, deps, { ...shown, error: 'mismatch' }, 400);
  const currentPassword = single(fields, 'current_password') ?? '';
  const breakGlassOnly = await isExclusive(deps.connections);
  const present = owner?.fresh === true;
  const change = { currentPassword, newPassword, address: deps.clientAddress(ctx), breakGlassOnly, present };
  const result = await changeFor(email, change, deps);
  if (!result.ok) return refuse(ctx, deps, shown, result);
  // With the sessions also the sign-ins that have not become one yet.
  await deps.artifacts.destroyByAccount('Interaction', result.accountId);
  await deps.sessions.endOf(result.accountId);
  await deps.factorChanges.passwordChanged({ id: result.accountId });
  show(ctx, deps, { done: true }, 200);
}

/**
 * Who is signed in, where the password is theirs: an address that a connection gives somebody may be another person's
 * name to sign in with.
 */
async function ownerOf(ctx: Context, deps: PasswordDeps): Promise<Visitor | undefined> {
  const visitor = await visitorOf(ctx, deps);
  const named = visitor && (await deps.accountStore.findByEmail(visitor.account.email));
  return named?.id === visitor?.account.id ? visitor : undefined;
}

type Change = {
  currentPassword: string;
  newPassword: string;
  address: string;
  breakGlassOnly: boolean;
  present: boolean;
};
type Refused = { ok: false; reason: string; retryAfterSeconds?: number | undefined; accountId?: string | undefined };

/**
 * An unknown or disabled account costs as much time, counts as much and is told the same as a wrong password; the new
 * password is judged before, so that what is said of it says nothing of the account.
 */
async function changeFor(
  email: string,
  change: Change,
  { accounts, accountStore }: PasswordDeps,
): Promise<Refused | { ok: true; accountId: string }> {
  const problem = passwordProblem(change.newPassword, email);
  if (problem) return { ok: false, reason: problem };
  const account = isEmail(normaliseEmail(email)) ? await accountStore.findByEmail(email) : undefined;
  if (!account || account.disabledAt || !mayUsePassword(account, change)) {
    const { currentPassword: password, address, breakGlassOnly } = change;
    const outcome = await accounts.signIn({ email, password, address, breakGlassOnly, binding: 'none' });
    return outcome.ok ? { ok: false, reason: 'credentials' } : outcome;
  }
  const result = await accounts.changePassword({ accountId: account.id, ...change });
  return { ...result, accountId: account.id };
}

async function refuse(
  ctx: Context,
  deps: PasswordDeps,
  shown: Partial<PasswordModel>,
  refused: Refused,
): Promise<void> {
  const { reason, retryAfterSeconds, accountId } = refused;
  const [error, status] = explain(reason);
  if (error === 'credentials' && accountId) {
    await deps.audit.record(events.signInFailed({ accountId }, reason, { page: 'account' }));
  } else if (error === 'credentials' || error === 'throttled') deps.audit.count('sign_in.failed', reason);
  if (retryAfterSeconds) ctx.set('Retry-After', String(retryAfterSeconds));
  show(ctx, deps, { ...shown, error, retryAfterSeconds }, status);
}

function explain(reason: string): [NonNullable<PasswordModel['error']>, number] {
  if (['credentials', 'disabled', 'not_break_glass', 'owes_sign_in'].includes(reason)) return ['credentials', 401];
  if (reason === 'throttled') return ['throttled', 429];
  if (reason === 'second_factor') return ['second_factor', 403];
  return reason === 'unchanged' ? ['reused', 400] : ['weak', 400];
}
