/** The only way out: fetches addresses that strangers chose without letting them reach our own network (SSRF, RFC 6890). */
import type { LookupAddress } from 'node:dns';
import { readFileSync } from 'node:fs';
import { isIP, type LookupFunction } from 'node:net';
import { createSecureContext, getCACertificates } from 'node:tls';
import { Client, type Dispatcher, ProxyAgent } from 'undici';
import { readBody } from './bounded-body.ts';
import { FetchFailed, messageOf } from './fetch-failed.ts';
import { createLookup, type Lookup } from './resolve-name.ts';
import { addressSet, isLoopback, isSpecialUse } from './special-use-addresses.ts';

const DEFAULT_MAX_BYTES = 5 * 1024;
const DEFAULT_TIMEOUT_MS = 2_500;
const MAX_CONCURRENT = 64;
/** Behind a proxy there may be no DNS at all; what it does not answer by then is left to the proxy. */
const PROXIED_LOOKUP_MS = 500;

export interface EgressSettings {
  /** URL of an http(s) proxy that then makes the connections; loopback stays direct. */
  outboundProxy?: string | undefined;
  /** PEM file with authorities trusted beside the usual ones. */
  outboundCaFile?: string | undefined;
  /** Reachable although special-use: hosts, `host:port`, IP addresses, CIDR networks; lower-case. */
  outboundAllow: readonly string[];
  /** Every address of a name. */
  lookup?: Lookup | undefined;
}

export interface EgressRequest {
  method?: 'GET' | 'POST';
  headers?: Readonly<Record<string, string>>;
  body?: string;
  /** Of the body, both as sent and decompressed; default 5 KB. */
  maxBytes?: number;
  /** Everything included, from name resolution to the last byte; default 2.5 s. */
  timeoutMs?: number;
}

export interface EgressResponse {
  /** Any status: redirects are handed back, never followed. */
  status: number;
  headers: Headers;
  /** Decompressed. */
  body: Buffer;
}

export interface Egress {
  /**
   * One request to an https address, or to a loopback http address that is allowed.
   * @throws FetchFailed
   */
  fetch(address: string | URL, request?: EgressRequest): Promise<EgressResponse>;
  /** Aborts what is under way and refuses the rest. */
  close(): void;
}

/**
 * An outbound client that resolves a name once, refuses it if any of its addresses is special-use, and connects to the
 * addresses it has checked. Behind a proxy the proxy resolves again: names that resolve here are checked as well, but
 * the proxy's own rules have to stop a name that changes in between.
 *
 * @throws Error when the CA file cannot be read, RangeError for a malformed network
 */
export function createEgress(settings: EgressSettings): Egress {
  const inFlight = new Set<AbortController>();
  const resolveChecked = createResolver(settings);
  const dispatcherFor = createDispatchers(settings);
  let closed = false;

  async function fetch(address: string | URL, request: EgressRequest = {}): Promise<EgressResponse> {
    const url = parseTarget(address);
    if (closed || inFlight.size >= MAX_CONCURRENT) throw new FetchFailed('busy', url.host);
    const abort = new AbortController();
    const { signal } = abort;
    const timer = setTimeout(() => abort.abort(new Error('timed out')), request.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    inFlight.add(abort);
    let dispatcher: Dispatcher | undefined;
    try {
      const addresses = await resolveChecked(url, signal);
      signal.throwIfAborted();
      dispatcher = dispatcherFor(url, addresses);
      return await send(dispatcher, url, request, signal);
    } catch (error) {
      if (error instanceof FetchFailed) throw error;
      throw new FetchFailed(signal.aborted ? 'timeout' : 'connection', `${url.host}: ${messageOf(error)}`, error);
    } finally {
      clearTimeout(timer);
      inFlight.delete(abort);
      dispatcher?.destroy().catch(() => {});
    }
  }

  return {
    fetch,
    close() {
      closed = true;
      for (const abort of inFlight) abort.abort();
    },
  };
}

function parseTarget(address: string | URL): URL {
  const url = URL.parse(String(address));
  if (!url) throw new FetchFailed('bad_url', 'not a URL');
  if (!['https:', 'http:'].includes(url.protocol)) throw new FetchFailed('bad_url', url.protocol);
  if (url.username || url.password) throw new FetchFailed('bad_url', `${url.host}: credentials in the URL`);
  if (url.hostname.endsWith('.')) throw new FetchFailed('bad_url', `${url.host}: trailing dot`);
  return url;
}

/** @returns the checked addresses; none where only the proxy can resolve the name */
function createResolver({ outboundProxy, outboundAllow, lookup = createLookup() }: EgressSettings) {
  const isNetwork = (entry: string) => isIP(entry.replace(/\/\d+$/, '')) !== 0;
  const allowedHosts = new Set(outboundAllow.filter((entry) => !isNetwork(entry)));
  const isAllowedAddress = addressSet(outboundAllow.filter(isNetwork));

  async function resolve(host: string, signal: AbortSignal): Promise<LookupAddress[]> {
    const family = isIP(host);
    if (family !== 0) return [{ address: host, family }];
    const patience = outboundProxy ? AbortSignal.any([signal, AbortSignal.timeout(PROXIED_LOOKUP_MS)]) : signal;
    try {
      return await abortable(lookup(host), patience);
    } catch (error) {
      if (signal.aborted) throw error;
      if (outboundProxy) return [];
      throw new FetchFailed('unresolved', `${host}: ${messageOf(error)}`, error);
    }
  }

  function check(url: URL, addresses: LookupAddress[]): LookupAddress[] {
    const port = url.port || (url.protocol === 'https:' ? '443' : '80');
    if (allowedHosts.has(url.hostname) || allowedHosts.has(`${url.hostname}:${port}`)) return addresses;
    const fine = addresses.filter(({ address }) => !isSpecialUse(address) || isAllowedAddress(address));
    const refused = addresses.find((address) => !fine.includes(address));
    // Where 127.0.0.1 is allowed so is localhost, which is ::1 as well; otherwise one bad answer spoils them all.
    if (refused && !(fine.length > 0 && isLocal(addresses))) {
      throw new FetchFailed('special_use', `${url.host} is ${refused.address}`);
    }
    return fine;
  }

  return async (url: URL, signal: AbortSignal): Promise<LookupAddress[]> => {
    const addresses = await resolve(url.hostname.replace(/^\[(.*)\]$/, '$1'), signal);
    if (addresses.length === 0 && !outboundProxy) throw new FetchFailed('unresolved', url.host);
    const checked = check(url, addresses);
    if (url.protocol === 'http:' && !isLocal(checked))
      throw new FetchFailed('bad_url', `${url.host}: http off loopback`);
    return checked;
  };
}

function isLocal(addresses: LookupAddress[]): boolean {
  return addresses.length > 0 && addresses.every(({ address }) => isLoopback(address));
}

/** One dispatcher per request: no connection outlives the check of its address. */
function createDispatchers({ outboundProxy, outboundCaFile }: EgressSettings) {
  const authorities = outboundCaFile && [...getCACertificates('default'), readFileSync(outboundCaFile, 'utf8')];
  const tls = {
    rejectUnauthorized: true,
    ...(authorities ? { secureContext: createSecureContext({ ca: authorities }) } : {}),
  };
  return (url: URL, addresses: LookupAddress[]): Dispatcher => {
    if (outboundProxy && !isLocal(addresses))
      return new ProxyAgent({ uri: outboundProxy, requestTls: tls, proxyTls: tls });
    return new Client(url.origin, { allowH2: false, connect: { ...tls, lookup: answerWith(addresses) } });
  };
}

function answerWith(addresses: LookupAddress[]): LookupFunction {
  return (_hostname, options, callback) => {
    const [first] = addresses;
    if (options.all || !first) callback(null, addresses);
    else callback(null, first.address, first.family);
  };
}

async function send(
  dispatcher: Dispatcher,
  url: URL,
  { method = 'GET', headers = {}, body, maxBytes = DEFAULT_MAX_BYTES }: EgressRequest,
  signal: AbortSignal,
): Promise<EgressResponse> {
  const response = await dispatcher.request({
    origin: url.origin,
    path: url.pathname + url.search,
    method,
    headers: { ...lowerCased(headers), 'user-agent': 'Consentry', 'accept-encoding': 'identity' },
    body: body ?? null,
    signal,
    reset: true,
  });
  const received = new Headers();
  for (const [name, value] of Object.entries(response.headers)) {
    for (const one of [value ?? []].flat()) received.append(name, one);
  }
  const content = await readBody(response.body, received.get('content-encoding'), maxBytes);
  return { status: response.statusCode, headers: received, body: content };
}

function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    work.then(resolve, reject);
  });
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
