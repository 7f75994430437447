/** An ordinary MCP server on the official SDK, protected by the guard: "Demo notes" (MCP 2026-07-28 and 2025-11-25, Streamable HTTP). */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { toNodeHandler } from '@modelcontextprotocol/node';
import {
  type AuthInfo,
  createMcpHandler,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  OAuthError,
} from '@modelcontextprotocol/server';
import { createVerifier, personOf } from '../guard/index.ts';
import { allowOrigins } from './cross-origin.ts';
import { createNotebook } from './notebook.ts';
import { type DemoResource, demoResource, demoScopes } from './resource.ts';
import { createDemoTools, type DemoVerifier } from './tools.ts';

export type DemoServerOptions = {
  /** The authorization server, letter by letter as in its metadata. */
  issuer: string;
  host: string;
  /** 0 for any free one. */
  port: number;
  /** Hears of faults, one line each. */
  log?: (line: string) => void;
};

/** Resolves when it listens, to its MCP endpoint; rejects with the error of `listen`. */
export async function startDemoServer(
  options: DemoServerOptions,
): Promise<{ url: string; close: () => Promise<void> }> {
  const { log = () => {} } = options;
  const http = createServer();
  const resource = demoResource(await listen(http, options));
  const guard = createDemoGuard(options.issuer, resource, log);
  const notebook = createNotebook();
  const mcp = createMcpHandler(({ authInfo }) => createDemoTools({ notebook, guard, owner: ownerOf(authInfo) }), {
    onerror: (error) => log(`demo server: ${error.message}`),
    maxRequestBodySize: 64 * 1024,
  });
  const guarded = guard.protect(mcp);
  const fetch = allowOrigins(
    {
      hosts: [...localhostAllowedHostnames(), options.host],
      origins: localhostAllowedOrigins(),
      publicPaths: guard.metadata.paths,
    },
    async (request) => {
      const { pathname } = new URL(request.url);
      const known = pathname === new URL(resource.uri).pathname || guard.metadata.paths.includes(pathname);
      return known ? guarded.fetch(request) : notFound(resource);
    },
  );
  http.on('request', toNodeHandler({ fetch }, { maxRequestBodySize: 64 * 1024 }));
  return { url: resource.uri, close: () => close(http, mcp.close) };
}

function createDemoGuard(issuer: string, resource: DemoResource, log: (line: string) => void): DemoVerifier {
  const [read, write, remove] = demoScopes;
  return createVerifier({
    issuer,
    resource: resource.uri,
    resourceName: resource.name,
    scopes: { [read.name]: read, [write.name]: write, [remove.name]: remove },
    error: (code, description) => new OAuthError(code, description),
    report: (cause) => log(`demo server: cannot read the keys of ${issuer}: ${cause.message}`),
  });
}

/** A service never shares the notes of a person, whatever its client id is. */
function ownerOf(authInfo: AuthInfo | undefined): string {
  const person = personOf(authInfo);
  return person === undefined ? `service ${authInfo?.clientId}` : `person ${person}`;
}

function notFound({ name, uri }: DemoResource): Response {
  return Response.json(
    { error: 'not_found', message: `${name} is an MCP server: connect a client to ${uri}` },
    { status: 404 },
  );
}

async function listen(http: Server, { host, port }: DemoServerOptions): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(port, host, resolve);
  });
  return (http.address() as AddressInfo).port;
}

async function close(http: Server, closeMcp: () => Promise<void>): Promise<void> {
  await closeMcp();
  await new Promise<void>((resolve) => {
    http.close(() => resolve());
    http.closeAllConnections();
  });
}
