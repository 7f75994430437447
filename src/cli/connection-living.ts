/** What is said to whoever turns passwords off. */
import { lockoutRisks } from '../connection-checks.ts';
import type { ConnectionRecord } from '../federation/connection-store.ts';
import type { Rooms } from '../rooms.ts';
import type { Terminal } from './terminal.ts';

/** Passwords are off from now on: the connection has to work, and somebody has to get in also while the provider is away. */
export async function warnOfLockout(
  terminal: Terminal,
  rooms: Pick<Rooms, 'accountStore' | 'connectionPeople'>,
  { id, name }: Pick<ConnectionRecord, 'id' | 'name'>,
): Promise<void> {
  const words = {
    nobody_yet: `nobody has signed in by ${name} yet, and from now on there is no other way in. Try it at once.`,
    no_break_glass:
      'no owner may sign in with a password while the provider is away. Name one: npx consentry account break-glass <email> on',
  };
  const risks = await lockoutRisks(rooms, { id });
  for (const risk of risks) terminal.err(`warning: ${words[risk]}`);
  if (risks.length > 0)
    terminal.err(`note: passwords are back with: npx consentry connection update ${id} --no-exclusive`);
}
