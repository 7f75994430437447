/** What an MCP server says of itself, read before anybody registers it: within the call, or as work that can be watched. */
import { z } from 'zod';
import { assertLookable, inspectForRegistration, warningsOf } from '../../resource-registration.ts';
import { type Inspection, inspectionSteps } from '../../resources/checks/inspection.ts';
import { type By, notFound, operation } from '../frame/operation.ts';
import { begun } from '../frame/work-page.ts';
import type { ServerOperationDeps } from './operations.ts';
import { inspectionView } from './shapes.ts';

const own = { resourceOwners: true, access: 'change' } as const;
const input = z.object({ url: z.string().max(2000) });
const WHAT = 'server_inspection';

export function inspectionOperations(deps: ServerOperationDeps) {
  const { works } = deps;

  return {
    inspect: operation({
      ...own,
      id: 'servers.inspect',
      method: 'POST',
      path: '/servers/inspect',
      summary:
        'Read what an MCP server says of itself, as a proposal to register it. Answers when it is done, after a minute at most.',
      input,
      output: inspectionView,
      async run({ url }, by) {
        const { inspection, warnings } = await inspectForRegistration(deps, url, registrant(by));
        return { ...inspection, warnings };
      },
    }),
    beginInspection: operation({
      ...own,
      id: 'servers.beginInspection',
      method: 'POST',
      path: '/servers/inspections',
      summary: 'The same reading as work that goes on after the answer: its steps are at `/work/:id`.',
      input,
      output: begun,
      async run({ url }, by) {
        const { uri } = await assertLookable(deps, url, registrant(by));
        const work = await works.begin({
          actor: by.actor,
          what: WHAT,
          about: uri,
          steps: inspectionSteps,
          key: `${WHAT}:${uri}`,
          back: `/admin/servers/add?${new URLSearchParams({ url })}`,
          // Who loses a role that reaches every address loses sight of what it read.
          needs: { access: 'change', resourceOwners: by.reach !== undefined },
          async run(told, id) {
            const { inspection } = await inspectForRegistration(deps, uri, registrant(by), told);
            return { to: `/admin/servers/add/look/${id}`, result: inspection };
          },
        });
        return { work };
      },
    }),
    /** Judged again for whoever asks now: roles and addresses change. */
    inspection: operation({
      ...own,
      id: 'servers.inspection',
      method: 'GET',
      path: '/servers/inspections/:work',
      summary: 'What such a reading found; for an hour.',
      input: z.object({ work: z.string().max(100) }),
      output: inspectionView,
      async run({ work }, by) {
        const found = await works.show(work, by.actor);
        if (found?.what !== WHAT || found.state !== 'done') throw notFound('There is no such reading of yours.');
        const inspection = found.result as Inspection;
        const { around } = await assertLookable(deps, inspection.uri, registrant(by));
        return { ...inspection, warnings: warningsOf(inspection, around) };
      },
    }),
  };
}

export function registrant({ actor, reach }: By) {
  return { accountId: actor.accountId, administrator: reach === undefined };
}
