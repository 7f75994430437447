/** Makes the demo MCP server known, as an administrator would with `consentry resource add`. */
import { events } from './audit/events.ts';
import type { Config } from './config.ts';
import { demoResource } from './demo/resource.ts';
import { addResource } from './registrations.ts';
import type { Rooms } from './rooms.ts';

export async function registerDemo(rooms: Rooms, config: Pick<Config, 'demoPort'>): Promise<void> {
  const demo = demoResource(config.demoPort);
  if (await rooms.resources.findByUri(demo.uri)) return;
  await rooms.database.unit(async () => {
    const { resource } = await addResource(rooms, demo);
    await rooms.audit.record(events.resourceCreated({ resource: resource.uri }, { demo: true }));
  });
}
