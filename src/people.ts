/** What an administrator does to people's accounts, each as one unit with its record: dashboard and command line alike. */
import type { AddResult, SetPasswordResult } from './accounts/account.ts';
import type { Account, Role } from './accounts/store.ts';
import { events } from './audit/events.ts';
import { passwordRule } from './credentials.ts';
import { AppError } from './errors.ts';
import type { Rooms } from './rooms.ts';
import { readableLine } from './web/visible-text.ts';

export interface NewPerson {
  email: string;
  name?: string | undefined;
  role: Role;
  /** Generated where it is left out. */
  password?: string | undefined;
  breakGlass?: boolean | undefined;
}

/**
 * @returns the password, told this once, where it was generated; '' otherwise
 * @throws AppError 400 `bad_email`, `bad_password`, `invalid_text`, 409 `account_exists`
 */
export function addPerson(
  { accounts, audit, database }: Pick<Rooms, 'accounts' | 'audit' | 'database'>,
  { email, name, role, password, breakGlass = false }: NewPerson,
): Promise<{ id: string; email: string; password: string; account: Account }> {
  const readable = name === undefined ? undefined : readableLine(name, { what: 'The name', maxCharacters: 60 });
  return database.unit(async () => {
    const added = acceptedPerson(await accounts.add({ email, name: readable, role, password, breakGlass }), email);
    const { account } = added;
    await audit.record(events.accountCreated({ accountId: account.id }, { role, breakGlass }));
    return { id: account.id, email: account.email, password: added.password ?? '', account };
  });
}

/**
 * For somebody who forgot theirs; their browser sessions end, as with a change of their own.
 *
 * @param given generated where it is left out
 * @returns the password where it was generated, told this once; '' otherwise
 * @throws AppError 400 `bad_password`, 409 `no_password`, `conflict`
 */
export function resetPassword(
  rooms: Pick<Rooms, 'accounts' | 'artifacts' | 'sessions' | 'audit' | 'database'>,
  account: Account,
  given?: string,
): Promise<{ email: string; password: string; sessions: number }> {
  return rooms.database.unit(async () => {
    const { id, email } = account;
    const { password = '' } = acceptedPassword(await rooms.accounts.setPassword(account, given), email || id);
    // With the sessions also the sign-ins that have not become one yet.
    await rooms.artifacts.destroyByAccount('Interaction', id);
    const sessions = await rooms.sessions.endOf(id);
    await rooms.audit.record(events.passwordChanged({ accountId: id }, { sessions }, 'administrator'));
    return { email, password, sessions };
  });
}

/**
 * Where somebody else may have come to an account, or the device that proved them is gone: no passkey and no code of theirs
 * counts any more, and whoever came by them is out. The password stays; a new one is another act.
 */
export function resetFactors(
  rooms: Pick<Rooms, 'passkeys' | 'secondFactor' | 'factorChanges' | 'artifacts' | 'sessions' | 'database'>,
  account: Account,
): Promise<{ passkeys: number; codes: boolean; sessions: number }> {
  const { passkeys, secondFactor, factorChanges, artifacts } = rooms;
  return rooms.database.unit(async () => {
    const { id } = account;
    const known = await passkeys.list(id);
    for (const passkey of known) {
      await passkeys.remove(id, passkey.id);
      await factorChanges.passkeyRemoved(account, passkey.name);
    }
    const codes = await secondFactor.isOn(id);
    await secondFactor.remove(id);
    if (codes) await factorChanges.secondFactorRemoved(account, 'administrator');
    await artifacts.destroyByAccount('Interaction', id);
    return { passkeys: known.length, codes, sessions: await rooms.sessions.endOf(id) };
  });
}

/** @throws AppError 409 `no_password` */
export function changeBreakGlass(
  { accountStore, ways, audit, database }: Pick<Rooms, 'accountStore' | 'ways' | 'audit' | 'database'>,
  { id, email, breakGlass }: Account,
  on: boolean,
): Promise<void> {
  return database.unit(async () => {
    if (breakGlass === on) return;
    if (on && !(await ways.hasPassword(id))) {
      const message = `${email || id} has no password here to sign in with in an emergency.`;
      throw new AppError('no_password', 409, message);
    }
    await accountStore.setBreakGlass(id, on);
    await audit.record(events.breakGlassChanged({ accountId: id }, { before: breakGlass, breakGlass: on }));
  });
}

function acceptedPerson(result: AddResult, email: string): Extract<AddResult, { ok: true }> {
  if (result.ok) return result;
  switch (result.reason) {
    case 'bad_email':
      throw new AppError('bad_email', 400, `${email} is not an e-mail address.`);
    case 'exists':
      throw new AppError('account_exists', 409, `${email} has an account already.`);
    default:
      throw new AppError('bad_password', 400, `The password is not accepted: ${passwordRule(result.reason)}.`);
  }
}

function acceptedPassword(result: SetPasswordResult, who: string): Extract<SetPasswordResult, { ok: true }> {
  if (result.ok) return result;
  switch (result.reason) {
    case 'not_local':
      throw new AppError('no_password', 409, `${who} signs in by a connection, and has no password here to forget.`);
    case 'changed':
      throw new AppError(
        'conflict',
        409,
        'The password was changed at the same moment. Nothing was changed; try again.',
      );
    default:
      throw new AppError('bad_password', 400, `The password is not accepted: ${passwordRule(result.reason)}.`);
  }
}
