/** Access reviews over the rooms that they look at: what people agreed to, and the key that signs what came of it. */
import type { Audit } from './audit/store.ts';
import { displayName } from './clients/display-name.ts';
import { redirectHost } from './clients/redirect-uris.ts';
import { DEVICE_REDIRECT } from './consents/agreement.ts';
import { revokeConsents } from './consents/revocation.ts';
import type { ConsentStore } from './consents/store.ts';
import type { PrivateJwk } from './keys/keyset.ts';
import type { Notices } from './notices/notices.ts';
import { createEvidence } from './reviews/evidence.ts';
import { createReviewItemsStore } from './reviews/items-store.ts';
import { createReviews } from './reviews/reviews.ts';
import { createReviewStore } from './reviews/store.ts';
import type { TellEnded } from './reviews/telling.ts';
import { createTellingStore } from './reviews/telling-store.ts';
import type { Database } from './storage/transactions.ts';

export function createReviewRooms(deps: {
  consents: ConsentStore;
  audit: Audit;
  notices: Pick<Notices, 'accessEnded'>;
  database: Database;
  /** The one that signs at present. */
  signingKey: () => Promise<PrivateJwk>;
  issuer: string;
  now: () => Date;
}) {
  const { database, notices, now } = deps;
  const tell: TellEnded = async (reviewId, ended) => {
    for (const [accountId, items] of Map.groupBy(ended, (item) => item.accountId)) {
      const endings = items.map(({ through, ...item }) => ({ ...item, ...(through === null ? {} : { through }) }));
      await notices.accessEnded({ accountId, why: 'review', reviewId, endings, at: now() });
    }
  };
  const hostOf = (uri: string) => (uri !== DEVICE_REDIRECT && URL.canParse(uri) ? redirectHost(uri).host : '');
  const store = createReviewStore(database);
  const items = createReviewItemsStore({ database, displayName, hostOf });
  return {
    reviews: createReviews({
      ...deps,
      store,
      items,
      tellingStore: createTellingStore(database),
      tell,
      revoke: (ids, reason) => revokeConsents(deps, [{ id: { in: [...ids] } }], reason),
    }),
    reviewEvidence: createEvidence({ ...deps, store, items }),
  };
}
