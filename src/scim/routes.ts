/** SCIM 2.0 at `/scim/v2` (RFC 7643, RFC 7644): each request one unit of work, each error an answer of the protocol. */
import type { Context, Middleware } from 'koa';
import type { AccountStore } from '../accounts/store.ts';
import type { Audit } from '../audit/store.ts';
import { AppError } from '../errors.ts';
import type { ConnectionStore } from '../federation/connection-store.ts';
import type { Leavers } from '../leavers.ts';
import type { Notices } from '../notices/notices.ts';
import type { Database } from '../storage/transactions.ts';
import type { Log } from '../web/log.ts';
import { currentRequest, inRequest } from '../web/request-context.ts';
import { createBearer } from './bearer.ts';
import { readJson } from './body.ts';
import { asConflict, isPassing } from './conflicts.ts';
import { resourceTypes, schemas, serviceProviderConfig } from './discovery.ts';
import type { Answer, Asked, Handler } from './exchange.ts';
import { errorBody, notFound, ScimFault } from './fault.ts';
import type { ScimGroupStore } from './group-store.ts';
import { createGroups } from './groups.ts';
import { createPeople } from './people.ts';
import { createTeams } from './teams.ts';
import type { ScimTokenStore } from './token-store.ts';
import type { ScimUserStore } from './user-store.ts';
import { createUsers } from './users.ts';

export interface ScimDeps {
  scimTokens: ScimTokenStore;
  scimUsers: ScimUserStore;
  scimGroups: ScimGroupStore;
  connectionStore: Pick<ConnectionStore, 'find' | 'raiseAlarm'>;
  notices: Pick<Notices, 'connectionAlarm'>;
  accountStore: Pick<AccountStore, 'createWithIdentity'>;
  leavers: Leavers;
  roles: { recomputeAll(accountIds: readonly string[]): Promise<unknown> };
  audit: Audit;
  database: Database;
  issuer: string;
  isDatabaseUnavailable: (error: unknown) => boolean;
  log: Log;
  now: () => Date;
}

const PATH = '/scim/v2';
const TRIES = 3;
const WITH_BODY = new Set(['POST', 'PUT', 'PATCH']);

/** Handlers of a collection by method: those of the whole (`''`), of `.search` and of one resource (`id`). */
type Methods = Readonly<Record<string, Handler>>;
type Collection = Readonly<Partial<Record<'' | '.search' | 'id', Methods>>>;

export function scimRoutes(deps: ScimDeps): Middleware {
  const authenticate = createBearer({ ...deps, tokens: deps.scimTokens });
  const collections = createCollections(deps);

  async function serve(ctx: Context): Promise<Answer> {
    const directory = await authenticate(ctx);
    const [name = '', id = '', ...more] = ctx.path
      .slice(PATH.length)
      .split('/')
      .filter((part) => part !== '');
    const collection = more.length > 0 ? undefined : collections.get(name.toLowerCase());
    const methods = collection?.[id === '' ? '' : id === '.search' ? '.search' : 'id'];
    if (!methods) throw notFound();
    const handler = methods[ctx.method === 'HEAD' ? 'GET' : ctx.method];
    if (!handler) {
      ctx.set('Allow', Object.keys(methods).join(', '));
      throw new ScimFault(405, undefined, 'This method is not for this address.');
    }
    const asked: Asked = {
      directory,
      base: deps.issuer + PATH,
      id: decoded(id),
      parameters: ctx.query,
      body: WITH_BODY.has(ctx.method) ? await readJson(ctx) : {},
      ifMatch: ctx.get('if-match'),
      ifNoneMatch: ctx.get('if-none-match'),
    };
    const actor = `scim:${directory.connectionId}`;
    return inRequest(actor, () => asOneUnit(deps.database, () => handler(asked)), currentRequest().requestId);
  }

  return async (ctx, next) => {
    if (ctx.path !== PATH && !ctx.path.startsWith(`${PATH}/`)) return next();
    send(ctx, await serve(ctx).catch((error: unknown) => fail(ctx, error, deps)));
  };
}

/** Rolled back for whatever went wrong, but for a refusal that is to leave its record. */
async function asOneUnit(database: Database, work: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const result = await database.unit(() => work().catch(keepRefusal));
      if (result instanceof ScimFault) throw result;
      return result;
    } catch (error) {
      if (attempt < TRIES && isPassing(error)) continue;
      throw asConflict(error) ?? error;
    }
  }
}

function fail(ctx: Context, error: unknown, { log, isDatabaseUnavailable }: ScimDeps): Answer {
  if (error instanceof ScimFault) {
    log.info({ reason: error.code, status: error.status }, 'SCIM request refused');
    return { status: error.status, body: errorBody(error.status, error.message, error.scimType) };
  }
  const unavailable =
    isDatabaseUnavailable(error) || isPassing(error) || (error instanceof AppError && error.status === 503);
  log.error({ err: error, method: ctx.method, path: ctx.path }, unavailable ? 'unavailable' : 'failed');
  ctx.set('Retry-After', '5');
  const status = unavailable ? 503 : 500;
  return { status, body: errorBody(status, 'Nothing was changed. Try again in a moment.') };
}

function createCollections(deps: ScimDeps): ReadonlyMap<string, Collection> {
  const stores = { users: deps.scimUsers, groups: deps.scimGroups };
  const people = createPeople({ ...deps, ...stores });
  const teams = createTeams({ ...deps, ...stores });
  const base = deps.issuer + PATH;
  const types = resourceTypes(base);
  const known = schemas(base);
  return new Map<string, Collection>([
    ['users', asCollection(createUsers({ ...stores, people }))],
    ['groups', asCollection(createGroups({ ...stores, teams }))],
    ['serviceproviderconfig', { '': { GET: fixed(serviceProviderConfig(base)) } }],
    ['resourcetypes', { '': { GET: fixed(types.list) }, id: { GET: async ({ id }) => found(types.find(id)) } }],
    ['schemas', { '': { GET: fixed(known.list) }, id: { GET: async ({ id }) => found(known.find(id)) } }],
  ]);
}

type Handlers = Record<'list' | 'search' | 'read' | 'create' | 'replace' | 'patch' | 'remove', Handler>;

function asCollection({ list, search, read, create, replace, patch, remove }: Handlers): Collection {
  return {
    '': { GET: list, POST: create },
    '.search': { POST: search },
    id: { GET: read, PUT: replace, PATCH: patch, DELETE: remove },
  };
}

const fixed =
  (body: unknown): Handler =>
  async () => ({ status: 200, body });

function found(body: unknown): Answer {
  if (body === undefined) throw notFound();
  return { status: 200, body };
}

function keepRefusal(error: unknown): ScimFault {
  if (error instanceof ScimFault && error.keep) return error;
  throw error;
}

/** Ids are lower-case; what cannot be decoded is none. */
function decoded(id: string): string {
  try {
    return decodeURIComponent(id).toLowerCase();
  } catch {
    return '?';
  }
}

function send(ctx: Context, { status, body, location, version }: Answer): void {
  ctx.status = status;
  ctx.set('Cache-Control', 'no-store');
  if (location !== undefined) ctx.set('Location', location);
  if (version !== undefined) ctx.set('ETag', version);
  if (body === undefined) {
    ctx.body = null;
    ctx.status = status;
    return;
  }
  ctx.body = JSON.stringify(body);
  const type = ctx.accepts('application/scim+json', 'application/json') || 'application/scim+json';
  ctx.type = `${type}; charset=utf-8`;
}
