/** How the tools that a server lists differ from those that people read about, and what to propose because of it (threat 60). */
import type { Resource, ScopeDescription } from '../resource.ts';
import { type Finding, finding, named } from './finding.ts';
import type { ListedTool, Listing } from './tools.ts';

export interface ToolDifference {
  /** Behind no scope: nobody can be allowed to use them. `declared` is a registered scope that the tool names itself. */
  unplaced: readonly { tool: string; declared?: string | undefined }[];
  /** Registered, and no longer there. */
  gone: readonly { tool: string; scope: string }[];
  /** The server says another registered scope than the one it is registered behind. */
  elsewhere: readonly { tool: string; scope: string; declared: string }[];
  /** They read differently than at the last look. */
  reworded: readonly string[];
}

export type SeenTool = Pick<ListedTool, 'name' | 'digest'>;

/** @param before the tools of the look before */
export function compareTools(
  { scopes }: Pick<Resource, 'scopes'>,
  { tools, cut }: Listing,
  before: readonly SeenTool[],
): ToolDifference {
  const placed = placedTools(scopes);
  const scopesOf = (tool: string) => placed.filter((scope) => scope.tools.includes(tool)).map(({ name }) => name);
  const known = (names: readonly string[]) => names.find((name) => placed.some((scope) => scope.name === name));
  const listed = new Set(tools.map(({ name }) => name));
  return {
    unplaced: tools
      .filter(({ name }) => scopesOf(name).length === 0)
      .map(({ name, scopes: declared }) => ({ tool: name, declared: known(declared) })),
    // Of a list that was cut nobody knows what is missing.
    gone: cut
      ? []
      : placed.flatMap(({ name, tools: own }) =>
          own.filter((tool) => !listed.has(tool)).map((tool) => ({ tool, scope: name })),
        ),
    elsewhere: tools.flatMap(({ name, scopes: declared }) => {
      const [scope] = scopesOf(name);
      const other = known(declared);
      const misplaced = scope !== undefined && other !== undefined && !scopesOf(name).includes(other);
      return misplaced ? [{ tool: name, scope, declared: other }] : [];
    }),
    reworded: tools
      .filter(({ name, digest }) => before.some((one) => one.name === name && one.digest !== digest))
      .map(({ name }) => name),
  };
}

/** What is proposed already counts: it only waits to be accepted. */
function placedTools(scopes: Resource['scopes']) {
  return scopes.map(({ name, tools, proposal }) => ({ name, tools: proposal?.words.tools ?? tools }));
}

/** Of what was found then, what still holds: people may have decided about the rest meanwhile. */
export function standingDifference({ scopes }: Pick<Resource, 'scopes'>, found: ToolDifference): ToolDifference {
  const placed = placedTools(scopes);
  const behind = (tool: string, scope: string) =>
    placed.some(({ name, tools }) => name === scope && tools.includes(tool));
  return {
    unplaced: found.unplaced.filter(({ tool }) => !placed.some(({ tools }) => tools.includes(tool))),
    gone: found.gone.filter(({ tool, scope }) => behind(tool, scope)),
    elsewhere: found.elsewhere.filter(({ tool, scope, declared }) => behind(tool, scope) && !behind(tool, declared)),
    reworded: found.reworded,
  };
}

export function differenceFindings(
  { unplaced, gone, elsewhere, reworded }: ToolDifference,
  listing: Listing,
): Finding[] {
  const tools = (list: readonly { tool: string }[]) => named(list.map(({ tool }) => tool));
  return [
    ...(unplaced.length > 0 ? [finding('tools_without_scope', tools(unplaced))] : []),
    ...(gone.length > 0 ? [finding('tools_gone', tools(gone))] : []),
    ...(elsewhere.length > 0 ? [finding('tools_elsewhere', tools(elsewhere))] : []),
    ...(reworded.length > 0 ? [finding('tools_reworded', named(reworded))] : []),
    ...(listing.cut ? [finding('tools_too_many', { count: listing.tools.length })] : []),
    ...(listing.odd > 0 ? [finding('tools_oddly_named', { count: listing.odd })] : []),
  ];
}

export interface Placement {
  /** Tool → the scope it is to stand behind. */
  place: ReadonlyMap<string, string>;
  /** Tools that are gone, to be taken out of every scope. */
  drop: readonly string[];
}

/**
 * The scopes as they would read: to be proposed as any other change of their words is.
 * @returns only those that differ; a scope that is not registered is left out
 */
export function placeTools({ scopes }: Pick<Resource, 'scopes'>, { place, drop }: Placement): ScopeDescription[] {
  return scopes.flatMap((scope) => {
    const { name, description, descriptionJa, sensitivity, effect, tools } = scope.proposal?.words ?? scope;
    const kept = tools.filter((tool) => !drop.includes(tool) && (place.get(tool) ?? name) === name);
    const added = [...place].filter(([tool, to]) => to === name && !kept.includes(tool)).map(([tool]) => tool);
    const same = added.length === 0 && kept.length === tools.length;
    return same ? [] : [{ name, description, descriptionJa, sensitivity, effect, tools: [...kept, ...added] }];
  });
}
