/** Serves the logos of approved clients, so that no client's host learns who looks at a page. */
import Router from '@koa/router';
import type { Logos } from './clients/logo.ts';

/** A file that a browser took for a page after all could do nothing. */
const CONTENT_SECURITY_POLICY = "default-src 'none'; sandbox";

export function logoRoutes({ logos }: { logos: Pick<Logos, 'find'> }): Router {
  const router = new Router();
  router.get('/logos/:digest', async (ctx, next) => {
    const logo = await logos.find(ctx.params.digest ?? '');
    if (!logo) return next();
    ctx.set('X-Content-Type-Options', 'nosniff');
    ctx.set('Content-Security-Policy', CONTENT_SECURITY_POLICY);
    ctx.state.contentSecurityPolicy = CONTENT_SECURITY_POLICY;
    ctx.set('Cross-Origin-Resource-Policy', 'same-origin');
    // The path names the content.
    ctx.set('Cache-Control', 'public, max-age=31536000, immutable');
    ctx.type = logo.mediaType;
    ctx.body = logo.content;
  });
  return router;
}
