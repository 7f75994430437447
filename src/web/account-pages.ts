/** What a person's own pages need to know. Everything is text, never markup. */
import type { ClientView, RedirectView, RequestModel, ResourceView, ScopeGroup } from './pages.ts';

export type AccountPages = {
  apps: AppsModel;
  'stop-apps': StopAppsModel;
  receipt: ReceiptModel;
  sessions: SessionsModel;
  language: LanguageModel;
  security: SecurityModel;
  'remove-codes': RemoveCodesModel;
  hop: { to: string };
};

export const sections = ['apps', 'sessions', 'ways-in', 'security', 'language'] as const;
export type Section = (typeof sections)[number];

/** Around the page of a signed-in person; `csrf` goes with every form of it. */
export type OwnFrame = {
  section: Section;
  csrf: string;
  account: { email: string };
  /** The person has a role at the dashboard. */
  dashboard?: boolean | undefined;
};

/** `/account`. */
export type AppsModel = OwnFrame & {
  apps: readonly AppView[];
  /** Of the next page. */
  nextHref?: string | undefined;
  /** Not the first page: leads back to it. */
  firstHref?: string | undefined;
  /** All of them can be stopped at once. */
  stopAllHref?: string | undefined;
  blocks: readonly BlockView[];
  /** What the person asked administrators for. */
  requests?: readonly RequestView[] | undefined;
  /** Posts `block`. */
  unblockAction: string;
  news?: { kind: 'stopped' | 'unblocked' | 'gone' | 'expired'; count: number } | undefined;
  /** The first password was made by the server, and nobody has changed it yet. */
  changePasswordHref?: string | undefined;
};

/** One living consent, as the person gave it. */
export type AppView = {
  id: string;
  client: ClientView;
  redirect: RedirectView;
  through?: RequestModel['through'];
  resource: ResourceView;
  groups: readonly ScopeGroup[];
  since: Date;
  /** The last press, where it was not the first. */
  approvedAgainAt?: Date | undefined;
  /** Of the last press; undefined where the browser does not say, or nobody kept it. */
  browser?: BrowserView | undefined;
  /** That press was in this browser. */
  here: boolean;
  lastUsedAt?: Date | undefined;
  until: Date;
  /** Codes of why nothing is minted under it; each has its words under `account.apps.why`. */
  suspended?: readonly string[] | undefined;
  stopHref: string;
  receiptHref: string;
};

/** The two halves of what a browser is called. */
export type BrowserView = { browser: string; system?: string | undefined };

export type BlockView = { id: string; name: string; resource: string; since: Date };

/** `name` is client-stated; `at`: when it was decided, or until when an approval holds; `note`: the administrator's words. */
export type RequestView = {
  name: string;
  resource: string;
  /** `ended`: it was approved for a time that is over; `withdrawn` by the person, `takenBack` by an administrator. */
  state: 'waiting' | 'approved' | 'ended' | 'denied' | 'withdrawn' | 'takenBack' | 'expired';
  askedAt: Date;
  at?: Date | undefined;
  note?: string | undefined;
};

/** Before anything ends. Posts `csrf` alone. */
export type StopAppsModel = OwnFrame & {
  action: string;
  backHref: string;
  /** Of all, where there is no `app`. */
  count: number;
  app?: Pick<AppView, 'client' | 'resource' | 'through' | 'redirect'> | undefined;
  /** How long a token that was given out may still work. */
  tokenMinutes: number;
};

/** A consent receipt to read and print. */
export type ReceiptModel = OwnFrame & {
  id: string;
  operator: string;
  contact?: string | undefined;
  issuer: string;
  person: { id: string; email: string };
  client: { id: string; name: string; returnsTo: string; fingerprint: string };
  actingFor?: { id: string; name: string; returnsTo: string } | undefined;
  resource: { uri: string; name: string };
  scopes: readonly { name: string; description: string; tools: readonly string[]; until: Date }[];
  givenAt: Date;
  /** In which browser; undefined where it is not known. */
  givenFrom?: BrowserView | undefined;
  firstGivenAt?: Date | undefined;
  until: Date;
  version: number;
  status: 'living' | 'suspended' | 'expired' | 'revoked';
  endedAt?: Date | undefined;
  withdrawAt: string;
  jsonHref: string;
};

/** `/account/sessions`. Posts `session=<id>` or `all`. */
export type SessionsModel = OwnFrame & {
  action: string;
  devices: readonly DeviceView[];
  news?: { kind: 'ended' | 'gone' | 'expired'; count: number } | undefined;
};

export type DeviceView = {
  id: string;
  /** '' where it is not known. */
  browser: string;
  system?: string | undefined;
  by?: 'pwd' | 'webauthn' | 'fed' | undefined;
  since: Date;
  lastSeenAt: Date;
  /** The one that asks. */
  here: boolean;
};

/** `/account/language`. Posts `language`: en, ja, or anything else for the browser's. */
export type LanguageModel = OwnFrame & { action: string; chosen: string; news?: 'expired' | undefined };

/** `/account/security/remove-codes`: asked before a password takes no code any more. Posts nothing but the press. */
export type RemoveCodesModel = OwnFrame & { action: string; backHref: string; codesLeft: number };

/** `/account/security`. Posts `act` and what it takes. */
export type SecurityModel = OwnFrame & {
  action: string;
  /** Asks first. */
  removeCodesHref: string;
  /** Only for who signs in here; nobody else has anything to change. */
  passwordHref?: string | undefined;
  /** Recovery codes, shown this once. `fileAction` gives them as a file: posts `codes`, with spaces between. */
  codes?: { all: readonly string[]; fileAction: string; issuer: string } | undefined;
  secondFactor: {
    state: 'off' | 'begun' | 'on';
    codesLeft: number;
    setUp?: { secret: string; qr: { size: number; path: string } } | undefined;
  };
  passkeys: readonly { id: string; name: string; backedUp: boolean; since: Date; lastUsedAt?: Date | undefined }[];
  /** JSON for `navigator.credentials.create`; left out where this server can have no passkeys. */
  passkeyOptions?: string | undefined;
  /** The server is reached by an IP address, which can have none. */
  passkeysNeedName?: boolean | undefined;
  news?:
    | 'expired'
    | 'unchanged'
    | 'wrong_code'
    | 'codes_on'
    | 'codes_off'
    | 'codes_renewed'
    | 'passkey_added'
    | 'passkey_renamed'
    | 'passkey_removed'
    | 'passkey_refused'
    | 'too_many_passkeys'
    | undefined;
};
