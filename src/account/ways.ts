/** By what a person signs in, what they could add, and what they may take away. */
import type { Accounts } from '../accounts/account.ts';
import { mayUsePassword } from '../accounts/sign-in.ts';
import type { Account, IdentityKey } from '../accounts/store.ts';
import type { Way, WaysStore } from '../accounts/ways-store.ts';
import type { Audit } from '../audit/store.ts';
import type { Connection, Connections } from '../federation/connection.ts';
import type { Notices } from '../notices/notices.ts';
import type { WayView } from '../web/sign-in-pages.ts';

export interface WaysDeps {
  accounts: Accounts;
  ways: WaysStore;
  connections: Connections;
  roles: { recompute(accountId: string): Promise<unknown> };
  notices: Pick<Notices, 'identityChanged'>;
  audit: Audit;
  sealing: { hmac(purpose: string, value: string): string };
  now: () => Date;
}

export interface Overview {
  /** Those of living connections. */
  ways: readonly { key: IdentityKey; view: WayView }[];
  /** The person's password lets them in. */
  password: boolean;
  addable: readonly Connection[];
  /** By which people sign in. */
  connectionIds: readonly string[];
  /** Name of the connection, where it was added a moment ago. */
  justAdded(connectionId: string): string | undefined;
}

const MOMENT_MS = 300_000;

export async function overviewOf(account: Account, deps: WaysDeps): Promise<Overview> {
  const connections = await deps.connections.list();
  const exclusive = await deps.connections.isExclusive();
  const password = mayUsePassword(account, { breakGlassOnly: exclusive }) && (await deps.ways.hasPassword(account.id));
  const known = (await deps.ways.list(account.id)).flatMap((way) => {
    const connection = connections.find(({ id }) => id === way.connectionId);
    return connection ? [{ way, connection }] : [];
  });
  const living = known.filter(({ way }) => !way.orphaned).length;
  const ways = known.map(({ way, connection }) => {
    const others = living - (way.orphaned ? 0 : 1);
    return { key: way, view: viewOf(way, connection, others > 0 || password, deps) };
  });
  const at = deps.now().getTime();
  return {
    ways,
    password,
    // Whom a directory sends, the directory joins.
    addable: connections.filter(
      ({ id, provisioning }) => provisioning !== 'scim' && !known.some(({ way }) => way.connectionId === id),
    ),
    connectionIds: connections.map(({ id }) => id),
    justAdded: (connectionId) =>
      known.find(({ way }) => way.connectionId === connectionId && at - way.since.getTime() < MOMENT_MS)?.connection
        .name,
  };
}

/** Who comes by a connection that the operator insists on would slip away from it. */
function viewOf(way: Way, connection: Connection, others: boolean, { sealing }: WaysDeps): WayView {
  const { connectionId, issuer, subject, email, since } = way;
  const kept = connection.exclusive || connection.provisioning === 'scim' || way.provisioned;
  const id = sealing.hmac('way-in', JSON.stringify([connectionId, issuer, subject])).slice(0, 22);
  return { id, name: connection.name, email, since, state: kept ? 'kept' : others ? 'removable' : 'last' };
}
