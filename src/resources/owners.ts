/** Who looks after an MCP server: added and removed by an administrator, each on record. */
import type { Account } from '../accounts/store.ts';
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import { AppError } from '../errors.ts';
import type { Authority } from '../roles/authority.ts';
import type { Database } from '../storage/transactions.ts';
import type { OwnerStore } from './owner-store.ts';
import type { Resource } from './resource.ts';

export interface OwnersDeps {
  ownerStore: OwnerStore;
  findAccount: (id: string) => Promise<Account | undefined>;
  authorityOf: (accountId: string) => Promise<Authority>;
  /** Makes the person a member of the built-in role, by an administrator's word. */
  giveOwnerRole: (account: Account) => Promise<unknown>;
  audit: Audit;
  database: Database;
  now: () => Date;
}

/**
 * From now on the person reaches this server in the dashboard; who has no role that reaches it becomes a resource owner.
 *
 * @returns false where it was so already
 * @throws AppError 404 `unknown_person`
 */
export function addOwner(deps: OwnersDeps, resource: Resource, accountId: string): Promise<boolean> {
  const { ownerStore, findAccount, authorityOf, giveOwnerRole, audit, database, now } = deps;
  return database.unit(async () => {
    const account = await findAccount(accountId);
    if (!account || account.disabledAt) {
      throw new AppError('unknown_person', 404, 'There is no such person, or their account is disabled.');
    }
    if (!(await ownerStore.add(resource.id, accountId, now()))) return false;
    const { owner, admin, resourceOwner } = await authorityOf(accountId);
    const roleGiven = !owner && !admin && !resourceOwner;
    if (roleGiven) await giveOwnerRole(account);
    await audit.record(events.resourceOwnerAdded({ accountId, resource: resource.uri }, { roleGiven }));
    return true;
  });
}

/** The role stays, with what else the person looks after. @returns false where it was so already */
export function removeOwner(
  { ownerStore, audit, database }: OwnersDeps,
  resource: Resource,
  accountId: string,
): Promise<boolean> {
  return database.unit(async () => {
    if (!(await ownerStore.remove(resource.id, accountId))) return false;
    await audit.record(events.resourceOwnerRemoved({ accountId, resource: resource.uri }));
    return true;
  });
}
