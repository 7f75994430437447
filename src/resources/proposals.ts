/** How a new description of an MCP server's scopes differs from what its owner accepted before: a tool more is news to everybody who agreed. */
import { AppError } from '../errors.ts';
import type { Effect, Resource, ResourceScope, ScopeDescription, Sensitivity } from './resource.ts';

export type WordDifference =
  | { what: 'description'; before: string; after: string }
  | { what: 'descriptionJa'; before: string | undefined; after: string | undefined }
  | { what: 'sensitivity'; before: Sensitivity; after: Sensitivity }
  | { what: 'effect'; before: Effect; after: Effect }
  | { what: 'tools'; added: readonly string[]; removed: readonly string[] };

/** `waiting`: the same is proposed already. */
export type ScopeChange =
  | { kind: 'unchanged'; name: string }
  | {
      kind: 'changed';
      name: string;
      before: ScopeDescription;
      after: ScopeDescription;
      differences: readonly WordDifference[];
      waiting: boolean;
    }
  | { kind: 'added'; name: string; after: ScopeDescription; waiting: boolean }
  /** Described again as it was accepted: what was proposed in between is dropped. */
  | { kind: 'withdrawn'; name: string; before: ScopeDescription; after: ScopeDescription }
  | { kind: 'removed'; name: string; before: ScopeDescription };

/** Scopes that are neither described nor removed stay as they are, with what is proposed of them. */
export interface NewScopes {
  /** Each as `parseScopes` returns it. */
  described: readonly ScopeDescription[];
  /** Names, or whatever is not described. */
  removed: readonly string[] | 'rest';
}

/**
 * One change for each scope that is described or removed, the described ones first.
 * @throws AppError 400 `invalid_scope` where a removed scope is not there, or none would be left
 */
export function compareScopes({ scopes }: Pick<Resource, 'scopes'>, news: NewScopes): ScopeChange[] {
  const { described } = news;
  const names = described.map(({ name }) => name);
  const registered = scopes.map(({ name }) => name);
  const removed = news.removed === 'rest' ? registered.filter((name) => !names.includes(name)) : news.removed;
  const unknown = removed.find((name) => !registered.includes(name) || names.includes(name));
  if (unknown !== undefined)
    throw invalid('not_removable', `${unknown} cannot be removed: it is described too, or not there.`, unknown);
  if (described.length === 0 && registered.every((name) => removed.includes(name))) {
    throw invalid('last', 'An MCP server keeps at least one scope. To end all access to it, disable it.');
  }
  return [
    ...described.map((after) =>
      compare(
        scopes.find(({ name }) => name === after.name),
        after,
      ),
    ),
    ...scopes.filter(({ name }) => removed.includes(name)).map(toRemoval),
  ];
}

/** What is proposed at present, as changes from what was accepted. */
export function pendingChanges({ scopes }: Pick<Resource, 'scopes'>): ScopeChange[] {
  return scopes.flatMap((scope) => (scope.proposal ? [compare(scope, scope.proposal.words)] : []));
}

/** Empty exactly where both have one digest, provided neither names a tool twice. */
export function differences(before: ScopeDescription, after: ScopeDescription): WordDifference[] {
  const found: WordDifference[] = [];
  if (before.description !== after.description) {
    found.push({ what: 'description', before: before.description, after: after.description });
  }
  if ((before.descriptionJa ?? '') !== (after.descriptionJa ?? '')) {
    found.push({ what: 'descriptionJa', before: before.descriptionJa, after: after.descriptionJa });
  }
  if (before.sensitivity !== after.sensitivity) {
    found.push({ what: 'sensitivity', before: before.sensitivity, after: after.sensitivity });
  }
  if (before.effect !== after.effect) found.push({ what: 'effect', before: before.effect, after: after.effect });
  const added = after.tools.filter((tool) => !before.tools.includes(tool));
  const removed = before.tools.filter((tool) => !after.tools.includes(tool));
  if (added.length + removed.length > 0) found.push({ what: 'tools', added, removed });
  return found;
}

function compare(scope: ResourceScope | undefined, after: ScopeDescription): ScopeChange {
  const { name } = after;
  if (!scope) return { kind: 'added', name, after, waiting: false };
  const { proposal } = scope;
  const waiting = proposal !== undefined && differences(proposal.words, after).length === 0;
  if (proposal?.added) return { kind: 'added', name, after, waiting };
  const found = differences(scope, after);
  const before = wordsOf(scope);
  if (found.length > 0) return { kind: 'changed', name, before, after, differences: found, waiting };
  return proposal ? { kind: 'withdrawn', name, before: proposal.words, after } : { kind: 'unchanged', name };
}

function toRemoval(scope: ResourceScope): ScopeChange {
  return { kind: 'removed', name: scope.name, before: wordsOf(scope) };
}

function wordsOf({ name, description, descriptionJa, sensitivity, effect, tools }: ResourceScope): ScopeDescription {
  return { name, description, descriptionJa, sensitivity, effect, tools };
}

function invalid(rule: string, message: string, name = ''): AppError {
  return new AppError('invalid_scope', 400, message, { broken: { rule, facts: { name } } });
}
