/** Queries on who looks after which MCP server. */
import type { Database } from '../storage/transactions.ts';
import type { TakenAddress } from './addresses.ts';

export type OwnerStore = ReturnType<typeof createOwnerStore>;

export interface ResourceOwner {
  accountId: string;
  email: string;
  since: Date;
}

const ADDRESSES_LOCK = 'consentry/resource-addresses';

export function createOwnerStore(database: Database) {
  return {
    /** The first ones first. */
    async list(resourceId: string): Promise<ResourceOwner[]> {
      const rows = await database.current().resourceOwner.findMany({
        where: { resourceId },
        include: { account: { select: { email: true } } },
        orderBy: [{ createdAt: 'asc' }, { accountId: 'asc' }],
      });
      return rows.map(({ accountId, createdAt, account }) => ({ accountId, email: account.email, since: createdAt }));
    },
    /** @returns false where the person does already */
    async add(resourceId: string, accountId: string, at: Date): Promise<boolean> {
      const data = [{ resourceId, accountId, createdAt: at }];
      return (await database.write((tx) => tx.resourceOwner.createMany({ data, skipDuplicates: true }))).count === 1;
    },
    /** @returns false where the person did not */
    async remove(resourceId: string, accountId: string): Promise<boolean> {
      const where = { resourceId, accountId };
      return (await database.write((tx) => tx.resourceOwner.deleteMany({ where }))).count === 1;
    },
    /** Nobody else registers an address until the unit of work ends: two that overlap would not see each other. */
    async holdAddresses(): Promise<void> {
      await database.write(
        (tx) => tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${ADDRESSES_LOCK}, 0))`,
      );
    },
    /** On one host, with the port where it has one; disabled servers and the administration API too. */
    async addressesAt(host: string): Promise<TakenAddress[]> {
      const starts = ['https', 'http'].map((scheme) => ({ uri: { startsWith: `${scheme}://${host}` } }));
      const select = { uri: true, owners: { select: { accountId: true } } };
      const rows = await database.current().resource.findMany({ where: { OR: starts }, select });
      return rows.map(({ uri, owners }) => ({ uri, ownerIds: owners.map(({ accountId }) => accountId) }));
    },
  };
}
