/** What the row of a connection has that says nothing of its provider: new, and nobody came by it yet. */
import type { ConnectionRecord } from '../../src/federation/connection-store.ts';

export function newConnectionRow(): Omit<ConnectionRecord, 'id' | 'kind' | 'settings'> {
  const at = new Date();
  return {
    name: 'Contoso',
    exclusive: false,
    provisioning: 'first_sign_in',
    origin: 'cli',
    createdAt: at,
    updatedAt: at,
    removedAt: undefined,
    credentialEndsAt: undefined,
    lastSuccessAt: undefined,
    lastFailureAt: undefined,
    lastFailure: undefined,
  };
}
