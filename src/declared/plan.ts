/** Compares what a file declares with what there is, and makes it so: all of it or nothing. */
import { createHash } from 'node:crypto';
import { AppError } from '../errors.ts';
import type { NewClient } from '../registrations.ts';
import type { Rooms } from '../rooms.ts';
import type { Change, Secret } from './change.ts';
import { planClients } from './clients.ts';
import { planConnections } from './connections.ts';
import type { DeclaredStore } from './declared-store.ts';
import type { DeclaredFile } from './file.ts';
import { planPolicy } from './policy.ts';
import { planResources } from './resources.ts';
import type { DeclaredClient } from './shape.ts';

export interface Planning {
  rooms: Rooms;
  store: DeclaredStore;
  file: DeclaredFile;
  /** Absolute, of the file: paths in it count from there. */
  path: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Our own. */
  issuer: string;
  now: Date;
  /** By the rules of the command line. @throws AppError 400 */
  parseClient(client: DeclaredClient): NewClient;
}

/** What is declared first leans on nothing that comes later. @throws AppError 400 `bad_file` */
export async function planDeclared(planning: Planning): Promise<Change[]> {
  return [
    ...(await planConnections(planning)),
    ...(await planResources(planning)),
    ...(await planClients(planning)),
    ...(await planPolicy(planning)),
  ];
}

/**
 * @param seen what a person agreed to; where it has become something else meanwhile nothing is changed
 * @param keep is told what was made before it is committed; its failure changes nothing
 * @throws AppError 409 `changed_meanwhile`, 400 `bad_file`
 */
export function makeDeclared(
  planning: Planning,
  { seen, keep }: { seen: readonly Change[]; keep: (secrets: readonly Secret[]) => Promise<void> },
): Promise<Secret[]> {
  return planning.rooms.database.unit(async () => {
    const changes = await planDeclared(planning);
    if (digestOf(changes) !== digestOf(seen)) {
      const message = 'Somebody changed something meanwhile, and nothing was applied. Look at the difference again.';
      throw new AppError('changed_meanwhile', 409, message);
    }
    const removals = changes.filter(({ how }) => how === 'removed').reverse();
    const secrets: Secret[] = [];
    for (const change of [...changes.filter(({ how }) => how !== 'removed'), ...removals])
      secrets.push(...(await change.make()));
    if (secrets.length > 0) await keep(secrets);
    return secrets;
  });
}

function digestOf(changes: readonly Change[]): string {
  const words = changes.map(({ section, how, name, lines }) => [section, how, name, lines]);
  return createHash('sha256').update(JSON.stringify(words)).digest('hex');
}
