/** What every page of a signed-in person shares: who they are, the form's token, and the way to sign in first. */
import Router from '@koa/router';
import type { Context } from 'koa';
import { AppError } from '../errors.ts';
import { type Authority, isUser } from '../roles/authority.ts';
import type { OwnFrame, Section } from '../web/account-pages.ts';
import type { Browsers } from '../web/browser.ts';
import type { Csrf } from '../web/csrf.ts';
import { readForm, single } from '../web/request-body.ts';
import type { Respond } from '../web/respond.ts';
import { proofHref } from './paths.ts';
import { type Visitor, type VisitorDeps, visitorOf } from './visitor.ts';

export interface OwnDeps extends VisitorDeps {
  authority: { of(accountId: string): Promise<Authority> };
  browsers: Browsers;
  csrf: Csrf;
  respond: Respond;
}

/** One request for such a page. */
export interface Own {
  ctx: Context;
  visitor: Visitor;
  frame: OwnFrame;
  /** The one value of a path parameter. */
  param(name: string): string;
  /** The one value of a field of a POST that came from a page of ours. */
  field(name: string): string | undefined;
}

type Handler = (own: Own) => Promise<void>;

interface Terms {
  /** Only for who showed a moment ago that it is them. */
  fresh?: boolean;
}

/**
 * @param home the section's page: where a person goes on who had to sign in before a press
 */
export function ownRoutes(section: Section, home: string, deps: OwnDeps) {
  const router = new Router();

  async function admit(ctx: Context, back: string, { fresh = false }: Terms): Promise<Own | undefined> {
    const visitor = await visitorOf(ctx, deps);
    if (!visitor || (fresh && !visitor.fresh)) {
      leave(ctx, proofHref(back));
      return undefined;
    }
    const { id, email, name } = visitor.account;
    const dashboard = !isUser(await deps.authority.of(id));
    const csrf = deps.csrf.token(bound(ctx, visitor));
    return {
      ctx,
      visitor,
      frame: { section, csrf, account: { email: email || (name ?? '') }, dashboard },
      param: (key) => nameIn(ctx, key),
      field: () => undefined,
    };
  }

  /** A form dies with the session and the account that it was made for. */
  const bound = (ctx: Context, { sessionUid, account }: Visitor) => [
    'own',
    deps.browsers.identify(ctx),
    sessionUid,
    account.id,
  ];

  return {
    router,
    get(path: string, handler: Handler, terms: Terms = {}): void {
      router.get(path, async (ctx) => {
        const own = await admit(ctx, ctx.url, terms);
        if (own) await handler(own);
      });
    },
    /** @param expired what is shown, with 403, where the form was not made for this session */
    post(path: string, handler: Handler, expired: Handler, terms: Terms = {}): void {
      router.post(path, async (ctx) => {
        const fields = (await readForm(ctx)) ?? {};
        const own = await admit(ctx, home, terms);
        if (!own) return;
        const genuine = deps.csrf.sameOrigin(ctx) && deps.csrf.verify(single(fields, 'csrf'), bound(ctx, own.visitor));
        if (genuine) return handler({ ...own, field: (name) => single(fields, name) });
        await expired(own);
        ctx.status = 403;
      });
    },
  };
}

/** No id holds the one character that Postgres does not take in a text. @throws AppError 404 `not_found` */
function nameIn(ctx: Context, key: string): string {
  const value = String((ctx as Context & { params: Record<string, string> }).params[key]);
  if (!value.includes('\0')) return value;
  throw new AppError('not_found', 404, 'There is nothing at this address.');
}

export function leave(ctx: Context, path: string): void {
  ctx.status = 303;
  ctx.redirect(path);
}
