/** Stands between Consentry and the Postgres of the run, so that a test can take the database away from one of them only. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TEST_SERVER_VARIABLE } from '../database.ts';

export interface PostgresProxy {
  /** Cuts every connection and refuses new ones. */
  takeAway(): Promise<void>;
  giveBack(): Promise<void>;
  /** Cuts every connection; new ones work. */
  cut(): void;
  /** Also puts the direct way back. */
  close(): Promise<void>;
}

/** From now on every database that this test file opens is reached through the proxy. */
export async function startPostgresProxy(): Promise<PostgresProxy> {
  const direct = String(process.env[TEST_SERVER_VARIABLE]);
  const target = new URL(direct);
  const port = target.port;
  const directory = await mkdtemp(join(tmpdir(), 'consentry-proxy-'));
  const path = join(directory, `.s.PGSQL.${port}`);
  const upstream = join(String(target.searchParams.get('host')), `.s.PGSQL.${port}`);
  const sockets = new Set<Socket>();
  let server: Server | undefined;

  function cut(): void {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  }
  function bridge(client: Socket): void {
    const remote = connect(upstream);
    for (const socket of [client, remote]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        remote.destroy();
      });
    }
    client.pipe(remote).pipe(client);
  }
  async function giveBack(): Promise<void> {
    server = createServer(bridge);
    server.listen(path);
    await once(server, 'listening');
  }
  async function takeAway(): Promise<void> {
    const closing = server;
    server = undefined;
    const closed = new Promise((resolve) => (closing ? closing.close(resolve) : resolve(undefined)));
    cut();
    await closed;
  }

  await giveBack();
  target.searchParams.set('host', directory);
  process.env[TEST_SERVER_VARIABLE] = target.href;
  return {
    cut,
    giveBack,
    takeAway,
    async close() {
      process.env[TEST_SERVER_VARIABLE] = direct;
      await takeAway();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
