/** Queries on MCP servers, their scopes, and what is proposed of these. */
import { randomBytes } from 'node:crypto';
import { AppError } from '../errors.ts';
import { Prisma } from '../storage/generated/client.ts';
import type { Database } from '../storage/transactions.ts';
import {
  DEFAULT_PEOPLE,
  DEFAULT_TOKEN_SECONDS,
  type Effect,
  type PeopleSettings,
  type Resource,
  type ResourceScope,
  type ScopeDescription,
  type ScopeProposal,
  type Sensitivity,
  type TokenClaim,
} from './resource.ts';

export type ResourceStore = ReturnType<typeof createResourceStore>;

export interface ResourceRecord extends Pick<Resource, 'uri' | 'name' | 'clientId' | 'consentDays'> {
  scopes: readonly ScopeDescription[];
  people?: Partial<PeopleSettings> | undefined;
  /** 600 where left out */
  tokenSeconds?: number | undefined;
  builtIn?: boolean | undefined;
}

/** Not the administration API of this very server. */
const ORDINARY = { builtIn: false };
const LIVING = { ...ORDINARY, disabledAt: null };
const withScopes = { scopes: { orderBy: { position: 'asc' } } } as const;

export function createResourceStore(database: Database) {
  type Key = { uri: string } | { clientId: string } | { id: string };

  async function findAny(where: Key): Promise<Resource | undefined> {
    const row = await database.current().resource.findUnique({ where, include: withScopes });
    return row ? toResource(row) : undefined;
  }

  async function find(where: Key): Promise<Resource | undefined> {
    const resource = await findAny(where);
    return resource?.disabledAt ? undefined : resource;
  }

  async function listWhere(where: typeof ORDINARY): Promise<Resource[]> {
    const rows = await database.current().resource.findMany({ where, include: withScopes, orderBy: { uri: 'asc' } });
    return rows.map(toResource);
  }

  return {
    /** The administration API too. @param uri canonical */
    findByUri: (uri: string) => find({ uri }),
    findByClientId: (clientId: string) => find({ clientId }),
    findById: (id: string) => find({ id }),
    /** Disabled or not. */
    async findRegistered(uri: string): Promise<Resource | undefined> {
      const resource = await findAny({ uri });
      return resource?.builtIn ? undefined : resource;
    },
    async findRegisteredById(id: string): Promise<Resource | undefined> {
      const resource = await findAny({ id });
      return resource?.builtIn ? undefined : resource;
    },
    list: () => listWhere(LIVING),
    /** Disabled ones too. */
    listRegistered: () => listWhere(ORDINARY),
    /** What they are called; the administration API too, whose name nobody else may take. */
    async names(): Promise<string[]> {
      const rows = await database.current().resource.findMany({ where: { disabledAt: null }, select: { name: true } });
      return rows.map(({ name }) => name);
    },
    /** The resource while there is exactly one: what a request without `resource` can only mean. */
    async only(): Promise<Resource | undefined> {
      const rows = await database.current().resource.findMany({ where: LIVING, include: withScopes, take: 2 });
      const [first, second] = rows;
      return first && !second ? toResource(first) : undefined;
    },
    /** @param resource `uri` canonical; `clientId` of an existing client of origin `resource` */
    async create(resource: ResourceRecord): Promise<Resource> {
      const id = randomBytes(16).toString('base64url');
      return database.write(async (tx) => {
        const taken = await tx.resource.findUnique({ where: { uri: resource.uri } });
        if (taken) throw new AppError('resource_exists', 409, `${resource.uri} is registered already.`);
        const { uri, name, clientId, consentDays, tokenSeconds = DEFAULT_TOKEN_SECONDS, builtIn = false } = resource;
        const scopes = resource.scopes.map((scope, position) => ({ ...toScopeRow(scope), position }));
        const people = { ...DEFAULT_PEOPLE, ...resource.people };
        const whole = { id, uri, name, clientId, consentDays, tokenSeconds, builtIn };
        await tx.resource.create({ data: { ...whole, ...toRow(people), scopes: { create: scopes } } });
        const accepted = resource.scopes.map((scope) => ({ ...scope, suspended: false }));
        return { ...whole, ...people, scopes: accepted, disabledAt: undefined };
      });
    },
    /** Keeps the resource as it is, for everybody else who would change it, until the unit of work ends. */
    async hold(id: string): Promise<Resource | undefined> {
      return database.write(async (tx) => {
        await tx.$queryRaw`SELECT id FROM resources WHERE id = ${id} FOR NO KEY UPDATE`;
        const row = await tx.resource.findUnique({ where: { id } });
        const scopes = await tx.resourceScope.findMany({ where: { resourceId: id }, orderBy: { position: 'asc' } });
        return row ? toResource({ ...row, scopes }) : undefined;
      });
    },
    async rename(id: string, name: string): Promise<void> {
      await database.write((tx) => tx.resource.update({ where: { id }, data: { name } }));
    },
    /** For consents from now on. */
    async setConsentDays(id: string, consentDays: number): Promise<void> {
      await database.write((tx) => tx.resource.update({ where: { id }, data: { consentDays } }));
    },
    /** From the next token on. */
    async setTokenSeconds(id: string, tokenSeconds: number): Promise<void> {
      await database.write((tx) => tx.resource.update({ where: { id }, data: { tokenSeconds } }));
    },
    /** From the next token on. */
    async setPeople(id: string, people: Partial<PeopleSettings>): Promise<void> {
      await database.write((tx) => tx.resource.update({ where: { id }, data: toRow(people) }));
    },
    /** @param disabledAt undefined to enable */
    async setDisabled(id: string, disabledAt: Date | undefined): Promise<void> {
      await database.write((tx) => tx.resource.update({ where: { id }, data: { disabledAt: disabledAt ?? null } }));
    },
    ...proposalQueries(database),
  };
}

function proposalQueries(database: Database) {
  return {
    /**
     * Suspends each scope until somebody accepts or rejects how it is to read; one that is not there is added, and
     * waits too. Held by `hold` before.
     */
    async propose(resourceId: string, scopes: readonly ScopeDescription[], at: Date): Promise<void> {
      await database.write(async (tx) => {
        const rows = await tx.resourceScope.findMany({ where: { resourceId } });
        let position = Math.max(-1, ...rows.map((row) => row.position)) + 1;
        for (const scope of scopes) {
          const { name } = scope;
          const row = rows.find((one) => one.name === name);
          const added = row === undefined || fromJson(row.proposed)?.added === true;
          const proposal = { proposed: toJson(scope, added), proposedAt: at };
          // What nobody accepted has no other words than the last ones proposed.
          const words = added ? toScopeRow(scope) : {};
          if (row) await update(tx, resourceId, name, { ...words, ...proposal });
          else {
            await tx.resourceScope.create({ data: { resourceId, ...toScopeRow(scope), ...proposal, position } });
            position += 1;
          }
        }
      });
    },
    /** The scopes read from now on as proposed. @param names those that are proposed and not named wait on */
    async accept(resourceId: string, names?: readonly string[]): Promise<string[]> {
      return database.write(async (tx) => {
        const rows = await proposedRows(tx, resourceId, names);
        for (const { name, proposed } of rows) {
          const words = fromJson(proposed);
          if (words) await update(tx, resourceId, name, { ...toScopeRow({ name, ...words }), ...NO_PROPOSAL });
        }
        return rows.map(({ name }) => name);
      });
    },
    /** The scopes are again what they were; those that were to be added are gone. */
    async reject(resourceId: string, names?: readonly string[]): Promise<string[]> {
      return database.write(async (tx) => {
        const rows = await proposedRows(tx, resourceId, names);
        for (const { name, proposed } of rows) {
          if (fromJson(proposed)?.added) await tx.resourceScope.delete({ where: key(resourceId, name) });
          else await update(tx, resourceId, name, NO_PROPOSAL);
        }
        return rows.map(({ name }) => name);
      });
    },
    /** Together with what is proposed of them. */
    async removeScopes(resourceId: string, names: readonly string[]): Promise<void> {
      await database.write((tx) => tx.resourceScope.deleteMany({ where: { resourceId, name: { in: [...names] } } }));
    },
  };
}

const NO_PROPOSAL = { proposed: Prisma.DbNull, proposedAt: null };

function key(resourceId: string, name: string) {
  return { resourceId_name: { resourceId, name } };
}

function update(
  tx: Prisma.TransactionClient,
  resourceId: string,
  name: string,
  data: Prisma.ResourceScopeUpdateInput,
): Promise<unknown> {
  return tx.resourceScope.update({ where: key(resourceId, name), data });
}

function proposedRows(tx: Prisma.TransactionClient, resourceId: string, names: readonly string[] | undefined) {
  const where = { resourceId, proposedAt: { not: null }, ...(names ? { name: { in: [...names] } } : {}) };
  return tx.resourceScope.findMany({ where, orderBy: { position: 'asc' } });
}

type Proposed = Omit<ScopeDescription, 'name' | 'tools'> & { tools: string[]; added?: boolean };

function fromJson(proposed: unknown): Proposed | undefined {
  return (proposed ?? undefined) as Proposed | undefined;
}

function toJson({ description, descriptionJa, sensitivity, effect, tools }: ScopeDescription, added: boolean) {
  const words = { description, sensitivity, effect, tools: [...tools] };
  return { ...words, ...(descriptionJa === undefined ? {} : { descriptionJa }), ...(added ? { added } : {}) };
}

type Row = Prisma.ResourceGetPayload<{ include: { scopes: true } }>;
type ScopeRow = Row['scopes'][number];

function toResource({ id, uri, name, clientId, consentDays, disabledAt, scopes, ...row }: Row): Resource {
  const { stalenessMinutes, connectionIds, tokenSeconds, builtIn } = row;
  const people = { tokenClaims: row.tokenClaims as TokenClaim[], stalenessMinutes, connectionIds };
  const rest = { tokenSeconds, builtIn, scopes: scopes.map(toScope), disabledAt: disabledAt ?? undefined };
  return { id, uri, name, clientId, consentDays, ...people, ...rest };
}

/** Prisma takes no readonly lists, and leaves alone what is absent. */
function toRow({ tokenClaims, stalenessMinutes, connectionIds }: Partial<PeopleSettings>) {
  return {
    ...(tokenClaims ? { tokenClaims: [...tokenClaims] } : {}),
    ...(stalenessMinutes === undefined ? {} : { stalenessMinutes }),
    ...(connectionIds ? { connectionIds: [...connectionIds] } : {}),
  };
}

function toScope(row: ScopeRow): ResourceScope {
  const words: ScopeDescription = {
    name: row.name,
    description: row.description,
    descriptionJa: row.descriptionJa ?? undefined,
    sensitivity: row.sensitivity as Sensitivity,
    effect: row.effect as Effect,
    tools: row.tools,
  };
  const proposal = toProposal(row);
  return proposal ? { ...words, suspended: true, proposal } : { ...words, suspended: false };
}

function toProposal({ name, proposed, proposedAt }: ScopeRow): ScopeProposal | undefined {
  const found = fromJson(proposed);
  if (!found || !proposedAt) return undefined;
  const { added = false, ...words } = found;
  return { words: { name, ...words }, at: proposedAt, added };
}

function toScopeRow(scope: ScopeDescription) {
  return {
    name: scope.name,
    description: scope.description,
    descriptionJa: scope.descriptionJa ?? null,
    sensitivity: scope.sensitivity,
    effect: scope.effect,
    tools: [...scope.tools],
  };
}
