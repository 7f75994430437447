/** Tells people what happened: writes to the outbox in the transaction of what it tells of, and sends nothing itself. */
import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { isEmail } from '../credentials.ts';
import type { Alarm } from '../federation/alarms.ts';
import { visibleText } from '../web/visible-text.ts';
import { en, ja } from './languages.ts';
import { type Letter, type NoticeType, type Payload, SEAL_PURPOSE, type SinkName } from './message.ts';
import type { OutboxStore } from './store.ts';
import {
  type BreakGlassLetter,
  type ConnectedLetter,
  createLetters,
  type DecidedLetter,
  type FactorLetter,
  type IdentityLetter,
  type LeaverLetter,
  type ProposedLetter,
  type ProposedWords,
  type RequestedLetter,
} from './texts.ts';

export type { FactorChange } from './factor-words.ts';
export type Notices = ReturnType<typeof createNotices>;
type Letters = ReturnType<typeof createLetters>;

/** Somebody with an account. */
export interface Recipient {
  id: string;
  email: string;
  disabledAt?: Date | null | undefined;
  /** The language that they chose: en or ja. */
  locale?: string | null | undefined;
}

export interface People {
  findById(id: string): Promise<Recipient | undefined>;
  /** Owners who can sign in. */
  listApprovers(): Promise<readonly Recipient[]>;
  /** Who may decide on approvals at an MCP server, and can sign in. */
  approversOf(resourceId: string): Promise<readonly Recipient[]>;
}

/** Every notice that is about an account and a client says so. */
interface AboutClient {
  accountId: string;
  clientId: string;
}

export type ApprovalRequested = AboutClient & Omit<RequestedLetter, 'email'> & { resourceId: string };
export type ApprovalDecided = Omit<AboutClient, 'clientId'> & DecidedLetter & { requestId: string };
export type AppConnected = AboutClient & ConnectedLetter;
export type ScopeProposed = ProposedLetter;
export type BreakGlassUsed = BreakGlassLetter & { accountId: string };
export type LeaverKept = LeaverLetter & { accountId: string };
export type FactorChanged = FactorLetter & { accountId: string };
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

  async function write(notice: {
    type: NoticeType;
    at?: Date;
    data: Readonly<Record<string, unknown>>;
    letter: (letters: Letters) => Letter;
    recipients: readonly Recipient[];
  }): Promise<void> {
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

  /** Whoever asked cannot decide while somebody else can, so is not told either. */
  async function approversBut({ accountId, resourceId }: ApprovalRequested): Promise<readonly Recipient[]> {
    const approvers = await people.approversOf(resourceId);
    const others = approvers.filter(({ id }) => id !== accountId);
    return others.length > 0 ? others : approvers;
  }

  return {
    /** To all who may decide. */
    async approvalRequested(notice: ApprovalRequested): Promise<void> {
      if (sinks.length === 0) return;
      const recipients = await approversBut(notice);
      const asker = await people.findById(notice.accountId);
      // A provider may call its people whatever it likes, also by somebody else's address: it is named with them.
      const connections = await connectionNamesOf(notice.accountId);
      const { account, resource } = subject(notice, asker);
      const data = {
        request_id: notice.requestId,
        account: connections.length > 0 ? { ...account, connections } : account,
        resource,
        client: client(notice),
        scopes: notice.scopes.map(({ name }) => name),
        reason: line(notice.reason),
        approvers: recipients.map(person),
      };
      const called = asker?.email || notice.accountId;
      const email = connections.length > 0 ? `${called} (${connections.join(', ')})` : called;
      const letter = (letters: Letters) => letters.requested({ ...notice, email });
      await write({ type: 'approval.requested', data, letter, recipients });
    },
    /** To who asked. */
    async approvalDecided(notice: ApprovalDecided): Promise<void> {
      if (sinks.length === 0) return;
      const asker = await people.findById(notice.accountId);
      const data = {
        request_id: notice.requestId,
        decision: notice.decision,
        ...subject(notice, asker),
        client: client(notice),
        note: line(notice.note),
      };
      await write({
        type: 'approval.decided',
        data,
        letter: (letters) => letters.decided(notice),
        recipients: list(asker),
      });
    },
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

function subject(notice: { accountId: string; resourceName: string }, account: Recipient | undefined) {
  return {
    account: account ? person(account) : { id: notice.accountId },
    resource: { name: line(notice.resourceName) },
  };
}

function person({ id, email }: Recipient) {
  return { id, email };
}

function proposal({ description, tools }: ProposedWords) {
  return { description: line(description), tools: tools?.map(line) };
}

function client(notice: { clientId?: string; clientName: string; through?: string | undefined }) {
  return { id: notice.clientId, name: line(notice.clientName), through: line(notice.through) };
}

/** A receiver may show it to people as well. Left out of the JSON where there is none. */
function line(text: string | undefined): string | undefined {
  return text === undefined ? undefined : visibleText(text.slice(0, 4_000), 'NFC');
}

function list(recipient: Recipient | undefined): Recipient[] {
  return recipient ? [recipient] : [];
}

/** Each once, and none that no mail server knows, such as admin@localhost. Who cannot sign in is not written to. */
function addressesOf(recipients: readonly Recipient[]): [address: string, locale: string | null | undefined][] {
  const living = recipients.filter(({ disabledAt, email }) => !disabledAt && isReachable(email));
  return [...new Map(living.map(({ email, locale }) => [email, locale]))];
}

/** RFC 6761: nothing is ever delivered to localhost and invalid. */
function isReachable(email: string): boolean {
  if (!isEmail(email)) return false;
  const domain = domainToASCII(email.slice(email.lastIndexOf('@') + 1));
  const labels = domain.split('.');
  return labels.length > 1 && !labels.includes('') && isIP(domain) === 0 && !/\.(localhost|invalid)$/.test(domain);
}
