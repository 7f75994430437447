/** Who asks, as a phrase to stand in the sentences of the pages (consent.md §3 and §4). */
import type { Phrase } from './messages.ts';
import type { RequestModel } from './pages.ts';

/**
 * A name that looks like somebody else's stands after the host it came from; one that a proxy gives, before the proxy's.
 * @param request what the page says of the request
 */
export function askerPhrase(request: Pick<RequestModel, 'client' | 'redirect' | 'through'>): Phrase {
  const { client, redirect, through } = request;
  const named = { said: client.name };
  if (!through) {
    const host = client.host ?? redirect.host;
    return { key: client.resembles ? 'asker.resembling' : 'asker.app', params: { client: named, host } };
  }
  const { kind, host } = through.clientRedirect;
  const proxy = { proxy: { said: through.name }, proxyHost: through.host };
  const params = { ...proxy, client: named, host: client.host ?? host };
  if (client.resembles) return { key: 'asker.throughResembling', params };
  return { key: client.host === undefined ? `asker.through.${kind}` : 'asker.through.https', params };
}
