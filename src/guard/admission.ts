/** The door of an MCP server: who may come in, and what the others are told (RFC 6750 §2.1 and §3, MCP authorization). */
import type { AuthInfo } from './auth-info.ts';
import { type Refusal, refuseForNow, refuseMissingToken, refuseScopes, refuseToken, refuseTool } from './challenge.ts';
import type { Outcome } from './problems.ts';
import { metadataResponse, type PublishedMetadata } from './protected-resource-metadata.ts';
import type { ScopeTable } from './scopes.ts';

export type Admission = { auth: AuthInfo; refusal?: undefined } | { auth?: undefined; refusal: Refusal };

/** A handler of web requests that needs to know the caller, as `createMcpHandler` of the SDK returns one. */
export type ProtectedHandler = {
  fetch: (request: Request, options: { authInfo: AuthInfo; parsedBody?: unknown }) => Promise<Response>;
};

export type DoorParts = {
  check: (token: string) => Promise<Outcome<AuthInfo>>;
  scopes: ScopeTable;
  metadata: PublishedMetadata;
};

export function createDoor({ check, scopes, metadata }: DoorParts) {
  const hints = { resourceMetadataUrl: metadata.url, scopes: scopes.baseline };

  async function admit(authorization: string | null | undefined, message?: unknown): Promise<Admission> {
    const token = bearerToken(authorization);
    if (token === undefined) return { refusal: refuseMissingToken(hints) };
    const outcome = await check(token);
    switch (outcome.kind) {
      case 'invalid':
        return { refusal: refuseToken(outcome.problem, hints) };
      case 'unavailable':
        return { refusal: refuseForNow() };
      case 'valid': {
        const refusal = refuseTools(toolsCalled(message), outcome.value);
        return refusal ? { refusal } : { auth: outcome.value };
      }
    }
  }

  function refuseTools(tools: readonly unknown[], { scopes: granted }: AuthInfo): Refusal | undefined {
    const needs = tools.map((tool) => (typeof tool === 'string' ? scopes.ofTool(tool) : undefined));
    if (needs.includes(undefined)) return refuseTool();
    const needed = [...new Set(needs.flatMap((names) => names ?? []))];
    if (scopes.covers(granted, needed)) return undefined;
    return refuseScopes(needed, { ...hints, scopes: scopes.toRequest(granted, needed) });
  }

  async function serve(handler: ProtectedHandler, request: Request, parsedBody: unknown): Promise<Response> {
    const published = metadataResponse(request, metadata);
    if (published) return published;
    const { auth, refusal } = await admit(request.headers.get('authorization'));
    if (refusal) return Response.json(refusal.body, refusal);
    return handler.fetch(request, { authInfo: auth, ...(parsedBody !== undefined && { parsedBody }) });
  }

  const protect = (handler: ProtectedHandler) => ({
    fetch: (request: Request, options?: { parsedBody?: unknown }) => serve(handler, request, options?.parsedBody),
  });

  return { admit, protect };
}

/** Undefined without a Bearer credential. What follows the scheme is judged as a token, whatever it looks like. */
function bearerToken(authorization: string | null | undefined): string | undefined {
  return /^bearer +(.*)$/is.exec(authorization ?? '')?.[1];
}

/** The tools a JSON-RPC message or batch calls; a call without a proper name counts as one of an unknown tool. */
function toolsCalled(message: unknown): unknown[] {
  const messages: unknown[] = Array.isArray(message) ? message : [message];
  return messages.flatMap((one) => {
    if (typeof one !== 'object' || one === null || !('method' in one) || one.method !== 'tools/call') return [];
    const params = 'params' in one ? one.params : undefined;
    return [typeof params === 'object' && params !== null && 'name' in params ? params.name : undefined];
  });
}
