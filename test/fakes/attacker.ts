/** Hosts of anybody on the web, for a real browser: a proxy that answers for every name there is, and remembers what it heard. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { startHttpsStub } from '../https-stub.ts';

/** What a host answers: a page, or a redirect to another address. */
export type Reply = string | { redirect: string };

export interface Web {
  /** For a browser's `proxy`: everything but loopback goes through it. */
  proxy: { server: string; bypass: string };
  /** `host/path`, without query → what is answered there; elsewhere an empty page. */
  pages: Map<string, Reply>;
  /** Everything that any of the hosts was asked for, bodies included. */
  heard: { url: URL; body: string }[];
  /** Codes and other answers that reached this host. */
  loot(host: string): URLSearchParams[];
  forget(): void;
  close(): Promise<void>;
}

/** Hosts under `*.example.test` have a certificate that only tests trust. */
export async function startWeb(): Promise<Web> {
  const pages = new Map<string, Reply>();
  const heard: Web['heard'] = [];

  async function answer(url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    heard.push({ url, body });
    const reply = pages.get(`${url.host}${url.pathname}`) ?? '<!doctype html><title>here</title><h1>Here</h1>';
    if (typeof reply === 'string') response.writeHead(200, { 'content-type': 'text/html' }).end(reply);
    else response.writeHead(302, { location: reply.redirect }).end();
  }

  const serve: (scheme: string) => RequestListener = (scheme) => (request, response) => {
    // A proxy is sent whole addresses; a server behind a tunnel a path and a host.
    const url = URL.parse(String(request.url)) ?? new URL(String(request.url), `${scheme}://${request.headers.host}`);
    void answer(url, request, response);
  };
  const secure = await startHttpsStub(serve('https'));
  const server = createServer(serve('http'));
  server.on('connect', (_request, socket: Socket) => {
    const tunnel = connect(secure.port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      tunnel.pipe(socket).pipe(tunnel);
    });
    for (const end of [socket, tunnel]) end.on('error', () => end.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    proxy: { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bypass: '127.0.0.1' },
    pages,
    heard,
    loot: (host) =>
      heard
        .filter(({ url }) => url.hostname === host)
        .flatMap(({ url, body }) => [url.searchParams, new URLSearchParams(body)])
        .filter((params) => ['code', 'id_token', 'access_token', 'response'].some((name) => params.has(name))),
    forget: () => void heard.splice(0),
    async close() {
      server.closeAllConnections();
      server.close();
      await secure.close();
    },
  };
}
