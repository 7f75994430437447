/** Who we are and who asks, from configuration and trusted proxies only, never from what a caller writes. */
import { BlockList, isIP } from 'node:net';
import type { Context, Middleware } from 'koa';

/**
 * Answers 421 to a foreign Host (RFC 9110 §15.5.20) and pins host and scheme to the issuer's, because every URL that
 * is built from a request would otherwise be the caller's.
 */
export function pinOrigin({ issuer }: { issuer: string }): Middleware {
  const { host, protocol, port } = new URL(issuer);
  // Some write the scheme's own port out (RFC 9110 §4.2.3).
  const hosts = port ? [host] : [host, `${host}:${protocol === 'https:' ? 443 : 80}`];
  return async (ctx, next) => {
    const stated = ctx.req.headersDistinct.host ?? [];
    // A request target with a host of its own (RFC 9112 §3.2.2) would be believed more than the header.
    if (stated.length !== 1 || !hosts.includes(String(stated[0]).toLowerCase()) || !ctx.req.url?.startsWith('/')) {
      ctx.status = 421;
      ctx.body = { error: 'misdirected_request', error_description: 'This server does not answer for that host.' };
      return;
    }
    ctx.req.headers.host = host;
    ctx.req.headers['x-forwarded-host'] = host;
    ctx.req.headers['x-forwarded-proto'] = protocol.slice(0, -1);
    await next();
  };
}

/**
 * The caller's address: the connection's, or behind proxies that we trust the last one in X-Forwarded-For that is not
 * one of them.
 *
 * @param trustedProxies addresses or CIDR networks
 */
export function createClientAddress(trustedProxies: readonly string[]): (ctx: Context) => string {
  const trusted = new BlockList();
  for (const entry of trustedProxies) {
    const [address = '', prefix] = entry.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(prefix), family);
  }
  const isTrusted = (address: string) =>
    isIP(address) !== 0 && trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  return (ctx) => {
    const remote = plain(ctx.req.socket.remoteAddress ?? '');
    if (!isTrusted(remote)) return remote;
    const hops = ctx
      .get('x-forwarded-for')
      .split(',')
      .map((hop) => plain(hop.trim()));
    return hops.findLast((hop) => isIP(hop) !== 0 && !isTrusted(hop)) ?? remote;
  };
}

function plain(address: string): string {
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}
