/** Where the list of consents stands with what was filtered: one comes back to it after each act. */
import { filterNames } from './shapes.ts';

export type ConsentFilters = Readonly<Record<string, string>>;

/** What of these is a filter of the list, and was not left empty. */
export function filtersIn(some: Readonly<Record<string, unknown>>): ConsentFilters {
  return Object.fromEntries(
    filterNames.flatMap((name) => {
      const value = some[name];
      return typeof value === 'string' && value !== '' ? [[name, value]] : [];
    }),
  );
}

export function addressOf(some: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams(filtersIn(some)).toString();
  return query ? `/admin/consents?${query}` : '/admin/consents';
}
