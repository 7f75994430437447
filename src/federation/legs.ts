/**
 * One trip to an upstream provider and back. It is made only after the person's press, is bound to browser,
 * interaction, client and what the client said of itself, and is good once within ten minutes (RFC 9700 §4.7).
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Seal } from '../storage/artifacts.ts';
import type { Database } from '../storage/transactions.ts';
import type { OutwardLeg } from './connection.ts';
import { createLegStore } from './leg-store.ts';

export type Legs = ReturnType<typeof createLegs>;

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

export const LEG_TTL_SECONDS = 600;

export function createLegs(deps: { database: Database; sealing: Seal; now: () => Date }) {
  const { insert, find, claim } = createLegStore(deps);

  return {
    find,
    claim,
    /**
     * @param address asks the connection where to send the browser, before anything is written
     * @returns `secret` for the cookie of this leg
     */
    async begin(
      terms: LegTerms,
      address: (outward: Pick<OutwardLeg, 'state' | 'nonce' | 'codeChallenge'>) => Promise<URL>,
    ): Promise<{ url: URL; state: string; secret: string }> {
      const [state, nonce, codeVerifier, secret] = [random(), random(), random(), random()];
      const url = await address({ state, nonce, codeChallenge: sha256(codeVerifier) });
      const leg: Leg = { ...terms, nonce, codeVerifier, secretHash: sha256(secret) };
      if (!(await insert(state, leg, LEG_TTL_SECONDS))) throw new Error('state exists');
      return { url, state, secret };
    },
    /** Whether the leg was begun in the browser that brought this secret. */
    isOwn(leg: Leg, secret: string | undefined): boolean {
      const expected = Buffer.from(leg.secretHash);
      const actual = Buffer.from(sha256(secret ?? ''));
      return expected.length === actual.length && timingSafeEqual(expected, actual);
    },
  };
}

/** 256 bits. */
function random(): string {
  return randomBytes(32).toString('base64url');
}

function sha256(value: string): string {
  return createHash('sha256').update(value).digest('base64url');
}
