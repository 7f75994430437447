/** How programs of this process reach the fake under its real names: the host they mean travels in a header. */
import type { EgressRequest, EgressResponse } from '../../../src/web/egress.ts';
import { FetchFailed } from '../../../src/web/fetch-failed.ts';

export const LOGIN = ['login.microsoftonline.com', 'login.microsoftonline.us', 'login.partner.microsoftonline.cn'];
export const GRAPH = [
  'graph.microsoft.com',
  'graph.microsoft.us',
  'dod-graph.microsoft.us',
  'microsoftgraph.chinacloudapi.cn',
];
export const fakeHosts: readonly string[] = [...LOGIN, ...GRAPH];
/** Who is asked, where the request comes to loopback. */
export const HOST_HEADER = 'x-fake-entra-host';

/** In place of the egress: the real addresses, answered here. Anything else is not found. */
export async function fetchAt(
  origin: string,
  address: string | URL,
  request: EgressRequest = {},
): Promise<EgressResponse> {
  const url = new URL(address);
  if (url.protocol !== 'https:' || !fakeHosts.includes(url.host)) throw new FetchFailed('unresolved', url.host);
  const { method = 'GET', headers = {}, body, maxBytes = 5 * 1024, timeoutMs = 2_500 } = request;
  try {
    const response = await fetch(new URL(url.pathname + url.search, origin), {
      method,
      headers: { ...headers, [HOST_HEADER]: url.host },
      ...(body === undefined ? {} : { body }),
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const content = Buffer.from(await response.arrayBuffer());
    if (content.length > maxBytes) throw new FetchFailed('too_large', url.host);
    return { status: response.status, headers: new Headers(response.headers), body: content };
  } catch (error) {
    if (error instanceof FetchFailed) throw error;
    const late = error instanceof Error && error.name === 'TimeoutError';
    throw new FetchFailed(late ? 'timeout' : 'connection', url.host, error);
  }
}

export async function visit(origin: string, address: string | URL, init: RequestInit) {
  const url = new URL(address);
  const headers = { ...(init.headers as Record<string, string>), [HOST_HEADER]: url.host };
  const response = await fetch(new URL(url.pathname + url.search, origin), { ...init, headers, redirect: 'manual' });
  const location = response.headers.get('location');
  return {
    status: response.status,
    html: await response.text(),
    left: location === null ? undefined : new URL(location),
  };
}
