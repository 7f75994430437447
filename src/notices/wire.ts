/** What a notice says to a program. */
import { visibleText } from '../web/visible-text.ts';
import type { ProposedWords } from './matters.ts';
import type { Recipient } from './recipients.ts';

export function subject(notice: { accountId: string; resourceName: string }, account: Recipient | undefined) {
  return {
    account: account ? person(account) : { id: notice.accountId },
    resource: { name: line(notice.resourceName) },
  };
}

export function person({ id, email }: Recipient) {
  return { id, email };
}

export function proposal({ description, tools }: ProposedWords) {
  return { description: line(description), tools: tools?.map(line) };
}

export function client(notice: { clientId?: string; clientName: string; through?: string | undefined }) {
  return { id: notice.clientId, name: line(notice.clientName), through: line(notice.through) };
}

/** A receiver may show it to people as well. Left out of the JSON where there is none. */
export function line(text: string | undefined): string | undefined {
  return text === undefined ? undefined : visibleText(text.slice(0, 4_000), 'NFC');
}

export function list(recipient: Recipient | undefined): Recipient[] {
  return recipient ? [recipient] : [];
}
