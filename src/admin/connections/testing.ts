/** A connection tried out, as `connection test` does: within the call, or as work that can be watched. */
import { z } from 'zod';
import { events } from '../../audit/events.ts';
import { findLiving, tryConnection } from '../../connection-checks.ts';
import { type DiagnosisDeps, type Phase, phases, type Step } from '../../federation/diagnosis/step.ts';
import { notFound, operation } from '../frame/operation.ts';
import type { Works } from '../frame/work.ts';
import { begun } from '../frame/work-page.ts';
import type { WorkStep } from '../frame/work-record.ts';
import type { Told } from '../frame/work-steps.ts';
import type { ConnectionReadingDeps } from './reading.ts';
import { type Diagnosis, diagnosis } from './shapes.ts';

export type TestingDeps = ConnectionReadingDeps & { works: Works };

const WHAT = 'connection_test';
const needs = { access: 'change', resourceOwners: false } as const;
const input = z.object({ id: z.string().max(100) });

export function testingOperations(deps: TestingDeps) {
  const { works, audit, issuer, now, toProviders: fetch } = deps;

  async function tryOut(id: string, told?: DiagnosisDeps['told']): Promise<Diagnosis> {
    const { name, steps } = await tryConnection(deps, id, { fetch, now, issuer, told });
    const failed = steps.filter(({ result }) => result === 'failed').map(({ step }) => step);
    await audit.record(events.connectionTested({}, { connection: id, name, steps: steps.length, failed }));
    return { name, steps };
  }

  return {
    test: operation({
      id: 'connections.test',
      method: 'POST',
      path: '/connections/:id/test',
      summary:
        'Ask the provider as a sign-in would, step by step. Nobody is signed in, nothing is changed. Answers when it is done, which can take half a minute and more.',
      access: 'change',
      input,
      output: diagnosis,
      run: ({ id }) => tryOut(id),
    }),
    beginTest: operation({
      id: 'connections.beginTest',
      method: 'POST',
      path: '/connections/:id/tests',
      summary: 'The same as work that goes on after the answer: its steps are at `/work/:id`.',
      access: 'change',
      input,
      output: begun,
      async run({ id }, { actor }) {
        const { name } = await findLiving(deps, id);
        const home = `/admin/connections/${encodeURIComponent(id)}`;
        const work = await works.begin({
          actor,
          what: WHAT,
          about: name,
          steps: phases,
          key: `${WHAT}:${id}`,
          back: home,
          needs,
          async run(told, work) {
            const result = { id, ...(await tryOut(id, inPhases(told))) };
            return { to: `${home}/tests/${work}`, result };
          },
        });
        return { work };
      },
    }),
    tested: operation({
      id: 'connections.tested',
      method: 'GET',
      path: '/connections/:id/tests/:work',
      summary: 'What such a test found; for an hour.',
      access: 'change',
      input: input.extend({ work: z.string().max(100) }),
      output: diagnosis,
      async run({ id, work }, { actor }) {
        const found = await works.show(work, actor);
        const result = found?.result as (Diagnosis & { id: string }) | undefined;
        if (found?.what !== WHAT || result?.id !== id) throw notFound('There is no such test of yours.');
        return result;
      },
    }),
  };
}

/** A phase is as bad as the worst that was found in it. */
function inPhases(told: Told): NonNullable<DiagnosisDeps['told']> {
  return (phase, found) => told({ step: phase, result: resultOf(phase, found), findings: [] });
}

function resultOf(_phase: Phase, found: readonly Step[] | undefined): WorkStep['result'] {
  if (found === undefined) return null;
  const has = (result: string) => found.some((one) => one.result === result);
  return found.length === 0 ? 'skipped' : has('failed') ? 'failed' : has('warning') ? 'warning' : 'ok';
}
