/** What an administrator changes of a registered MCP server, each with its event in the record, as one unit. */
import { type AuditEvent, events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import { AppError } from '../errors.ts';
import type { Notices } from '../notices/notices.ts';
import type { Database } from '../storage/transactions.ts';
import { parseConsentDays, parseName, parseScopes, parseTokenSeconds } from './description.ts';
import { type PeopleNews, type PeoplePlan, peopleInRecord, planPeople, settingsIn } from './people.ts';
import { compareScopes, type NewScopes, pendingChanges, type ScopeChange, type WordDifference } from './proposals.ts';
import type { Resource } from './resource.ts';
import { scopeDigest } from './scopes.ts';
import type { ResourceStore } from './store.ts';

export interface ResourceNews {
  name?: string | undefined;
  /** 1 to 365 */
  consentDays?: number | undefined;
  /** 60 to 3600 */
  tokenSeconds?: number | undefined;
  scopes?: NewScopes | undefined;
  people?: PeopleNews | undefined;
}

export interface ResourcePlan {
  name?: { before: string; after: string };
  consentDays?: { before: number; after: number };
  tokenSeconds?: { before: number; after: number };
  scopes: readonly ScopeChange[];
  people: PeoplePlan;
}

export interface ChangeDeps {
  resources: ResourceStore;
  audit: Audit;
  database: Database;
  /** Tells who may accept what is proposed. */
  notices: Pick<Notices, 'scopeProposed'>;
  now: () => Date;
}

/**
 * What `updateResource` would do.
 * @throws AppError 400 `invalid_scope`, `invalid_text`, `invalid_consent_days`, `invalid_token_seconds`, and as
 *   `parsePeople`
 */
export function planUpdate(resource: Resource, news: ResourceNews): ResourcePlan {
  const { name, consentDays, tokenSeconds } = news;
  const { described = [], removed = [] } = news.scopes ?? {};
  return {
    ...differ('name', resource, name === undefined ? undefined : parseName(name)),
    ...differ('consentDays', resource, consentDays === undefined ? undefined : parseConsentDays(consentDays)),
    ...differ('tokenSeconds', resource, tokenSeconds === undefined ? undefined : parseTokenSeconds(tokenSeconds)),
    scopes: news.scopes ? compareScopes(resource, { described: parseScopes(described), removed }) : [],
    people: planPeople(resource, news.people ?? {}),
  };
}

function differ<Name extends 'name' | 'consentDays' | 'tokenSeconds'>(
  name: Name,
  { [name]: before }: Pick<Resource, Name>,
  after: Resource[Name] | undefined,
): Partial<Pick<ResourcePlan, 'name' | 'consentDays' | 'tokenSeconds'>> {
  return after === undefined || after === before ? {} : { [name]: { before, after } };
}

/** Whether it changes nothing, not even what waits for somebody to accept it. */
export function isEmptyPlan(plan: ResourcePlan, { accept }: { accept: boolean }): boolean {
  const { name, consentDays, tokenSeconds, scopes, people } = plan;
  const idle = (change: ScopeChange) =>
    change.kind === 'unchanged' || (!accept && 'waiting' in change && change.waiting);
  return !name && !consentDays && !tokenSeconds && Object.keys(people).length === 0 && scopes.every(idle);
}

/**
 * What takes away holds at once: a scope removed, fewer days for consents to come. A scope that would read differently,
 * or is new, is proposed, and no token carries it before somebody accepts.
 *
 * @param accept whoever changes it accepts it too: nothing waits
 * @throws AppError as `planUpdate`; 404 `unknown_resource`
 */
export function updateResource(
  deps: ChangeDeps,
  id: string,
  news: ResourceNews,
  { accept }: { accept: boolean },
): Promise<ResourcePlan> {
  const { resources, audit, database, now } = deps;
  return database.unit(async () => {
    const resource = await held(deps, id);
    const plan = planUpdate(resource, news);
    if (plan.name) await resources.rename(id, plan.name.after);
    if (plan.consentDays) await resources.setConsentDays(id, plan.consentDays.after);
    if (plan.tokenSeconds) await resources.setTokenSeconds(id, plan.tokenSeconds.after);
    if (Object.keys(plan.people).length > 0) await resources.setPeople(id, settingsIn(plan.people));
    const removed = plan.scopes.filter(({ kind }) => kind === 'removed').map(({ name }) => name);
    if (removed.length > 0) await resources.removeScopes(id, removed);
    const withdrawn = plan.scopes.filter(({ kind }) => kind === 'withdrawn').map(({ name }) => name);
    if (withdrawn.length > 0) await resources.reject(id, withdrawn);
    const proposed = plan.scopes.filter((change) => change.kind === 'changed' || change.kind === 'added');
    const fresh = proposed.filter((change) => !change.waiting).map(({ after }) => after);
    if (fresh.length > 0) await resources.propose(id, fresh, now());
    if (accept && proposed.length > 0)
      await resources.accept(
        id,
        proposed.map(({ name }) => name),
      );
    for (const event of recordOf(resource, plan, accept)) await audit.record(event);
    if (!accept) await tellOwners(resource, plan, deps);
    return plan;
  });
}

/**
 * From now on the scopes read as proposed; whoever agreed to the former words is asked again.
 *
 * @param names all that are proposed where left out
 * @throws AppError 404 `unknown_resource`, 400 `not_proposed`
 */
export function acceptScopes(deps: ChangeDeps, id: string, names?: readonly string[]): Promise<ScopeChange[]> {
  return decide(deps, id, names, 'accept');
}

/** The scopes are again what they were. @throws AppError as `acceptScopes` */
export function rejectScopes(deps: ChangeDeps, id: string, names?: readonly string[]): Promise<ScopeChange[]> {
  return decide(deps, id, names, 'reject');
}

function decide(deps: ChangeDeps, id: string, names: readonly string[] | undefined, how: 'accept' | 'reject') {
  const { resources, audit, database } = deps;
  return database.unit(async () => {
    const resource = await held(deps, id);
    const pending = pendingChanges(resource);
    const missing = names?.find((name) => !pending.some((change) => change.name === name));
    if (missing !== undefined || pending.length === 0) throw notProposed(resource, missing);
    const decided = pending.filter(({ name }) => !names || names.includes(name));
    await resources[how](
      id,
      decided.map(({ name }) => name),
    );
    const event = how === 'accept' ? events.scopeAccepted : events.scopeRejected;
    for (const change of decided) await audit.record(event(subject(resource, change.name), inRecord(change)));
    return decided;
  });
}

/**
 * No token for it while it is disabled; what people agreed to stays, and counts again once it is enabled.
 *
 * @returns false where it was so already
 * @throws AppError 404 `unknown_resource`
 */
export function setResourceDisabled(deps: ChangeDeps, id: string, disabled: boolean): Promise<boolean> {
  const { resources, audit, database, now } = deps;
  return database.unit(async () => {
    const resource = await held(deps, id);
    if ((resource.disabledAt !== undefined) === disabled) return false;
    await resources.setDisabled(id, disabled ? now() : undefined);
    const event = disabled ? events.resourceDisabled : events.resourceEnabled;
    await audit.record(event({ resource: resource.uri }));
    return true;
  });
}

/** Whoever may accept it, where somebody else proposed it. */
async function tellOwners({ name }: Resource, { scopes }: ResourcePlan, { notices }: ChangeDeps): Promise<void> {
  for (const change of scopes) {
    if ((change.kind !== 'changed' && change.kind !== 'added') || change.waiting) continue;
    const before = change.kind === 'changed' ? { before: change.before } : {};
    await notices.scopeProposed({ resourceName: name, scopeName: change.name, ...before, after: change.after });
  }
}

async function held({ resources }: ChangeDeps, id: string): Promise<Resource> {
  const resource = await resources.hold(id);
  if (resource && !resource.builtIn) return resource;
  throw new AppError('unknown_resource', 404, 'The MCP server is no longer registered.');
}

function notProposed({ name }: Resource, scope: string | undefined): AppError {
  const what = scope === undefined ? `Nothing of ${name} is proposed.` : `Nothing is proposed for ${scope}.`;
  return new AppError('not_proposed', 400, what);
}

/** What is proposed already is no news; accepted at last, it is. */
function recordOf(resource: Resource, plan: ResourcePlan, accept: boolean): AuditEvent[] {
  const removed = plan.scopes.filter(({ kind }) => kind === 'removed').map(({ name }) => name);
  const updated = {
    ...(plan.name ? { nameBefore: plan.name.before, name: plan.name.after } : {}),
    ...(plan.consentDays ? { consentDaysBefore: plan.consentDays.before, consentDays: plan.consentDays.after } : {}),
    ...(plan.tokenSeconds
      ? { tokenSecondsBefore: plan.tokenSeconds.before, tokenSeconds: plan.tokenSeconds.after }
      : {}),
    ...peopleInRecord(plan.people),
    ...(removed.length > 0 ? { removed } : {}),
  };
  const whole = Object.keys(updated).length > 0 ? [events.resourceUpdated({ resource: resource.uri }, updated)] : [];
  return [...whole, ...plan.scopes.flatMap((change) => scopeEvents(resource, change, accept))];
}

function scopeEvents(resource: Resource, change: ScopeChange, accept: boolean): AuditEvent[] {
  const about = subject(resource, change.name);
  if (change.kind === 'withdrawn') return [events.scopeRejected(about, inRecord(change), 'withdrawn')];
  if (change.kind !== 'changed' && change.kind !== 'added') return [];
  const proposed = change.waiting ? [] : [events.scopeProposed(about, inRecord(change))];
  return accept ? [...proposed, events.scopeAccepted(about, inRecord(change))] : proposed;
}

function subject({ uri }: Resource, scope: string) {
  return { resource: uri, scopes: [scope] };
}

/** `digest` is what the consents keep that are given to these words. */
function inRecord(change: ScopeChange): Record<string, string | boolean | readonly string[]> {
  if (change.kind === 'changed') {
    return { digest: scopeDigest(change.after), ...Object.assign({}, ...change.differences.map(differenceInRecord)) };
  }
  if (change.kind !== 'added') return {};
  const { description, descriptionJa, sensitivity, effect, tools } = change.after;
  const ja = descriptionJa === undefined ? {} : { descriptionJa };
  return { added: true, digest: scopeDigest(change.after), description, ...ja, sensitivity, effect, tools };
}

function differenceInRecord(difference: WordDifference): Record<string, string | readonly string[]> {
  if (difference.what === 'tools') return { toolsAdded: difference.added, toolsRemoved: difference.removed };
  const { what, before = '', after = '' } = difference;
  return { [`${what}Before`]: before, [what]: after };
}
