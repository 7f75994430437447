/** Who is at a person's own page, how lately they proved it, and how they are signed in there. */
import type { Context } from 'koa';
import type { Provider } from 'oidc-provider';
import type { Account, AccountStore } from '../accounts/store.ts';
import { type Connections, isExclusive } from '../federation/connection.ts';
import { PRESENCE_SECONDS } from '../federation/fresh.ts';

export interface Visitor {
  account: Account;
  sessionUid: string;
  /** Proved to be here within the last minutes. */
  fresh: boolean;
}

export interface VisitorDeps {
  provider: Provider;
  accountStore: Pick<AccountStore, 'findById'>;
  connections: Connections;
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

/** Undefined where nobody is signed in who may be. */
export async function visitorOf(ctx: Context, deps: VisitorDeps): Promise<Visitor | undefined> {
  const { accountId, loginTs = 0, uid, amr } = await sessionOf(ctx, deps);
  const account = accountId === undefined ? undefined : await deps.accountStore.findById(accountId);
  if (!account || account.disabledAt) return undefined;
  // Signed in by a password while that still counted.
  if (amr?.includes('pwd') && !account.breakGlass && (await isExclusive(deps.connections))) return undefined;
  return { account, sessionUid: uid, fresh: seconds(deps.now()) - loginTs <= PRESENCE_SECONDS };
}

/**
 * Signs in, or notes that the person who is signed in proved it anew. Somebody else gets a session of their own, and of
 * the one before nothing is left.
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
    Object.assign(present, { loginTs: Math.max(at, present.loginTs ?? 0) });
    await present.persist();
    return present.uid;
  }
  if (present.accountId !== undefined) await present.destroy();
  const { provider, https } = deps;
  const Session = provider.Session as unknown as new (payload: object) => Session;
  const session = new Session({ accountId, loginTs: at, amr, upstream });
  await session.save(SESSION_SECONDS);
  const options = { httpOnly: true, sameSite: 'lax', secure: https, signed: true, path: '/' } as const;
  ctx.cookies.set(provider.cookieName('session'), session.id, options);
  return session.uid;
}

function sessionOf(ctx: Context, { provider }: VisitorDeps): Promise<Session> {
  return provider.Session.get(ctx as never) as unknown as Promise<Session>;
}

export function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
