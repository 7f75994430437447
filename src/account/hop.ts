/**
 * The last step of a sign-in that came from another site: a page of ours that goes on by itself. Cookies that are
 * `SameSite=Strict` travel with what a page of ours asks for, and not with a redirect that another site began
 * (RFC 6265bis §5.2, threat 102).
 */
import type { Context } from 'koa';
import type { Respond } from '../web/respond.ts';

/** @param to one of our own paths, checked */
export function hop(ctx: Context, to: string, respond: Respond): void {
  respond.page(ctx, 'hop', { to });
}
