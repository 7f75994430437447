/** Looks at MCP servers from here: what nobody registered yet, and those that are; one look at a server at a time (threats 104, 105). */
import { AppError } from '../../errors.ts';
import type { Database } from '../../storage/transactions.ts';
import type { Egress } from '../../web/egress.ts';
import type { Resource } from '../resource.ts';
import type { SeenTool } from './difference.ts';
import { type Inspection, inspect } from './inspection.ts';
import { type Check, checkLive } from './live-check.ts';
import { type LookAt, lookWithoutToken } from './look.ts';
import { createProbe } from './probe.ts';
import { createSyntheticTokens, type SyntheticTokens, type TokenDeps } from './synthetic-tokens.ts';

export type Checks = ReturnType<typeof createChecks>;

export interface CheckDeps extends TokenDeps {
  /** Safe for addresses that strangers chose, and for this purpose alone. */
  fetch: Egress['fetch'];
  database: Pick<Database, 'isOpen'>;
}

/** More would keep everybody's requests waiting. */
const MOST_AT_ONCE = 6;

/** None of them inside an open transaction: they wait for the network, half a minute at most. */
export function createChecks(deps: CheckDeps) {
  const running = new Set<string>();

  async function look<T>(
    { uri, scopes }: { uri: string; scopes?: Resource['scopes'] },
    work: (at: LookAt, tokens: SyntheticTokens) => Promise<T>,
  ): Promise<T> {
    if (deps.database.isOpen()) throw new Error('a look at a server inside an open transaction');
    if (running.has(uri)) throw new AppError('check_running', 409, 'This server is being looked at. Wait a moment.');
    if (running.size >= MOST_AT_ONCE) {
      throw new AppError('busy', 429, 'Too many servers are being looked at. Try again in a moment.');
    }
    running.add(uri);
    const tokens = createSyntheticTokens(deps, uri);
    try {
      return await work({ ask: createProbe(deps), uri, issuer: deps.issuer, registered: scopes }, tokens);
    } finally {
      running.delete(uri);
      await tokens.end();
    }
  }

  return {
    /**
     * @param before the tools of the look before
     * @throws AppError 409 `check_running`, 429 `busy`
     */
    check: (resource: Resource, before: readonly SeenTool[]): Promise<Check> =>
      look(resource, (at, tokens) => checkLive(at, tokens, resource, before)),
    /** @param uri canonical @throws AppError as `check` */
    inspect: (uri: string): Promise<Inspection> => look({ uri }, inspect),
    /** Whether its documents name this authorization server and this very URL. @throws AppError as `check` */
    isOurs: (uri: string): Promise<boolean> =>
      look({ uri }, async (at) => (await lookWithoutToken(at)).metadata?.ours ?? false),
  };
}
