/** `/admin/work/:id`: how far long work is, step by step where it has steps; once those have ended, on to what came of it. */
import { z } from 'zod';
import { notFound, operation } from './operation.ts';
import { page } from './page.ts';
import { leave, type PageRoute, route } from './pages.ts';
import type { Visit } from './visit.ts';
import type { Works } from './work.ts';
import type { Progress } from './work-record.ts';

const id = z.string().max(100);
const params = z.record(z.string(), z.union([z.string(), z.number()]));

const progress = z.object({
  accountId: z.string(),
  what: z.string(),
  done: z.number().int(),
  total: z.number().int(),
  state: z.enum(['running', 'done', 'failed', 'stopped']),
  back: z.string(),
  at: z.number().describe('Of the last batch or step, milliseconds since the epoch.'),
  about: z.string().optional().describe('What work in steps is about: a name, or a URL.'),
  steps: z
    .array(
      z.object({
        step: z.string(),
        result: z.enum(['ok', 'warning', 'failed', 'skipped']).nullable().describe('Null until it has ended.'),
        findings: z.array(z.object({ code: z.string(), params: params.readonly() })).readonly(),
      }),
    )
    .readonly()
    .optional()
    .describe('Of work in steps, in the order they are taken.'),
  refused: z.object({ code: z.string(), message: z.string() }).optional().describe('Why it came to nothing.'),
  to: z.string().optional().describe('The page with what came of it.'),
  news: z.object({ key: z.string(), params: params.optional() }).optional().describe('What that page says first.'),
}) satisfies z.ZodType<Progress>;

/** As an operation answers that begins work. */
export const begun = z.object({ work: z.string().describe('To be asked for at `/work/:id`.') });

const workPage = page<{ id: string; progress: Progress }>('admin/work.njk');

export function workOperations(works: Works) {
  const show = operation({
    id: 'work.show',
    method: 'GET',
    path: '/work/:id',
    summary: 'How far work is that goes on after its answer. Kept for an hour, for whoever asked for it.',
    access: 'read',
    resourceOwners: true,
    input: z.object({ id }),
    output: progress,
    async run({ id }, { actor }) {
      const found = await works.show(id, actor);
      if (!found) throw notFound('There is no such work of yours.');
      return found;
    },
  });
  const stop = operation({
    id: 'work.stop',
    method: 'POST',
    path: '/work/:id/stop',
    summary: 'Stop work in steps after the step that is under way. Nothing of it is kept.',
    access: 'change',
    resourceOwners: true,
    input: z.object({ id }),
    output: z.object({ stopped: z.boolean().describe('False where it had ended.') }),
    async run({ id }, { actor }) {
      if (!(await works.show(id, actor))) throw notFound('There is no such work of yours.');
      return { stopped: await works.stop(id, actor) };
    },
  });
  return { show, stop };
}

export function workPages({ show, stop }: ReturnType<typeof workOperations>): PageRoute[] {
  return [
    route('GET', '/work/:id', show, async (visit) => {
      const { id } = visit.ctx.params as { id: string };
      const progress = await visit.perform(show, { id });
      if (progress.state !== 'done' || progress.to === undefined) return visit.render(workPage, { id, progress });
      if (progress.news) visit.done(progress.to, progress.news.key, progress.news.params);
      else leave(visit.ctx, progress.to);
    }),
    route('POST', '/work/:id/stop', stop, async (visit) => {
      const { id } = visit.ctx.params as { id: string };
      await visit.perform(stop, { id });
      watch(visit, id);
    }),
  ];
}

/** On to the page that tells how far it is. */
export function watch({ ctx }: Visit, work: string): void {
  leave(ctx, `/admin/work/${encodeURIComponent(work)}`);
}
