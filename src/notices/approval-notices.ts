/** Notices about what people ask an administrator for: to those who decide, and to who asked. */
import type { DecidedLetter, RequestedLetter } from './matters.ts';
import type { SinkName } from './message.ts';
import type { Letters, Notice } from './notices.ts';
import { addressesOf, type People, type Recipient } from './recipients.ts';
import { client, line, list, person, subject } from './wire.ts';

/** Every notice that is about an account and a client says so. */
export interface AboutClient {
  accountId: string;
  clientId: string;
}

export type ApprovalRequested = AboutClient & Omit<RequestedLetter, 'email'> & { resourceId: string };
/** `by` is the account that approved first. */
export type ApprovalFirst = ApprovalRequested & {
  first: { by: string; audience: 'person' | 'everyone'; days: number };
};
export type ApprovalDecided = Omit<AboutClient, 'clientId'> & DecidedLetter & { requestId: string };

export function createApprovalNotices(deps: {
  sinks: readonly SinkName[];
  people: People;
  connectionNamesOf: (accountId: string) => Promise<readonly string[]>;
  write: (notice: Notice) => Promise<void>;
}) {
  const { sinks, people, connectionNamesOf, write } = deps;

  /** Whoever asked cannot decide while somebody else can, so is not told either. */
  async function approversBut({ accountId, resourceId }: ApprovalRequested): Promise<readonly Recipient[]> {
    const approvers = await people.approversOf(resourceId);
    const others = approvers.filter(({ id }) => id !== accountId);
    return others.length > 0 ? others : approvers;
  }

  /** What both kinds of notices to those who decide say of a request. */
  async function describe(notice: ApprovalRequested, recipients: readonly Recipient[]) {
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
    return { data, email: connections.length > 0 ? `${called} (${connections.join(', ')})` : called };
  }

  return {
    /** Whether what is told to this person reaches them by mail. */
    async reachesByMail(accountId: string): Promise<boolean> {
      return sinks.includes('smtp') && addressesOf(list(await people.findById(accountId))).length > 0;
    },
    /** To all who may decide. */
    async approvalRequested(notice: ApprovalRequested): Promise<void> {
      if (sinks.length === 0) return;
      const recipients = await approversBut(notice);
      const { data, email } = await describe(notice, recipients);
      const letter = (letters: Letters) => letters.requested({ ...notice, email });
      await write({ type: 'approval.requested', data, letter, recipients });
    },
    /** To all who may decide but who just did: somebody has to confirm it. */
    async approvalFirst(notice: ApprovalFirst): Promise<void> {
      if (sinks.length === 0) return;
      const { by, audience, days } = notice.first;
      const recipients = (await approversBut(notice)).filter(({ id }) => id !== by);
      const { data, email } = await describe(notice, recipients);
      const approver = await people.findById(by);
      const first = { email: approver?.email || by, audience, days };
      const told = { ...data, first: { approver: approver ? person(approver) : { id: by }, audience, days } };
      const letter = (letters: Letters) => letters.confirm({ ...notice, email, first });
      await write({ type: 'approval.first', data: told, letter, recipients });
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
      const letter = (letters: Letters) => letters.decided(notice);
      await write({ type: 'approval.decided', data, letter, recipients: list(asker) });
    },
  };
}
