/** `/admin/connections`: the identity providers, how each does, and the forms by which an owner changes them. */
import { explainEntraError } from '../../federation/entra/explanations.ts';
import { entraCodeIn, readFailure } from '../../federation/health.ts';
import type { Params } from '../../web/messages.ts';
import { page } from '../frame/page.ts';
import { type PageRoute, route } from '../frame/pages.ts';
import type { Visit } from '../frame/visit.ts';
import { watch } from '../frame/work-page.ts';
import { addPages } from './add-pages.ts';
import { changePages } from './change-pages.ts';
import type { ConnectionOperations } from './operations.ts';
import type { ConnectionLine, ConnectionView, Diagnosis } from './shapes.ts';

interface ShowModel {
  connection: ConnectionView;
  failure?: Failure | undefined;
}

/** The last failure, explained as far as we know the provider's code. */
interface Failure {
  words: string;
  /** Of the message `connections.failures.<kind>`, where there is one. */
  kind: string | undefined;
  /** Of the message `connections.<explained>`. */
  explained: string | undefined;
}

interface TestModel {
  name: string;
  steps: readonly (Omit<Diagnosis['steps'][number], 'params'> & { params: Params })[];
  id: string;
  failed: number;
}

const listPage = page<{ items: readonly ConnectionLine[] }>('admin/connections/list.njk');
const showPage = page<ShowModel>('admin/connections/show.njk');
const testPage = page<TestModel>('admin/connections/test.njk');

export function connectionPages(operations: ConnectionOperations): PageRoute[] {
  return [
    route('GET', '/connections', operations.list, (visit) => list(visit, operations)),
    ...addPages(operations),
    route('GET', '/connections/:id', operations.read, (visit) => show(visit, operations)),
    route('POST', '/connections/:id/test', operations.beginTest, async (visit) => {
      const { id } = visit.ctx.params as { id: string };
      watch(visit, (await visit.perform(operations.beginTest, { id })).work);
    }),
    route('GET', '/connections/:id/tests/:work', operations.tested, (visit) => tested(visit, operations)),
    ...changePages(operations),
  ];
}

async function list(visit: Visit, operations: ConnectionOperations): Promise<void> {
  const { items } = await visit.perform(operations.list, {});
  visit.render(listPage, { items });
}

async function show(visit: Visit, operations: ConnectionOperations): Promise<void> {
  const found = await visit.perform(operations.read, visit.asked());
  visit.render(showPage, { connection: found, failure: failureOf(found) });
}

async function tested(visit: Visit, operations: ConnectionOperations): Promise<void> {
  const { id } = visit.ctx.params as { id: string };
  const found = await visit.perform(operations.tested, visit.ctx.params);
  const failed = found.steps.filter(({ result }) => result === 'failed').length;
  const steps = found.steps.map((step) => ({ ...step, params: forPeople(step.params) }));
  visit.render(testPage, { name: found.name, steps, id, failed });
}

/** A day as people write it, and what the provider said between quotation marks. */
function forPeople(params: Diagnosis['steps'][number]['params']): Params {
  const { day, words, ...rest } = params;
  return {
    ...rest,
    ...(day === undefined ? {} : { day: new Date(day) }),
    ...(words === undefined ? {} : { words: { said: String(words) } }),
  };
}

function failureOf({ lastFailure }: ConnectionView): Failure | undefined {
  if (lastFailure === undefined) return undefined;
  return { ...readFailure(lastFailure), explained: explainEntraError(entraCodeIn(lastFailure)) };
}
