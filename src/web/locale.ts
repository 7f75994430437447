/**
 * The language of a page: what the person's browser asks for (RFC 9110 §12.5.4), and only where we speak none of it what
 * the client says of them (`ui_locales`, OpenID Connect Core §3.1.2.1), who could choose one that they do not read.
 */

export const locales = ['en', 'ja'] as const;
export type Locale = (typeof locales)[number];

/**
 * The first language asked for that we speak; English otherwise.
 * @param asked.uiLocales space-separated BCP 47 tags in order of preference
 * @param asked.acceptLanguage the header's value
 */
export function pickLocale(asked: { uiLocales?: string | undefined; acceptLanguage?: string | undefined }): Locale {
  const stated = (asked.uiLocales ?? '').slice(0, maxChars).split(' ');
  const tags = [...preferredTags((asked.acceptLanguage ?? '').slice(0, maxChars)), ...stated];
  for (const tag of tags) {
    const language = tag.toLowerCase().split('-')[0];
    const match = locales.find((locale) => locale === language);
    if (match) return match;
  }
  return 'en';
}

const maxChars = 500;

function preferredTags(header: string): string[] {
  return header
    .split(',')
    .map((range) => {
      const [tag = '', ...params] = range.split(';').map((part) => part.trim());
      const q = params.find((param) => param.toLowerCase().startsWith('q='));
      return { tag, weight: q ? Number(q.slice(2)) : 1 };
    })
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .map(({ tag }) => tag);
}
