/** `/account/prove`: a person signs in, or shows once more that it is them, and goes on to where they wanted to be. */
import Router from '@koa/router';
import type { Context } from 'koa';
import type { Accounts } from '../accounts/account.ts';
import type { Passkeys } from '../accounts/passkeys.ts';
import { amrOf, type Method, mayUsePassword, type SignInResult } from '../accounts/sign-in.ts';
import type { WaysStore } from '../accounts/ways-store.ts';
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import type { SoundBreakGlass } from '../break-glass.ts';
import { AppError } from '../errors.ts';
import type { FactorChanges } from '../factor-changes.ts';
import type { Connection } from '../federation/connection.ts';
import { PRESENCE_SECONDS } from '../federation/fresh.ts';
import type { AccountLeg, LegTerms } from '../federation/leg.ts';
import type { Browsers } from '../web/browser.ts';
import type { Csrf } from '../web/csrf.ts';
import { type Fields, readForm, single } from '../web/request-body.ts';
import type { Respond } from '../web/respond.ts';
import type { AccountSignInModel } from '../web/sign-in-pages.ts';
import { APPS, PROVE, parseOwnPath, proofHref } from './paths.ts';
import { purposeOf, withoutProof } from './purpose.ts';
import { enter, seconds, type Visitor, type VisitorDeps, visitorOf } from './visitor.ts';

export interface ProofDeps extends VisitorDeps {
  accounts: Accounts;
  ways: WaysStore;
  audit: Audit;
  passkeys: Pick<Passkeys, 'possible' | 'askFor' | 'verify' | 'list' | 'anybodyHasOne'>;
  factorChanges: Pick<FactorChanges, 'recoveryCodeUsed'>;
  soundBreakGlass: SoundBreakGlass;
  issuer: string;
  browsers: Browsers;
  csrf: Csrf;
  respond: Respond;
  clientAddress: (ctx: Context) => string;
  /** To the connection; what goes wrong on the way there is answered in words. */
  sendAway: (ctx: Context, connection: Connection, terms: LegTerms) => Promise<void>;
}

/** Who is at the page, and where they go from it. */
interface Scene {
  ctx: Context;
  visitor: Visitor | undefined;
  to: string;
  /** What the form's token is bound to: it dies with the session and the account that it was made for. */
  bound: string[];
}

interface Attempt {
  email?: string | undefined;
  error?: AccountSignInModel['error'];
  retryAfterSeconds?: number | undefined;
  /** The password was right. */
  ticket?: string | undefined;
  status?: number;
}

export function proofRoutes(deps: ProofDeps): Router {
  const router = new Router();
  router.get(PROVE, async (ctx) => show(await sceneOf(ctx, deps), deps, {}));
  router.post(PROVE, (ctx) => submit(ctx, deps));
  return router;
}

async function sceneOf(ctx: Context, deps: ProofDeps, { proving = false } = {}): Promise<Scene> {
  const visitor = await visitorOf(ctx, deps, { proving });
  const whose = visitor ? [visitor.sessionUid, visitor.account.id] : [];
  const bound = ['prove', deps.browsers.identify(ctx), ...whose];
  return { ctx, visitor, to: parseOwnPath(ctx.query.to) ?? APPS, bound };
}

async function submit(ctx: Context, deps: ProofDeps): Promise<void> {
  const fields = (await readForm(ctx)) ?? {};
  const scene = await sceneOf(ctx, deps, { proving: true });
  const genuine = deps.csrf.sameOrigin(ctx) && deps.csrf.verify(single(fields, 'csrf'), scene.bound);
  if (!genuine) return show(scene, deps, { error: 'expired', status: 403 });
  if (single(fields, 'connection') !== undefined) return proveUpstream(scene, fields, deps);
  return proveHere(scene, fields, deps);
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

async function show(scene: Scene, deps: ProofDeps, attempt: Attempt): Promise<void> {
  const { ctx, visitor, to, bound } = scene;
  const { email, error, retryAfterSeconds, ticket, status = 200 } = attempt;
  const { connections, password } = await meansOf(visitor, deps);
  if (retryAfterSeconds) ctx.set('Retry-After', String(retryAfterSeconds));
  const model: AccountSignInModel = {
    action: proofHref(to),
    csrf: deps.csrf.token(bound),
    ...(visitor ? whoseProof(visitor, to) : {}),
    local: password ? { email } : null,
    connections: ticket ? [] : connections.map(({ id, name }) => ({ id, name })),
    secondFactor: ticket === undefined ? undefined : { ticket },
    passkey: password && !ticket ? await passkeyOf(scene, deps) : undefined,
    error,
    retryAfterSeconds,
  };
  deps.respond.page(ctx, 'account-sign-in', model, { status });
}

function whoseProof({ account: { email, name } }: Visitor, to: string) {
  return { account: { email: email || (name ?? '') }, purpose: purposeOf(to), cancelHref: withoutProof(to) };
}

/** Where nobody has one, or not this person, it would only lead astray. */
async function passkeyOf(scene: Scene, deps: ProofDeps): Promise<AccountSignInModel['passkey']> {
  const { passkeys } = deps;
  const own = scene.visitor && (await passkeys.list(scene.visitor.account.id));
  const any = own ? passkeys.possible && own.length > 0 : await passkeys.anybodyHasOne();
  return any ? { options: JSON.stringify(await passkeys.askFor(termsOf(scene, deps), own)) } : undefined;
}

async function proveUpstream({ ctx, visitor, to }: Scene, fields: Fields, deps: ProofDeps): Promise<void> {
  const { connections } = await meansOf(visitor, deps);
  const connection = connections.find(({ id }) => id === single(fields, 'connection'));
  if (!connection) throw new AppError('invalid_request', 400, 'There is no such way to sign in.');
  const terms = {
    connectionId: connection.id,
    purpose: 'account',
    sessionUid: visitor?.sessionUid,
    expectedAccountId: visitor?.account.id,
    to,
    wishes: { prompt: 'login', maxAgeSeconds: PRESENCE_SECONDS },
  } satisfies Partial<AccountLeg>;
  await deps.sendAway(ctx, connection, terms);
}

/** By what is kept here: a password, the code that follows it, or a passkey. */
async function proveHere(scene: Scene, fields: Fields, deps: ProofDeps): Promise<void> {
  const { ctx, visitor } = scene;
  const { password, breakGlassOnly } = await meansOf(visitor, deps);
  if (!password) throw new AppError('invalid_request', 400, 'Passwords are not in use here.');
  const field = (name: string) => single(fields, name) ?? '';
  const email = visitor?.account.email ?? field('email');
  const ticket = single(fields, 'ticket');
  const claim = { breakGlassOnly, address: deps.clientAddress(ctx), binding: scene.bound.join(' ') };
  const method = field('passkey') ? 'passkey' : ticket === undefined ? 'password' : 'code';
  const outcome = await {
    passkey: () => byPasskey(scene, field('passkey'), breakGlassOnly, deps),
    code: () => deps.accounts.signInWithCode({ ...claim, ticket: ticket ?? '', code: field('code') }),
    password: () => deps.accounts.signIn({ ...claim, email, password: field('password') }),
  }[method]();
  if (outcome.ok && (visitor === undefined || outcome.account.id === visitor.account.id)) {
    return letIn(scene, outcome, { method, breakGlassOnly }, deps);
  }
  const refused = outcome.ok
    ? ({ ok: false, reason: 'credentials', accountId: visitor?.account.id } as const)
    : outcome;
  await refuse(scene, { email, method, ticket }, refused, deps);
}

async function byPasskey(scene: Scene, said: string, breakGlassOnly: boolean, deps: ProofDeps): Promise<SignInResult> {
  const proven = await deps.passkeys.verify(said, termsOf(scene, deps));
  if (!proven) return { ok: false, reason: 'credentials' };
  return deps.accounts.signInByPasskey(proven.accountId, { breakGlassOnly });
}

/** A challenge is for this page, this browser, and who is signed in in it. */
function termsOf({ ctx, bound }: Scene, { browsers }: ProofDeps) {
  return { browserId: browsers.identify(ctx), purpose: bound.join(' ') };
}

async function letIn(
  { ctx, to }: Scene,
  { account, by }: Extract<SignInResult, { ok: true }>,
  { method, breakGlassOnly }: { method: Method; breakGlassOnly: boolean },
  deps: ProofDeps,
): Promise<void> {
  const how = { method: method === 'passkey' ? 'passkey' : 'password', ...(by ? { secondFactor: by } : {}) };
  await deps.audit.record(events.signInSucceeded({ accountId: account.id }, { ...how, page: 'account' }));
  if (by === 'recovery') await deps.factorChanges.recoveryCodeUsed(account);
  // Also where the person is signed in already: it goes around the identity provider.
  if (breakGlassOnly) await deps.soundBreakGlass(account, { where: deps.issuer, page: 'account' });
  await enter(ctx, account.id, { at: seconds(deps.now()), amr: amrOf(method) }, deps);
  ctx.status = 303;
  ctx.redirect(to);
}

async function refuse(
  scene: Scene,
  { email, method, ticket }: { email: string; method: Method; ticket: string | undefined },
  refused: Exclude<SignInResult, { ok: true }>,
  deps: ProofDeps,
): Promise<void> {
  const { reason, accountId, retryAfterSeconds } = refused;
  if (reason === 'second_factor') return show(scene, deps, { email, ticket: refused.ticket });
  const throttled = reason === 'throttled';
  if (accountId && !throttled) await deps.audit.record(events.signInFailed({ accountId }, reason, { page: 'account' }));
  else deps.audit.count('sign_in.failed', reason);
  if (throttled) return show(scene, deps, { email, error: 'throttled', retryAfterSeconds, ticket, status: 429 });
  if (reason === 'code') return show(scene, deps, { email, error: 'code', ticket, status: 401 });
  const error = reason === 'ticket' ? 'expired' : method === 'passkey' ? 'passkey' : 'credentials';
  await show(scene, deps, { email, error, status: 401 });
}
