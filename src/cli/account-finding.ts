/** Which account a person at the command line means. */
import type { Account } from '../accounts/store.ts';
import { normaliseEmail } from '../credentials.ts';
import { AppError } from '../errors.ts';
import type { Rooms } from '../rooms.ts';

/** For the help of whatever takes one. */
export const ACCOUNT_ARGUMENT =
  'e-mail address by which the person signs in here, the id of the account, or <connection>:<subject or object id>';

/**
 * By the address that a person signs in with here, by id, or by what a connection calls them. People of a connection go
 * by no address: what their directory gives them proves nothing.
 *
 * @throws AppError 404 `unknown_account`, 409 `ambiguous_account`
 */
export async function findAccount(rooms: Pick<Rooms, 'accountStore' | 'ways'>, who: string): Promise<Account> {
  const { accountStore } = rooms;
  const account =
    (await accountStore.findByEmail(who)) ?? (await accountStore.findById(who)) ?? (await findBySubject(rooms, who));
  if (account) return account;
  const namesakes = (await accountStore.list()).filter(({ email }) => email === normaliseEmail(who));
  const message =
    namesakes.length > 0
      ? `People of connections go by their id, because nobody checked their address. ${who} is what a directory says of:\n${namesakes.map(({ id, name }) => `  ${id}  ${name ?? ''}`.trimEnd()).join('\n')}`
      : `Nobody here signs in as ${who} or has that id. See: npx consentry account list`;
  throw new AppError('unknown_account', 404, message);
}

/** The id of a connection has no colon; a subject may. */
async function findBySubject(
  { accountStore, ways }: Pick<Rooms, 'accountStore' | 'ways'>,
  who: string,
): Promise<Account | undefined> {
  const [, connectionId, subject] = /^([^:]+):(.+)$/s.exec(who) ?? [];
  if (connectionId === undefined || subject === undefined) return undefined;
  const ids = await ways.listBySubject(connectionId, subject);
  const [id] = ids;
  if (ids.length > 1) {
    const message = `Several people are ${subject} at ${connectionId}, by different issuers: ${ids.join(', ')}. See: npx consentry account show <id>`;
    throw new AppError('ambiguous_account', 409, message);
  }
  return id === undefined ? undefined : accountStore.findById(id);
}

/** For a sentence: a provider may give no address. */
export function called({ email, id }: Pick<Account, 'id' | 'email'>): string {
  return email || id;
}
