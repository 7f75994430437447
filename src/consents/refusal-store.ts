/** Queries on denials and on the blocks that people set. */
import type { Database } from '../storage/transactions.ts';
import type { Block, RefusalSubject } from './refusal.ts';

export type RefusalStore = ReturnType<typeof createRefusalStore>;

export function createRefusalStore(database: Database) {
  return {
    async addDenial(denial: RefusalSubject & { id: string; at: Date }): Promise<void> {
      await database.write((tx) => tx.denial.create({ data: denial }));
    },
    async countDenials({ accountId, subjectKey, resourceId }: RefusalSubject, since: Date): Promise<number> {
      return database.current().denial.count({ where: { accountId, subjectKey, resourceId, at: { gt: since } } });
    },
    async isBlocked({ accountId, subjectKey, resourceId }: RefusalSubject): Promise<boolean> {
      const where = { accountId_subjectKey_resourceId: { accountId, subjectKey, resourceId } };
      return (await database.current().block.findUnique({ where, select: { id: true } })) !== null;
    },
    async addBlock(block: Block): Promise<void> {
      await database.write((tx) => tx.block.createMany({ data: [block], skipDuplicates: true }));
    },
    async listBlocks(accountId: string | undefined): Promise<Block[]> {
      const where = accountId === undefined ? {} : { accountId };
      return database.current().block.findMany({ where, orderBy: { createdAt: 'desc' }, take: 500 });
    },
    async removeBlock(id: string): Promise<Block | undefined> {
      return database.write(async (tx) => {
        const block = await tx.block.findUnique({ where: { id } });
        const { count } = await tx.block.deleteMany({ where: { id } });
        return block && count === 1 ? block : undefined;
      });
    },
  };
}
