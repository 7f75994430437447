/** The alarm of an emergency: somebody came in past the identity provider that everybody has to come by. Loudly, and at once. */
import type { Account } from './accounts/store.ts';
import { events } from './audit/events.ts';
import type { Audit } from './audit/store.ts';
import type { Notices } from './notices/notices.ts';

export type SoundBreakGlass = ReturnType<typeof createBreakGlassAlarm>;

/** What they came in for: an MCP server by its name, with the client and its URI, or a page of this server. */
export interface Emergency {
  where: string;
  clientId?: string | undefined;
  resource?: string | undefined;
  page?: string | undefined;
}

export function createBreakGlassAlarm(deps: {
  audit: Pick<Audit, 'record'>;
  notices: Pick<Notices, 'breakGlassUsed'>;
  now: () => Date;
}) {
  const { audit, notices, now } = deps;
  return async ({ id, email }: Account, { where, clientId, resource, page }: Emergency): Promise<void> => {
    const subject = { accountId: id, clientId, resource };
    await audit.record(events.breakGlassUsed(subject, page === undefined ? undefined : { page }));
    await notices.breakGlassUsed({ accountId: id, email, resourceName: where, at: now() });
  };
}
