/** MCP servers as a file declares them: known by their URI. */
import { events } from '../audit/events.ts';
import { AppError } from '../errors.ts';
import { addResource } from '../registrations.ts';
import {
  planUpdate,
  type ResourceNews,
  type ResourcePlan,
  setResourceDisabled,
  updateResource,
} from '../resources/changes.ts';
import { parseDescription } from '../resources/description.ts';
import type { ScopeChange } from '../resources/proposals.ts';
import { canonicalResource, type Resource } from '../resources/resource.ts';
import { type Change, difference, NONE, said } from './change.ts';
import type { DeclaredFile } from './file.ts';
import type { Planning } from './plan.ts';
import type { DeclaredResource } from './shape.ts';

export async function planResources(planning: Planning): Promise<Change[]> {
  const { declared } = planning.file;
  const { resources = [], prune } = declared;
  const uris = resources.map(({ uri }, index) => assertOnce(planning.file, resources, uri, index));
  const changes: Change[] = [];
  for (const [index, resource] of resources.entries()) {
    await assertConnections(planning, resource, index);
    changes.push(...(await planned(planning, resource, index)));
  }
  if (!prune.includes('resources') || !declared.resources) return changes;
  const rest = (await planning.rooms.resources.list()).filter(({ uri }) => !uris.includes(uri));
  for (const resource of rest) changes.push(await removal(planning, resource));
  return changes;
}

async function planned(planning: Planning, resource: DeclaredResource, index: number): Promise<Change[]> {
  const news = toNews(resource);
  const described = { ...news, uri: resource.uri, scopes: news.scopes.described };
  const { uri } = attempt(planning.file, index, () => parseDescription(described));
  const known = await planning.rooms.resources.findRegistered(uri);
  if (known) return planChange(planning, known, resource, index);
  const lines = [
    `name: ${said(resource.name)}`,
    ...described.scopes.map((one) => `${one.name}: ${said(one.description)} (${one.sensitivity}, ${one.effect})`),
    ...(resource.disabled ? ['disabled'] : []),
  ];
  const make = () => add(planning, described, resource);
  return [{ section: 'resources', how: 'added', name: uri, lines, secret: true, make }];
}

async function add(
  { rooms }: Planning,
  described: Parameters<typeof addResource>[1],
  { disabled = false }: DeclaredResource,
) {
  const { resource, clientId, clientSecret } = await addResource(rooms, described);
  const subject = { resource: resource.uri, scopes: resource.scopes.map(({ name }) => name), clientId };
  await rooms.audit.record(events.resourceCreated(subject, { name: resource.name }));
  if (disabled) await setResourceDisabled(rooms, resource.id, true);
  return [{ name: resource.uri, fields: { client_id: clientId, client_secret: clientSecret } }];
}

async function planChange(
  planning: Planning,
  known: Resource,
  declared: DeclaredResource,
  index: number,
): Promise<Change[]> {
  const { rooms, store, now } = planning;
  const news = toNews(declared);
  const plan = attempt(planning.file, index, () => planUpdate(known, news));
  const { disabled = known.disabledAt !== undefined } = declared;
  const turned = disabled !== (known.disabledAt !== undefined);
  const lines = [...linesOf(plan), ...(turned ? [disabled ? 'disabled' : 'enabled'] : [])];
  if (lines.length === 0) return [];
  const touched = plan.scopes.filter(({ kind }) => kind === 'removed' || kind === 'changed').map(({ name }) => name);
  const whole = turned && disabled;
  const losing = whole || touched.length > 0;
  const of = { resourceId: known.id, ...(whole ? {} : { scopes: touched }) };
  return [
    {
      ...{ section: 'resources', how: 'changed', name: known.uri, lines },
      people: losing ? await store.countPeople(of, now) : undefined,
      make: async () => {
        await updateResource(rooms, known.id, news, { accept: true });
        if (turned) await setResourceDisabled(rooms, known.id, disabled);
        return NONE;
      },
    },
  ];
}

/** There is no deleting what the record speaks of: nobody gets a token for it any more. */
async function removal({ rooms, store, now }: Planning, { id, uri, name }: Resource): Promise<Change> {
  return {
    ...{ section: 'resources', how: 'removed', name: uri, lines: [`${said(name)} is disabled`] },
    people: await store.countPeople({ resourceId: id }, now),
    make: async () => {
      await setResourceDisabled(rooms, id, true);
      return NONE;
    },
  };
}

function linesOf({ name, consentDays, tokenSeconds, scopes, people }: ResourcePlan): string[] {
  const fields = Object.entries({ name, consent_days: consentDays, token_seconds: tokenSeconds });
  const words = { tokenClaims: 'token_claims', stalenessMinutes: 'staleness_minutes', connectionIds: 'connections' };
  return [
    ...fields.flatMap(([what, change]) => (change ? [difference(what, change.before, change.after)] : [])),
    ...Object.entries(people).map(([what, { before, after }]) =>
      difference(words[what as keyof typeof words], before, after),
    ),
    ...scopes.flatMap(scopeLines),
  ];
}

function scopeLines(change: ScopeChange): string[] {
  const { name } = change;
  switch (change.kind) {
    case 'unchanged':
      return [];
    case 'withdrawn':
      return [`${name}: what was proposed of it is dropped`];
    case 'removed':
      return [`${name}: removed`];
    case 'added':
      return [`${name}: new, ${said(change.after.description)} (${change.after.sensitivity}, ${change.after.effect})`];
    case 'changed':
      return change.differences.map((one) => {
        if (one.what !== 'tools') return difference(`${name} ${WORDS[one.what]}`, one.before, one.after);
        const tools = [...one.added.map((tool) => `+${tool}`), ...one.removed.map((tool) => `-${tool}`)];
        return `${name} tools: ${tools.join(' ')}`;
      });
  }
}

const WORDS = {
  description: 'description',
  descriptionJa: 'description_ja',
  sensitivity: 'sensitivity',
  effect: 'effect',
} as const;

/** All scopes that it has are in the file; what else the file does not say stays. */
function toNews(resource: DeclaredResource) {
  const { name, consent_days: consentDays, token_seconds: tokenSeconds } = resource;
  const { token_claims: tokenClaims, staleness_minutes: stalenessMinutes, connections: connectionIds } = resource;
  const described = resource.scopes.map(({ description_ja: descriptionJa, ...scope }) => ({ ...scope, descriptionJa }));
  const people = { tokenClaims, stalenessMinutes, connectionIds };
  return { name, consentDays, tokenSeconds, people, scopes: { described, removed: 'rest' } } satisfies ResourceNews;
}

function assertOnce(file: DeclaredFile, all: readonly DeclaredResource[], uri: string, index: number): string {
  const canonical = canonicalResource(uri) ?? uri;
  const first = all.findIndex((one) => (canonicalResource(one.uri) ?? one.uri) === canonical);
  if (first === index) return canonical;
  throw file.fault(['resources', index, 'uri'], `is that of resources[${first}] too`);
}

async function assertConnections({ file, rooms }: Planning, { connections = [] }: DeclaredResource, index: number) {
  for (const [place, id] of connections.entries()) {
    if (file.declared.connections?.some((one) => one.id === id)) continue;
    const known = await rooms.connectionStore.look(id);
    if (known && !known.removedAt) continue;
    throw file.fault(['resources', index, 'connections', place], `names no connection: there is no ${id}`);
  }
}

/** Whoever refuses knows the words, and not the line. */
function attempt<T>(file: DeclaredFile, index: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof AppError) throw file.fault(['resources', index], error.message);
    throw error;
  }
}
