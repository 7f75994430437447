/** What an act came to, told once on the page that follows it; signed, so that no link can make us say it. */
import type { Context } from 'koa';
import type { Params } from '../../web/messages.ts';

/** A message of the catalogues with its parameters. */
export interface News {
  key: string;
  params?: Params;
  kind?: 'done' | 'failed';
}

const SECONDS = 60;
const MAX_CHARACTERS = 2_000;

export function createFlash({ https }: { https: boolean }) {
  const name = https ? '__Host-consentry_news' : 'consentry_news';
  const options = { httpOnly: true, sameSite: 'strict', secure: https, signed: true, path: '/' } as const;

  return {
    set(ctx: Context, news: News): void {
      const value = Buffer.from(JSON.stringify(news)).toString('base64url');
      if (value.length <= MAX_CHARACTERS) ctx.cookies.set(name, value, { ...options, maxAge: SECONDS * 1000 });
    },
    take(ctx: Context): News | undefined {
      const value = ctx.cookies.get(name, options);
      if (value === undefined) return undefined;
      ctx.cookies.set(name, '', { ...options, expires: new Date(0) });
      return JSON.parse(Buffer.from(value, 'base64url').toString('utf8')) as News;
    },
  };
}
