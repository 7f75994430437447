/** The connections as they are configured now: read from the database every second, each made once per version. */
import type { Egress } from '../web/egress.ts';
import { createApartFetch, type Party, type Sound, sift } from './apart.ts';
import { type Because, tellWhy } from './because.ts';
import type { Connection, Connections } from './connection.ts';
import type { BrokenConnection, ConnectionRecord, ConnectionStore } from './connection-store.ts';
import { createOutcomes, type OutcomeDeps } from './outcomes.ts';
import type { ConnectionSecrets } from './settings.ts';
import { UpstreamFailed } from './upstream-failed.ts';

export interface RegistryDeps extends OutcomeDeps {
  store: Pick<ConnectionStore, 'survey' | 'findSecrets' | 'findVersion' | 'noteOutcome'>;
  make: (record: ConnectionRecord, secrets: ConnectionSecrets, fetch: Egress['fetch']) => Connection;
  fetch: Egress['fetch'];
  /** Our own. */
  issuer: string;
}

/** How late another process, or the command line, is heard of. */
const REREAD_MS = 1_000;

interface Made {
  version: number;
  secrets: Promise<ConnectionSecrets>;
  connection?: Connection;
}

/** A row that cannot be used is left out, and logged once; the others go on. */
export function createRegistry(deps: RegistryDeps): Connections {
  const { store, make, issuer, log, now } = deps;
  const made = new Map<string, Made>();
  const logged = new Map<string, string>();
  const noting = createOutcomes(deps);
  let known: (Reading & { at: number }) | undefined;
  let living: readonly Party[] = [];
  const apartFetch = createApartFetch(deps.fetch, () => living);

  function entryOf({ id, updatedAt }: ConnectionRecord): Made {
    const version = updatedAt.getTime();
    let entry = made.get(id);
    if (entry?.version !== version) {
      entry = { version, secrets: store.findSecrets(id) };
      made.set(id, entry);
      // Perhaps it was only the database that was away.
      entry.secrets.catch(() => made.delete(id));
    }
    return entry;
  }

  function connectionOf({ record, secrets }: Sound): Connection {
    const entry = entryOf(record);
    const { version } = entry;
    entry.connection ??= current(noting(make(record, secrets, apartFetch(record.id))), version);
    return entry.connection;
  }

  /** Whoever comes back by a connection that was changed or removed meanwhile begins anew. */
  function current(connection: Connection, version: number): Connection {
    return {
      ...connection,
      async finish(leg) {
        const identity = await connection.finish(leg);
        if ((await store.findVersion(connection.id)) === version) return identity;
        throw new UpstreamFailed('failed', 'the connection was changed or removed meanwhile');
      },
    };
  }

  function tell(broken: readonly BrokenConnection[]): void {
    for (const { id, why } of broken) {
      if (logged.get(id) !== why) log.warn({ connection: id, why }, 'a connection cannot be used and is left out');
      logged.set(id, why);
    }
    for (const id of logged.keys()) if (!broken.some((one) => one.id === id)) logged.delete(id);
  }

  async function read(): Promise<Reading> {
    const findSecrets = (record: ConnectionRecord) => entryOf(record).secrets;
    const { sound, broken } = await sift({ survey: () => store.survey(), findSecrets, issuer });
    living = sound.map(({ record }) => record);
    const connections: Connection[] = [];
    for (const one of sound) {
      try {
        connections.push(connectionOf(one));
      } catch (error) {
        const { id, kind, name, origin, exclusive, removedAt } = one.record;
        const because: Because = { code: 'cannot_be_made', params: { problem: String(error) } };
        broken.push({ id, kind, name, origin, exclusive, removedAt, why: tellWhy(because), because });
      }
    }
    tell(broken);
    const ids = new Set([...sound.map(({ record }) => record.id), ...broken.map(({ id }) => id)]);
    for (const id of made.keys()) if (!ids.has(id)) made.delete(id);
    return { connections, exclusive: [...connections, ...broken].some((one) => one.exclusive) };
  }

  async function latest(): Promise<Reading> {
    const at = now().getTime();
    if (!known || at - known.at >= REREAD_MS || at < known.at) known = { at, ...(await read()) };
    return known;
  }

  return {
    list: async () => (await latest()).connections,
    find: async (id) => (await latest()).connections.find((connection) => connection.id === id),
    isExclusive: async () => (await latest()).exclusive,
  };
}

interface Reading {
  connections: readonly Connection[];
  exclusive: boolean;
}
