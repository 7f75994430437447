/** The record: to read, as a timeline or as one thing's whole story, and to take along. */
import { z } from 'zod';
import { type AuditEntry, type AuditFilter, actorOf, type Story } from '../../audit/entry.ts';
import { type AuditReading, type ExportFormat, MAX_EXPORTED, type Wanted } from '../../audit/reading.ts';
import type { ResourceStore } from '../../resources/store.ts';
import { type Download, operation } from '../frame/operation.ts';
import { cursor, listed, when } from '../frame/shapes.ts';
import { nameEntry } from './sentence.ts';

export interface AuditOperationDeps {
  auditReading: AuditReading;
  resources: Pick<ResourceStore, 'listRegistered'>;
}

const OUTCOMES = ['allowed', 'refused', 'recorded'] as const;
const STORIES = ['person', 'token', 'consent'] as const satisfies readonly Story['of'][];
const FORMATS = ['ndjson', 'csv'] as const satisfies readonly ExportFormat[];
const TYPES: Record<ExportFormat, string> = { ndjson: 'application/x-ndjson', csv: 'text/csv; charset=utf-8' };
const DAY_MS = 86_400_000;

const text = z.string().trim().max(2000).optional();
const date = z
  .union([z.iso.date(), z.iso.datetime({ offset: true })])
  .refine(isStorable, 'No such year here.')
  .optional();

const filter = z.object({
  type: text.describe('A whole type, or with a dot at its end all that begin so: `consent.`'),
  outcome: z.enum(OUTCOMES).optional(),
  person: text.describe('Whom it is about: an id or an e-mail address.'),
  client: text.describe('Its id.'),
  server: text.describe('URI of an MCP server.'),
  actor: text.describe('Who acted: `cli`, `system`, `client`, or a person’s id or e-mail address.'),
  consent: text,
  grant: text,
  token: text.describe('The `jti` of an access token.'),
  request: text,
  from: date,
  to: date.describe('Before that moment; of a day, its end.'),
});
export type AuditFilterInput = z.infer<typeof filter>;

const entry = z.object({
  seq: z.number().int(),
  at: when,
  type: z.string(),
  outcome: z.enum(OUTCOMES),
  reason: z.string().nullable(),
  accountId: z.string().nullable(),
  person: z.string().nullable(),
  clientId: z.string().nullable(),
  clientName: z.string().nullable().describe('As the client states it.'),
  resource: z.string().nullable(),
  serverName: z.string().nullable(),
  scopes: z.array(z.string()),
  consentId: z.string().nullable(),
  grantId: z.string().nullable(),
  tokenId: z.string().nullable(),
  requestId: z.string(),
  actor: z.string(),
  actingPerson: z.string().nullable(),
  connectionName: z.string().nullable(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string())])),
});

const story = z.object({ of: z.enum(STORIES), id: z.string().min(1).max(2000) });
const format = z.enum(FORMATS).default('ndjson');

export type AuditOperations = ReturnType<typeof auditOperations>;

export function auditOperations({ auditReading, resources }: AuditOperationDeps) {
  async function page(wanted: Wanted, from: string | undefined) {
    const { items, names, ...rest } = await auditReading.page(wanted, from);
    return { ...rest, items: items.map((one: AuditEntry) => nameEntry(one, names)) };
  }

  async function fileOf(wanted: Wanted, as: ExportFormat): Promise<Download> {
    return { fileName: `audit.${as}`, type: TYPES[as], body: await auditReading.exportAs(as, wanted) };
  }

  const read = { method: 'GET', access: 'read' } as const;
  const download = { output: z.custom<Download>(), download: { types: ['application/x-ndjson', 'text/csv'] } };
  const bound = `oldest first, ${MAX_EXPORTED} rows at most; the last line says how many there are and whether these are all`;

  return {
    list: operation({
      ...read,
      id: 'audit.list',
      path: '/audit',
      summary: 'What happened, newest first.',
      input: filter.extend({ cursor }),
      output: listed(entry),
      run: async ({ cursor: from, ...asked }) => page({ filter: await toFilter(asked, auditReading) }, from),
    }),
    servers: operation({
      ...read,
      id: 'audit.servers',
      path: '/audit/servers',
      summary: 'MCP servers to filter by.',
      input: z.object({}),
      output: z.object({ items: z.array(z.object({ uri: z.string(), name: z.string() })) }),
      run: async () => ({ items: (await resources.listRegistered()).map(({ uri, name }) => ({ uri, name })) }),
    }),
    export: operation({
      ...read,
      ...download,
      id: 'audit.export',
      path: '/audit/export',
      summary: `The same as a file: ${bound}.`,
      input: filter.extend({ format }),
      run: async ({ format: as, ...asked }) => fileOf({ filter: await toFilter(asked, auditReading) }, as),
    }),
    story: operation({
      ...read,
      id: 'audit.story',
      path: '/audit/:of/:id',
      summary: 'All that is recorded of one person, one token (by its `jti`) or one consent, newest first.',
      input: story.extend({ cursor }),
      output: listed(entry),
      run: ({ cursor: from, ...asked }) => page({ story: asked }, from),
    }),
    exportStory: operation({
      ...read,
      ...download,
      id: 'audit.exportStory',
      path: '/audit/:of/:id/export',
      summary: `The same as a file: ${bound}.`,
      input: story.extend({ format }),
      run: ({ format: as, ...asked }) => fileOf({ story: asked }, as),
    }),
  };
}

async function toFilter(asked: AuditFilterInput, { peopleNamed }: AuditReading): Promise<AuditFilter> {
  const { type, outcome, person, client, server, actor, consent, grant, token, request, from, to } = asked;
  const given = {
    ...{ type, outcome, clientId: client, resource: server, consentId: consent, grantId: grant, tokenId: token },
    ...{ requestId: request, from: from && new Date(from), to: to && endOf(to) },
  };
  return {
    ...(Object.fromEntries(Object.entries(given).filter(([, value]) => value)) as AuditFilter),
    ...(person ? { accountIds: await peopleNamed(person) } : {}),
    ...(actor ? { actors: await actorsNamed(actor, peopleNamed) } : {}),
  };
}

async function actorsNamed(actor: string, peopleNamed: AuditReading['peopleNamed']): Promise<string[]> {
  if (['cli', 'system', 'client'].includes(actor) || /^(scim|account):/.test(actor)) return [actor];
  return (await peopleNamed(actor)).map(actorOf);
}

/** What the database can hold, with room for the end of a day. */
function isStorable(said: string): boolean {
  const year = new Date(said).getUTCFullYear();
  return year >= 1 && year < 9999;
}

function endOf(to: string): Date {
  return to.includes('T') ? new Date(to) : new Date(Date.parse(to) + DAY_MS);
}
