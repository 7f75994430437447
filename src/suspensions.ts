/** A client's document changed: the consents that no longer hold are suspended, before anything is minted under them. */
import { events } from './audit/events.ts';
import type { Audit } from './audit/store.ts';
import type { Stated } from './clients/client.ts';
import { sameRedirect } from './clients/redirect-uris.ts';
import type { Asking } from './consents/agreement.ts';
import type { Consent } from './consents/consent.ts';
import { type Difference, gradeOf, statedDifferences } from './consents/differences.ts';
import type { ConsentStore } from './consents/store.ts';

export interface SuspensionDeps {
  consents: Pick<ConsentStore, 'listVariants' | 'suspendVariant'>;
  stated: (asking: Asking) => Promise<Stated>;
  audit: Audit;
}

/**
 * Runs the contract check over everybody's living consents with a client, or through a proxy with it as the downstream
 * client: consent.md, "suspends refresh".
 *
 * @param metadata what the client says from now on
 * @returns how many consents were suspended
 */
export async function suspendChanged(
  { consents, stated, audit }: SuspensionDeps,
  clientId: string,
  metadata: Record<string, unknown>,
): Promise<number> {
  const uris = Array.isArray(metadata.redirect_uris) ? metadata.redirect_uris.map(String) : [];
  const counts = new Map<string, number>();
  let after = '';
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const variants = await consents.listVariants(clientId, after);
    for (const variant of variants) {
      const reason = (await reasonsFor(variant)).map(({ kind }) => kind).join(' ');
      if (reason === '') continue;
      const key = JSON.stringify([variant.clientId, reason]);
      counts.set(key, (counts.get(key) ?? 0) + (await consents.suspendVariant(variant, reason)));
    }
    const last = variants.at(-1);
    if (!last) break;
    after = last.id;
  }
  for (const [key, count] of counts) {
    const [consenting, reason] = JSON.parse(key) as [string, string];
    await audit.record(
      events.consentSuspended({ clientId: consenting }, { consents: count, changed: clientId }, reason),
    );
  }
  return [...counts.values()].reduce((sum, count) => sum + count, 0);

  async function reasonsFor(variant: Consent): Promise<Difference[]> {
    const isDownstream = variant.clientId !== clientId;
    const redirectUri = isDownstream ? (variant.downstream?.redirectUri ?? '') : variant.redirectUri;
    const before = isDownstream ? variant.stated?.downstream : variant.stated?.client;
    const redirectRegistered = uris.some((uri) => sameRedirect(uri, redirectUri));
    const found: Difference[] = redirectRegistered ? [] : [{ kind: 'redirect_removed', before: redirectUri }];
    const now = await stated({ clientId, metadata, redirectUri, redirectRegistered });
    if (before) found.push(...statedDifferences(before, now));
    return found.filter((difference) => gradeOf(difference) === 'suspends');
  }
}

/** Of 200 kinds of consent each: more than any client has redirects. */
const MAX_PAGES = 50;
