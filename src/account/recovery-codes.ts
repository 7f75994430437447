/** The recovery codes that were just shown, as a file to keep; what is no code of this person's is not in it. */
import type Router from '@koa/router';
import type { SecondFactor } from '../accounts/second-factor.ts';
import { AppError } from '../errors.ts';
import { type Own, type OwnDeps, ownRoutes } from './own-page.ts';
import { CODES_FILE, SECURITY } from './paths.ts';

export interface RecoveryCodesDeps extends OwnDeps {
  secondFactor: Pick<SecondFactor, 'knownCodes'>;
  issuer: string;
}

/** Not asked for a fresh proof: it comes from a page that cannot be shown again. */
export function recoveryCodesRoutes(deps: RecoveryCodesDeps): Router {
  const { router, post } = ownRoutes('security', SECURITY, deps);
  post(CODES_FILE, (own) => send(own, deps), refuse);
  return router;
}

async function send({ ctx, visitor, field }: Own, { secondFactor, issuer, now }: RecoveryCodesDeps): Promise<void> {
  const { id, email, name } = visitor.account;
  const codes = await secondFactor.knownCodes(id, (field('codes') ?? '').split(' '));
  if (codes.length === 0) throw new AppError('not_found', 404, 'These are no recovery codes of yours.');
  ctx.attachment('recovery-codes.txt');
  ctx.set('Cache-Control', 'no-store');
  ctx.type = 'text/plain; charset=utf-8';
  ctx.body = `${[issuer, email || (name ?? ''), now().toISOString().slice(0, 10), '', ...codes].join('\n')}\n`;
}

async function refuse(): Promise<void> {
  throw new AppError('expired_form', 403, 'This page was open for too long. Copy the codes by hand.');
}
