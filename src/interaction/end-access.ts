/** A person stops or blocks an app: what it has of this MCP server ends, whichever of its registrations has it. */

import { type RevocationDeps, revokeConsents } from '../consents/revocation.ts';
import type { ConsentFilter } from '../consents/store.ts';
import type { Subject } from './describe.ts';

/** @param known one of its consents, where it is known */
export async function endAccess(
  { client, downstream, proven, resource }: Subject,
  accountId: string,
  known: Pick<ConsentFilter, 'id'>,
  reason: 'stopped_by_person' | 'blocked_by_person',
  deps: RevocationDeps & { familyOf: (clientId: string) => Promise<string | undefined> },
): Promise<void> {
  const parties = { accountId, resourceId: resource.id, downstreamClientId: downstream?.clientId ?? null };
  const filters: ConsentFilter[] = [{ ...parties, clientId: client.clientId }];
  if (known.id !== undefined) filters.push({ accountId, id: known.id });
  const familyKey = proven || downstream ? undefined : await deps.familyOf(client.clientId);
  if (familyKey) filters.push({ ...parties, client: { familyKey } });
  await revokeConsents(deps, filters, reason);
}
