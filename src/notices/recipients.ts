/** Whom notices go to. */
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { isEmail } from '../credentials.ts';

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

/** Each once, and none that no mail server knows, such as admin@localhost. Who cannot sign in is not written to. */
export function addressesOf(recipients: readonly Recipient[]): [address: string, locale: string | null | undefined][] {
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
