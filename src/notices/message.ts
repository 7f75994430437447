/** What leaves, and how that went: the terms that the store, the delivery and the sinks share. */

/** `client`: logout tokens for clients, which are no notices but leave the same way. */
export type SinkName = 'webhook' | 'smtp' | 'client';

export type NoticeType =
  | 'approval.requested'
  | 'approval.first'
  | 'approval.decided'
  | 'access.ended'
  | 'app.connected'
  | 'scope.proposed'
  | 'connection.alarm'
  | 'sign_in.break_glass'
  | 'identity.linked'
  | 'identity.unlinked'
  | 'factor.changed'
  | 'session.ended'
  | 'leaver.kept';

/** What happened, for a program: members of `data` are written as on the wire. */
export interface NoticeEvent {
  type: NoticeType;
  /** ISO 8601 */
  occurredAt: string;
  data: Readonly<Record<string, unknown>>;
}

/** The same for a person. */
export interface Letter {
  /** One line. */
  subject: string;
  /** Plain text. */
  text: string;
}

/** What rows are sealed for. */
export const SEAL_PURPOSE = 'outbox-payload';

/** What a row holds, sealed. */
export interface Payload extends Partial<Letter> {
  event: NoticeEvent;
  /** A mail address; rows for the webhook have none. */
  to?: string;
}

/** One thing to send, to one recipient through one sink. */
export interface Outgoing extends Payload {
  /** The same at every attempt: by it a receiver knows what it has already. */
  id: string;
}

/** `reason` is a code or two, fit for the log and the table: no address, no words of anybody. `final`: not tried again. */
export type Outcome = { ok: true } | { ok: false; reason: string; final: boolean };

export interface Sink {
  /** Bounded in time. What it throws counts as a failure that may pass. */
  send(message: Outgoing): Promise<Outcome>;
  /** Ends what is under way. */
  close(): void;
}

/** The sinks of this installation. */
export type Sinks = Partial<Record<SinkName, Sink>>;
