/** The API's document (OpenAPI 3.1), made from the table of operations: it cannot say what is not there. */
import { z } from 'zod';
import type { Operation } from './operation.ts';

const ROLES = { read: ['owner', 'admin', 'auditor'], change: ['owner', 'admin'], own: ['owner'] } as const;

export function openApiDocument(
  operations: readonly Operation[],
  { issuer, version }: { issuer: string; version: string },
): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of operations) {
    const path = operation.path.replace(/:(\w+)/g, '{$1}');
    const methods = paths[path] ?? {};
    methods[operation.method.toLowerCase()] = describe(operation);
    paths[path] = methods;
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Consentry administration API',
      version,
      description:
        'What the dashboard does. Tokens: authorization code with PKCE, a client that an owner marked for it, 10 minutes, no refresh token.',
    },
    servers: [{ url: `${issuer}/admin/api` }],
    security: [{ consentry: [] }],
    paths,
    components: { securitySchemes: { consentry: securityScheme(issuer) }, schemas: { Error: ERROR } },
  };
}

const ERROR = {
  type: 'object',
  required: ['error', 'error_description'],
  properties: {
    error: { type: 'string', description: 'Stable code.' },
    error_description: { type: 'string', description: 'English, for a person.' },
  },
};

function describe(operation: Operation): object {
  const { id, summary, access, resourceOwners, fresh, method, download } = operation;
  const scope = method === 'GET' ? 'admin:read' : 'admin:write';
  const roles = [...ROLES[access], ...(resourceOwners ? ['resource-owner'] : [])];
  const within = resourceOwners ? ' (resource owners: for MCP servers of their own)' : '';
  return {
    operationId: id,
    summary,
    description: `Roles: ${roles.join(', ')}${within}.${fresh ? ' Needs a token from a fresh proof of presence.' : ''}`,
    tags: [id.split('.')[0]],
    security: [{ consentry: [scope] }],
    ...inputOf(operation),
    responses: {
      ...(download ? { 200: fileAnswer(download.types) } : answerOf(operation)),
      400: error('What was sent does not fit.'),
      401: error('No token, or one that is not good.'),
      403: error('The role or the scope does not suffice.'),
      404: error('There is no such thing, or it is not yours.'),
      409: error('It cannot be done as things stand.'),
    },
  };
}

function inputOf({ path, method, input }: Operation): object {
  const schema = jsonSchema(input, 'input') as { properties?: Record<string, object>; required?: string[] };
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
  const all = Object.entries(schema.properties ?? {});
  const rest = all.filter(([name]) => !inPath.includes(name));
  const required = schema.required ?? [];
  const parameters = inPath.map((name) => ({
    name,
    in: 'path',
    required: true,
    schema: schema.properties?.[name] ?? { type: 'string' },
  }));
  if (method === 'GET' || method === 'DELETE') {
    const queries = rest.map(([name, one]) => ({ name, in: 'query', required: required.includes(name), schema: one }));
    return { parameters: [...parameters, ...queries] };
  }
  if (rest.length === 0) return { parameters };
  const body = {
    type: 'object',
    properties: Object.fromEntries(rest),
    required: required.filter((name) => !inPath.includes(name)),
  };
  return { parameters, requestBody: { required: true, content: { 'application/json': { schema: body } } } };
}

function answerOf({ output }: Operation): object {
  const schema = jsonSchema(output, 'output');
  const empty = output instanceof z.ZodVoid || output instanceof z.ZodUndefined;
  if (empty) return { 204: { description: 'Done.' } };
  return { 200: { description: 'Done.', content: { 'application/json': { schema } } } };
}

function fileAnswer(types: readonly string[]): object {
  const content = types.map((type) => [type, { schema: { type: 'string' } }]);
  return { description: 'A file.', content: Object.fromEntries(content) };
}

function error(description: string): object {
  return { description, content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } };
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema: made }) => {
      if (zodSchema._zod.def.type === 'date') Object.assign(made, { type: 'string', format: 'date-time' });
    },
  });
  return rest;
}

function securityScheme(issuer: string): object {
  return {
    type: 'oauth2',
    flows: {
      authorizationCode: {
        authorizationUrl: `${issuer}/authorize?resource=${encodeURIComponent(`${issuer}/admin/api`)}`,
        tokenUrl: `${issuer}/token`,
        scopes: { 'admin:read': 'Read what the dashboard shows.', 'admin:write': 'Do what the dashboard does.' },
      },
    },
  };
}
