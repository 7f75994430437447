/** How a page or a JSON error leaves: in the person's language, framed by nobody, cached by nobody. */
import type { Context } from 'koa';
import { type Locale, locales, pickLocale } from './locale.ts';
import type { Pages, StoppedModel } from './pages.ts';
import { currentRequest } from './request-context.ts';
import type { Views } from './views.ts';

export type Respond = ReturnType<typeof createRespond>;

const YEAR_MS = 365 * 86_400_000;

export function createRespond({ views, https = false }: { views: Views; https?: boolean }) {
  const cookie = https ? '__Host-consentry_language' : 'consentry_language';
  const cookieOptions = { httpOnly: true, sameSite: 'lax', secure: https, signed: false, path: '/' } as const;

  /** What the person chose, then what their browser asks for. */
  function localeOf(ctx: Context, uiLocales?: unknown): Locale {
    const chosen = ctx.state.locale === undefined ? ctx.cookies.get(cookie, { signed: false }) : ctx.state.locale;
    const known = locales.find((locale) => locale === chosen);
    if (known) return known;
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
    html(ctx, locale, status, views.render(name, model, locale));
  }

  /** A page of the dashboard, by its file below `views/`. */
  function template(ctx: Context, name: string, model: object, status: number): void {
    const locale = localeOf(ctx);
    html(ctx, locale, status, views.renderTemplate(name, model, locale));
  }

  /**
   * From now on in the language that the signed-in person chose, also in this browser before they sign in again.
   * @param locale null: as the browser asks
   */
  function follow(ctx: Context, locale: string | null): void {
    ctx.state.locale = locale;
    const known = ctx.cookies.get(cookie, { signed: false }) ?? null;
    if (known !== locale) ctx.cookies.set(cookie, locale, { ...cookieOptions, maxAge: YEAR_MS });
  }

  return {
    page,
    follow,
    template,
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

function html(ctx: Context, locale: Locale, status: number, body: string): void {
  ctx.status = status;
  ctx.type = 'html';
  ctx.set('Content-Language', locale);
  ctx.set('Cache-Control', 'no-store');
  ctx.vary('Accept-Language');
  ctx.body = body;
}
