/** What is known of one trip to an upstream provider and back. */
import type { OutwardLeg } from './connection.ts';

/** What was pressed for. */
export type LegTerms = Trip & (RequestTerms | AccountTerms);

interface Trip {
  connectionId: string;
  /** Who has to return; not for a sign-in. */
  expectedAccountId?: string | undefined;
  wishes: Wishes;
  /** The provider asked for more already: it does so once. */
  challenged?: boolean | undefined;
}

/** How the provider is to ask; nothing that a client wrote. */
export type Wishes = Pick<OutwardLeg, 'prompt' | 'maxAgeSeconds' | 'authContext'>;

/** On the pages of an authorization. */
interface RequestTerms {
  /** `presence`: the person who is signed in proves to be here. */
  purpose: 'sign-in' | 'presence';
  interactionUid: string;
  clientId: string;
  /** Client, downstream client, what both said of themselves, redirect and resource, as the person saw them. */
  named: string;
}

/** On a person's own page. */
interface AccountTerms {
  /** `account`: to open the page; `link`: to be signed in by this connection too from now on. */
  purpose: 'account' | 'link';
  /** The browser session that it began in; undefined where nobody was signed in. */
  sessionUid: string | undefined;
  /** Path of ours where the person goes on afterwards; checked when they set out and once more when they are back. */
  to: string;
}

export type Leg = LegTerms & {
  nonce: string;
  codeVerifier: string;
  /** SHA-256 of the secret in the browser's cookie, base64url. */
  secretHash: string;
};

export type RequestLeg = Leg & RequestTerms;
export type AccountLeg = Leg & AccountTerms;

export function isOfRequest(leg: Leg): leg is RequestLeg {
  return leg.purpose === 'sign-in' || leg.purpose === 'presence';
}
