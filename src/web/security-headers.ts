/** Headers of every answer: nothing frames us, nothing runs inline, and what a POST needs to prove its origin survives. */
import type { Middleware } from 'koa';

/**
 * No `form-action`: Chromium applies it to the redirect that follows a form, and the code would never reach the client.
 * No `Cross-Origin-Opener-Policy`: clients that open us in a popup would lose it. `same-origin` and not `no-referrer`,
 * which turns a POST's Origin into `null`.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

export function securityHeaders({ https }: { https: boolean }): Middleware {
  return async (ctx, next) => {
    ctx.set('Content-Security-Policy', CONTENT_SECURITY_POLICY);
    ctx.set('X-Content-Type-Options', 'nosniff');
    ctx.set('X-Frame-Options', 'DENY');
    ctx.set('Referrer-Policy', 'same-origin');
    ctx.set('Permissions-Policy', 'camera=(), geolocation=(), microphone=()');
    if (https) ctx.set('Strict-Transport-Security', 'max-age=31536000');
    await next();
    // oidc-provider would widen it for inline scripts of its own; a route of ours may make it stricter.
    ctx.set('Content-Security-Policy', ctx.state.contentSecurityPolicy ?? CONTENT_SECURITY_POLICY);
  };
}
