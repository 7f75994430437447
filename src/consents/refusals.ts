/** What a person said no to: two denials within ten minutes, and the third request offers to block (consent fatigue). */

import { newId } from '../storage/new-id.ts';
import type { Block, RefusalSubject } from './refusal.ts';
import type { RefusalStore } from './refusal-store.ts';

export type Refusals = ReturnType<typeof createRefusals>;

const WINDOW_MS = 10 * 60_000;
const DENIALS = 2;

export function createRefusals({ store, now }: { store: RefusalStore; now: () => Date }) {
  return {
    async deny(subject: RefusalSubject): Promise<void> {
      await store.addDenial({ id: newId(), ...subject, at: now() });
    },
    async saidNoTwice(subject: RefusalSubject): Promise<boolean> {
      return (await store.countDenials(subject, new Date(now().getTime() - WINDOW_MS))) >= DENIALS;
    },
    isBlocked: (subject: RefusalSubject): Promise<boolean> => store.isBlocked(subject),
    async block(subject: RefusalSubject, client: Pick<Block, 'clientId' | 'clientName'>): Promise<void> {
      await store.addBlock({ id: newId(), ...subject, ...client, createdAt: now() });
    },
    /** The newest first. */
    listBlocks: (accountId?: string): Promise<Block[]> => store.listBlocks(accountId),
    /** @returns the block that was taken back; undefined where there was none */
    unblock: (id: string): Promise<Block | undefined> => store.removeBlock(id),
  };
}
