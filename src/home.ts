/** The page at the root, and whether the server is alive. */
import Router from '@koa/router';
import type { Database } from './storage/transactions.ts';
import type { Respond } from './web/respond.ts';

export function homeRoutes(deps: { respond: Respond; database: Database; issuer: string }): Router {
  const { respond, database, issuer } = deps;
  const router = new Router();
  router.get('/', (ctx) => respond.page(ctx, 'home', { issuer }));
  router.get('/health', async (ctx) => {
    await database.direct.$queryRaw`SELECT 1`;
    ctx.set('Cache-Control', 'no-store');
    ctx.body = { status: 'ok' };
  });
  return router;
}
