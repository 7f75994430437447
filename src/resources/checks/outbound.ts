/**
 * By what entry of `OUTBOUND_ALLOW` a server in a private network may be asked; '' for what is no URL. Read off its URL
 * alone (threat 104).
 */
export function allowEntry(uri: string): string {
  return (URL.parse(uri)?.hostname ?? '').replace(/^\[(.*)\]$/, '$1');
}
