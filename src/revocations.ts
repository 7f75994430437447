/** What an administrator takes back: an account's access, a client, consents. Each with its record, as one unit. */
import type { Account } from './accounts/store.ts';
import { events } from './audit/events.ts';
import type { ClientRecord } from './clients/client.ts';
import { revokeConsents } from './consents/revocation.ts';
import type { ConsentEntry } from './consents/store.ts';
import { AppError } from './errors.ts';
import { endAccess } from './leavers.ts';
import type { Rooms } from './rooms.ts';

/** What oidc-provider keeps for a client beside what ends with a grant. */
const CLIENT_ARTIFACTS = ['DeviceCode', 'PushedAuthorizationRequest', 'RegistrationAccessToken'];
const REASON = 'administrator';

type AccountRooms = Pick<Rooms, 'accountStore' | 'artifacts' | 'sessions' | 'consents' | 'audit' | 'database'>;

/**
 * No sign-in and no token from now on; browser sessions end, and every sign-in of a client with its tokens. Consents
 * stay, so that an account enabled again finds what it agreed to.
 *
 * @returns how much ended
 * @throws AppError 409 `last_owner`
 */
export function disableAccount(
  rooms: AccountRooms & Pick<Rooms, 'accounts'>,
  { id, email }: Pick<Account, 'id' | 'email'>,
): Promise<{ sessions: number; signIns: number }> {
  return rooms.database.unit(async () => {
    if ((await rooms.accounts.disable(id)) === 'last_owner') {
      const message = `${email} is the last owner: nobody could administer this server any more. Add another owner first.`;
      throw new AppError('last_owner', 409, message);
    }
    const { sessions, signIns } = await endAccess(rooms, id);
    await rooms.audit.record(events.accountDisabled({ accountId: id }, { sessions, signIns }, REASON));
    return { sessions, signIns };
  });
}

/**
 * Whoever disabled the account: from now on the person may come in again, and finds nothing of what ended. A sign-in that
 * was under way while it ended may have left something behind.
 */
export function enableAccount(rooms: AccountRooms, { id }: Pick<Account, 'id'>): Promise<void> {
  return rooms.database.unit(async () => {
    // The account before what is below it, in the order of everybody else.
    await rooms.accountStore.enable(id);
    await endAccess(rooms, id);
    await rooms.audit.record(events.accountEnabled({ accountId: id }));
  });
}

/**
 * Ends a client with every consent given to it. A metadata document that nobody has met here is blocked beforehand.
 *
 * @param id as clients state it
 * @param known the client of that id, undefined where there is none
 */
export function revokeClient(
  rooms: Pick<Rooms, 'clients' | 'consents' | 'resources' | 'artifacts' | 'audit' | 'database'>,
  id: string,
  known: ClientRecord | undefined,
): Promise<ConsentEntry[]> {
  return rooms.database.unit(async () => {
    if (known) await rooms.clients.revoke(id);
    else await rooms.clients.block(id);
    // What a proxy got for it ends too.
    const consents = await revokeConsents(rooms, [{ clientId: id }, { downstreamClientId: id }], 'client_revoked');
    // After the grants: whoever uses up what hangs from one holds it first.
    for (const kind of CLIENT_ARTIFACTS) await rooms.artifacts.destroyByClient(kind, id);
    await rooms.audit.record(events.clientRevoked({ clientId: id }, { consents: consents.length }, REASON));
    return consents;
  });
}
