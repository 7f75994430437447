/** `/account/security`: the password, the codes that follow it, and passkeys, for who signs in here. */
import type Router from '@koa/router';
import type { Passkeys } from '../accounts/passkeys.ts';
import type { SecondFactor } from '../accounts/second-factor.ts';
import { mayUsePassword } from '../accounts/sign-in.ts';
import type { WaysStore } from '../accounts/ways-store.ts';
import { AppError } from '../errors.ts';
import type { FactorChanges } from '../factor-changes.ts';
import type { SecurityModel } from '../web/account-pages.ts';
import { type Own, type OwnDeps, ownRoutes } from './own-page.ts';
import { addPasskey, removePasskey, renamePasskey, termsOf } from './own-passkeys.ts';
import { CODES_FILE, PASSWORD, REMOVE_CODES, SECURITY } from './paths.ts';
import { drawQr } from './qr.ts';

export interface SecurityDeps extends OwnDeps {
  ways: Pick<WaysStore, 'hasPassword'>;
  secondFactor: SecondFactor;
  passkeys: Passkeys;
  factorChanges: FactorChanges;
  issuer: string;
}

/** What came of an act. */
export interface Told {
  news?: SecurityModel['news'];
  /** Recovery codes, shown this once. */
  codes?: readonly string[] | undefined;
  status?: number;
}

export function securityRoutes(deps: SecurityDeps): Router {
  const { router, get, post } = ownRoutes('security', SECURITY, deps);
  get(SECURITY, (own) => showSecurity(own, deps, {}), { fresh: true });
  post(
    SECURITY,
    (own) => act(own, deps),
    (own) => showSecurity(own, deps, { news: 'expired' }),
    { fresh: true },
  );
  return router;
}

const acts: Record<string, (own: Own, deps: SecurityDeps) => Promise<Told>> = {
  begin: beginCodes,
  confirm: confirmCodes,
  cancel: cancelCodes,
  renew: renewCodes,
  'add-passkey': addPasskey,
  'rename-passkey': renamePasskey,
  'remove-passkey': removePasskey,
};

async function act(own: Own, deps: SecurityDeps): Promise<void> {
  const wanted = own.field('act') ?? '';
  const handler = Object.hasOwn(acts, wanted) ? acts[wanted] : undefined;
  if (!handler || !(await signsInHere(own, deps)))
    throw new AppError('invalid_request', 400, 'There is no such change.');
  await showSecurity(own, deps, await handler(own, deps));
}

/** By a password that counts; nothing here is for anybody else. */
export async function signsInHere(
  { visitor: { account } }: Own,
  { connections, ways }: SecurityDeps,
): Promise<boolean> {
  const breakGlassOnly = await connections.isExclusive();
  return mayUsePassword(account, { breakGlassOnly }) && (await ways.hasPassword(account.id));
}

export async function showSecurity(own: Own, deps: SecurityDeps, { news, codes, status = 200 }: Told): Promise<void> {
  const { ctx, visitor, frame } = own;
  const { account } = visitor;
  const { secondFactor, passkeys } = deps;
  const local = await signsInHere(own, deps);
  const isOn = await secondFactor.isOn(account.id);
  const begun = local && !isOn ? await secondFactor.begun(account) : undefined;
  const model: SecurityModel = {
    ...frame,
    action: SECURITY,
    removeCodesHref: REMOVE_CODES,
    passwordHref: local ? PASSWORD : undefined,
    codes: codes && { all: codes, fileAction: CODES_FILE, issuer: deps.issuer },
    secondFactor: {
      state: isOn ? 'on' : begun ? 'begun' : 'off',
      codesLeft: isOn ? await secondFactor.codesLeft(account.id) : 0,
      setUp: begun && { secret: grouped(begun.secret), qr: drawQr(begun.uri) },
    },
    passkeys: (await passkeys.list(account.id)).map(({ id, name, backedUp, createdAt, lastUsedAt }) => ({
      ...{ id, name, backedUp, since: createdAt, lastUsedAt },
    })),
    passkeyOptions:
      local && passkeys.possible
        ? JSON.stringify(await passkeys.optionsToMake(account, termsOf(own, deps)))
        : undefined,
    passkeysNeedName: local && !passkeys.possible,
    news,
  };
  deps.respond.page(ctx, 'security', model, { status });
}

async function beginCodes({ visitor }: Own, { secondFactor }: SecurityDeps): Promise<Told> {
  return (await secondFactor.begin(visitor.account)) ? {} : { news: 'unchanged', status: 409 };
}

async function confirmCodes({ visitor: { account }, field }: Own, deps: SecurityDeps): Promise<Told> {
  const codes = await deps.secondFactor.confirm(account.id, field('code') ?? '');
  if (!codes) return { news: 'wrong_code', status: 400 };
  await deps.factorChanges.secondFactorAdded(account);
  return { news: 'codes_on', codes };
}

async function cancelCodes({ visitor: { account } }: Own, { secondFactor }: SecurityDeps): Promise<Told> {
  if (await secondFactor.isOn(account.id)) return { news: 'unchanged', status: 409 };
  await secondFactor.remove(account.id);
  return {};
}

async function renewCodes({ visitor: { account } }: Own, deps: SecurityDeps): Promise<Told> {
  if (!(await deps.secondFactor.isOn(account.id))) return { news: 'unchanged', status: 409 };
  const codes = await deps.secondFactor.renewCodes(account.id);
  await deps.factorChanges.recoveryCodesRenewed(account);
  return { news: 'codes_renewed', codes };
}

/** Easier to type. */
function grouped(secret: string): string {
  return (secret.match(/.{1,4}/g) ?? []).join(' ');
}
