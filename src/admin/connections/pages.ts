/** `/admin/connections`: the identity providers, how each does, and the forms by which an owner changes them. */
import { explainEntraError } from '../../federation/entra/explanations.ts';
import { entraCodeIn, readFailure } from '../../federation/health.ts';
import { page } from '../frame/page.ts';
import { type PageRoute, route } from '../frame/pages.ts';
import type { Visit } from '../frame/visit.ts';
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
  code: number | undefined;
  /** English, where the catalogues have no `connections.aadsts.<code>`. */
  explained: string | undefined;
}

interface TestModel extends Diagnosis {
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
    route('POST', '/connections/:id/test', operations.test, (visit) => test(visit, operations)),
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

async function test(visit: Visit, operations: ConnectionOperations): Promise<void> {
  const { id } = visit.ctx.params as { id: string };
  const found = await visit.perform(operations.test, { id });
  const failed = found.steps.filter(({ result }) => result === 'failed').length;
  visit.render(testPage, { ...found, id, failed });
}

function failureOf({ lastFailure }: ConnectionView): Failure | undefined {
  if (lastFailure === undefined) return undefined;
  const code = entraCodeIn(lastFailure);
  return { ...readFailure(lastFailure), code, explained: code === undefined ? undefined : explainEntraError(code) };
}
