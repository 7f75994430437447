/** What somebody chooses from, in the order in which a reader of this language looks for a name. */
import type { Locale } from './locale.ts';

export function byName<Named extends { name: string }>(all: readonly Named[], locale: Locale): Named[] {
  const { compare } = new Intl.Collator(locale, { numeric: true });
  return [...all].sort((one, other) => compare(one.name, other.name));
}
