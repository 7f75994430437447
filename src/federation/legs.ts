/**
 * One trip to an upstream provider and back. It is made only after the person's press, is bound to browser,
 * interaction, client and what the client said of itself, and is good once within ten minutes (RFC 9700 §4.7).
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Seal } from '../storage/artifacts.ts';
import type { Database } from '../storage/transactions.ts';
import type { OutwardLeg } from './connection.ts';
import type { Leg, LegTerms } from './leg.ts';
import { createLegStore } from './leg-store.ts';

export type Legs = ReturnType<typeof createLegs>;

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
