/** `/admin/reviews`: who still should have access, answered one by one. */
import { byName } from '../../web/by-name.ts';
import type { Listed } from '../../web/cursor.ts';
import { isWithin, reachOf } from '../frame/actor.ts';
import { page } from '../frame/page.ts';
import { type PageRoute, route } from '../frame/pages.ts';
import type { Refused, Visit } from '../frame/visit.ts';
import type { ReviewItemView, ReviewOperations, ReviewView } from './operations.ts';

interface ListModel extends Listed<ReviewView> {
  first: boolean;
  mayStart: boolean;
}

interface StartModel {
  servers: readonly { id: string; name: string; uri: string }[];
  /** Whether clients may be reviewed too. */
  all: boolean;
  values: { subject: string; server: string; client: string; name: string; days: string };
  living?: number | undefined;
  refused?: Refused | undefined;
}

interface ShowModel extends Listed<ReviewItemView> {
  review: ReviewView;
  total: number;
  answered: number;
  /** Which are shown; '' for all. */
  decision: string;
  query: readonly (readonly [string, string])[];
  first: boolean;
  /** Of this page of the list; '' for the first. */
  cursor: string;
  mayDecide: boolean;
  /** As typed and ticked. */
  noted: string;
  ticked: readonly string[];
  refused?: Refused | undefined;
}

interface CloseModel {
  review: ReviewView;
  refused?: Refused | undefined;
}

const listPage = page<ListModel>('admin/reviews/list.njk');
const startPage = page<StartModel>('admin/reviews/start.njk');
const showPage = page<ShowModel>('admin/reviews/show.njk');
const closePage = page<CloseModel>('admin/reviews/close.njk');

const HOME = '/admin/reviews';
const ACTS = ['keep', 'revoke', 'undo'] as const;

export function reviewPages(operations: ReviewOperations): PageRoute[] {
  return [
    route('GET', '/reviews', operations.list, (visit) => list(visit, operations)),
    route('GET', '/reviews/start', operations.start, (visit) => askStart(visit, operations)),
    route('POST', '/reviews/start', operations.start, (visit) => start(visit, operations)),
    route('GET', '/reviews/:id', operations.show, (visit) => show(visit, operations, visit.asked())),
    ...ACTS.map((act) =>
      route('POST', `/reviews/:id/${act}`, operations[act] as ReviewOperations['undo'], (visit) =>
        decide(visit, act, operations),
      ),
    ),
    route('GET', '/reviews/:id/close', operations.close, (visit) => askClose(visit, operations)),
    route('POST', '/reviews/:id/close', operations.close, (visit) => close(visit, operations)),
    route('GET', '/reviews/:id/evidence.csv', operations.csv, (visit) => download(visit, operations.csv)),
    route('GET', '/reviews/:id/evidence.jws', operations.evidence, (visit) => download(visit, operations.evidence)),
  ];
}

async function list(visit: Visit, operations: ReviewOperations): Promise<void> {
  const asked = visit.asked();
  const found = await visit.perform(operations.list, asked);
  const mayStart = reachOf(visit.actor, operations.start) !== false;
  visit.render(listPage, { ...found, first: asked.cursor === undefined, mayStart });
}

async function askStart(visit: Visit, operations: ReviewOperations): Promise<void> {
  const { server = '', client = '' } = visit.asked();
  const values = { subject: client ? 'client' : 'resource', server, client, name: '', days: '14' };
  await showStart(visit, operations, values);
}

async function start(visit: Visit, operations: ReviewOperations): Promise<void> {
  const of = (name: string) => visit.field(name) ?? '';
  const subject = of('subject') === 'client' ? 'client' : 'resource';
  const values = { subject, server: of('server'), client: of('client'), name: of('name'), days: of('days') };
  const subjectId = subject === 'client' ? values.client : values.server;
  const asked = { subject, subjectId, name: values.name, days: values.days };
  const fieldOf = (member: string) => (member === 'subjectId' ? (subject === 'client' ? 'client' : 'server') : member);
  const outcome = await visit.attempt(operations.start, asked, fieldOf);
  if (!outcome.ok) return showStart(visit, operations, values, outcome);
  visit.done(`${HOME}/${outcome.value.id}?decision=pending`, 'reviews.started', { count: outcome.value.items });
}

async function showStart(
  visit: Visit,
  operations: ReviewOperations,
  values: StartModel['values'],
  failed?: { refused: Refused; status: number },
): Promise<void> {
  const { subject, server, client } = values;
  const of = subject === 'client' ? client : server;
  const found = await visit.perform(operations.subjects, of ? { subject, subjectId: of } : {});
  const reach = reachOf(visit.actor, operations.start);
  const all = reach !== false && reach.reach === undefined;
  const servers = byName(found.servers, visit.locale);
  const model = { living: undefined, ...found, servers, all, values, refused: failed?.refused };
  visit.render(startPage, model, failed?.status);
}

async function show(
  visit: Visit,
  operations: ReviewOperations,
  asked: Record<string, string>,
  failed?: { refused: Refused; status: number },
): Promise<void> {
  const { id, decision = '', cursor } = asked;
  const review = await visit.perform(operations.show, { id });
  const found = await visit.perform(operations.items, { id, cursor, ...(decision ? { decision } : {}) });
  const { pending, ...answers } = review.counts;
  const answered = Object.values(answers).reduce((sum, count) => sum + count, 0);
  const model: ShowModel = {
    ...{ ...found, review, answered, total: answered + pending, decision },
    ...{ first: cursor === undefined, cursor: cursor ?? '' },
    ...{ query: decision ? [['decision', decision]] : [], refused: failed?.refused },
    mayDecide: review.state === 'open' && mayAnswer(visit, operations, review),
    ...{ noted: visit.field('note') ?? '', ticked: visit.fieldsOf('id') },
  };
  visit.render(showPage, model, failed?.status);
}

function mayAnswer({ actor }: Visit, { keep }: ReviewOperations, { subject, subjectId }: ReviewView): boolean {
  const found = reachOf(actor, keep);
  if (!found) return false;
  return found.reach === undefined || (subject === 'resource' && isWithin(found.reach, subjectId));
}

/** One item by its own button, or all that are ticked by the button for them. */
async function decide(visit: Visit, act: (typeof ACTS)[number], operations: ReviewOperations): Promise<void> {
  const { id = '' } = visit.ctx.params as { id?: string };
  const one = visit.field('one');
  const ids = one ? [one] : visit.fieldsOf('id');
  const back = { id, decision: visit.field('decision') ?? '', cursor: visit.field('cursor') ?? '' };
  const path = `${HOME}/${id}${addressOf(back)}`;
  if (ids.length === 0) return visit.done(path, 'reviews.nothingTicked');
  const note = visit.field('note');
  const input = act === 'undo' || !note ? { id, ids } : { id, ids, note };
  const outcome = await visit.attempt(operations[act] as ReviewOperations['keep'], input);
  if (!outcome.ok) return show(visit, operations, filled(back), outcome);
  const { changed, own, gone, answered } = outcome.value;
  if (own > 0) return visit.done(path, 'reviews.keptButOwn', { count: changed });
  if (changed === 0 && gone > 0) return visit.done(path, 'reviews.wasGone', { count: gone });
  if (changed === 0 && answered > 0) return visit.done(path, 'reviews.wasAnswered');
  visit.done(path, `reviews.done.${act}`, { count: changed });
}

function filled(values: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ''));
}

function addressOf({ id: _, ...query }: Record<string, string>): string {
  const text = new URLSearchParams(filled(query)).toString();
  return text === '' ? '' : `?${text}`;
}

async function askClose(visit: Visit, operations: ReviewOperations): Promise<void> {
  visit.render(closePage, { review: await visit.perform(operations.show, visit.asked()) });
}

async function close(visit: Visit, operations: ReviewOperations): Promise<void> {
  const id = visit.ctx.params.id as string;
  const outcome = await visit.attempt(operations.close, { id });
  if (!outcome.ok) {
    const review = await visit.perform(operations.show, { id });
    return visit.render(closePage, { review, refused: outcome.refused }, outcome.status);
  }
  visit.done(`${HOME}/${id}`, outcome.value.closed ? 'reviews.closed' : 'reviews.closing');
}

async function download(visit: Visit, operation: ReviewOperations['csv']): Promise<void> {
  visit.send(await visit.perform(operation, visit.asked()));
}
