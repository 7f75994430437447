/** Tells people what happened: writes to the outbox in the transaction of what it tells of, and sends nothing itself. */
import { randomBytes } from 'node:crypto';
import type { Alarm } from '../federation/alarms.ts';
import { type AboutClient, createApprovalNotices } from './approval-notices.ts';
import { en } from './english.ts';
import { ja } from './japanese.ts';
import type {
  BreakGlassLetter,
  ConnectedLetter,
  EndedLetter,
  FactorLetter,
  IdentityLetter,
  LeaverLetter,
  ProposedLetter,
} from './matters.ts';
import { type Letter, type NoticeType, type Payload, SEAL_PURPOSE, type SinkName } from './message.ts';
import { addressesOf, type People, type Recipient } from './recipients.ts';
import type { OutboxStore } from './store.ts';
import { createLetters } from './texts.ts';
import { client, line, list, person, proposal, subject } from './wire.ts';

export type { FactorChange } from './factor-words.ts';
export type Notices = ReturnType<typeof createNotices>;
export type Letters = ReturnType<typeof createLetters>;

/** One thing to be told, to a program and to people. */
export interface Notice {
  type: NoticeType;
  at?: Date;
  data: Readonly<Record<string, unknown>>;
  letter: (letters: Letters) => Letter;
  recipients: readonly Recipient[];
}

export type AppConnected = AboutClient & ConnectedLetter;
export type ScopeProposed = ProposedLetter;
export type BreakGlassUsed = BreakGlassLetter & { accountId: string };
export type LeaverKept = LeaverLetter & { accountId: string };
export type FactorChanged = FactorLetter & { accountId: string };
export type AccessEnded = EndedLetter & { accountId: string; reviewId?: string | undefined };
export type IdentityChanged = IdentityLetter & { accountId: string; connectionId: string };

/**
 * Each function writes one row for the webhook and one for each person with a mail address that mail can reach; without
 * sinks it does nothing. To belong to what it tells of, it has to be called inside the same unit of work
 * (`database.unit`).
 *
 * @param sinks those that are configured
 * @param issuer the only URL in a mail
 */
export function createNotices(deps: {
  store: OutboxStore;
  sinks: readonly SinkName[];
  sealing: { seal(purpose: string, aad: string, plaintext: string): Uint8Array<ArrayBuffer> };
  people: People;
  /** Names of the connections that say who this is; none for people who have only a password here. */
  connectionNamesOf?: (accountId: string) => Promise<readonly string[]>;
  brandName: string;
  issuer: string;
  now: () => Date;
}) {
  const { store, sinks, sealing, people, connectionNamesOf = async () => [], now } = deps;
  const both = createLetters(deps);
  const alone = { en: createLetters({ ...deps, languages: [en] }), ja: createLetters({ ...deps, languages: [ja] }) };
  const lettersFor = (locale: string | null | undefined) => (locale === 'en' || locale === 'ja' ? alone[locale] : both);

  async function write(notice: Notice): Promise<void> {
    const { type, at = now(), data, letter, recipients } = notice;
    const event = { type, occurredAt: at.toISOString(), data };
    const createdAt = now();
    const row = (sink: SinkName, payload: Payload) => {
      const id = randomBytes(16).toString('base64url');
      return { id, sink, kind: type, payload: sealing.seal(SEAL_PURPOSE, id, JSON.stringify(payload)), createdAt };
    };
    const mails = sinks.includes('smtp') ? addressesOf(recipients) : [];
    await store.add([
      ...(sinks.includes('webhook') ? [row('webhook', { event })] : []),
      ...mails.map(([to, locale]) => row('smtp', { event: { ...event, data: {} }, to, ...letter(lettersFor(locale)) })),
    ]);
  }

  return {
    ...createApprovalNotices({ sinks, people, connectionNamesOf, write }),
    /** To whom the account belongs, after a press on a full page that made a new consent. */
    async appConnected(notice: AppConnected): Promise<void> {
      if (sinks.length === 0) return;
      const owner = await people.findById(notice.accountId);
      const data = {
        ...subject(notice, owner),
        client: client(notice),
        redirect_host: notice.redirectHost,
        scopes: notice.scopes.map(({ name }) => name),
      };
      const letter = (letters: Letters) => letters.connected(notice);
      await write({ type: 'app.connected', at: notice.at, data, letter, recipients: list(owner) });
    },
    /** To every owner, whoever of them it was. */
    async breakGlassUsed(notice: BreakGlassUsed): Promise<void> {
      if (sinks.length === 0) return;
      const recipients = await people.listApprovers();
      const data = {
        account: person({ id: notice.accountId, email: notice.email }),
        resource: { name: line(notice.resourceName) },
        owners: recipients.map(person),
      };
      const letter = (letters: Letters) => letters.breakGlass(notice);
      await write({ type: 'sign_in.break_glass', at: notice.at, data, letter, recipients });
    },
    /** To every owner: somebody was to lose access who must not. */
    async leaverKept(notice: LeaverKept): Promise<void> {
      if (sinks.length === 0) return;
      const recipients = await people.listApprovers();
      const data = {
        account: person({ id: notice.accountId, email: notice.email }),
        why: notice.why,
        owners: recipients.map(person),
      };
      await write({ type: 'leaver.kept', data, letter: (letters) => letters.leaver(notice), recipients });
    },
    /** To whom the account belongs. */
    async identityChanged(notice: IdentityChanged): Promise<void> {
      if (sinks.length === 0) return;
      const owner = await people.findById(notice.accountId);
      const data = {
        account: owner ? person(owner) : { id: notice.accountId },
        connection: { id: notice.connectionId, name: line(notice.connectionName) },
      };
      const type = `identity.${notice.change}` as const;
      await write({
        type,
        at: notice.at,
        data,
        letter: (letters) => letters.identity(notice),
        recipients: list(owner),
      });
    },
    /** To whom the account belongs: what they had allowed was taken back by somebody else. One for all of it. */
    async accessEnded(notice: AccessEnded): Promise<void> {
      if (sinks.length === 0 || notice.endings.length === 0) return;
      const owner = await people.findById(notice.accountId);
      const data = {
        account: owner ? person(owner) : { id: notice.accountId },
        why: notice.why,
        review: notice.reviewId,
        ended: notice.endings.map((one) => ({ client: client(one), resource: { name: line(one.resourceName) } })),
      };
      const letter = (letters: Letters) => letters.ended(notice);
      await write({ type: 'access.ended', at: notice.at, data, letter, recipients: list(owner) });
    },
    /** To whom the account belongs: what proves them here is no longer what it was. */
    async factorChanged(notice: FactorChanged): Promise<void> {
      if (sinks.length === 0) return;
      const owner = await people.findById(notice.accountId);
      const data = {
        account: owner ? person(owner) : { id: notice.accountId },
        change: notice.change,
        passkey: line(notice.passkey),
      };
      const letter = (letters: Letters) => letters.factor(notice);
      await write({ type: 'factor.changed', at: notice.at, data, letter, recipients: list(owner) });
    },
    /** To all owners: a connection needs them. */
    async connectionAlarm(notice: Alarm): Promise<void> {
      if (sinks.length === 0) return;
      const recipients = await people.listApprovers();
      const data = {
        connection: { id: notice.connectionId, name: line(notice.connectionName) },
        alarm: notice.code,
        when: notice.at?.toISOString(),
        detail: line(notice.detail),
        owners: recipients.map(person),
      };
      await write({ type: 'connection.alarm', data, letter: (letters) => letters.alarm(notice), recipients });
    },
    /** To all who may decide: a permission is suspended until its new words are accepted. */
    async scopeProposed(notice: ScopeProposed): Promise<void> {
      if (sinks.length === 0) return;
      const recipients = await people.listApprovers();
      const data = {
        resource: { name: line(notice.resourceName) },
        scope: notice.scopeName,
        before: notice.before && proposal(notice.before),
        after: proposal(notice.after),
        approvers: recipients.map(person),
      };
      await write({ type: 'scope.proposed', data, letter: (letters) => letters.proposed(notice), recipients });
    },
  };
}
