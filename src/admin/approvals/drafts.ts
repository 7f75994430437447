/** What was typed on the card of a request while the approver shows once more that it is them. */
import { randomBytes } from 'node:crypto';
import type { ArtifactStore } from '../../storage/artifacts.ts';

/** What stands in the forms. */
export interface Typed {
  audience: string;
  days: string;
  note: string;
  reason: string;
  /** Ticks of the form that approves: `<id>.<sight>`. */
  also: string[];
  /** Ticks of the form that denies: ids. */
  denyAlso: string[];
}

export type Drafts = ReturnType<typeof createDrafts>;

const KIND = 'ApprovalDraft';
/** As long as showing it, by whatever way, may take. */
const TTL_SECONDS = 1800;

export function createDrafts({ artifacts }: { artifacts: Pick<ArtifactStore, 'upsert' | 'find'> }) {
  return {
    /** @returns its id */
    async keep(of: { accountId: string; requestId: string }, typed: Typed): Promise<string> {
      const id = randomBytes(16).toString('base64url');
      await artifacts.upsert(KIND, id, { ...of, typed }, TTL_SECONDS);
      return id;
    },
    /** Of who typed it, on the page of the same request. */
    async find(id: string, of: { accountId: string; requestId: string }): Promise<Typed | undefined> {
      const kept = (await artifacts.find(KIND, id))?.payload as unknown as (typeof of & { typed: Typed }) | undefined;
      return kept?.accountId === of.accountId && kept.requestId === of.requestId ? kept.typed : undefined;
    },
  };
}
