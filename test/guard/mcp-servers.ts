/** The same small MCP server four times: on SDK v2 and v1, behind the guard's own door and behind the SDK's. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { InvalidTokenError, ServerError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { requireBearerAuth as requireBearerAuthV1 } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import type { OAuthTokenVerifier as OAuthTokenVerifierV1 } from '@modelcontextprotocol/sdk/server/auth/provider.js';
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js';
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  createMcpHandler,
  McpServer,
  OAuthError,
  type OAuthTokenVerifier,
  requireBearerAuth,
} from '@modelcontextprotocol/server';
import { createVerifier, personOf, type Verifier } from '../../src/guard/index.ts';

type Scope = 'notes:read' | 'notes:write' | 'notes:delete';

export type RunningServer = { url: string; guard: Verifier<Scope>; close: () => Promise<void> };
export type StartServer = (issuer: string) => Promise<RunningServer>;

const scopes = {
  'notes:read': { sensitivity: 'low', tools: ['list', 'purge'] },
  'notes:write': { sensitivity: 'medium', implies: ['notes:read'] },
  'notes:delete': { sensitivity: 'high', tools: ['purge'] },
} as const;

/** `list` needs notes:read; `purge` needs notes:read and notes:delete; both answer with the caller's person. */
function toolsV2(guard: Verifier<Scope>) {
  return createMcpHandler(({ authInfo }) => {
    const server = new McpServer({ name: 'test', version: '1.0.0' });
    const answer = () => ({ content: [{ type: 'text' as const, text: String(personOf(authInfo)) }] });
    server.registerTool('list', { scopeChallenge: guard.needs('notes:read') }, answer);
    server.registerTool('purge', { scopeChallenge: guard.needs('notes:read', 'notes:delete') }, answer);
    return server;
  });
}

export const onSdkV2: StartServer = (issuer) =>
  start(
    issuer,
    (code, text) => new OAuthError(code, text),
    (guard) => toNodeHandler(guard.protect(toolsV2(guard))) as RequestListener,
  );

export const onSdkV2WithItsOwnDoor: StartServer = (issuer) =>
  start(
    issuer,
    (code, text) => new OAuthError(code, text),
    (guard) => {
      const verifier: OAuthTokenVerifier = guard;
      const gate = requireBearerAuth({
        verifier,
        resourceMetadataUrl: guard.metadata.url,
        expectedResource: new URL(guard.metadata.document.resource),
      });
      const mcp = toolsV2(guard);
      const fetch = async (request: Request) => {
        const auth = await gate(request);
        return auth instanceof Response ? auth : mcp.fetch(request, { authInfo: auth });
      };
      return toNodeHandler({ fetch }) as RequestListener;
    },
  );

const errorV1 = (code: string, text: string) =>
  code === 'invalid_token' ? new InvalidTokenError(text) : new ServerError(text);

export const onSdkV1: StartServer = (issuer) =>
  start(issuer, errorV1, (guard) => {
    const app = createMcpExpressApp();
    app.use(guard.metadata.paths, (_req, res) => res.set(guard.metadata.headers).json(guard.metadata.document));
    app.use(async (req, res, next) => {
      const { auth, refusal } = await guard.admit(req.headers.authorization, req.body);
      if (refusal) return res.status(refusal.status).set(refusal.headers).json(refusal.body);
      req.auth = auth;
      next();
    });
    app.post('/mcp', serveV1);
    return app;
  });

export const onSdkV1WithItsOwnDoor: StartServer = (issuer) =>
  start(issuer, errorV1, (guard) => {
    const verifier: OAuthTokenVerifierV1 = guard;
    const app = createMcpExpressApp();
    app.use(
      requireBearerAuthV1({
        verifier,
        resourceMetadataUrl: guard.metadata.url,
        requiredScopes: [...guard.baselineScopes],
        expectedResource: new URL(guard.metadata.document.resource),
      }),
    );
    app.post('/mcp', serveV1);
    return app;
  });

async function serveV1(
  req: Parameters<StreamableHTTPServerTransport['handleRequest']>[0] & { body?: unknown },
  res: Parameters<StreamableHTTPServerTransport['handleRequest']>[1],
): Promise<void> {
  const server = new McpServerV1({ name: 'test', version: '1.0.0' });
  for (const tool of ['list', 'purge', 'forgotten']) {
    server.registerTool(tool, {}, ({ authInfo }) => ({
      content: [{ type: 'text', text: String(personOf(authInfo)) }],
    }));
  }
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
  await server.connect(transport as Parameters<typeof server.connect>[0]);
  await transport.handleRequest(req, res, req.body);
  await server.close();
}

async function start(
  issuer: string,
  error: (code: string, text: string) => Error,
  listener: (guard: Verifier<Scope>) => RequestListener,
): Promise<RunningServer> {
  const http: Server = createServer();
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
  const guard = createVerifier({ issuer, resource: url, scopes, error, report: () => {} });
  http.on('request', listener(guard));
  const close = () =>
    new Promise<void>((resolve) => {
      http.close(() => resolve());
      http.closeAllConnections();
    });
  return { url, guard, close };
}
