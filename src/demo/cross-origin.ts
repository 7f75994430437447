/** Which web pages may talk to the demo MCP server (MCP Streamable HTTP, Security; Fetch, CORS protocol). */
import { hostHeaderValidationResponse, originValidationResponse } from '@modelcontextprotocol/server';

export type WebHandler = (request: Request) => Promise<Response>;

export type CrossOriginOptions = {
  /** Host names this server answers to: others are DNS rebinding. */
  hosts: string[];
  /** Host names of pages that may call it. */
  origins: string[];
  /** Documents that every page may read; their handler sets its own headers. */
  publicPaths: readonly string[];
};

/** Refuses foreign hosts and origins, answers preflights, and lets allowed pages read the answers and their challenges. */
export function allowOrigins({ hosts, origins, publicPaths }: CrossOriginOptions, handle: WebHandler): WebHandler {
  return async (request) => {
    const foreignHost = hostHeaderValidationResponse(request, hosts);
    if (foreignHost) return foreignHost;
    const origin = request.headers.get('origin');
    if (origin === null || publicPaths.includes(new URL(request.url).pathname)) return handle(request);
    const foreignOrigin = originValidationResponse(request, origins);
    if (foreignOrigin) return foreignOrigin;

    const response = isPreflight(request) ? preflightResponse(request) : await handle(request);
    response.headers.set('access-control-allow-origin', origin);
    response.headers.set('access-control-expose-headers', 'WWW-Authenticate, MCP-Protocol-Version, Mcp-Session-Id');
    response.headers.append('vary', 'Origin');
    return response;
  };
}

function isPreflight(request: Request): boolean {
  return request.method === 'OPTIONS' && request.headers.has('access-control-request-method');
}

/** MCP clients send headers named after tool parameters, so those asked for are those allowed. */
function preflightResponse(request: Request): Response {
  const asked = request.headers.get('access-control-request-headers');
  return new Response(null, {
    status: 204,
    headers: {
      'access-control-allow-methods': 'POST, GET, DELETE, OPTIONS',
      ...(asked !== null && { 'access-control-allow-headers': asked }),
      'access-control-max-age': '600',
    },
  });
}
