/** A Consentry with the demo MCP server registered beside it, both on free ports. */
import { mock } from 'node:test';
import { demoResource } from '../../src/demo/resource.ts';
import { startDemoServer } from '../../src/demo/server.ts';
import { register, startConsentry } from '../harness.ts';

export type WithDemo = Awaited<ReturnType<typeof startWithDemo>>;

export async function startWithDemo(env: Record<string, string> = {}) {
  const consentry = await startConsentry(env);
  const demo = await startDemoServer({ issuer: consentry.issuer, host: '127.0.0.1', port: 0 });
  const demoUrl = new URL(demo.url);
  await register(consentry.rooms, demoResource(Number(demoUrl.port)));
  return {
    ...consentry,
    demoUrl,
    async close() {
      mock.timers.reset();
      await demo.close();
      await consentry.close();
    },
  };
}

/** Moves the clock of everybody in this process (Consentry, the guard, the client) forward; from then on it stands still. */
export function passMinutes(minutes: number): void {
  const now = Date.now() + minutes * 60_000;
  mock.timers.reset();
  mock.timers.enable({ apis: ['Date'], now });
}
