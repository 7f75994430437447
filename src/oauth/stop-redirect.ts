/**
 * No error, Deny or `prompt=none` is redirected by itself to an https host that nobody here approved: the server would
 * be an open redirector (OAuth 2.1 §7.12.2). Nor does it open an app before anybody pressed: browsers may remember that
 * it is allowed to. The person gets page G instead, with a plain link to a host.
 */
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { ClientStore } from '../clients/store.ts';
import type { ConsentStore } from '../consents/store.ts';
import type { Respond } from '../web/respond.ts';
import { stoppedCode } from './pages.ts';

export type StopRedirect = (ctx: KoaContextWithOIDC) => Promise<void>;

export function createStopRedirect(deps: {
  clients: ClientStore;
  consents: ConsentStore;
  respond: Respond;
}): StopRedirect {
  const { clients, consents, respond } = deps;

  async function isTrusted(
    target: URL,
    clientId: string | undefined,
    redirectUri: string | undefined,
    pressed: boolean,
  ): Promise<boolean> {
    // A program on this very computer.
    if (target.protocol === 'http:') return true;
    if (target.protocol !== 'https:' && pressed) return true;
    if (!clientId || !redirectUri) return false;
    const record = await clients.find(clientId);
    return record?.origin === 'static' || consents.isKnownRedirect(clientId, redirectUri);
  }

  return async (ctx) => {
    const { oidc } = ctx;
    if (oidc.route !== 'authorization' && oidc.route !== 'resume') return;
    const location = ctx.status >= 300 && ctx.status < 400 ? URL.parse(ctx.response.get('location')) : null;
    if (!location) return;
    const answer = location.searchParams.has('error')
      ? location.searchParams
      : new URLSearchParams(location.hash.slice(1));
    const error = answer.get('error');
    const {
      client_id: clientId,
      redirect_uri: redirectUri,
      ui_locales: uiLocales,
    } = (oidc.params ?? {}) as Record<string, string | undefined>;
    const pressed = oidc.route === 'resume';
    if (!error || (await isTrusted(location, clientId, redirectUri, pressed))) return;
    ctx.remove('Location');
    const description = answer.get('error_description');
    respond.stopped(
      ctx,
      {
        code: stoppedCode(error),
        description: description ? `${error}: ${description}` : error,
        returnLink: { href: location.href, host: location.host },
      },
      { status: error === 'access_denied' ? 200 : 400, uiLocales },
    );
  };
}
