/** How the scopes of an MCP server read, the tools behind them, and the check that compares both with the server. */
import { z } from 'zod';
import { acceptScopes, rejectScopes, updateResource } from '../../resources/changes.ts';
import { checkResource, proposeTools } from '../../resources/checking.ts';
import { steps as checkSteps, type Summary, summarize } from '../../resources/checks/look.ts';
import { operation } from '../frame/operation.ts';
import { begun } from '../frame/work-page.ts';
import type { ServerOperationDeps } from './operations.ts';
import type { Reading } from './reading.ts';
import { checkView, scopeInput, serverView } from './shapes.ts';

const own = { resourceOwners: true, access: 'change' } as const;
const id = z.string().max(100);
const decided = z.object({ scopes: z.array(z.string()) });
const names = z.array(z.string().max(100)).max(100);

export function decisionOperations(deps: ServerOperationDeps, { within, show, checked }: Reading) {
  return {
    describe: operation({
      ...own,
      id: 'servers.describe',
      method: 'PUT',
      path: '/servers/:id/scopes',
      summary: 'Say how scopes read from now on. Until it is accepted no token carries a scope that differs.',
      input: z.object({
        id,
        described: z.array(scopeInput).max(100).describe('Those that are not here stay as they are.'),
        removed: names.optional().describe('Gone at once.'),
        accept: z.boolean().optional().describe('Accept it as well: nothing waits.'),
      }),
      output: serverView,
      async run({ id: server, described, removed = [], accept = false }, { reach }) {
        await within(server, reach);
        await updateResource(deps, server, { scopes: { described, removed } }, { accept });
        return show(server, reach);
      },
    }),
    accept: operation({
      ...own,
      id: 'servers.accept',
      method: 'POST',
      path: '/servers/:id/accept',
      summary: 'Let scopes read as proposed; whoever agreed to the former words is asked again.',
      input: z.object({ id, scopes: names.optional().describe('All that wait, where left out.') }),
      output: decided,
      async run({ id: server, scopes }, { reach }) {
        await within(server, reach);
        return { scopes: (await acceptScopes(deps, server, scopes)).map(({ name }) => name) };
      },
    }),
    reject: operation({
      ...own,
      id: 'servers.reject',
      method: 'POST',
      path: '/servers/:id/reject',
      summary: 'Drop what is proposed: the scopes are again what they were.',
      input: z.object({ id, scopes: names.optional().describe('All that wait, where left out.') }),
      output: decided,
      async run({ id: server, scopes }, { reach }) {
        await within(server, reach);
        return { scopes: (await rejectScopes(deps, server, scopes)).map(({ name }) => name) };
      },
    }),
    placeTools: operation({
      ...own,
      id: 'servers.placeTools',
      method: 'POST',
      path: '/servers/:id/tools',
      summary: 'Put tools behind scopes, and take out those that are gone, as a proposal.',
      input: z.object({
        id,
        place: z.array(z.object({ tool: z.string().max(128), scope: z.string().max(100) })).max(500),
        drop: z.array(z.string().max(128)).max(500).optional(),
        accept: z.boolean().optional(),
      }),
      output: serverView,
      async run({ id: server, place, drop = [], accept = false }, { reach }) {
        await within(server, reach);
        const placement = { place: new Map(place.map(({ tool, scope }) => [tool, scope])), drop };
        await proposeTools(deps, server, placement, { accept });
        return show(server, reach);
      },
    }),
    check: operation({
      ...own,
      id: 'servers.check',
      method: 'POST',
      path: '/servers/:id/check',
      summary:
        'Try the 401 and 403 answers of an MCP server, and compare its tools with what is registered. Answers when it is done, after a minute at most.',
      input: z.object({ id }),
      output: checkView,
      async run({ id: server }, { reach }) {
        const resource = await within(server, reach);
        return checked(resource, await checkResource(deps, resource));
      },
    }),
    beginCheck: operation({
      ...own,
      id: 'servers.beginCheck',
      method: 'POST',
      path: '/servers/:id/checks',
      summary: 'The same check as work that goes on after the answer: its steps are at `/work/:id`.',
      input: z.object({ id }),
      output: begun,
      async run({ id: server }, { actor, reach }) {
        const resource = await within(server, reach);
        const home = `/admin/servers/${encodeURIComponent(server)}#check`;
        const work = await deps.works.begin({
          actor,
          what: 'server_check',
          about: resource.name,
          steps: checkSteps,
          key: `server_check:${resource.id}`,
          back: home,
          needs: { ...own, resourceId: resource.id },
          async run(told) {
            const { steps } = await checkResource(deps, resource, told);
            return { to: home, news: newsOf(summarize(steps)) };
          },
        });
        return { work };
      },
    }),
  };
}

/** All is well only where nothing of it was left out. */
function newsOf({ findings, untried }: Summary) {
  if (untried === 0)
    return { key: findings === 0 ? 'servers.checkedWell' : 'servers.checked', params: { count: findings } };
  if (findings === 0) return { key: 'servers.checkedPartly', params: { count: untried } };
  return { key: 'servers.checkedBoth', params: { count: findings, untried } };
}
