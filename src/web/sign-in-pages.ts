/** What the pages about connections and a person's ways in need to know. Everything is text, never markup. */

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

/**
 * Before `/account/ways-in`: who is it? Posts `csrf` and `email` and `password`, or `connection=<id>`. `account` is who is
 * signed in, and only has to show to be here.
 */
export type AccountSignInModel = {
  action: string;
  csrf: string;
  account?: { email: string } | undefined;
  local: { email?: string | undefined } | null;
  connections: readonly { id: string; name: string }[];
  error?: 'credentials' | 'throttled' | 'expired' | undefined;
  retryAfterSeconds?: number | undefined;
};

/** `/account/ways-in`. Posts `csrf` and `add=<connection id>` or `remove=<id of a way>`. */
export type WaysInModel = {
  action: string;
  csrf: string;
  account: { email: string };
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
