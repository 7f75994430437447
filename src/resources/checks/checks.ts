/** Looks at MCP servers from here: what nobody registered yet, and those that are; one look at a server at a time (threats 104, 105). */
import { AppError } from '../../errors.ts';
import type { Database } from '../../storage/transactions.ts';
import type { Egress } from '../../web/egress.ts';
import { currentRequest } from '../../web/request-context.ts';
import type { Resource } from '../resource.ts';
import type { SeenTool } from './difference.ts';
import { type Inspection, inspect } from './inspection.ts';
import { type Check, checkLive } from './live-check.ts';
import { type LookAt, lookWithoutToken, type Told } from './look.ts';
import { createProbe, type ProbeDeps, tooBusy } from './probe.ts';
import { createSyntheticTokens, type SyntheticTokens, type TokenDeps } from './synthetic-tokens.ts';

export type Checks = ReturnType<typeof createChecks>;

export interface CheckDeps extends TokenDeps, Pick<ProbeDeps, 'clock'> {
  /** Safe for addresses that strangers chose, and for this purpose alone. */
  fetch: Egress['fetch'];
  database: Pick<Database, 'isOpen'>;
}

/** More would keep everybody's requests waiting. */
const MOST_AT_ONCE = 6;
/** Of each who asks. */
const MOST_EACH = 3;

/** None of them inside an open transaction: they wait for the network, a minute at most. */
export function createChecks(deps: CheckDeps) {
  /** URI → for whom. */
  const running = new Map<string, string>();

  function assertTurn(uri: string, asker: string): void {
    if (deps.database.isOpen()) throw new Error('a look at a server inside an open transaction');
    if (running.has(uri)) throw new AppError('check_running', 409, 'This server is being looked at. Wait a moment.');
    if (running.size >= MOST_AT_ONCE) throw tooBusy();
    if ([...running.values()].filter((one) => one === asker).length < MOST_EACH) return;
    throw new AppError('busy_yourself', 429, 'You have enough of this under way. Wait until one of them has ended.');
  }

  async function look<T>(
    { uri, scopes }: { uri: string; scopes?: Resource['scopes'] },
    told: Told,
    work: (at: LookAt, tokens: SyntheticTokens) => Promise<T>,
  ): Promise<T> {
    const { actor } = currentRequest();
    assertTurn(uri, actor);
    running.set(uri, actor);
    const tokens = createSyntheticTokens(deps, uri);
    try {
      return await work({ ask: createProbe(deps), uri, issuer: deps.issuer, registered: scopes, told }, tokens);
    } finally {
      running.delete(uri);
      await tokens.end();
    }
  }

  return {
    /**
     * @param before the tools of the look before
     * @throws AppError 409 `check_running`, 429 `busy`, `busy_yourself`; and what `told` throws
     */
    check: (resource: Resource, before: readonly SeenTool[], told: Told = silently): Promise<Check> =>
      look(resource, told, (at, tokens) => checkLive(at, tokens, resource, before)),
    /** @param uri canonical @throws AppError as `check` */
    inspect: (uri: string, told: Told = silently): Promise<Inspection> => look({ uri }, told, inspect),
    /** Whether its documents name this authorization server and this very URL. @throws AppError as `check` */
    isOurs: (uri: string): Promise<boolean> =>
      look({ uri }, silently, async (at) => (await lookWithoutToken(at)).metadata?.ours ?? false),
  };
}

async function silently(): Promise<void> {}
