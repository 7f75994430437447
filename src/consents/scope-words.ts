/** The words of a scope, in the language of whoever reads them. */
import type { Locale } from '../web/locale.ts';
import type { ScopeWords } from './consent.ts';

/** English where the scope has no others. */
export function inLocale(
  { description, descriptionJa }: Pick<ScopeWords, 'description' | 'descriptionJa'>,
  locale: Locale,
): string {
  return (locale === 'ja' && descriptionJa) || description;
}
