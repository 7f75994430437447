/** What this server can do, in its own words (RFC 7643 §5 to §7, RFC 7644 §4). */
import { limits } from './limits.ts';
import { listResponse } from './represent.ts';
import { groupKind, type ResourceKind, userKind } from './schemas.ts';

const KINDS = [userKind, groupKind];

export function serviceProviderConfig(base: string) {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
    patch: { supported: true },
    bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
    filter: { supported: true, maxResults: limits.page },
    changePassword: { supported: false },
    sort: { supported: false },
    etag: { supported: true },
    authenticationSchemes: [
      {
        type: 'oauthbearertoken',
        name: 'Bearer token',
        description: 'A token that `consentry scim token create` made for this connection.',
        specUri: 'https://www.rfc-editor.org/rfc/rfc6750',
        primary: true,
      },
    ],
    meta: { resourceType: 'ServiceProviderConfig', location: `${base}/ServiceProviderConfig` },
  };
}

export function resourceTypes(base: string) {
  const all = KINDS.map((kind) => resourceType(base, kind));
  return { list: listResponse(all, all.length), find: (name: string) => find(all, ({ id }) => id, name) };
}

function resourceType(base: string, { name, schema, extensions, definition }: ResourceKind) {
  const schemaExtensions = Object.keys(extensions).map((urn) => ({ schema: urn, required: false }));
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
    id: name,
    name,
    endpoint: `/${name}s`,
    description: definition.description,
    schema,
    ...(schemaExtensions.length > 0 ? { schemaExtensions } : {}),
    meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/${name}` },
  };
}

export function schemas(base: string) {
  const definitions = KINDS.flatMap(({ definition, extensions }) => [definition, ...Object.values(extensions)]);
  const all = definitions.map((definition) => definition.describe(`${base}/Schemas`));
  return { list: listResponse(all, all.length), find: (urn: string) => find(all, ({ id }) => id, urn) };
}

function find<T>(all: readonly T[], id: (one: T) => string, wanted: string): T | undefined {
  return all.find((one) => id(one).toLowerCase() === wanted.toLowerCase());
}
