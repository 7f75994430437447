/**
 * How browser sessions end before their time, whoever ends them: with a word to each client that was used in them
 * (OpenID Connect Back-Channel Logout 1.0 §2.5), which leaves by the outbox once the transaction has committed.
 */
import { randomBytes } from 'node:crypto';
import type { ClientStore } from './clients/store.ts';
import { type Payload, SEAL_PURPOSE } from './notices/message.ts';
import type { OutboxStore } from './notices/store.ts';
import type { ArtifactStore } from './storage/artifacts.ts';
import type { Database } from './storage/transactions.ts';

export type Sessions = ReturnType<typeof createSessions>;

export interface SessionsDeps {
  artifacts: Pick<ArtifactStore, 'take'>;
  clients: Pick<ClientStore, 'find'>;
  outbox: Pick<OutboxStore, 'add'>;
  sealing: { seal(purpose: string, aad: string, plaintext: string): Uint8Array<ArrayBuffer> };
  database: Pick<Database, 'unit'>;
  now: () => Date;
}

export function createSessions({ artifacts, clients, outbox, sealing, database, now }: SessionsDeps) {
  /** @param sid the client's name for the session; a client may be told of the person alone */
  async function tell(clientId: string, sub: string, sid: string | undefined): Promise<void> {
    const client = await clients.find(clientId);
    if (!client || client.revokedAt || typeof client.metadata.backchannel_logout_uri !== 'string') return;
    const id = randomBytes(16).toString('base64url');
    const createdAt = now();
    const event = {
      type: 'session.ended' as const,
      occurredAt: createdAt.toISOString(),
      data: { client_id: clientId, sub, ...(sid === undefined ? {} : { sid }) },
    };
    const payload = sealing.seal(SEAL_PURPOSE, id, JSON.stringify({ event } satisfies Payload));
    await outbox.add([{ id, sink: 'client', kind: 'session.ended', payload, createdAt }]);
  }

  /** @returns whose they were */
  function end(whose: Parameters<ArtifactStore['take']>[1]): Promise<string[]> {
    return database.unit(async () => {
      const accountIds: string[] = [];
      for (const { accountId, authorizations } of await artifacts.take('Session', whose)) {
        if (typeof accountId !== 'string') continue;
        accountIds.push(accountId);
        const used = Object.entries((authorizations ?? {}) as Record<string, { sid?: string }>);
        for (const [clientId, { sid }] of used) await tell(clientId, accountId, sid);
      }
      return accountIds;
    });
  }

  return {
    tell,
    /** Every session of a person. @returns how many */
    endOf: async (accountId: string): Promise<number> => (await end({ accountId })).length,
    /** @param uidKeys as stored @returns whose they were, each as often as they had one */
    endThese: (uidKeys: readonly string[]): Promise<string[]> => end({ uidKeys }),
  };
}
