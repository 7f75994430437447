/** `/admin/work/:id`: how far long work is. */
import { z } from 'zod';
import { notFound, operation } from './operation.ts';
import { page } from './page.ts';
import { type PageRoute, route } from './pages.ts';
import type { Progress, Works } from './work.ts';

const progress = z.object({
  accountId: z.string(),
  what: z.string(),
  done: z.number().int(),
  total: z.number().int(),
  state: z.enum(['running', 'done', 'failed']),
  back: z.string(),
  at: z.number().describe('Of the last batch, milliseconds since the epoch.'),
}) satisfies z.ZodType<Progress>;

const workPage = page<{ progress: Progress }>('admin/work.njk');

export function workOperations(works: Works) {
  const show = operation({
    id: 'work.show',
    method: 'GET',
    path: '/work/:id',
    summary: 'How far work is that goes on after its answer.',
    access: 'read',
    resourceOwners: true,
    input: z.object({ id: z.string().max(100) }),
    output: progress,
    async run({ id }, { actor }) {
      const progress = await works.find(id, actor.accountId);
      if (!progress) throw notFound('There is no such work of yours.');
      return progress;
    },
  });
  return { show };
}

export function workPages({ show }: ReturnType<typeof workOperations>): PageRoute[] {
  return [
    route('GET', '/work/:id', show, async (visit) =>
      visit.render(workPage, { progress: await visit.perform(show, visit.asked()) }),
    ),
  ];
}
