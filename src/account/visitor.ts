/** Who is at a person's own page, how lately they proved it, and how they are signed in there. */
import type { Context } from 'koa';
import type { Provider } from 'oidc-provider';
import type { DevicesStore } from '../accounts/devices-store.ts';
import { isLocal } from '../accounts/sign-in.ts';
import type { Account, AccountStore } from '../accounts/store.ts';
import { type Connections, isExclusive } from '../federation/connection.ts';
import { PRESENCE_SECONDS } from '../federation/fresh.ts';
import type { Respond } from '../web/respond.ts';
import { proofHref } from './paths.ts';

export interface Visitor {
  account: Account;
  sessionUid: string;
  /** Proved to be here within the last minutes (PRESENCE_SECONDS). */
  fresh: boolean;
  /** Since the person last showed that it is them, by `auth_time` where a provider vouched for it. */
  provenSecondsAgo: number;
}

export interface VisitorDeps {
  provider: Pick<Provider, 'Session' | 'cookieName'>;
  accountStore: Pick<AccountStore, 'findById'>;
  connections: Connections;
  devices: Pick<DevicesStore, 'seen'>;
  respond: Pick<Respond, 'follow'>;
  https: boolean;
  now: () => Date;
}

/** What is needed of oidc-provider's session. */
interface Session {
  id: string;
  uid: string;
  accountId?: string | undefined;
  loginTs?: number | undefined;
  amr?: string[] | undefined;
  upstream?: How['upstream'];
  /** Seconds since the epoch. */
  exp?: number | undefined;
  /** The browser came by a name that the session has no more (`oauth/session-names.ts`). */
  renamedTo?: string | undefined;
  resetIdentifier(): void;
  save(ttlSeconds: number): Promise<string>;
  persist(): Promise<string>;
  destroy(): Promise<void>;
}

export interface How {
  /** Seconds since the epoch. */
  at: number;
  amr: string[];
  /** As logouts there name it. */
  upstream?: { connectionId: string; issuer: string; subject: string; sid?: string | undefined } | undefined;
}

const SESSION_SECONDS = 43_200;

/** For the other pages of signed-in people: who is here, and where they show it. */
export function createVisitors(deps: VisitorDeps) {
  return {
    /** Undefined where nobody is signed in who may be. */
    visitorOf: (ctx: Context): Promise<Visitor | undefined> => visitorOf(ctx, deps),
    /** Where a person signs in, or shows it once more, and then goes on to `to`, a path below /account or /admin. */
    proveAt: proofHref,
  };
}

/**
 * Undefined where nobody is signed in who may be.
 *
 * @param terms.proving of two proofs that were under way at once, the second comes by the session's name before
 */
export async function visitorOf(
  ctx: Context,
  deps: VisitorDeps,
  { proving = false } = {},
): Promise<Visitor | undefined> {
  const { accountId, loginTs = 0, uid, amr, renamedTo } = await sessionOf(ctx, deps);
  if (renamedTo !== undefined && !proving) return undefined;
  const account = accountId === undefined ? undefined : await deps.accountStore.findById(accountId);
  if (!account || account.disabledAt) return undefined;
  // Signed in by a password or passkey while that still counted.
  if (isLocal(amr) && !account.breakGlass && (await isExclusive(deps.connections))) return undefined;
  await deps.devices.seen(uid);
  deps.respond.follow(ctx, account.locale);
  const provenSecondsAgo = Math.max(0, seconds(deps.now()) - loginTs);
  return { account, sessionUid: uid, fresh: provenSecondsAgo <= PRESENCE_SECONDS, provenSecondsAgo };
}

/**
 * Signs in, or notes that the person who is signed in proved it anew: then the session goes on under another name, so that
 * who holds a copy of the cookie did not prove it with them. Somebody else gets a session of their own, and of the one
 * before nothing is left.
 *
 * @returns the session's uid
 */
export async function enter(
  ctx: Context,
  accountId: string,
  { at, amr, upstream }: How,
  deps: VisitorDeps,
): Promise<string> {
  const present = await sessionOf(ctx, deps);
  if (present.accountId === accountId) {
    // Who came by a password and now by a connection is no longer here by a password, should those stop counting.
    const moved = upstream && present.upstream === undefined ? { amr, upstream } : {};
    present.resetIdentifier();
    Object.assign(present, { loginTs: Math.max(at, present.loginTs ?? 0), ...moved });
    await present.persist();
    tellName(ctx, present, deps);
    return present.uid;
  }
  if (present.accountId !== undefined) await present.destroy();
  const Session = deps.provider.Session as unknown as new (payload: object) => Session;
  const session = new Session({ accountId, loginTs: at, amr, upstream });
  await session.save(SESSION_SECONDS);
  tellName(ctx, { id: session.id }, deps);
  return session.uid;
}

/** @param session.exp seconds since the epoch; left out: the cookie ends with the browser */
function tellName(ctx: Context, { id, exp }: Pick<Session, 'id' | 'exp'>, { provider, https }: VisitorDeps): void {
  const options = { httpOnly: true, sameSite: 'lax', secure: https, signed: true, path: '/' } as const;
  const lasting = exp === undefined ? options : { ...options, expires: new Date(exp * 1000) };
  ctx.cookies.set(provider.cookieName('session'), id, lasting);
}

function sessionOf(ctx: Context, { provider }: VisitorDeps): Promise<Session> {
  return provider.Session.get(ctx as never) as unknown as Promise<Session>;
}

export function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
