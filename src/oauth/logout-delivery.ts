/** Takes logout tokens to clients (OpenID Connect Back-Channel Logout 1.0 §2.5), through the egress like all they choose. */
import { randomBytes } from 'node:crypto';
import type { Client, Provider } from 'oidc-provider';
import type { Outcome, Outgoing, Sink } from '../notices/message.ts';
import type { Egress } from '../web/egress.ts';
import { FetchFailed } from '../web/fetch-failed.ts';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const TIMEOUT_MS = 5_000;
/** Nobody reads the answer. */
const MAX_ANSWER_BYTES = 16 * 1024;
const DONE = new Set([200, 204]);

/** A token is made anew at each attempt: it lives two minutes. */
export function createLogoutDelivery({
  provider,
  egress,
}: {
  provider: Pick<Provider, 'Client' | 'IdToken'>;
  egress: Pick<Egress, 'fetch'>;
}): Sink {
  return {
    async send({ event }: Outgoing): Promise<Outcome> {
      const { client_id: clientId, sub, sid } = event.data as { client_id: string; sub: string; sid?: string };
      // A metadata document may not be there to be read just now.
      const client = await provider.Client.find(clientId).catch(() => 'unknown' as const);
      if (client === 'unknown') return { ok: false, reason: 'client_unknown', final: false };
      // Meanwhile revoked, or its server wants to hear no more.
      if (!client?.backchannelLogoutUri) return { ok: true };
      const body = new URLSearchParams({ logout_token: await logoutToken(provider, client, sub, sid) }).toString();
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      try {
        const request = { method: 'POST', headers, body, timeoutMs: TIMEOUT_MS, maxBytes: MAX_ANSWER_BYTES } as const;
        const { status } = await egress.fetch(client.backchannelLogoutUri, request);
        // §2.8: 400 says that the token is not accepted, and the next would not be either.
        return DONE.has(status) ? { ok: true } : { ok: false, reason: `status ${status}`, final: status === 400 };
      } catch (error) {
        if (!(error instanceof FetchFailed)) throw error;
        return { ok: false, reason: error.reason, final: error.reason === 'special_use' || error.reason === 'bad_url' };
      }
    },
    close() {},
  };
}

interface LogoutToken {
  mask: object;
  set(name: string, value: unknown): void;
  issue(how: { use: string }): Promise<string>;
}

/** As oidc-provider makes it, with both names of who it is about: §2.4 wants one, and clients differ in which they know. */
function logoutToken(
  provider: Pick<Provider, 'IdToken'>,
  client: Client,
  sub: string,
  sid: string | undefined,
): Promise<string> {
  const { IdToken } = provider as unknown as {
    IdToken: new (available: object, of: { client: Client; ctx: undefined }) => LogoutToken;
  };
  const token = new IdToken({ sub }, { client, ctx: undefined });
  token.mask = { sub: null };
  token.set('events', { [EVENT]: {} });
  token.set('jti', randomBytes(16).toString('base64url'));
  if (sid !== undefined && client.backchannelLogoutSessionRequired) token.set('sid', sid);
  return token.issue({ use: 'logout' });
}
