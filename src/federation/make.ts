/** Makes a connection of what is stored of it. */
import type { Egress } from '../web/egress.ts';
import type { Connection } from './connection.ts';
import type { ConnectionRecord } from './connection-store.ts';
import { createEntraConnection } from './entra/entra.ts';
import { createOidcConnection } from './oidc/oidc.ts';
import type { ConnectionSecrets } from './settings.ts';

export function makeConnection(deps: { fetch: Egress['fetch']; now: () => Date }) {
  return (record: ConnectionRecord, secrets: ConnectionSecrets, fetch = deps.fetch): Connection =>
    record.kind === 'entra'
      ? createEntraConnection(record, secrets, { ...deps, fetch })
      : createOidcConnection(record, secrets, { ...deps, fetch });
}
