/** What the mails tell of. */
import type { Alarm } from '../federation/alarms.ts';
import type { FactorChange } from './factor-words.ts';

export interface NoticeScope {
  name: string;
  /** May be left out for `openid`, `profile`, `email` and `offline_access`, which have words of their own. */
  description?: string | undefined;
  descriptionJa?: string | null | undefined;
}

/** Who asks, as it calls itself; '' where it has no name. */
export interface Asker {
  clientName: string;
  /** Name of the proxy that it asks through. */
  through?: string | undefined;
}

export interface RequestedLetter extends Asker {
  email: string;
  resourceName: string;
  scopes: readonly NoticeScope[];
  reason?: string | undefined;
  requestId: string;
}

/** Somebody approved, and another has to. */
export interface FirstLetter extends RequestedLetter {
  /** Who approved. */
  first: { email: string; audience: 'person' | 'everyone'; days: number };
}

export interface DecidedLetter extends Asker {
  /** `expired`: nobody decided in time. */
  decision: 'approved' | 'denied' | 'expired';
  resourceName: string;
  note?: string | undefined;
}

export interface ConnectedLetter extends Asker {
  /** As `redirectHost` gives it: a host, or a scheme with `://`; '' for the device flow. */
  redirectHost: string;
  resourceName: string;
  scopes: readonly NoticeScope[];
  at: Date;
}

/** What is the matter with a connection. */
export type AlarmLetter = Omit<Alarm, 'connectionId'>;

export interface ProposedLetter {
  resourceName: string;
  scopeName: string;
  /** Missing where the scope is new. */
  before?: ProposedWords | undefined;
  after: ProposedWords;
}

export interface ProposedWords extends Omit<NoticeScope, 'name'> {
  tools?: readonly string[] | undefined;
}

export interface BreakGlassLetter {
  email: string;
  resourceName: string;
  at: Date;
}

export interface LeaverLetter {
  email: string;
  why: 'last_owner' | 'break_glass';
}

export interface IdentityLetter {
  change: 'linked' | 'unlinked';
  connectionName: string;
  at: Date;
}

export interface FactorLetter {
  change: FactorChange;
  /** What the person calls it, where it is about one. */
  passkey?: string | undefined;
  at: Date;
}

/** What somebody else took back of what a person had allowed. */
export interface EndedLetter {
  why: 'administrator' | 'review';
  endings: readonly Ending[];
  at: Date;
}

export interface Ending extends Asker {
  resourceName: string;
}
