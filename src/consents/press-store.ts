/** What a press makes: the agreement, or its next version, safe against any number of presses at once. */
import { createHash } from 'node:crypto';
import { AppError } from '../errors.ts';
import type { Prisma } from '../storage/generated/client.ts';
import { newId } from '../storage/new-id.ts';
import type { Database } from '../storage/transactions.ts';
import type { Consent, Terms } from './consent.ts';
import { toConsent } from './store.ts';
import { nextVersion, type Press } from './version.ts';

export type PressStore = ReturnType<typeof createPressStore>;

export function createPressStore({ database, now }: { database: Database; now: () => Date }) {
  return {
    /** What was granted under a suspended consent ends: it was granted to what the client no longer is. */
    async approve(press: Press): Promise<Consent> {
      const key = livingKey(press.terms);
      return database.write(async (tx) => {
        const before = await holdLiving(tx, press, now());
        if (before.suspendedAt) await tx.grant.deleteMany({ where: { consentId: before.id } });
        const row = await tx.consent.update({
          where: { livingKey: key },
          data: toData(nextVersion(before, press, now())),
        });
        return toConsent(row);
      });
    },
  };
}

const MAX_ATTEMPTS = 5;

type Parties = Pick<Terms, 'accountId' | 'clientId' | 'downstream' | 'downstreamKey' | 'resourceId' | 'redirectKey'>;

export function livingKey({
  accountId,
  clientId,
  downstream,
  downstreamKey,
  resourceId,
  redirectKey,
}: Parties): string {
  const through = downstream ? [downstream.clientId, downstreamKey] : [];
  return createHash('sha256')
    .update(JSON.stringify([accountId, clientId, resourceId, redirectKey, ...through]))
    .digest('base64url');
}

/**
 * The living row, held until the end of the transaction; made where there is none. What was living a moment ago may have
 * been revoked before it was held: then a new one begins.
 */
async function holdLiving(tx: Prisma.TransactionClient, press: Press, now: Date): Promise<Consent> {
  const key = livingKey(press.terms);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const data = [{ ...firstVersion(press, now), livingKey: key }];
    await tx.consent.createMany({ data, skipDuplicates: true });
    await tx.$queryRaw`SELECT id FROM consents WHERE living_key = ${key} FOR UPDATE`;
    const row = await tx.consent.findUnique({ where: { livingKey: key } });
    if (row) return toConsent(row);
  }
  throw new AppError('unavailable', 503, 'Nothing was changed. Try again in a moment.');
}

function firstVersion({ terms, browserId, expiresAt }: Press, now: Date) {
  return {
    id: newId(),
    accountId: terms.accountId,
    clientId: terms.clientId,
    downstreamClientId: terms.downstream?.clientId ?? null,
    downstreamRedirectUri: terms.downstream?.redirectUri ?? null,
    resourceId: terms.resourceId,
    redirectUri: terms.redirectUri,
    scopes: [],
    clientFingerprint: terms.clientFingerprint,
    scopeDigests: {},
    version: 0,
    browserId,
    browsers: [],
    approvedAt: now,
    fullPageAt: now,
    expiresAt,
  };
}

function toData({ stated, scopeWords, ...version }: ReturnType<typeof nextVersion>) {
  return {
    ...version,
    stated: stated as unknown as Prisma.InputJsonObject,
    scopeWords: scopeWords as unknown as Prisma.InputJsonObject,
  };
}
