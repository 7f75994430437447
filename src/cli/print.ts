/** How results are printed: tables for people, JSON for machines. */
import { visibleText } from '../web/visible-text.ts';
import type { Terminal } from './terminal.ts';

/** What East Asian fonts draw twice as wide (UAX 11). */
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6\p{Emoji_Presentation}]/gu;

/** Columns as wide as their widest cell. What a client chose cannot move the cursor. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headings, ...rows].map((row) => row.map((cell) => visibleText(cell, 'NFC')));
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => widthOf(line[column] ?? ''))));
  return lines
    .map((line) =>
      line
        .map((cell, column) => pad(cell, widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `name   value`, each on a line of its own, indented. */
export function fields(values: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const width = Math.max(...given.map(([name]) => widthOf(name)));
  return given.map(([name, value]) => `  ${pad(name, width)}  ${value}`).join('\n');
}

export function printJson({ out }: Terminal, value: unknown): void {
  out(JSON.stringify(value, null, 2));
}

/** Minutes are enough for a person. */
export function moment(date: Date | undefined | null): string {
  return date ? `${date.toISOString().slice(0, 16).replace('T', ' ')}Z` : '-';
}

/** "1 consent", "2 consents". */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

function widthOf(text: string): number {
  return [...text.replace(/\p{M}/gu, '')].length + (text.match(WIDE)?.length ?? 0);
}
