/** `/admin/audit`: what happened, in words. */
import { outcomes } from '../../audit/catalogue.ts';
import { byName } from '../../web/by-name.ts';
import type { Phrase } from '../../web/messages.ts';
import { page } from '../frame/page.ts';
import { type PageRoute, route } from '../frame/pages.ts';
import type { Refused, Visit } from '../frame/visit.ts';
import type { AuditOperations } from './operations.ts';
import { actorOf, genericSentence, type NamedEntry, sentenceOf } from './sentence.ts';

interface Line extends NamedEntry {
  sentence: Phrase;
  by: string | Phrase | undefined;
  /** `details` for people: [[name, values], …] */
  facts: readonly (readonly [string, readonly (string | boolean)[]])[];
}

interface ListModel {
  items: readonly Line[];
  next?: string | undefined;
  filters: Record<string, string>;
  query: readonly (readonly [string, string])[];
  first: boolean;
  servers: readonly { uri: string; name: string }[];
  /** Beginnings of types, up to their dot: `consent` */
  groups: readonly string[];
  /** Of the type that is filtered by, where it is a whole one. */
  typeSentence?: Phrase | undefined;
  refused?: Refused | undefined;
}

interface StoryModel {
  items: readonly Line[];
  next?: string | undefined;
  of: string;
  id: string;
  /** What the person is called. */
  name: string;
  first: boolean;
}

const listPage = page<ListModel>('admin/audit/list.njk');
const storyPage = page<StoryModel>('admin/audit/story.njk');

/** Each type of event with its sentence, of nobody in particular: for the filter. */
function sentenceOfType(type: string): Phrase | undefined {
  return outcomes.has(type) ? genericSentence(type) : undefined;
}

const groups = [...new Set([...outcomes.keys()].map((type) => type.slice(0, type.indexOf('.'))))].sort();

export function auditPages(operations: AuditOperations): PageRoute[] {
  return [
    route('GET', '/audit', operations.list, (visit) => list(visit, operations)),
    route('GET', '/audit/export', operations.export, async (visit) =>
      visit.send(await visit.perform(operations.export, visit.asked())),
    ),
    route('GET', '/audit/:of/:id', operations.story, (visit) => tell(visit, operations)),
    route('GET', '/audit/:of/:id/export', operations.exportStory, async (visit) =>
      visit.send(await visit.perform(operations.exportStory, visit.asked())),
    ),
  ];
}

async function list(visit: Visit, operations: AuditOperations): Promise<void> {
  const asked = visit.asked();
  const { cursor, ...filters } = asked;
  const { items: servers } = await visit.perform(operations.servers, {});
  const typeSentence = sentenceOfType(filters.type ?? '');
  const around = {
    filters,
    query: Object.entries(filters),
    first: cursor === undefined,
    servers: byName(servers, visit.locale),
    groups,
    typeSentence,
  };
  const found = await visit.attempt(operations.list, asked);
  if (!found.ok) return visit.render(listPage, { items: [], ...around, refused: found.refused }, found.status);
  visit.render(listPage, { ...found.value, ...around, items: found.value.items.map(toLine) });
}

async function tell(visit: Visit, operations: AuditOperations): Promise<void> {
  const asked = visit.asked();
  const { of = '', id = '', cursor } = asked;
  const found = await visit.perform(operations.story, asked);
  const items = found.items.map(toLine);
  const named = items.find(({ accountId }) => accountId === id)?.person;
  visit.render(storyPage, { ...found, items, of, id, name: named ?? id, first: cursor === undefined });
}

function toLine(entry: NamedEntry): Line {
  const facts = Object.entries(entry.details)
    .filter(([, value]) => value !== null)
    .map(
      ([name, value]) =>
        [
          name,
          [name === 'connection' ? (entry.connectionName ?? value) : value]
            .flat()
            .map((one) => (typeof one === 'boolean' ? one : String(one))),
        ] as const,
    );
  return { ...entry, sentence: sentenceOf(entry), by: actorOf(entry), facts };
}
