/** What each page needs to know: page name → model. Everything in a model is text, never markup. */

import type { AccountPages } from './account-pages.ts';
import type {
  AccountSignInModel,
  PasskeyView,
  SecondFactorView,
  SignInError,
  UpstreamRefusedModel,
  WaysInModel,
} from './sign-in-pages.ts';

/** Every page a person can see, by name. */
export type Pages = {
  home: HomeModel;
  connect: ConnectModel;
  consent: ConsentModel;
  short: ShortModel;
  approval: ApprovalModel;
  stopped: StoppedModel;
  'upstream-refused': UpstreamRefusedModel;
  password: PasswordModel;
  'account-sign-in': AccountSignInModel;
  'ways-in': WaysInModel;
  'device-code': DeviceCodeModel;
  'device-confirm': DeviceConfirmModel;
  'device-done': { client: ClientView };
  logout: { action: string; fields: readonly HiddenField[]; client?: ClientView | undefined };
  'logged-out': { client?: ClientView | undefined };
} & AccountPages;

/** The app that asks. `name` is client-stated and already normalised; the pages put it between quotation marks. */
export type ClientView = {
  name: string;
  id: string;
  /** Host of the client ID, for metadata documents. */
  host?: string | undefined;
  /** The name looks like somebody else's: it then stands after the host it came from. */
  resembles?: boolean | undefined;
  /** Path of its logo on our own origin; only clients that an administrator approved have one. */
  logo?: string | undefined;
};

/**
 * The proxy between the app and the MCP server (consent.md §4). `host` is the host of its redirect. Where the proxy
 * names nobody, `client` of the page is the proxy itself and `namesNobody` says so.
 */
export type ThroughView = { name: string; host: string };

/** Where the answer goes. `host` is what a person should read: host and path-free; for `private-use` the scheme, such as `cursor:`. */
export type RedirectView = { kind: 'https' | 'loopback' | 'private-use' | 'device'; host: string };

/** The MCP server: the name its owner gave it, and the host of its canonical URI. */
export type ResourceView = { name: string; host: string };

/** How sure we are of who asks (consent.md §3). Only `proven-host` and `administrator` are good news. */
export type Provenance = 'proven-host' | 'shared-host' | 'local-program' | 'unproven-site' | 'administrator';

/** What every page about a request says of it. */
export type RequestModel = {
  client: ClientView;
  /** Where the answer goes: the proxy's own address where there is a proxy. */
  redirect: RedirectView;
  resource: ResourceView;
  provenance: Provenance;
  /** The request came from a website or a link, not straight from a program. */
  crossSite: boolean;
  /** The proxy through which `client` asks, and where that proxy sends `client` its answer. */
  through?: (ThroughView & { clientRedirect: RedirectView }) | undefined;
  /** A proxy that names nobody: anyone who uses it may be behind this. */
  namesNobody?: boolean | undefined;
};

type HiddenField = { name: string; value: string };

type HomeModel = { issuer: string; resources?: number | undefined };

/** Page A. Posts `csrf` and either `email`, `password`, `decision=continue`, or `decision=cancel`, or `connection=<id>`. */
export type ConnectModel = RequestModel & {
  action: string;
  csrf: string;
  /** The local sign-in fields; null where local accounts are off. */
  local: { email?: string | undefined } | null;
  /** Upstream connections; each is a button "Continue with <name>". */
  connections: readonly { id: string; name: string }[];
  /** A connection is exclusive: passwords are for emergencies, on a step of their own (`shown`); `href` is the other step. */
  emergency?: { shown: boolean; href: string } | undefined;
  error?: SignInError | 'emergency' | 'elsewhere' | 'refused_there' | undefined;
  /** The password was right: instead of its fields, one for the code of an app. Posts `ticket` and `code`. */
  secondFactor?: SecondFactorView | undefined;
  /** One more button; posts `passkey`, what the authenticator said. */
  passkey?: PasskeyView | undefined;
  /** With `refused_there`: name of the connection that the person came back from with a no. */
  refusedBy?: string | undefined;
  /** With `throttled`: how long until the next try. */
  retryAfterSeconds?: number | undefined;
};

export type ScopeLine = {
  /** Value of the `scope` field. */
  name: string;
  /** The resource owner's sentence. May be left out for `openid`, `profile`, `email` and `offline_access`, which have their own in each language. */
  description?: string | undefined;
  sensitivity: 'low' | 'medium' | 'high';
  tools: readonly string[];
  checked: boolean;
  /** Cannot be unticked. */
  required?: boolean | undefined;
};

export type ScopeGroup = { effect: 'read' | 'change' | 'act' | 'identity'; scopes: readonly ScopeLine[] };

/** Why the page is shown again although there was a consent: each becomes one sentence. */
export type Difference =
  /** `resembles`: it now calls itself `after`, which looks like somebody else's name. */
  | { kind: 'name' | 'redirect' | 'keys' | 'resembles'; before: string; after: string }
  | { kind: 'wording'; before: string; after: string }
  | { kind: 'scope' | 'tools'; after: string }
  | { kind: 'authentication' }
  | { kind: 'age'; before: Date };

export type ExpiryChoice = { choice: 'once' | '30d' | 'max'; checked: boolean; until?: Date | undefined };

/** On every page of a signed-in person. */
type SignedInModel = {
  account: { email: string };
  /** Receives a POST with `csrf` when the person presses "Not you?". */
  switchAccountAction: string;
};

/**
 * Page C, and F where the consent is widened. Posts `csrf`, `decision=approve|deny|block`, one `scope` per ticked box
 * (required ones always), `expiry=once|30d|max`, and `password` where presence is asked for.
 */
export type ConsentModel = RequestModel &
  SignedInModel & {
    action: string;
    csrf: string;
    /** In the order shown. At a step-up only what is new. */
    groups: readonly ScopeGroup[];
    /** Page F: what is agreed to already, folded below what is new; its boxes may be unticked too. */
    held?: readonly ScopeGroup[] | undefined;
    /** A sensitive scope is added: the person proves to be here, by the password, a passkey or by signing in upstream again. */
    presence?: /** With `ticket` the password was right, and the code of an app is asked for instead: posts `ticket` and `code`. */
      | {
          by: 'password';
          ticket?: string | undefined;
          /** In its place: posts `passkey`. */
          passkey?: PasskeyView | undefined;
          error?: 'credentials' | 'throttled' | 'code' | 'passkey' | undefined;
        }
      | { by: 'connection'; name: string }
      | undefined;
    /** The person said no twice within minutes: Block and Deny are offered instead of Approve. */
    saidNoTwice?: boolean | undefined;
    /** Sentences of what was asked for too but waits for an administrator, so that this page leaves it out. */
    leftOut?: readonly string[] | undefined;
    differences: readonly Difference[];
    /** What to offer, in this order. `until` is shown for all but `once`. */
    expiry: readonly ExpiryChoice[];
    device?: { startedMinutesAgo: number } | undefined;
  };

/**
 * Page D. Posts `csrf` and `decision=continue`, `decision=cancel`, or `decision=stop` ("Stop this app": revokes).
 * `fullHref` leads to page C of the same request.
 */
export type ShortModel = RequestModel &
  SignedInModel & {
    action: string;
    csrf: string;
    /** When the person last pressed on a full page. */
    approvedAt: Date;
    until: Date;
    /** What the token will carry, for "See what it may do". */
    groups: readonly ScopeGroup[];
    fullHref: string;
  };

/**
 * Page E. Posts `csrf` and `decision=ask` with an optional `reason`, `decision=without` (go on with the rest), or
 * `decision=cancel`.
 */
export type ApprovalModel = RequestModel &
  SignedInModel & {
    action: string;
    csrf: string;
    /**
     * - `ask`: nobody was asked yet
     * - `waiting`: asked; the page looks again every `refreshSeconds`
     * - `denied`: an administrator said no; `note` is theirs
     * - `approved`: too late for this request: connect again from the app
     */
    state: 'ask' | 'waiting' | 'denied' | 'approved';
    /** The scopes that wait. */
    missing: readonly ScopeGroup[];
    /** Something else was asked for that the person may approve now. */
    rest: boolean;
    reason?: string | undefined;
    reasonMaxCharacters: number;
    askedAt?: Date | undefined;
    /** Of `ask`: what was asked before, which nobody decided in `days`. */
    lapsed?: { askedAt: Date; days: number } | undefined;
    /** Of `ask`: an administrator denied the same before; `note` is theirs. */
    refused?: { at: Date; note: string | undefined } | undefined;
    note?: string | undefined;
    refreshSeconds: number;
    error?: 'expired' | 'reason_too_long' | undefined;
  };

/** Why page G is shown. Each has a heading, what happened, and what to do in the catalogues under `stopped.<code>`. */
export const stoppedCodes = [
  'denied',
  'cancelled',
  'client_unknown',
  'client_stale',
  'client_refused',
  'client_unreachable',
  'redirect_mismatch',
  'invalid_request',
  'invalid_target',
  'invalid_scope',
  'unsupported',
  'interaction_expired',
  'other_browser',
  'forged',
  'login_required',
  'consent_required',
  'account_disabled',
  'account_changed',
  'policy_denied',
  'role_denied',
  'sign_in_elsewhere',
  'blocked',
  'blocked_now',
  'app_stopped',
  'upstream_failed',
  'upstream_denied',
  'upstream_unavailable',
  'link_spent',
  'device_code_expired',
  'too_many',
  'not_found',
  'unavailable',
  'server_error',
] as const;
export type StoppedCode = (typeof stoppedCodes)[number];

/** Page G. */
export type StoppedModel = {
  code: StoppedCode;
  /** One technical line, such as `invalid_request: redirect_uri is missing`. */
  description?: string | undefined;
  requestId?: string | undefined;
  /** A plain link back; never followed by itself. */
  returnLink?: { href: string; host: string } | undefined;
  /** What the person can sign in with instead. */
  connections?: readonly string[] | undefined;
  /** Where another account of the person's may do: posts `csrf`. */
  switchAccount?: { action: string; csrf: string } | undefined;
};

/** `/account/password`. Posts `csrf`, `email`, `current_password`, `new_password`, `repeat_password`. */
export type PasswordModel = {
  action: string;
  csrf: string;
  email?: string | undefined;
  /** Signed in: the address is the account's, and not asked for. */
  signedIn?: boolean | undefined;
  /** `second_factor`: the person has to sign in first, at `proveHref`. */
  error?: 'credentials' | 'weak' | 'mismatch' | 'throttled' | 'reused' | 'expired' | 'second_factor' | undefined;
  proveHref?: string | undefined;
  retryAfterSeconds?: number | undefined;
  done?: boolean | undefined;
};

/** Posts `xsrf` and `user_code`, the field names of oidc-provider (RFC 8628 §3.3). */
type DeviceCodeModel = {
  action: string;
  csrf: string;
  error?: 'unknown' | 'expired' | 'aborted' | 'failed' | undefined;
};

/** Posts `xsrf`, `user_code`, `confirm=yes`, and `abort=yes` when cancelled. */
type DeviceConfirmModel = { action: string; csrf: string; userCode: string; client: ClientView };
