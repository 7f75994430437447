/** `/account/security/remove-codes`: what it means to sign in by the password alone again, before that is so. */
import type Router from '@koa/router';
import { leave, type Own, ownRoutes } from './own-page.ts';
import { REMOVE_CODES, SECURITY } from './paths.ts';
import { type SecurityDeps, showSecurity, signsInHere } from './security.ts';

export function codeRemovalRoutes(deps: SecurityDeps): Router {
  const { router, get, post } = ownRoutes('security', REMOVE_CODES, deps);
  get(REMOVE_CODES, (own) => ask(own, deps), { fresh: true });
  post(
    REMOVE_CODES,
    (own) => remove(own, deps),
    (own) => showSecurity(own, deps, { news: 'expired' }),
    { fresh: true },
  );
  return router;
}

async function ask(own: Own, deps: SecurityDeps): Promise<void> {
  const { id } = own.visitor.account;
  if (!(await signsInHere(own, deps)) || !(await deps.secondFactor.isOn(id))) return leave(own.ctx, SECURITY);
  const codesLeft = await deps.secondFactor.codesLeft(id);
  deps.respond.page(own.ctx, 'remove-codes', { ...own.frame, action: REMOVE_CODES, backHref: SECURITY, codesLeft });
}

async function remove(own: Own, deps: SecurityDeps): Promise<void> {
  const { account } = own.visitor;
  if (!(await signsInHere(own, deps)) || !(await deps.secondFactor.remove(account.id)))
    return showSecurity(own, deps, { news: 'unchanged', status: 409 });
  await deps.factorChanges.secondFactorRemoved(account);
  await showSecurity(own, deps, { news: 'codes_off' });
}
