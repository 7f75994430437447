/** Before the ways in: a person signs in, or shows once more that it is them, by the password or upstream. */
import type { Context } from 'koa';
import { type Accounts, mayUsePassword } from '../accounts/account.ts';
import type { Account } from '../accounts/store.ts';
import type { WaysStore } from '../accounts/ways-store.ts';
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import { AppError } from '../errors.ts';
import type { Connection } from '../federation/connection.ts';
import { PRESENCE_SECONDS } from '../federation/fresh.ts';
import type { AccountLeg, LegTerms } from '../federation/leg.ts';
import type { Notices } from '../notices/notices.ts';
import type { Browsers } from '../web/browser.ts';
import { type Fields, single } from '../web/request-body.ts';
import type { Respond } from '../web/respond.ts';
import type { AccountSignInModel } from '../web/sign-in-pages.ts';
import { WAYS_IN } from './paths.ts';
import { enter, seconds, type Visitor, type VisitorDeps } from './visitor.ts';

export interface ProofDeps extends VisitorDeps {
  accounts: Accounts;
  ways: WaysStore;
  audit: Audit;
  notices: Pick<Notices, 'identityChanged' | 'breakGlassUsed'>;
  issuer: string;
  browsers: Browsers;
  respond: Respond;
  clientAddress: (ctx: Context) => string;
  /** To the connection; what goes wrong on the way there is answered in words. */
  sendAway: (ctx: Context, connection: Connection, terms: LegTerms) => Promise<void>;
}

interface Attempt {
  email?: string;
  error?: AccountSignInModel['error'];
  retryAfterSeconds?: number | undefined;
  status?: number;
}

/** By what this person can show it: all connections and the password, or where they are known, their own. */
async function meansOf(visitor: Visitor | undefined, { connections, ways }: ProofDeps) {
  const all = await connections.list();
  const breakGlassOnly = await connections.isExclusive();
  if (!visitor) return { connections: all, password: !breakGlassOnly, breakGlassOnly };
  const own = (await ways.list(visitor.account.id)).filter(({ orphaned }) => !orphaned);
  const password = mayUsePassword(visitor.account, { breakGlassOnly }) && (await ways.hasPassword(visitor.account.id));
  const theirs = all.filter(({ id }) => own.some(({ connectionId }) => connectionId === id));
  return { connections: theirs, password, breakGlassOnly };
}

export async function showProof(
  ctx: Context,
  visitor: Visitor | undefined,
  csrf: string,
  deps: ProofDeps,
  { email, error, retryAfterSeconds, status = 200 }: Attempt,
): Promise<void> {
  const { connections, password } = await meansOf(visitor, deps);
  if (retryAfterSeconds) ctx.set('Retry-After', String(retryAfterSeconds));
  const model: AccountSignInModel = {
    action: WAYS_IN,
    csrf,
    ...(visitor ? { account: { email: visitor.account.email || (visitor.account.name ?? '') } } : {}),
    local: password ? { email } : null,
    connections: connections.map(({ id, name }) => ({ id, name })),
    error,
    retryAfterSeconds,
  };
  deps.respond.page(ctx, 'account-sign-in', model, { status });
}

/** @param fields of a genuine form */
export async function submitProof(
  ctx: Context,
  visitor: Visitor | undefined,
  fields: Fields,
  csrf: string,
  deps: ProofDeps,
): Promise<void> {
  const { connections, password, breakGlassOnly } = await meansOf(visitor, deps);
  const connectionId = single(fields, 'connection');
  if (connectionId !== undefined) {
    const connection = connections.find(({ id }) => id === connectionId);
    if (!connection) throw new AppError('invalid_request', 400, 'There is no such way to sign in.');
    const terms = {
      connectionId,
      purpose: 'account',
      sessionUid: visitor?.sessionUid,
      expectedAccountId: visitor?.account.id,
      wishes: { prompt: 'login', maxAgeSeconds: PRESENCE_SECONDS },
    } satisfies Partial<AccountLeg>;
    return deps.sendAway(ctx, connection, terms);
  }
  if (!password) throw new AppError('invalid_request', 400, 'Passwords are not in use here.');
  const email = visitor?.account.email ?? single(fields, 'email') ?? '';
  const claim = { email, password: single(fields, 'password') ?? '', breakGlassOnly };
  const outcome = await deps.accounts.signIn({ ...claim, address: deps.clientAddress(ctx) });
  const page = { page: 'ways-in' };
  if (outcome.ok && (visitor === undefined || outcome.account.id === visitor.account.id)) {
    await deps.audit.record(events.signInSucceeded({ accountId: outcome.account.id }, { method: 'password', ...page }));
    if (breakGlassOnly) await soundAlarm(outcome.account, deps);
    await enter(ctx, outcome.account.id, { at: seconds(deps.now()), amr: ['pwd'] }, deps);
    ctx.status = 303;
    ctx.redirect(WAYS_IN);
    return;
  }
  const refused = outcome.ok ? { reason: 'credentials', accountId: visitor?.account.id } : outcome;
  const { reason, accountId } = refused;
  const throttled = reason === 'throttled';
  if (accountId && !throttled) await deps.audit.record(events.signInFailed({ accountId }, reason, page));
  else deps.audit.count('sign_in.failed', reason);
  const retryAfterSeconds = 'retryAfterSeconds' in refused ? refused.retryAfterSeconds : undefined;
  const error = throttled ? 'throttled' : 'credentials';
  await showProof(ctx, visitor, csrf, deps, { email, error, retryAfterSeconds, status: throttled ? 429 : 401 });
}

/** Also where the person is signed in already: it goes around the identity provider. */
async function soundAlarm({ id, email }: Account, { audit, notices, issuer, now }: ProofDeps): Promise<void> {
  await audit.record(events.breakGlassUsed({ accountId: id }, { page: 'ways-in' }));
  await notices.breakGlassUsed({ accountId: id, email, resourceName: issuer, at: now() });
}
