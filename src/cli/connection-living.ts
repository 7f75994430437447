/** The connections that a command may work on. */
import { unknownConnection } from '../connections.ts';
import { AppError } from '../errors.ts';
import type { ConnectionRecord } from '../federation/connection-store.ts';
import type { Rooms } from '../rooms.ts';
import type { Terminal } from './terminal.ts';

/** @throws AppError */
export async function findLiving(
  { connectionStore }: Pick<Rooms, 'connectionStore'>,
  id: string,
): Promise<ConnectionRecord> {
  const found = await connectionStore.look(id);
  if (!found || found.removedAt) throw unknownConnection(id);
  if ('why' in found) throw new AppError('connection_unusable', 409, `${found.name} cannot be used: ${found.why}.`);
  return found;
}

/** @throws AppError 409 `connection_of_configuration` */
export function assertChangeable({ name, origin }: Pick<ConnectionRecord, 'name' | 'origin'>): void {
  if (origin === 'cli') return;
  const message = `${name} comes from the file that CONNECTIONS_FILE names: change it there, and start again.`;
  throw new AppError('connection_of_configuration', 409, message);
}

/** Passwords are off from now on: the connection has to work, and somebody has to get in also while the provider is away. */
export async function warnOfLockout(
  terminal: Terminal,
  { accountStore, connectionPeople }: Pick<Rooms, 'accountStore' | 'connectionPeople'>,
  { id, name }: Pick<ConnectionRecord, 'id' | 'name'>,
): Promise<void> {
  const warnings: string[] = [];
  if (!(await connectionPeople.hasLetIn(id)))
    warnings.push(`nobody has signed in by ${name} yet, and from now on there is no other way in. Try it at once.`);
  const accounts = await accountStore.list();
  if (!accounts.some(({ role, breakGlass, disabledAt }) => role === 'owner' && breakGlass && !disabledAt))
    warnings.push(
      'no owner may sign in with a password while the provider is away. Name one: npx consentry account break-glass <email> on',
    );
  for (const warning of warnings) terminal.err(`warning: ${warning}`);
  if (warnings.length > 0)
    terminal.err(`note: passwords are back with: npx consentry connection update ${id} --no-exclusive`);
}
