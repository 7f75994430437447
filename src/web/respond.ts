/** How a page or a JSON error leaves: in the person's language, framed by nobody, cached by nobody. */
import type { Context } from 'koa';
import { type Locale, pickLocale } from './locale.ts';
import type { Pages, StoppedModel } from './pages.ts';
import { currentRequest } from './request-context.ts';
import type { Views } from './views.ts';

export type Respond = ReturnType<typeof createRespond>;

export function createRespond({ views }: { views: Views }) {
  function localeOf(ctx: Context, uiLocales?: unknown): Locale {
    const asked = uiLocales ?? ctx.query.ui_locales;
    return pickLocale({
      uiLocales: typeof asked === 'string' ? asked : undefined,
      acceptLanguage: ctx.get('accept-language'),
    });
  }

  function page<Page extends keyof Pages>(
    ctx: Context,
    name: Page,
    model: Pages[Page],
    { status = 200, uiLocales }: { status?: number; uiLocales?: unknown } = {},
  ): void {
    const locale = localeOf(ctx, uiLocales);
    ctx.status = status;
    ctx.type = 'html';
    ctx.set('Content-Language', locale);
    ctx.set('Cache-Control', 'no-store');
    ctx.vary('Accept-Language');
    ctx.body = views.render(name, model, locale);
  }

  return {
    page,
    localeOf,
    /** Page G: in words what happened and what to do. */
    stopped(ctx: Context, model: StoppedModel, options: { status: number; uiLocales?: unknown }): void {
      page(ctx, 'stopped', { requestId: currentRequest().requestId, ...model }, options);
    },
    /** An OAuth error object (RFC 6749 §5.2) for programs. */
    json(ctx: Context, status: number, error: string, description: string): void {
      ctx.status = status;
      ctx.set('Cache-Control', 'no-store');
      ctx.body = { error, error_description: description };
    },
    wantsPage: (ctx: Context): boolean => ctx.accepts('json', 'html') === 'html',
  };
}
