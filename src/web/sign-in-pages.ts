/** What the pages about connections and a person's ways in need to know. Everything is text, never markup. */

import type { OwnFrame } from './account-pages.ts';

/** Why a trip to a connection came to nothing. Each has its words in the catalogues under `upstream.<code>`. */
export const upstreamRefusals = [
  'denied',
  'failed',
  'unavailable',
  'not_assigned',
  'account_disabled',
  'unknown_person',
  'guest',
  'tenant_not_allowed',
  'admin_blocked',
  'admin_consent',
  'interaction',
  'loop',
  'misconfigured',
  'throttled',
  'not_fresh',
  'context_not_reached',
  'disabled',
  'orphaned',
  'not_provisioned',
  'taken',
  'another_person',
] as const;
export type UpstreamRefusal = (typeof upstreamRefusals)[number];

/** Page G after a trip to a connection. */
export type UpstreamRefusedModel = {
  code: UpstreamRefusal;
  /** Name of the connection. */
  connection: string;
  /** The page that the person came from; `sameWay`: the same press may help. */
  again?: { href: string; sameWay: boolean } | undefined;
  /** A plain link back to the client; never followed by itself. */
  returnLink?: { href: string; host: string } | undefined;
  requestId?: string | undefined;
};

/** `code`: a wrong one, or one that was used; `passkey`: none of ours, or not shown for this page. */
export type SignInError = 'credentials' | 'throttled' | 'expired' | 'code' | 'passkey';

export type SecondFactorView = { ticket: string };

/** JSON of what `navigator.credentials` is asked for. */
export type PasskeyView = { options: string };

/**
 * `/account/prove`: who is it? Posts `csrf` and `email` and `password`, or `connection=<id>`. `account` is who is
 * signed in, and only has to show to be here.
 */
export type AccountSignInModel = {
  action: string;
  csrf: string;
  account?: { email: string } | undefined;
  /** What the person is about to do, `account.confirm.acts.<purpose>`; and the page that they go back to instead. */
  purpose?: string | undefined;
  cancelHref?: string | undefined;
  local: { email?: string | undefined } | null;
  connections: readonly { id: string; name: string }[];
  error?: SignInError | undefined;
  /** The password was right: instead of its fields, one for the code of an app. Posts `ticket` and `code`. */
  secondFactor?: SecondFactorView | undefined;
  /** One more button; posts `passkey`, what the authenticator said. */
  passkey?: PasskeyView | undefined;
  retryAfterSeconds?: number | undefined;
};

/** `/account/ways-in`. Posts `csrf` and `add=<connection id>` or `remove=<id of a way>`. */
export type WaysInModel = OwnFrame & {
  action: string;
  /** There is a password that may be used here. */
  password: boolean;
  ways: readonly WayView[];
  /** Connections that can be added. */
  connections: readonly { id: string; name: string }[];
  news?: { kind: 'linked' | 'unlinked' | 'last' | 'kept' | 'expired'; name?: string | undefined } | undefined;
};

export type WayView = {
  id: string;
  /** Of the connection. */
  name: string;
  /** As the connection said last. */
  email?: string | undefined;
  since: Date;
  /**
   * - `removable`: may be removed
   * - `last`: nothing else lets the person in
   * - `kept`: the people who run this server want it
   */
  state: 'removable' | 'last' | 'kept';
};
