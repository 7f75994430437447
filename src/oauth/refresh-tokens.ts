/**
 * Rotation of refresh tokens (OAuth 2.1 §4.3.1) with a grace window: for some seconds from its first use every caller
 * that presents the same token gets the same successor, until that successor is used. Then reuse ends the family.
 */
import { type KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { ArtifactStore, Seal, StoredArtifact } from '../storage/artifacts.ts';

export type RefreshTokens = ReturnType<typeof createRefreshTokens>;

const KIND = 'RefreshToken';

export function createRefreshTokens(deps: {
  artifacts: ArtifactStore;
  sealing: Seal;
  /** 0 turns the window off */
  graceSeconds: number;
  now: () => Date;
}) {
  const { artifacts, sealing, graceSeconds, now } = deps;
  const successorOf = (value: string) => sealing.hmac('refresh-successor', value);

  /** Open from the first use on, never prolonged, closed by the first use of the successor. */
  async function inGrace(id: string, stored: StoredArtifact): Promise<boolean> {
    if (!stored.consumedAt || graceSeconds === 0) return false;
    if (now().getTime() >= stored.consumedAt.getTime() + graceSeconds * 1000) return false;
    const successor = await artifacts.find(KIND, successorOf(id));
    return successor !== undefined && successor.consumedAt === undefined;
  }

  return {
    /** What was used within the window looks unused. */
    async find(id: string): Promise<StoredArtifact | undefined> {
      const stored = await artifacts.find(KIND, id);
      if (stored && (await inGrace(id, stored))) return { payload: stored.payload, consumedAt: undefined };
      return stored;
    },
    /** @returns false where it was used before and the window is closed */
    async consume(id: string): Promise<boolean> {
      if (await artifacts.consume(KIND, id)) return true;
      const stored = await artifacts.find(KIND, id);
      return stored !== undefined && (await inGrace(id, stored));
    },
    /** Gives a successor the one name that every holder of its predecessor's value can compute. */
    nameSuccessors(provider: Provider): void {
      const { prototype } = provider.RefreshToken as unknown as { prototype: { generateTokenId(): string } };
      const random = prototype.generateTokenId;
      prototype.generateTokenId = function generateTokenId(this: unknown): string {
        const context = Provider.ctx as KoaContextWithOIDC | undefined;
        const rotated = context?.oidc.entities.RotatedRefreshToken as { jti: string } | undefined;
        return rotated ? successorOf(rotated.jti) : random.call(this);
      };
    },
  };
}
