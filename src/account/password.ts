/** The plain `/account` page: a person changes their password. */
import Router from '@koa/router';
import type { Context } from 'koa';
import type { Accounts } from '../accounts/account.ts';
import type { AccountStore } from '../accounts/store.ts';
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import type { ArtifactStore } from '../storage/artifacts.ts';
import type { Browsers } from '../web/browser.ts';
import type { Csrf } from '../web/csrf.ts';
import type { PasswordModel } from '../web/pages.ts';
import { readForm, single } from '../web/request-body.ts';
import type { Respond } from '../web/respond.ts';

export interface PasswordDeps {
  accounts: Accounts;
  accountStore: AccountStore;
  artifacts: ArtifactStore;
  audit: Audit;
  browsers: Browsers;
  csrf: Csrf;
  respond: Respond;
  clientAddress: (ctx: Context) => string;
}

const ACTION = '/account';
const MAX_ROUTES_BYTES = 4096;

export function accountRoutes(deps: PasswordDeps): Router {
  const router = new Router();
  router.get(ACTION, (ctx) => show(ctx, deps, {}, 200));
  router.post(ACTION, (ctx) => submit(ctx, deps));
  return router;
}

function show(ctx: Context, deps: PasswordDeps, model: Partial<PasswordModel>, status: number): void {
  const csrf = deps.csrf.token(['account', deps.browsers.identify(ctx)]);
  deps.respond.page(ctx, 'password', { action: ACTION, csrf, ...model }, { status });
}

async function submit(ctx: Context, deps: PasswordDeps): Promise<void> {
  const fields = (await readForm(ctx)) ?? {};
  const email = (single(fields, 'email') ?? '').slice(0, MAX_ROUTES_BYTES);
  const newPassword = single(fields, 'new_password') ?? '';
  const genuine =
    deps.csrf.sameOrigin(ctx) && deps.csrf.verify(single(fields, 'csrf'), ['account', deps.browsers.identify(ctx)]);
  if (!genuine) return show(ctx, deps, { email, error: 'expired' }, 403);
  if (newPassword !== single(fields, 'repeat_password')) return show(ctx, deps, { email, error: 'mismatch' }, 400);
  const address = deps.clientAddress(ctx);
  const currentPassword = single(fields, 'current_password') ?? '';
  const result = await changeFor(email, { currentPassword, newPassword, address }, deps);
  if (!result.ok) {
    const [error, status] = explain(result.reason);
    const retryAfterSeconds = 'retryAfterSeconds' in result ? result.retryAfterSeconds : undefined;
    return show(ctx, deps, { email, error, retryAfterSeconds }, status);
  }
  await deps.artifacts.destroyByAccount('Session', result.accountId);
  await deps.audit.record(events.passwordChanged({ accountId: result.accountId }));
  show(ctx, deps, { email, done: true }, 200);
}

type Change = { currentPassword: string; newPassword: string; address: string };

/** An unknown address costs as much time, and counts as much, as a wrong password. */
async function changeFor(email: string, change: Change, { accounts, accountStore }: PasswordDeps) {
  const account = await accountStore.findByEmail(email);
  if (!account) {
    const outcome = await accounts.signIn({ email, password: change.currentPassword, address: change.address });
    return outcome.ok ? ({ ok: false, reason: 'credentials' } as const) : outcome;
  }
  const result = await accounts.changePassword({ accountId: account.id, ...change });
  return result.ok ? { ok: true as const, accountId: account.id } : result;
}

function explain(reason: string): [NonNullable<PasswordModel['error']>, number] {
  if (reason === 'credentials' || reason === 'disabled') return ['credentials', 401];
  if (reason === 'throttled') return ['throttled', 429];
  return reason === 'unchanged' ? ['reused', 400] : ['weak', 400];
}
