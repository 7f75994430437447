/** The live check as an act: taken, kept, on record; and what is proposed because of the tools it saw. */
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import { AppError } from '../errors.ts';
import type { Database } from '../storage/transactions.ts';
import { type ChangeDeps, type ResourcePlan, updateResource } from './changes.ts';
import type { CheckStore } from './check-store.ts';
import type { Checks } from './checks/checks.ts';
import { type Placement, placeTools } from './checks/difference.ts';
import type { LastCheck } from './checks/last-check.ts';
import type { Told } from './checks/look.ts';
import type { Resource } from './resource.ts';

export interface CheckingDeps {
  checks: Pick<Checks, 'check'>;
  checkStore: CheckStore;
  audit: Audit;
  database: Database;
  now: () => Date;
}

/**
 * Waits for the network first, and writes what came of it.
 * @throws AppError 409 `check_running`, 429 `busy`, `busy_yourself`; and what `told` throws: nothing is written then
 */
export async function checkResource(deps: CheckingDeps, resource: Resource, told?: Told): Promise<LastCheck> {
  const { checks, checkStore, audit, database, now } = deps;
  const before = await checkStore.find(resource.id);
  const { subject, steps, tools, difference } = await checks.check(resource, before?.tools ?? [], told);
  const lastCheck = { at: now().toISOString(), steps, tools: tools ?? before?.tools ?? [], difference };
  await database.unit(async () => {
    await checkStore.save(resource.id, lastCheck);
    const findings = steps.flatMap((step) => step.findings.map(({ code }) => code));
    await audit.record(events.resourceChecked({ resource: resource.uri }, { subject, findings }));
  });
  return lastCheck;
}

/**
 * Puts tools behind scopes, or takes those that are gone out of them: each scope that differs by it waits to be accepted.
 *
 * @throws AppError 404 `unknown_resource`, 400 `nothing_to_propose`, and as `updateResource`
 */
export function proposeTools(
  deps: ChangeDeps,
  id: string,
  placement: Placement,
  { accept }: { accept: boolean },
): Promise<ResourcePlan> {
  return deps.database.unit(async () => {
    const resource = await deps.resources.hold(id);
    const described = resource ? placeTools(resource, placement) : [];
    if (resource && described.length === 0)
      throw new AppError('nothing_to_propose', 400, 'Say behind which scope each tool is to stand.');
    return updateResource(deps, id, { scopes: { described, removed: [] } }, { accept });
  });
}
