/**
 * What an authenticator signs (WebAuthn Level 3 §13.4.3): random, made for one browser, one purpose and a few minutes, and
 * good once. Only one that comes back is written down, so that nobody fills a table by looking at pages.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { ArtifactStore } from '../storage/artifacts.ts';

export type PasskeyChallenges = ReturnType<typeof createPasskeyChallenges>;

/** For whom and what a challenge is; it is good for nothing else. */
export interface ChallengeTerms {
  /** HMAC of the browser. */
  browserId: string;
  /** The page, and whose it is where that is known. */
  purpose: string;
}

const KIND = 'PasskeyChallenge';
const TTL_SECONDS = 600;
const RANDOM_BYTES = 32;
const TIME_BYTES = 6;

export function createPasskeyChallenges(deps: {
  artifacts: Pick<ArtifactStore, 'insert'>;
  sealing: { hmac(purpose: string, value: string): string };
  now: () => Date;
}) {
  const { artifacts, sealing, now } = deps;
  const macOf = (random: Buffer, until: number, { browserId, purpose }: ChallengeTerms) =>
    Buffer.from(
      sealing.hmac('passkey-challenge', JSON.stringify([random.toString('base64url'), until, browserId, purpose])),
      'base64url',
    );

  return {
    make(terms: ChallengeTerms): Buffer<ArrayBuffer> {
      const random = randomBytes(RANDOM_BYTES);
      const until = now().getTime() + TTL_SECONDS * 1000;
      const time = Buffer.alloc(TIME_BYTES);
      time.writeUIntBE(until, 0, TIME_BYTES);
      return Buffer.concat([random, time, macOf(random, until, terms)]);
    },
    /** @param challenge base64url @returns false for one that is not ours, not of these terms, too old, or used */
    async take(challenge: string, terms: ChallengeTerms): Promise<boolean> {
      const bytes = Buffer.from(challenge, 'base64url');
      if (bytes.length <= RANDOM_BYTES + TIME_BYTES) return false;
      const random = bytes.subarray(0, RANDOM_BYTES);
      const until = bytes.readUIntBE(RANDOM_BYTES, TIME_BYTES);
      const mac = bytes.subarray(RANDOM_BYTES + TIME_BYTES);
      const expected = macOf(random, until, terms);
      if (mac.length !== expected.length || !timingSafeEqual(mac, expected) || until <= now().getTime()) return false;
      return artifacts.insert(KIND, bytes.toString('base64url'), {}, TTL_SECONDS);
    },
  };
}
