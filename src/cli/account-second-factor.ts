/** `consentry account reset-second-factor`: for somebody who lost the app and the recovery codes. */
import type { Command } from 'commander';
import { ACCOUNT_ARGUMENT, called, findAccount } from './account-finding.ts';
import { withRooms } from './open.ts';
import { examples } from './options.ts';
import type { Terminal } from './terminal.ts';

const HELP = `
From then on the password alone signs the person in, until they set up codes again. Make sure that it is them who asks. They
are told by mail, where mail is set up. Passkeys stay.`;

export function secondFactorCommand(account: Command, terminal: Terminal): void {
  account
    .command('reset-second-factor')
    .description('ask somebody for no code after the password any more; their recovery codes end too')
    .argument('<account>', ACCOUNT_ARGUMENT)
    .addHelpText('after', HELP)
    .addHelpText('after', examples('account reset-second-factor ana@example.com'))
    .action((who: string) => reset(terminal, who));
}

async function reset(terminal: Terminal, who: string): Promise<void> {
  await withRooms(terminal, async (rooms) => {
    const account = await findAccount(rooms, who);
    const removed = await rooms.database.unit(async () => {
      const wasOn = await rooms.secondFactor.isOn(account.id);
      await rooms.secondFactor.remove(account.id);
      if (wasOn) await rooms.factorChanges.secondFactorRemoved(account, 'administrator');
      return wasOn;
    });
    if (removed) terminal.out(`${called(account)} is asked for no code any more.`);
    else terminal.out(`${called(account)} was asked for no code already.`);
  });
}
