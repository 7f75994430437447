import { test } from 'node:test';
import { openDatabase } from '../../src/storage/database.ts';
import { createTestDatabase } from '../database.ts';

test('x', async () => {
  const t0 = performance.now();
  const db = await createTestDatabase();
  console.log(db.url, performance.now() - t0);
  const o = await openDatabase({ databaseUrl: db.url, dataDir: '/nonexistent', log: console as never, mode: 'serve' });
  const t1 = performance.now();
  await o.prisma.account.create({ data: { id: 'a', email: 'b' } });
  console.log(await o.prisma.account.findMany(), performance.now() - t1);
  await o.close();
  await db.drop();
  console.log(performance.now() - t0);
});
