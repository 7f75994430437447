/** Says in words how an MCP server changes, and whom that touches. */
import type { ResourcePlan } from '../resources/changes.ts';
import type { ScopeChange, WordDifference } from '../resources/proposals.ts';
import type { Resource } from '../resources/resource.ts';
import type { Rooms } from '../rooms.ts';
import { visibleText } from '../web/visible-text.ts';
import { count, fields } from './print.ts';
import { peopleInWords } from './resource-people.ts';

/** How many have a scope now. */
export interface Holders {
  consents(scope: string): number;
  services(scope: string): number;
}

/** Living consents, and services that an administrator gave access. */
export async function holdersOf(
  { consents, clients, now }: Pick<Rooms, 'consents' | 'clients' | 'now'>,
  { id, uri }: Resource,
): Promise<Holders> {
  const at = now();
  const agreed = (await consents.list({ resourceId: id }, { living: true })).filter(({ expiresAt }) => expiresAt > at);
  const services = (await clients.list({ origins: ['static'], living: true })).map(
    ({ metadata }) => (metadata.consentry_access as Record<string, readonly string[]> | undefined)?.[uri] ?? [],
  );
  const having = (all: readonly (readonly string[])[], scope: string) =>
    all.filter((scopes) => scopes.includes(scope)).length;
  return {
    consents: (scope) =>
      having(
        agreed.map(({ scopes }) => scopes),
        scope,
      ),
    services: (scope) => having(services, scope),
  };
}

/** @returns '' where nothing changes */
export function planInWords(
  { name, consentDays, tokenSeconds, scopes, people }: ResourcePlan,
  holders: Holders,
): string {
  const whole = [
    ...(name ? [`The name is ${quoted(name.after)} instead of ${quoted(name.before)}.`] : []),
    ...(consentDays
      ? [
          `Consents live ${count(consentDays.after, 'day')} at most instead of ${consentDays.before}: those from now on.`,
        ]
      : []),
    ...(tokenSeconds
      ? [
          `Access tokens live ${count(tokenSeconds.after, 'second')} instead of ${tokenSeconds.before}: those from now on.`,
        ]
      : []),
    ...peopleInWords(people),
  ];
  const already = (change: ScopeChange) => ('waiting' in change && change.waiting ? ' (proposed already)' : '');
  const parts = scopes.map((change) => changeInWords(change, holders, already(change))).filter(Boolean);
  return [...(whole.length > 0 ? [whole.join('\n')] : []), ...parts].join('\n\n');
}

/** @returns '' where nothing changes */
export function changeInWords(change: ScopeChange, holders: Holders, note = ''): string {
  const { name } = change;
  switch (change.kind) {
    case 'unchanged':
      return '';
    case 'withdrawn':
      return `${name} reads again as it was accepted: what was proposed of it is dropped.`;
    case 'removed':
      return `${name} is removed, at once; it is in ${held(name, holders)}.`;
    case 'added': {
      const { description, descriptionJa, sensitivity, effect, tools } = change.after;
      const words = {
        description: quoted(description),
        Japanese: descriptionJa === undefined ? undefined : quoted(descriptionJa),
        weight: sensitivity,
        effect,
        tools: tools.map(visible).join(', ') || undefined,
      };
      return `${name} is new${note}:\n${fields(words)}`;
    }
    case 'changed': {
      const words = Object.fromEntries(change.differences.map(differenceInWords));
      return `${name} reads differently${note}; it is in ${held(name, holders)}:\n${fields(words)}`;
    }
  }
}

function held(scope: string, holders: Holders): string {
  const services = holders.services(scope);
  const consents = count(holders.consents(scope), 'living consent');
  return services === 0 ? consents : `${consents} and the access of ${count(services, 'service')}`;
}

function differenceInWords(difference: WordDifference): [string, string] {
  switch (difference.what) {
    case 'description':
      return ['description', `${quoted(difference.before)} → ${quoted(difference.after)}`];
    case 'descriptionJa':
      return ['Japanese', `${quoted(difference.before)} → ${quoted(difference.after)}`];
    case 'sensitivity':
      return ['weight', `${difference.before} → ${difference.after}`];
    case 'effect':
      return ['effect', `${difference.before} → ${difference.after}`];
    case 'tools': {
      const tools = [
        ...difference.added.map((tool) => `+ ${visible(tool)}`),
        ...difference.removed.map((tool) => `- ${visible(tool)}`),
      ];
      return ['tools', tools.join(', ')];
    }
  }
}

function quoted(text: string | undefined): string {
  return text === undefined ? 'none' : `"${visible(text)}"`;
}

function visible(text: string): string {
  return visibleText(text, 'NFC');
}
