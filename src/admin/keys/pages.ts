/** `/admin/keys`: what signs tokens, what will, and what did. */
import type { KeyView } from '../../keys/rotation.ts';
import { notFound } from '../frame/operation.ts';
import { page } from '../frame/page.ts';
import { type PageRoute, route } from '../frame/pages.ts';
import type { Refused, Visit } from '../frame/visit.ts';
import type { KeyOperations } from './operations.ts';

interface RotateModel {
  /** Waits to begin. */
  next?: KeyView | undefined;
  refused?: Refused | undefined;
}

interface RetireModel {
  key: KeyView;
  /** What signs afterwards; left out where it is yet to be made. */
  successor?: KeyView | undefined;
  refused?: Refused | undefined;
}

const listPage = page<{ items: readonly KeyView[]; next?: KeyView | undefined }>('admin/keys/list.njk');
const rotatePage = page<RotateModel>('admin/keys/rotate.njk');
const retirePage = page<RetireModel>('admin/keys/retire.njk');

const HOME = '/admin/keys';

export function keyPages(operations: KeyOperations): PageRoute[] {
  return [
    route('GET', '/keys', operations.list, async (visit) => {
      const items = await read(visit, operations);
      visit.render(listPage, { items, next: items.find(({ state }) => state === 'next') });
    }),
    route('GET', '/keys/history.jwks', operations.history, async (visit) =>
      visit.send(await visit.perform(operations.history, {})),
    ),
    route('GET', '/keys/rotate', operations.rotate, (visit) => askRotation(visit, operations)),
    route('POST', '/keys/rotate', operations.rotate, (visit) => rotate(visit, operations)),
    route('GET', '/keys/:kid/retire', operations.retire, (visit) => askRetirement(visit, operations)),
    route('POST', '/keys/:kid/retire', operations.retire, (visit) => retire(visit, operations)),
  ];
}

async function read(visit: Visit, { list }: KeyOperations): Promise<KeyView[]> {
  const { items } = await visit.perform(list, {});
  // What the schema leaves out of an absent member is not there for the template.
  return items.map((key) => ({ ...key, publishedUntil: key.publishedUntil }));
}

async function askRotation(visit: Visit, operations: KeyOperations, refused?: Refused, status = 200): Promise<void> {
  const next = (await read(visit, operations)).find(({ state }) => state === 'next');
  visit.render(rotatePage, { next, refused }, status);
}

async function rotate(visit: Visit, operations: KeyOperations): Promise<void> {
  const now = visit.field('when') === 'now';
  const asked = now ? { now } : { inSeconds: visit.field('when') };
  const outcome = await visit.attempt(operations.rotate, asked, () => 'when');
  if (!outcome.ok) return askRotation(visit, operations, outcome.refused, outcome.status);
  visit.done(HOME, now ? 'keys.begun' : 'keys.planned');
}

async function askRetirement(visit: Visit, operations: KeyOperations, refused?: Refused, status = 200): Promise<void> {
  const { kid } = visit.ctx.params as { kid: string };
  const keys = await read(visit, operations);
  const key = keys.find((one) => one.kid === kid && one.state !== 'retired');
  if (!key) throw notFound('There is no such key, or it was retired already.');
  const current = keys.find(({ state }) => state === 'current');
  const successor = current?.kid === kid ? keys.find(({ state }) => state === 'next') : current;
  visit.render(retirePage, { key, successor, refused }, status);
}

async function retire(visit: Visit, operations: KeyOperations): Promise<void> {
  const { kid } = visit.ctx.params as { kid: string };
  const outcome = await visit.attempt(operations.retire, { kid });
  if (outcome.ok) return visit.done(HOME, 'keys.retired');
  if (outcome.status === 404 || outcome.refused.code === 'key_retired') throw notFound(outcome.refused.message);
  return askRetirement(visit, operations, outcome.refused, outcome.status);
}
