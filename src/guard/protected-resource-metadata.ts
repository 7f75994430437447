/** Protected Resource Metadata: where an MCP client learns which authorization server to ask (RFC 9728). */

export type ProtectedResourceMetadata = {
  resource: string;
  authorization_servers: string[];
  scopes_supported?: string[];
  bearer_methods_supported: ['header'];
  resource_name?: string;
};

/** `document` is the JSON to serve under each of `paths` with `headers`; `url` is what challenges point to. */
export type PublishedMetadata = {
  readonly url: string;
  readonly paths: string[];
  readonly headers: Record<string, string>;
  readonly document: ProtectedResourceMetadata;
};

export type MetadataFacts = {
  resource: string;
  issuers: readonly string[];
  /** What to ask for at first; the rest is asked for by a 403 when it is needed. */
  baselineScopes: readonly string[];
  resourceName?: string | undefined;
};

const wellKnown = '/.well-known/oauth-protected-resource';
const methods = 'GET, HEAD, OPTIONS';

/** The document, with `resource` letter by letter as given: clients compare it with the URL they were told (RFC 9728 §3.3). */
export function protectedResourceMetadata(facts: MetadataFacts): ProtectedResourceMetadata {
  return {
    resource: facts.resource,
    authorization_servers: [...facts.issuers],
    ...(facts.baselineScopes.length > 0 && { scopes_supported: [...facts.baselineScopes] }),
    bearer_methods_supported: ['header'],
    ...(facts.resourceName !== undefined && { resource_name: facts.resourceName }),
  };
}

/** Where clients look: the path of the resource behind the well-known one (RFC 9728 §3.1), then the root form. */
export function protectedResourceMetadataPaths(resource: URL): string[] {
  const path = resource.pathname === '/' ? '' : resource.pathname;
  return [...new Set([wellKnown + path, wellKnown + path.replace(/\/$/, ''), wellKnown])];
}

export function publishMetadata(facts: MetadataFacts): PublishedMetadata {
  const resource = new URL(facts.resource);
  const paths = protectedResourceMetadataPaths(resource);
  return Object.freeze({
    url: `${resource.origin}${paths[0]}${resource.search}`,
    paths,
    // The document is public and clients in browsers must be able to read it (preflighted for MCP-Protocol-Version).
    headers: {
      'access-control-allow-origin': '*',
      'access-control-allow-methods': methods,
      'access-control-allow-headers': 'mcp-protocol-version, content-type, accept',
      'cache-control': 'public, max-age=300',
    },
    document: protectedResourceMetadata(facts),
  });
}

/** The answer to a request for the document; undefined when the request is for something else. */
export function metadataResponse(
  request: Request,
  { paths, headers, document }: PublishedMetadata,
): Response | undefined {
  if (!paths.includes(new URL(request.url).pathname)) return undefined;
  switch (request.method) {
    case 'GET':
      return Response.json(document, { headers });
    case 'HEAD':
      return new Response(null, { headers: { ...headers, 'content-type': 'application/json' } });
    case 'OPTIONS':
      return new Response(null, { status: 204, headers });
    default:
      return new Response(null, { status: 405, headers: { ...headers, allow: methods } });
  }
}
