/** The JSON API `/admin/api`: the table of operations over HTTP, for bearer tokens alone (RFC 6750). */
import Router from '@koa/router';
import type { Context } from 'koa';
import { AppError } from '../../errors.ts';
import type { Authority } from '../../roles/authority.ts';
import { isUser } from '../../roles/authority.ts';
import type { Database } from '../../storage/transactions.ts';
import { readBody } from '../../web/request-body.ts';
import type { Actor } from './actor.ts';
import { openApiDocument } from './openapi.ts';
import type { Download, Operation, Perform } from './operation.ts';
import { sendDownload } from './visit.ts';

const READ_SCOPE = 'admin:read';
const WRITE_SCOPE = 'admin:write';

/** What a token that is good here says. */
export interface Bearer {
  accountId: string;
  clientId: string;
  scopes: readonly string[];
  /** When the person proved to be there, in seconds since the epoch. */
  authTimeSeconds: number;
}

/** As long as such a token lives. */
const FRESH_SECONDS = 600;

export interface ApiDeps {
  perform: Perform;
  database: Pick<Database, 'unit'>;
  issuer: string;
  version: string;
  /** @throws AppError 401, having set `WWW-Authenticate` */
  bearerOf: (ctx: Context) => Promise<Bearer>;
  /** Answers that the token's scope does not suffice (RFC 6750 §3.1). */
  challenge: (ctx: Context, error: 'insufficient_scope', scope: string) => void;
  now: () => Date;
  authorityOf: (accountId: string) => Promise<Authority>;
  emailOf: (accountId: string) => Promise<string>;
  /** Told of each operation that changes something. */
  note: (called: { operation: string; actor: Actor }) => Promise<void>;
}

export function apiRoutes(operations: readonly Operation[], deps: ApiDeps): Router {
  const router = new Router({ prefix: '/admin/api', sensitive: true });
  const document = openApiDocument(operations, deps);
  router.get('/openapi.json', (ctx) => {
    ctx.body = document;
  });
  for (const operation of operations) {
    router.register(operation.path, [operation.method], (ctx: Context) => call(ctx, operation, deps));
  }
  return router;
}

async function call(ctx: Context, operation: Operation, deps: ApiDeps): Promise<void> {
  ctx.set('Cache-Control', 'no-store');
  // Threat 101: what a browser sends by itself opens nothing here, and does not stand beside what does.
  if (ctx.get('cookie') !== '') throw new AppError('cookies_refused', 403, 'The API takes no cookies.');
  const actor = await actorBehind(ctx, operation, deps);
  const input = { ...(await sentIn(ctx, operation)), ...(ctx.params as Record<string, string>) };
  // Nothing is kept where the answer says so: neither without its note, nor where there is no answer.
  const output = await deps.database.unit(async () => {
    const made = await deps.perform(operation, input, actor);
    if (operation.method !== 'GET') await deps.note({ operation: operation.id, actor });
    // What the schema does not name does not leave.
    return operation.download || made === undefined ? made : operation.output.parse(made);
  });
  if (operation.download) return sendDownload(ctx, output as Download);
  ctx.status = output === undefined ? 204 : 200;
  if (output !== undefined) ctx.body = output;
}

async function actorBehind(ctx: Context, operation: Operation, deps: ApiDeps): Promise<Actor> {
  const { accountId, clientId, scopes, authTimeSeconds } = await deps.bearerOf(ctx);
  const needed = operation.method === 'GET' ? READ_SCOPE : WRITE_SCOPE;
  if (!scopes.includes(needed)) {
    deps.challenge(ctx, 'insufficient_scope', needed);
    throw new AppError('insufficient_scope', 403, `The token lacks the scope ${needed}.`);
  }
  const authority = await deps.authorityOf(accountId);
  if (isUser(authority)) throw new AppError('no_role', 403, 'The account does not administer this server.');
  const fresh = deps.now().getTime() / 1000 - authTimeSeconds <= FRESH_SECONDS;
  return { accountId, email: await deps.emailOf(accountId), authority, fresh, clientId };
}

async function sentIn(ctx: Context, { method }: Operation): Promise<Record<string, unknown>> {
  if (method === 'GET' || method === 'DELETE') return { ...ctx.query };
  const body = await readBody(ctx);
  if (body.length === 0) return {};
  if (!ctx.is('application/json')) throw new AppError('bad_input', 415, 'Send application/json.');
  const sent = parseJson(body.toString('utf8'));
  if (typeof sent === 'object' && sent !== null && !Array.isArray(sent)) return sent as Record<string, unknown>;
  throw new AppError('bad_input', 400, 'Send a JSON object.');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError('bad_input', 400, 'The body is not JSON.', { cause });
  }
}
