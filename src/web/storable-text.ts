/** Whether Postgres can hold a text that somebody else wrote: it has neither U+0000 nor half characters. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}
