/** The words that each language has for the mails. */
import type { AlarmCode } from '../federation/alarms.ts';

export interface Words {
  language: 'en' | 'ja';
  quote(text: string): string;
  field(label: string, value: string): string;
  heading(label: string): string;
  item(text: string): string;
  more(count: number): string;
  /** @param time in UTC */
  moment(time: string): string;
  describe(scope: { description?: string | undefined; descriptionJa?: string | null | undefined }): string | undefined;
  /** Scopes of OpenID Connect, whose words nobody else gives. */
  standard: Readonly<Record<string, string>>;
  nameless: string;
  selfNamed(app: string): string;
  app: string;
  through: string;
  server: string;
  who: string;
  returns: string;
  device: string;
  thisComputer(host: string): string;
  thisDevice(scheme: string): string;
  asksFor: string;
  may: string;
  when: string;
  reason: string;
  note: string;
  request: string;
  permission: string;
  before: string;
  after: string;
  withTools(sentence: string, tools: string): string;
  automatic: string;
  requestedSubject(app: string): string;
  requested: string;
  decide(requestId: string): string;
  approved: Decision;
  denied: Decision;
  expired: Decision;
  confirmSubject(app: string): string;
  confirm: string;
  firstBy: string;
  terms: string;
  termsOf(first: { audience: 'person' | 'everyone'; days: number }): string;
  connectedSubject(app: string): string;
  connected: string;
  itWasYou: string;
  itWasNotYou: string;
  account: string;
  connection: string;
  breakGlassSubject(email: string): string;
  breakGlass: string;
  breakGlassNext: string;
  leaverSubject(email: string): string;
  leaver: Readonly<Record<'last_owner' | 'break_glass', { what: string; next: string }>>;
  linked: Decision;
  unlinked: Decision;
  alarmSubject(connection: string): string;
  /** What is the matter with a connection, and what to do. */
  alarm: Readonly<Record<AlarmCode, { what: string; next: string }>>;
  said: string;
  proposedSubject(resource: string): string;
  proposed: string;
  acceptOrReject: string;
  endedSubject(ended: { app: string; server: string; count: number }): string;
  /** Why something ended that the person had allowed. */
  ended: Readonly<Record<'administrator' | 'review', string>>;
  whatEnded: string;
  endedAt(app: string, server: string): string;
  connectAgain: string;
}

export interface Decision {
  subject(about: string): string;
  what: string;
  next: string;
}
