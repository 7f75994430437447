/** What a provider has to know of us. */
import { callbackUrl } from './connection.ts';

export interface ProviderAddresses {
  callbackUrl: string;
  frontChannelLogoutUrl: string;
  /** Entra ID knows only front-channel logout. */
  backChannelLogoutUrl: string | undefined;
}

/** @param issuer our own */
export function providerAddresses(issuer: string, { id, kind }: { id: string; kind: string }): ProviderAddresses {
  return {
    callbackUrl: callbackUrl(issuer, id),
    frontChannelLogoutUrl: `${issuer}/federation/${id}/frontchannel-logout`,
    backChannelLogoutUrl: kind === 'oidc' ? `${issuer}/federation/${id}/backchannel-logout` : undefined,
  };
}
