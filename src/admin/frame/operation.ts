/** One thing the dashboard can read or do: pages and the JSON API perform the same operations under the same rules. */
import type { z } from 'zod';
import { AppError } from '../../errors.ts';
import type { Database } from '../../storage/transactions.ts';
import { currentRequest, inRequest } from '../../web/request-context.ts';
import { type Access, type Actor, type Reach, reachOf } from './actor.ts';
import { parseInput } from './input.ts';

export interface Operation<Input = unknown, Output = unknown> {
  /** `consents.revoke`: the OpenAPI operationId. */
  id: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/admin/api`, with `:id` for parameters. */
  path: string;
  /** One English sentence for the API's document. */
  summary: string;
  access: Access;
  /** Also for resource owners, whose `reach` `run` must keep to. */
  resourceOwners: boolean;
  /** Needs proof from a moment ago that the person is here. */
  fresh: boolean;
  /** Such proof is needed for some of what it does, and for the rest not. */
  freshFor?(input: Input): boolean;
  /** Members of path, query and body together. */
  input: z.ZodType<Input>;
  /** What is not named here does not leave. For a download: anything. */
  output: z.ZodType<Output>;
  /** The answer is a file: `run` returns a {@link Download}. */
  download?: { types: readonly string[] };
  run(input: Input, by: By): Promise<Output>;
}

export interface By {
  actor: Actor;
  reach: Reach;
}

export interface Download {
  fileName: string;
  type: string;
  body: string | Buffer | AsyncIterable<string>;
}

type Optional = 'resourceOwners' | 'fresh';

/** With the safe defaults: nothing for resource owners, no fresh proof asked for. */
export function operation<Input, Output>(
  wanted: Omit<Operation<Input, Output>, Optional> & Partial<Pick<Operation, Optional>>,
): Operation<Input, Output> {
  return { resourceOwners: false, fresh: false, ...wanted };
}

export type Perform = ReturnType<typeof createPerform>;

/** @throws AppError as the checks below and the operation itself; of a refused operation nothing is kept */
export function createPerform({ database }: { database: Database }) {
  return async function perform<Input, Output>(
    wanted: Operation<Input, Output>,
    raw: unknown,
    actor: Actor,
  ): Promise<Output> {
    const reach = assertReaches(wanted, actor);
    if (wanted.fresh && !actor.fresh) throw notFresh();
    const input = parseInput(wanted.input, raw);
    if (wanted.freshFor?.(input) && !actor.fresh) throw notFresh();
    const { requestId } = currentRequest();
    return inRequest(actorName(actor), () => database.unit(() => wanted.run(input, { actor, reach })), requestId);
  };
}

function notFresh(): AppError {
  return new AppError('fresh_proof_required', 403, 'Show once more that it is you, then do it again.');
}

/** How the record names a person who acts on others' things. */
function actorName({ accountId }: Pick<Actor, 'accountId'>): string {
  return `account:${accountId}`;
}

/** @throws AppError 403 `forbidden` */
export function assertReaches(wanted: Pick<Operation, 'access' | 'resourceOwners'>, actor: Actor): Reach {
  const found = reachOf(actor, wanted);
  if (found) return found.reach;
  throw new AppError('forbidden', 403, 'Your role does not allow this.');
}

/** For what is not there, and for what is another's: who asks cannot tell. */
export function notFound(what = 'There is no such thing here.'): AppError {
  return new AppError('not_found', 404, what);
}
