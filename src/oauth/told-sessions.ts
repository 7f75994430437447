/** Sessions as our rooms need them: which provider a person came by, and clients told of ends through the outbox. */
import { type KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Sessions } from '../sessions.ts';

interface SessionPayload {
  accountId?: string;
  upstream?: unknown;
  loginAccount(details: { accountId: string }): void;
}

/** The sign-in's answer says by which session of which provider it was; the session keeps it while the person stays. */
export function rememberUpstream(provider: Provider): void {
  const { prototype } = provider.Session as unknown as { prototype: SessionPayload };
  const { loginAccount } = prototype;
  prototype.loginAccount = function (details) {
    // `oidc.result` is set only after this.
    const { Interaction } = (Provider.ctx as KoaContextWithOIDC).oidc.entities;
    const { result } = (Interaction ?? {}) as { result?: { upstream?: unknown } };
    // Whoever proves by a password that they are still here has begun by the provider all the same.
    if (result?.upstream !== undefined || details.accountId !== this.accountId) this.upstream = result?.upstream;
    loginAccount.call(this, details);
  };
}

/**
 * Stock asks the client's server at once, inside the request and its transaction; what the outbox takes leaves after the
 * commit, and is tried again where that server does not answer.
 */
export function tellThroughOutbox(provider: Provider, sessions: Pick<Sessions, 'tell'>): void {
  const { prototype } = provider.Client as unknown as { prototype: Record<string, unknown> };
  prototype.backchannelLogout = function backchannelLogout(this: { clientId: string }, sub: string, sid?: string) {
    return sessions.tell(this.clientId, sub, sid);
  };
}
