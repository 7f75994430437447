/** Makes a change of roles, or with `--dry-run` undoes it again, and says what it does to people. */
import type { Command } from 'commander';
import { displayName } from '../clients/display-name.ts';
import type { Effect } from '../roles/changes.ts';
import type { Exceeding } from '../roles/standing-store.ts';
import type { Rooms } from '../rooms.ts';
import { withRooms } from './open.ts';
import { END_OF_TOKENS } from './options.ts';
import { printJson, table } from './print.ts';
import type { Terminal } from './terminal.ts';

export interface ChangeOptions {
  dryRun?: boolean;
  json?: boolean;
}

/** "Took mail:send from the role staff." and "Would take …", with what stands in the JSON beside what happens to people. */
export interface Words {
  done: string;
  would: string;
  json: Readonly<Record<string, unknown>>;
}

type Change = (rooms: Rooms) => Promise<{ effect: Effect; words: (made: Effect) => Words }>;

/** For whatever can take something from people. */
export function changing(command: Command): Command {
  return command
    .option('--dry-run', 'change nothing; only say who would lose what')
    .option('--json', 'print JSON')
    .addHelpText('after', END_OF_TOKENS);
}

/** The dry run does all of it and rolls it back: it says nothing that the change would not do. */
export async function makeChange(
  terminal: Terminal,
  { dryRun = false, json }: ChangeOptions,
  change: Change,
): Promise<void> {
  const { effect, words, emails } = await withRooms(terminal, async (rooms) => {
    const made = await rooms.database.unit(
      () => change(rooms),
      () => !dryRun,
    );
    const ids = made.effect.changes.map(({ accountId }) => accountId);
    return { ...made, emails: await rooms.roleStore.emails(ids) };
  });
  const { done, would, json: facts } = words(effect);
  const people = describePeople(effect, emails);
  if (json) return printJson(terminal, { ...facts, dry_run: dryRun, changed: effect.changed, ...people });
  if (!effect.changed) return terminal.out('It is so already; nothing was changed.');
  terminal.out(dryRun ? would : done);
  terminal.out(effectWords(effect, dryRun));
  if (!dryRun) return;
  const moved = [...people.loses_role.map(cells('loses')), ...people.gains_role.map(cells('gains'))];
  if (moved.length > 0) terminal.out(`\n${table(['ACCOUNT', 'WOULD', 'ROLE'], moved)}`);
  if (effect.taken.length > 0) terminal.out(`\n${takenTable(effect.taken)}`);
}

function describePeople({ changes, taken }: Effect, emails: ReadonlyMap<string, string>) {
  const moved = (what: 'gained' | 'lost') =>
    changes
      .filter((change) => change[what].length > 0)
      .map(({ accountId, [what]: roles }) => ({ account: emails.get(accountId) || accountId, roles }));
  return {
    gains_role: moved('gained'),
    loses_role: moved('lost'),
    loses_access: taken.map((one) => ({
      account: one.email || one.accountId,
      client_id: one.clientId,
      client_name: displayName(one.clientName),
      downstream_client_id: one.downstreamClientId ?? null,
      resource: one.resourceUri,
      consent_id: one.consentId,
      scopes: one.beyond,
    })),
  };
}

function effectWords({ changes, taken }: Effect, dryRun: boolean): string {
  const gaining = changes.filter(({ gained }) => gained.length > 0).length;
  const losing = changes.filter(({ lost }) => lost.length > 0).length;
  const shut = new Set(taken.map(({ accountId }) => accountId)).size;
  const would = dryRun ? 'would ' : '';
  const verb = (number: number, one: string, many: string) => would + (dryRun || number !== 1 ? many : one);
  const lines = [
    gaining > 0 && `${persons(gaining)} ${verb(gaining, 'gains', 'gain')} a role.`,
    losing > 0 && `${persons(losing)} ${verb(losing, 'loses', 'lose')} a role.`,
    shut > 0
      ? `${persons(shut)} ${verb(shut, 'loses', 'lose')} access that they gave.`
      : dryRun
        ? 'Nobody would lose access.'
        : 'Nobody loses access.',
  ];
  return lines.filter(Boolean).join('\n');
}

function takenTable(taken: readonly Exceeding[]): string {
  const rows = taken.map((one) => [
    one.email || one.accountId,
    displayName(one.clientName) || '-',
    one.clientId,
    one.resourceUri,
    one.beyond.join(' '),
    one.left.join(' ') || '-',
  ]);
  return table(['ACCOUNT', 'NAME', 'CLIENT', 'MCP SERVER', 'LOSES', 'KEEPS'], rows);
}

function cells(verb: 'gains' | 'loses') {
  const what = verb === 'gains' ? 'gain' : 'lose';
  return ({ account, roles }: { account: string; roles: readonly string[] }) => [account, what, roles.join(', ')];
}

function persons(number: number): string {
  return number === 1 ? '1 person' : `${number} people`;
}
