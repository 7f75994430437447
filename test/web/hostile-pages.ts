/** The sample pages with one text in every field that could come from outside. */
import type { Sample } from './sample-pages.ts';

export const plainMarker = 'plain';
export const hostile = [
  `"><script>alert(1)</script><img src=x onerror=alert(1)>`,
  `'\`--></title></textarea></style><svg/onload=alert(1)>`,
  '{{ 7*7 }}{% raw %}**bold**{brand}&lt;script&gt;',
  '</bdi></main><form action=//evil.example><button>Approve</button></form>',
];

/** Fields whose values the program chooses from a list; `href` has tests of its own. */
const chosen = new Set([
  'kind',
  'provenance',
  'effect',
  'sensitivity',
  'choice',
  'code',
  'error',
  'state',
  'by',
  'suspended',
  'status',
  'section',
  'href',
]);

/** A copy of the sample in which every other text is `text`. */
export function withText(sample: Sample, text: string): Sample {
  return { page: sample.page, model: replace(sample.model, text) } as Sample;
}

function replace(value: unknown, text: string): unknown {
  if (typeof value === 'string') return text;
  if (value instanceof Date || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => replace(item, text));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, isChosen(key, item) ? item : replace(item, text)]),
  );
}

/** News are a code, or a code and what it is about. */
function isChosen(key: string, value: unknown): boolean {
  return chosen.has(key) || (key === 'news' && typeof value === 'string');
}
