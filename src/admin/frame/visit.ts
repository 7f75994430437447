/** One request for a page of the dashboard: who it is, what they sent, and how the answer leaves. */
import { Readable } from 'node:stream';
import type { Context } from 'koa';
import { AppError } from '../../errors.ts';
import type { Locale } from '../../web/locale.ts';
import type { Params } from '../../web/messages.ts';
import { type Fields, several, single } from '../../web/request-body.ts';
import type { Actor } from './actor.ts';
import type { News } from './flash.ts';
import { type NavigationEntry, navigationFor } from './navigation.ts';
import type { Download, Operation, Perform } from './operation.ts';
import type { Page } from './page.ts';
import { type FieldOf, type Refused, refusedBy } from './refused.ts';

export type { Refused };

/** What every page of the dashboard has around it. */
export interface Frame {
  navigation: readonly NavigationEntry[];
  person: { email: string; role: 'owner' | 'admin' | 'auditor' | 'resource-owner' };
  csrf: string;
  news?: News | undefined;
  /** With the query, for forms that come back. */
  url: string;
  path: string;
  now: Date;
  /** What the buttons go by: a page offers nothing that the role may not do. */
  may: { change: boolean; own: boolean };
}

export interface Visit {
  ctx: Context;
  actor: Actor;
  locale: Locale;
  /** Of a POST; empty otherwise. */
  fields: Fields;
  field(name: string): string | undefined;
  fieldsOf(name: string): string[];
  /** The one value of a query parameter; undefined where it is absent, empty or came twice. */
  query(name: string): string | undefined;
  /** Path parameters and single query parameters, empty ones left out: what an operation for reading takes. */
  asked(): Record<string, string>;
  perform<Input, Output>(operation: Operation<Input, Output>, input: unknown): Promise<Output>;
  /**
   * Performs, or says why not: for forms that are shown again with what was typed. Faults of ours are thrown.
   * @param fieldOf for a form whose fields have other names than the input
   */
  attempt<Input, Output>(
    operation: Operation<Input, Output>,
    input: unknown,
    fieldOf?: FieldOf,
  ): Promise<{ ok: true; value: Output } | { ok: false; refused: Refused; status: number }>;
  render<Model extends object>(page: Page<Model>, model: Model, status?: number): void;
  /** After an act: 303 to a page of ours, which says what it came to. */
  done(path: string, key: string, params?: Params): void;
  send(download: Download): void;
}

export interface VisitDeps {
  perform: Perform;
  render: (ctx: Context, template: string, model: object, status: number) => void;
  localeOf: (ctx: Context) => Locale;
  flash: { set(ctx: Context, news: News): void; take(ctx: Context): News | undefined };
  now: () => Date;
}

export function createVisit(
  ctx: Context,
  { actor, csrf, fields }: { actor: Actor; csrf: string; fields: Fields },
  deps: VisitDeps,
): Visit {
  const { perform, flash } = deps;
  const query = (name: string) => {
    const value = ctx.query[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };

  return {
    ctx,
    actor,
    fields,
    locale: deps.localeOf(ctx),
    field: (name) => single(fields, name),
    fieldsOf: (name) => several(fields, name),
    query,
    asked: () => ({ ...singleQuery(ctx), ...(ctx.params as Record<string, string>) }),
    perform: (operation, input) => perform(operation, input, actor),
    async attempt(operation, input, fieldOf) {
      try {
        return { ok: true, value: await perform(operation, input, actor) };
      } catch (error) {
        if (!(error instanceof AppError) || error.status >= 500) throw error;
        // These are not about what was typed.
        if (['forbidden', 'fresh_proof_required', 'not_found'].includes(error.code)) throw error;
        return { ok: false, refused: refusedBy(error, fieldOf), status: error.status };
      }
    },
    render(page, model, status = 200) {
      const frame = frameOf(ctx, { actor, csrf, news: flash.take(ctx), now: deps.now() });
      deps.render(ctx, page.template, { ...model, frame }, status);
    },
    done(path, key, params) {
      flash.set(ctx, { key, ...(params ? { params } : {}) });
      ctx.status = 303;
      ctx.redirect(path);
    },
    send: (download) => sendDownload(ctx, download),
  };
}

export function frameOf(
  ctx: Context,
  { actor, csrf, news, now }: { actor: Actor; csrf: string; news?: News | undefined; now: Date },
): Frame {
  const { owner, admin } = actor.authority;
  return {
    navigation: navigationFor(actor, ctx.path),
    person: { email: actor.email, role: roleOf(actor) },
    csrf,
    news,
    url: ctx.url,
    path: ctx.path,
    now,
    may: { change: owner || admin, own: owner },
  };
}

function roleOf({ authority: { owner, admin, auditor } }: Actor): Frame['person']['role'] {
  return owner ? 'owner' : admin ? 'admin' : auditor ? 'auditor' : 'resource-owner';
}

function singleQuery(ctx: Context): Record<string, string> {
  const found = Object.entries(ctx.query).filter(([, value]) => typeof value === 'string' && value !== '');
  return Object.fromEntries(found) as Record<string, string>;
}

/** As an attachment that no browser shows as a page of ours. */
export function sendDownload(ctx: Context, { fileName, type, body }: Download): void {
  ctx.status = 200;
  ctx.type = type;
  ctx.attachment(fileName);
  ctx.set('Cache-Control', 'no-store');
  ctx.body = typeof body === 'string' || Buffer.isBuffer(body) ? body : Readable.from(body);
}
