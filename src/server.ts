/** The composition root: serves the edges, does what is due by the clock, stops. */
import { createServer, type Server } from 'node:http';
import { expireApprovals } from './approval-acts.ts';
import type { Config } from './config.ts';
import { createEdges } from './edges.ts';
import { createAlarms } from './federation/alarms.ts';
import { createDelivery } from './notices/delivery.ts';
import { createSinks } from './notices/sinks.ts';
import { createOutboxStore } from './notices/store.ts';
import type { ServerDeps } from './server-deps.ts';
import { sweep } from './storage/sweep.ts';
import type { Log } from './web/log.ts';
import { inRequest } from './web/request-context.ts';

const SWEEP_EVERY_MS = 60_000;
const FLUSH_EVERY_MS = 5_000;
const DELIVER_EVERY_MS = 5_000;
const LOGOS_EVERY_MS = 60_000;
const ALARMS_EVERY_MS = 60_000;
const REAP_EVERY_MS = 15 * 60_000;
/** What is past its date goes on without anybody's press, and people look at how far it is. */
const REVIEWS_EVERY_MS = 10_000;
/** Also how late another process may hear of a key that was retired. */
const KEYS_EVERY_MS = 2_000;
const RETIRE_KEYS_EVERY_MS = 60_000;
const DRAIN_MS = 8_000;

/** Serves until `close`, which lets requests under way finish. */
export async function startServer({ config, rooms, log, listener, connections }: ServerDeps) {
  const { app, close, logos, keys, logoutDelivery } = await createEdges({ config, rooms, log, connections });
  const server = listener ?? createServer();
  server.requestTimeout = 30_000;
  server.headersTimeout = 15_000;
  server.on('request', app.callback());
  if (!listener) await listen(server, config);
  const sinks = { ...createSinks(config, rooms.now), client: logoutDelivery };
  const delivery = createDelivery({ ...rooms, store: createOutboxStore(rooms.database), sinks, log });
  const alarms = createAlarms({ ...rooms, store: rooms.connectionStore });
  const timers = [
    every(ALARMS_EVERY_MS, () => inRequest('system', () => alarms.run()), log),
    every(SWEEP_EVERY_MS, () => sweep(rooms.database, rooms.now()), log),
    every(FLUSH_EVERY_MS, () => rooms.audit.flush(), log),
    every(DELIVER_EVERY_MS, () => delivery.deliver(), log),
    every(SWEEP_EVERY_MS, () => delivery.sweep(), log),
    every(SWEEP_EVERY_MS, () => inRequest('system', () => expireApprovals(rooms)), log),
    every(LOGOS_EVERY_MS, () => logos.refresh(), log),
    every(REAP_EVERY_MS, () => inRequest('system', () => rooms.reaping.run()), log),
    every(REVIEWS_EVERY_MS, () => inRequest('system', () => rooms.reviews.expire()), log),
    every(KEYS_EVERY_MS, () => keys.look(), log),
    every(RETIRE_KEYS_EVERY_MS, () => inRequest('system', () => rooms.keyset.retireDue()), log),
  ];
  return {
    url: config.issuer,
    async close(): Promise<void> {
      for (const timer of timers) clearInterval(timer);
      await Promise.all([drain(server), delivery.close()]);
      close();
      await rooms.audit.flush().catch((error: unknown) => log.warn({ err: error }, 'counted refusals were lost'));
    },
  };
}

function listen(server: Server, { host, port }: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Stops accepting, lets what is under way finish, and cuts what does not. */
async function drain(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await closed;
  clearTimeout(cut);
}

function every(ms: number, work: () => Promise<unknown>, log: Log): NodeJS.Timeout {
  let running = false;
  const timer = setInterval(async () => {
    if (running) return;
    running = true;
    await work().catch((error: unknown) => log.warn({ err: error }, 'background work failed'));
    running = false;
  }, ms);
  return timer.unref();
}
