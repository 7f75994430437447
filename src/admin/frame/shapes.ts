/** Shapes that many operations answer with. */
import { z } from 'zod';

/** A moment: a Date here, RFC 3339 at the API. */
export const when = z.date();

/** A number, also as a form sends it; nothing typed is no number, least of all 0. */
export const typedNumber = z.union([z.number(), z.string().trim().min(1)]).pipe(z.coerce.number());

/** One page of a list. */
export function listed<Item extends z.ZodType>(item: Item) {
  return z.object({
    items: z.array(item).readonly(),
    next: z.string().optional().describe('The `cursor` of the next page.'),
  });
}

/** What a list takes besides its filters. */
export const cursor = z.string().max(1000).optional();
