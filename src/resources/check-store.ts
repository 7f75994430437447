/** What the last look at each MCP server found. */
import type { Database } from '../storage/transactions.ts';
import { type LastCheck, parseLastCheck } from './checks/last-check.ts';

export type CheckStore = ReturnType<typeof createCheckStore>;

export function createCheckStore(database: Database) {
  return {
    async find(resourceId: string): Promise<LastCheck | undefined> {
      const row = await database
        .current()
        .resource.findUnique({ where: { id: resourceId }, select: { lastCheck: true } });
      return parseLastCheck(row?.lastCheck);
    },
    async save(resourceId: string, lastCheck: LastCheck): Promise<void> {
      const data = { lastCheck: JSON.parse(JSON.stringify(lastCheck)) };
      await database.write((tx) => tx.resource.update({ where: { id: resourceId }, data, select: { id: true } }));
    },
  };
}
