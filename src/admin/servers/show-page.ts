/** `/admin/servers/:id`: one MCP server, also where an act on it came to nothing. */
import { allowEntry } from '../../resources/checks/outbound.ts';
import { reachOf } from '../frame/actor.ts';
import { page } from '../frame/page.ts';
import type { Refused, Visit } from '../frame/visit.ts';
import type { ServerOperations } from './operations.ts';
import type { ServerView } from './shapes.ts';

export interface ServerModel {
  server: ServerView;
  /** Of `OUTBOUND_ALLOW`, in case it cannot be reached. */
  entry: string;
  mayChange: boolean;
  /** As typed, of whoever was to look after it. */
  person?: string | undefined;
  refused?: Refused | undefined;
}

const showPage = page<ServerModel>('admin/servers/show.njk');

/** Whoever reaches a server may change it, but for auditors. */
export function mayChange({ actor }: Visit): boolean {
  return reachOf(actor, { access: 'change', resourceOwners: true }) !== false;
}

export async function showServer(
  visit: Visit,
  operations: ServerOperations,
  { refused, status }: { refused?: Refused; status?: number } = {},
): Promise<void> {
  const server = await visit.perform(operations.show, { id: idOf(visit) });
  const entry = allowEntry(server.uri);
  const person = refused && visit.field('person');
  visit.render(showPage, { server, entry, mayChange: mayChange(visit), person, refused }, status);
}

export function idOf(visit: Visit): string {
  return (visit.ctx.params as { id: string }).id;
}

export function hrefOf(visit: Visit, anchor = ''): string {
  return `/admin/servers/${encodeURIComponent(idOf(visit))}${anchor}`;
}
