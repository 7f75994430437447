/** The table of the dashboard's pages, and what stands before each: the cookie, the role, fresh proof, the form's token. */
import Router from '@koa/router';
import type { Context, Middleware } from 'koa';
import { AppError } from '../../errors.ts';
import type { Authority } from '../../roles/authority.ts';
import { isUser } from '../../roles/authority.ts';
import type { Csrf } from '../../web/csrf.ts';
import { readForm, single } from '../../web/request-body.ts';
import type { Actor } from './actor.ts';
import { keepFrame } from './kept-frame.ts';
import { assertReaches, type Operation } from './operation.ts';
import type { AdminSession } from './session.ts';
import { createVisit, frameOf, type Visit, type VisitDeps } from './visit.ts';

export interface PageRoute {
  method: 'GET' | 'POST';
  /** Below `/admin`, `''` is the overview. */
  path: string;
  /** What it shows or does: whoever may not perform it does not get here. */
  operation: Pick<Operation, 'id' | 'access' | 'resourceOwners' | 'fresh' | 'freshFor'>;
  handler(visit: Visit): Promise<void>;
}

/** One that shows the form for an operation asks for what the operation will ask for. */
export function route<Input, Output>(
  method: PageRoute['method'],
  path: string,
  operation: Operation<Input, Output>,
  handler: PageRoute['handler'],
): PageRoute {
  return { method, path, operation, handler };
}

export interface Visitor {
  account: { id: string; email: string; name: string | null | undefined };
  sessionUid: string;
  provenSecondsAgo: number;
}

export interface GateDeps extends VisitDeps {
  visitorOf: (ctx: Context) => Promise<Visitor | undefined>;
  authorityOf: (accountId: string) => Promise<Authority>;
  session: AdminSession;
  csrf: Csrf;
  /** A page that shows, on a same-site hop, whatever the browser asked for. */
  hop: (ctx: Context, path: string) => void;
  /** Where a person proves to be here, and is sent on from. */
  proveAt: (path: string) => string;
}

export const SIGN_IN = '/admin/sign-in';
/** A form is shown only to who proved it lately; filling it in may take its time. */
const FRESH_FORM_SECONDS = 300;
const FRESH_ACT_SECONDS = 900;
/** Of a POST, beside which nothing else is read. */
const EMPTY = {};

export function pageRoutes(table: readonly PageRoute[], deps: GateDeps): Router {
  const router = new Router({ prefix: '/admin', sensitive: true });
  for (const entry of table) {
    const handle: Middleware = (ctx) => visit(ctx as Context, entry, deps);
    // `''` is `/admin` itself.
    if (entry.method === 'GET') router.get(entry.path || '/', handle as never);
    else router.post(entry.path || '/', handle as never);
  }
  return router;
}

async function visit(ctx: Context, entry: PageRoute, deps: GateDeps): Promise<void> {
  assertNoBearer(ctx);
  const visitor = await admitted(ctx, deps);
  if (!visitor) return;
  // Where proof is needed for some of it alone, the form was shown without.
  const actor = await actorOf(visitor, entry.operation.freshFor ? 'GET' : entry.method, deps);
  const bound = ['admin', visitor.sessionUid, visitor.account.id];
  const csrf = deps.csrf.token(bound);
  keepFrame(ctx, frameOf(ctx, { actor, csrf, now: deps.now() }));
  const fields = entry.method === 'POST' ? ((await readForm(ctx)) ?? {}) : EMPTY;
  if (entry.method === 'POST') assertGenuine(ctx, single(fields, 'csrf'), bound, deps);
  assertReaches(entry.operation, actor);
  if (entry.operation.fresh && !actor.fresh) return proveFirst(ctx, entry, deps);
  await entry.handler(createVisit(ctx, { actor, csrf, fields }, deps));
}

/** Threat 101: a bearer token opens the API, never a page. */
function assertNoBearer(ctx: Context): void {
  if (ctx.get('authorization') === '') return;
  throw new AppError('bearer_refused', 401, 'Pages take no access token: the API is at /admin/api.');
}

/** Who is signed in here with the dashboard's own cookie; otherwise the way to it has begun. */
async function admitted(ctx: Context, deps: GateDeps): Promise<Visitor | undefined> {
  const visitor = await deps.visitorOf(ctx);
  const holder = visitor && { accountId: visitor.account.id, sessionUid: visitor.sessionUid };
  if (holder && deps.session.holds(ctx, holder)) return visitor;
  if (ctx.method !== 'GET')
    throw new AppError('signed_out', 401, 'You were signed out meanwhile. Nothing was changed.');
  // A link in a mail: the browser has the cookie and may not send it from there (RFC 6265bis §5.2).
  if (ctx.get('sec-fetch-site') === 'cross-site' && !deps.session.isPresent(ctx)) deps.hop(ctx, ctx.url);
  else leave(ctx, `${SIGN_IN}?to=${encodeURIComponent(ctx.url)}`);
  return undefined;
}

/** @throws AppError 403 `no_role` */
export async function actorOf(
  { account, sessionUid, provenSecondsAgo }: Visitor,
  method: PageRoute['method'],
  { authorityOf }: Pick<GateDeps, 'authorityOf'>,
): Promise<Actor> {
  const authority = await authorityOf(account.id);
  if (isUser(authority)) throw new AppError('no_role', 403, 'Your account does not administer this server.');
  const fresh = provenSecondsAgo <= (method === 'GET' ? FRESH_FORM_SECONDS : FRESH_ACT_SECONDS);
  return { accountId: account.id, email: account.email || (account.name ?? ''), authority, fresh, sessionUid };
}

function assertGenuine(ctx: Context, token: string | undefined, bound: readonly string[], { csrf }: GateDeps): void {
  if (csrf.sameOrigin(ctx) && csrf.verify(token, bound)) return;
  throw new AppError('expired_form', 403, 'This form is no longer good. Nothing was changed: load the page again.');
}

/** Back to the form afterwards. */
function proveFirst(ctx: Context, { method }: PageRoute, { proveAt }: GateDeps): void {
  const form = method === 'GET' ? ctx.url : ownReferer(ctx);
  leave(ctx, proveAt(form));
}

function ownReferer(ctx: Context): string {
  const referer = URL.parse(ctx.get('referer'));
  const own = referer?.host === ctx.host && referer.pathname.startsWith('/admin');
  return own ? referer.pathname + referer.search : '/admin';
}

export function leave(ctx: Context, path: string): void {
  ctx.status = 303;
  ctx.redirect(path);
}
