/** Which groups of scopes stand open on a page and which are folded behind a count (consent.md §3). */
import type { ScopeGroup } from './pages.ts';

/** A group as the page shows it. */
export type ShownGroup = ScopeGroup & { folded: boolean; sensitive: number };

const maxOpenLines = 5;
/** What can do the most harm stays in sight longest. */
const importance = ['act', 'change', 'read', 'identity'] as const;

/** Keeps the order of `groups`; at most five scope lines stay open, whole groups only. Empty groups fall away. */
export function foldGroups(groups: readonly ScopeGroup[]): ShownGroup[] {
  const filled = groups.filter((group) => group.scopes.length > 0);
  const open = new Set<ScopeGroup>();
  let lines = 0;
  for (const group of importance.flatMap((effect) => filled.filter((candidate) => candidate.effect === effect))) {
    if (lines + group.scopes.length > maxOpenLines) continue;
    lines += group.scopes.length;
    open.add(group);
  }
  return filled.map((group) => ({ ...group, folded: !open.has(group), sensitive: countScopes([group]).sensitive }));
}

/** How many scopes there are in all groups, and how many of them are sensitive. */
export function countScopes(groups: readonly ScopeGroup[]): { all: number; sensitive: number } {
  const scopes = groups.flatMap((group) => group.scopes);
  return { all: scopes.length, sensitive: scopes.filter((scope) => scope.sensitivity === 'high').length };
}
