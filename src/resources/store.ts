/** Queries on MCP servers and their scopes. */
import { randomBytes } from 'node:crypto';
import { AppError } from '../errors.ts';
import type { Database } from '../storage/transactions.ts';
import type { Effect, Resource, ResourceScope, Sensitivity } from './resource.ts';

export type ResourceStore = ReturnType<typeof createResourceStore>;

const withScopes = { scopes: { orderBy: { position: 'asc' } } } as const;

export function createResourceStore(database: Database) {
  return {
    /** @param uri canonical */
    async findByUri(uri: string): Promise<Resource | undefined> {
      const row = await database.current().resource.findUnique({ where: { uri }, include: withScopes });
      return row && !row.disabledAt ? toResource(row) : undefined;
    },
    async findByClientId(clientId: string): Promise<Resource | undefined> {
      const row = await database.current().resource.findUnique({ where: { clientId }, include: withScopes });
      return row && !row.disabledAt ? toResource(row) : undefined;
    },
    async findById(id: string): Promise<Resource | undefined> {
      const row = await database.current().resource.findUnique({ where: { id }, include: withScopes });
      return row && !row.disabledAt ? toResource(row) : undefined;
    },
    async list(): Promise<Resource[]> {
      const rows = await database
        .current()
        .resource.findMany({ where: { disabledAt: null }, include: withScopes, orderBy: { uri: 'asc' } });
      return rows.map(toResource);
    },
    /** The resource while there is exactly one: what a request without `resource` can only mean. */
    async only(): Promise<Resource | undefined> {
      const rows = await database
        .current()
        .resource.findMany({ where: { disabledAt: null }, include: withScopes, take: 2 });
      const [first, second] = rows;
      return first && !second ? toResource(first) : undefined;
    },
    /** @param resource `uri` canonical; `clientId` of an existing client of origin `resource` */
    async create(resource: Omit<Resource, 'id'>): Promise<Resource> {
      const id = randomBytes(16).toString('base64url');
      return database.write(async (tx) => {
        const taken = await tx.resource.findUnique({ where: { uri: resource.uri } });
        if (taken) throw new AppError('resource_exists', 409, `${resource.uri} is registered already.`);
        await tx.resource.create({
          data: {
            id,
            uri: resource.uri,
            name: resource.name,
            clientId: resource.clientId,
            scopes: { create: resource.scopes.map(toScopeRow) },
          },
        });
        return { id, ...resource };
      });
    },
  };
}

interface Row {
  id: string;
  uri: string;
  name: string;
  clientId: string;
  scopes: {
    name: string;
    description: string;
    descriptionJa: string | null;
    sensitivity: string;
    effect: string;
    tools: string[];
  }[];
}

function toResource(row: Row): Resource {
  return {
    id: row.id,
    uri: row.uri,
    name: row.name,
    clientId: row.clientId,
    scopes: row.scopes.map((scope) => ({
      name: scope.name,
      description: scope.description,
      descriptionJa: scope.descriptionJa ?? undefined,
      sensitivity: scope.sensitivity as Sensitivity,
      effect: scope.effect as Effect,
      tools: scope.tools,
    })),
  };
}

function toScopeRow(scope: ResourceScope, position: number) {
  return {
    name: scope.name,
    description: scope.description,
    descriptionJa: scope.descriptionJa ?? null,
    sensitivity: scope.sensitivity,
    effect: scope.effect,
    tools: [...scope.tools],
    position,
  };
}
