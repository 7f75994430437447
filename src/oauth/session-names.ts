/**
 * What the cookie carries is the name of a browser session. It gets another one whenever somebody signs in, or shows anew to
 * be here: a name that was planted before, and a copy that was taken before, are left behind (OWASP ASVS 5.0, 7.2.4). Its
 * `uid`, which never leaves the server, stays, and with it whatever is under way.
 */
import { type KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { ArtifactStore } from '../storage/artifacts.ts';

export interface SessionNamesDeps {
  artifacts: Pick<ArtifactStore, 'find' | 'hold' | 'upsert'>;
  sealing: { hmac(purpose: string, value: string): string };
  now: () => Date;
}

/** oidc-provider's, with what is added here. */
interface Session {
  id: string;
  uid: string;
  exp?: number;
  accountId?: string;
  loginTs?: number | undefined;
  authorizations?: object | undefined;
  state?: unknown;
  /** The name before, once there is another. */
  oldId?: string;
  touched?: boolean;
  /** Seconds since the epoch: when the browser was told the name. */
  toldAt?: number | undefined;
  /** It was asked for by a name of before; this is the present one. */
  renamedTo?: string | undefined;
  /** `loginTs` of what still comes by the name before. */
  staleTs?: number | undefined;
  save(ttlSeconds: number): Promise<string>;
  destroy(): Promise<void>;
  resetIdentifier(): void;
  loginAccount(details: { accountId: string }): void;
}

interface Model {
  prototype: Session;
  find(name: string, options?: object): Promise<Session | undefined>;
}

const NAME = 'SessionName';
/** Requests of other tabs that are under way by the name before go on for so long, as stale as they were. */
const FOLLOWED_SECONDS = 10;
/** Names that one session had within that time. */
const MAX_NAMES = 5;
/** The same name is told again no more often: an answer that comes late would bring the browser the name before. */
const TOLD_EVERY_SECONDS = 3600;

export function nameSessions(provider: Provider, deps: SessionNamesDeps): void {
  followNames(provider, deps);
  renameSessions(provider, deps);
  keepNames(provider, deps);
}

/** By a name of before a session is found for a moment, never as fresh as it has become since. */
function followNames(provider: Provider, { artifacts }: SessionNamesDeps): void {
  const Session = provider.Session as unknown as Model;
  const { find } = Session;
  const { destroy } = Session.prototype;
  Session.find = async (name, options) => {
    const found = await find.call(Session, name, options);
    if (found || typeof name !== 'string') return found;
    const way = await follow(name, artifacts);
    const living = way && (await find.call(Session, way.name, options));
    return living && Object.assign(living, { id: name, loginTs: way.loginTs, renamedTo: way.name });
  };
  Session.prototype.destroy = function () {
    if (this.renamedTo !== undefined) this.id = this.renamedTo;
    return destroy.call(this);
  };
}

/** @returns the name that the session has now, and how fresh it was under this one */
async function follow(name: string, artifacts: SessionNamesDeps['artifacts']) {
  let present = name;
  let loginTs: number | undefined;
  for (let names = 0; names < MAX_NAMES; names += 1) {
    const { payload } = (await artifacts.find(NAME, present)) ?? {};
    if (!payload) break;
    if (present === name) loginTs = payload.loginTs as number | undefined;
    present = String(payload.next);
  }
  return present === name ? undefined : { name: present, loginTs };
}

/**
 * Stock renames whenever an authorization resumes: of three that resume at once in one browser, two would lose their
 * session. Here only who signs in or shows to be here gets another name: of two who do so at once, both the same.
 */
function renameSessions(provider: Provider, { sealing }: SessionNamesDeps): void {
  const { prototype } = provider.Session as unknown as Model;
  const { loginAccount, resetIdentifier } = prototype;
  const logins = new WeakMap<object, { anew: boolean; before: number | undefined }>();
  // Both are called on a proxy of the session: the request they belong to is what they share.
  prototype.loginAccount = function (details) {
    logins.set(Provider.ctx as object, { anew: details.accountId === this.accountId, before: this.loginTs });
    loginAccount.call(this, details);
  };
  prototype.resetIdentifier = function () {
    const ctx = Provider.ctx as KoaContextWithOIDC | undefined;
    // Our own pages ask for it, who showed to be here, and set the time of it afterwards.
    const login = ctx ? logins.get(ctx) : { anew: true, before: this.loginTs };
    if (!login && ctx?.oidc.route.endsWith('resume')) return;
    // Who comes by the name before, which may be a copy, takes the session from nobody.
    if (!login && this.renamedTo !== undefined) return;
    this.toldAt = undefined;
    const before = this.renamedTo ?? this.id;
    if (!login?.anew) {
      this.id = before;
      resetIdentifier.call(this);
    } else if (this.renamedTo !== undefined) this.id = this.renamedTo;
    else {
      const { id, uid, accountId } = this;
      this.id = sealing.hmac('session-name', JSON.stringify([id, uid, accountId]));
      Object.assign(this, { oldId: id, staleTs: login.before ?? 0 });
    }
    this.touched = true;
    this.renamedTo = undefined;
  };
}

/**
 * Nothing is written under a name that is gone, and the browser is not told it: what was ended while a request was under
 * way stays ended. Each write holds the stored session first.
 */
function keepNames(provider: Provider, { artifacts, now }: SessionNamesDeps): void {
  const Session = provider.Session as unknown as Model;
  const { save } = Session.prototype;
  const hold = (name: string) => artifacts.hold('Session', name);

  /** Two tabs that were approved at once have each a client of their own in it. */
  async function addAuthorizations(session: Session, name: string): Promise<void> {
    const stored = (await artifacts.find('Session', name))?.payload as Partial<Session> | undefined;
    if (!stored?.authorizations || stored.accountId !== session.accountId) return;
    session.authorizations = { ...stored.authorizations, ...session.authorizations };
  }

  /** @returns whether there is a session still, of which the other name is */
  async function leaveName(session: Session, oldId: string): Promise<boolean> {
    const { id: next, staleTs: loginTs } = session;
    const shown = loginTs !== undefined;
    if (await hold(oldId)) {
      if (shown) await artifacts.upsert(NAME, oldId, { next, loginTs }, FOLLOWED_SECONDS);
      if (shown) await addAuthorizations(session, oldId);
      return true;
    }
    // Never stored, or ended meanwhile.
    if (!shown) return session.exp === undefined;
    const way = await follow(oldId, artifacts);
    if (!way || !(await hold(way.name))) return false;
    await addAuthorizations(session, way.name);
    if (way.name === next) return true;
    session.id = way.name;
    untell(provider);
    return true;
  }

  /** What came by it is added to the session as it is now, but no sign-in. */
  async function saveUnderPresentName(session: Session, ttlSeconds: number): Promise<void> {
    const way = await follow(session.id, artifacts);
    if (!way || !(await hold(way.name))) return;
    const living = await Session.find(way.name);
    if (!living || living.accountId === undefined) return;
    if (session.accountId === undefined) signOutAs(session, living);
    else if (session.accountId === living.accountId) {
      living.authorizations = { ...session.authorizations, ...living.authorizations };
      living.state ??= session.state;
    }
    await save.call(living, ttlSeconds);
  }

  /** @returns whether it is there to be written, by the name that it has */
  async function isThere(session: Session): Promise<boolean> {
    if (session.oldId !== undefined) return leaveName(session, session.oldId);
    if (session.exp === undefined) return true;
    if (session.renamedTo !== undefined || !(await hold(session.id))) return false;
    await addAuthorizations(session, session.id);
    return true;
  }

  Session.prototype.save = async function (ttlSeconds) {
    if (await isThere(this)) {
      const at = Math.floor(now().getTime() / 1000);
      if (this.toldAt !== undefined && at - this.toldAt < TOLD_EVERY_SECONDS) untell(provider);
      else this.toldAt = at;
      return save.call(this, ttlSeconds);
    }
    untell(provider);
    if (this.oldId === undefined) await saveUnderPresentName(this, ttlSeconds);
    return this.id;
  };
}

/** What the one who signed out took from the session. */
function signOutAs(session: Session, living: Session): void {
  const [left, kept] = [living, session] as unknown as Record<string, unknown>[];
  for (const key of Object.keys(left ?? {})) if (kept?.[key] === undefined) delete left?.[key];
}

/** oidc-provider has written the cookie by the time it saves. */
function untell(provider: Provider): void {
  const ctx = Provider.ctx as KoaContextWithOIDC | undefined;
  const name = provider.cookieName('session');
  const lines = ([ctx?.response.headers['set-cookie'] ?? []] as (string | string[])[]).flat();
  const others = lines.filter((line) => !line.startsWith(`${name}=`) && !line.startsWith(`${name}.sig=`));
  if (lines.length === others.length) return;
  if (others.length > 0) ctx?.set('Set-Cookie', others);
  else ctx?.remove('Set-Cookie');
}
