/**
 * Whether the person behind a token is still welcome at their provider: asked at most every so many minutes, once for
 * everybody who wants to know, and only the provider's own refusal is one. Where it does not answer, what it said last
 * holds for a while (threats 88 and 89).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Audit } from '../audit/store.ts';
import { AppError } from '../errors.ts';
import type { Database } from '../storage/transactions.ts';
import { inRequest } from '../web/request-context.ts';
import type { Connection, Connections, Liveness } from './connection.ts';
import type { LivenessStore, Vouched } from './liveness-store.ts';
import { createTurns } from './turns.ts';

export interface LivenessDeps {
  store: LivenessStore;
  connections: Connections;
  database: Pick<Database, 'apart'>;
  audit: Pick<Audit, 'count'>;
  /** Ends what somebody has here who is not welcome there. @returns false where they may not be shut out */
  end(leaver: { accountId: string; connectionId: string; what: 'person' | 'token'; code: string }): Promise<boolean>;
  /** After the provider said which roles and groups somebody has. */
  recompute(accountId: string): Promise<unknown>;
  log: { warn(fields: object, message: string): void };
  now: () => Date;
}

const CHECK_MINUTES = 10;
const STALENESS_MINUTES = 60;
const MINUTE_MS = 60_000;
/** Longer than a redemption may take; a process that dies leaves it to the others after that. */
const LEASE_MS = 30_000;
/** A provider that did not answer is left alone so long, by this process. */
const HOLD_MS = 5_000;
/** How long somebody waits for the outcome of another process. */
const WAIT_MS = 2_000;
const LOOK_EVERY_MS = 100;
/** Fewer than may be under way to one provider: sign-ins have to find a place too. */
const MAX_AT_ONCE = 12;

type Outcome = 'vouched' | 'ended' | 'unknown';

export function createLiveness(deps: LivenessDeps) {
  const { store, connections, database, audit, now } = deps;
  const underWay = new Map<string, Promise<Outcome>>();
  const heldUntil = new Map<string, number>();
  const inTurn = createTurns(MAX_AT_ONCE);

  /** One at a time in this process, whoever asks. */
  function look(accountId: string, identity: Vouched): Promise<Outcome> {
    const key = keyOf(identity);
    const current = underWay.get(key);
    if (current) return current;
    const work = inRequest('system', () => check(accountId, identity)).finally(() => underWay.delete(key));
    underWay.set(key, work);
    return work;
  }

  async function check(accountId: string, identity: Vouched): Promise<Outcome> {
    const connection = await connections.find(identity.connectionId);
    if (connection && isFresh(identity.vouchedAt, connection)) return 'vouched';
    // One that is not set up as it should be says nothing either.
    if (!connection) return 'unknown';
    // Nobody who has to wait is taken for somebody whose provider does not answer.
    const outcome = await inTurn(connection.id, () => checkInTurn(accountId, identity, connection));
    return outcome ?? outcomeOfAnother(identity, connection);
  }

  /** @returns undefined where another process looks just now */
  async function checkInTurn(
    accountId: string,
    identity: Vouched,
    connection: Connection,
  ): Promise<Outcome | undefined> {
    if (isHeld(connection.id) || isHeld(keyOf(identity))) return 'unknown';
    const until = new Date(now().getTime() + LEASE_MS);
    if (!(await store.lease(identity, until))) return undefined;
    const liveness = await ask(connection, identity);
    if (liveness.state === 'alive') return keep(accountId, identity, liveness);
    if (liveness.state === 'ended') return end(accountId, identity, liveness);
    // What is the matter with one person keeps nobody from being asked for another.
    heldUntil.set(liveness.answered ? keyOf(identity) : connection.id, now().getTime() + HOLD_MS);
    audit.count('liveness.unreachable', connection.id);
    const { refreshToken } = liveness;
    const current = refreshToken === undefined ? identity : await store.replaceToken(identity, refreshToken);
    if (current) await store.release(current);
    return 'unknown';
  }

  async function ask(connection: Connection, { issuer, subject, refreshToken }: Vouched): Promise<Liveness> {
    if (refreshToken === undefined) return { state: 'ended', what: 'token', code: 'token_unreadable' };
    try {
      return await connection.check({ issuer, subject, refreshToken });
    } catch (err) {
      deps.log.warn({ err, connection: connection.id }, 'a person could not be looked for at their provider');
      return { state: 'unreachable', detail: 'unexpected' };
    }
  }

  /** The token first and by itself: what follows may fail and be done again, but a lost token is lost. */
  async function keep(accountId: string, identity: Vouched, alive: Alive): Promise<Outcome> {
    const { refreshToken } = alive;
    const current = refreshToken === undefined ? identity : await store.replaceToken(identity, refreshToken);
    // A sign-in has brought all of it meanwhile.
    if (!current) return 'vouched';
    await database.apart(async () => {
      await store.noteAlive(current, alive);
      if (alive.appRoles || alive.groups) await deps.recompute(accountId);
    });
    return 'vouched';
  }

  async function end(accountId: string, identity: Vouched, { what, code }: Ended): Promise<Outcome> {
    const { connectionId } = identity;
    return database.apart(async () => {
      // The refusal is of a token from before; the person has just been let in by another.
      if (!(await store.hold(identity))) return 'vouched';
      if (await deps.end({ accountId, connectionId, what, code })) {
        await store.forget(identity);
        return 'ended';
      }
      // They stay and owners were told: that is not to be repeated at every refresh.
      await store.noteAlive(identity, {});
      return 'vouched';
    });
  }

  async function outcomeOfAnother(identity: Vouched, connection: Connection): Promise<Outcome> {
    for (let waited = 0; waited < WAIT_MS; waited += LOOK_EVERY_MS) {
      const found = await store.peek(identity);
      if (found === 'gone') return 'ended';
      if (found !== 'under way') return isFresh(found, connection) ? 'vouched' : 'unknown';
      await sleep(LOOK_EVERY_MS);
    }
    return 'unknown';
  }

  function isFresh(vouchedAt: Date | undefined, { checkMinutes = CHECK_MINUTES }: Connection): boolean {
    return ageMs(vouchedAt) < checkMinutes * MINUTE_MS;
  }

  /** A moment that is still to come, by more than clocks differ, vouches for nobody. */
  function ageMs(vouchedAt: Date | undefined): number {
    const age = vouchedAt ? now().getTime() - vouchedAt.getTime() : Number.NEGATIVE_INFINITY;
    return age < -MINUTE_MS ? Number.POSITIVE_INFINITY : age;
  }

  /** @param what a connection's id, or whose check failed */
  function isHeld(what: string): boolean {
    const until = heldUntil.get(what);
    if (until === undefined) return false;
    const at = now().getTime();
    if (at < until && until - at <= HOLD_MS) return true;
    heldUntil.delete(what);
    return false;
  }

  return {
    /**
     * Before a token of this person is minted, and before anything of the request is written. Resolves also for somebody
     * who was shut out just now: what they brought is worth nothing any more.
     *
     * @throws AppError 503 `temporarily_unavailable` where the provider has not answered for too long
     */
    async assure(accountId: string, resourceUri: string | undefined): Promise<void> {
      const identities = await store.list(accountId);
      if (identities.length === 0) return;
      const outcomes = await Promise.all(identities.map((identity) => look(accountId, identity)));
      const unknown = identities.filter((_identity, index) => outcomes[index] === 'unknown');
      if (unknown.length === 0 || outcomes.includes('ended')) return;
      const minutes = (resourceUri && (await store.stalenessMinutes(resourceUri))) ?? STALENESS_MINUTES;
      const stale = unknown.find(({ vouchedAt }) => ageMs(vouchedAt) > Number(minutes) * MINUTE_MS);
      if (!stale) return;
      audit.count('token.refused', 'upstream_unreachable');
      throw new AppError('temporarily_unavailable', 503, 'Try again in a moment.', {
        detail: `nobody vouches for the person: ${stale.connectionId} does not answer`,
      });
    },
  };
}

/** No connection's id looks like it. */
function keyOf({ connectionId, issuer, subject }: Vouched): string {
  return JSON.stringify([connectionId, issuer, subject]);
}

type Alive = Extract<Liveness, { state: 'alive' }>;
type Ended = Extract<Liveness, { state: 'ended' }>;
