/** `consentry connection …`: the identity providers by which people may sign in. */
import type { Command } from 'commander';
import { assertChangeable, findLiving, siftStored } from '../connection-checks.ts';
import { confirmIdentities, removeConnection, unknownConnection } from '../connections.ts';
import type { BrokenConnection, ConnectionRecord } from '../federation/connection-store.ts';
import type { Rooms } from '../rooms.ts';
import { addCommands } from './connection-add.ts';
import { testCommand } from './connection-test.ts';
import { updateCommand } from './connection-update.ts';
import {
  describeBroken,
  describeCertificates,
  describeConnection,
  healthWords,
  whereWords,
} from './connection-words.ts';
import { withRooms } from './open.ts';
import { END_OF_TOKENS, examples } from './options.ts';
import { fields, moment, printJson, table } from './print.ts';
import type { Terminal } from './terminal.ts';

const CONFIRM_HELP = `
After issuer, cloud or tenants of a connection were changed nobody comes by it as who they were: another provider could
name the same people. Confirm only when you know that it is the same directory. For an OpenID provider everybody is then
known by the new issuer; for Entra ID those of the tenants that are still named come back.`;

const REMOVE_HELP = `
Their consents stay, and so do their accounts: who has another way to sign in goes on by that. The id is never used again.`;

export function connectionCommands(program: Command, terminal: Terminal): void {
  const connection = program.command('connection').description('identity providers by which people may sign in');
  addCommands(connection, terminal);
  connection
    .command('list')
    .description('list connections, and how each does')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('connection list', 'connection list --json'))
    .action((options: { json?: boolean }) => list(terminal, options));
  connection
    .command('show')
    .description('tell all that is known of a connection, but no secret')
    .argument('<id>', 'as connection list shows it')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('connection show 5f2a9c…'))
    .action((id: string, options: { json?: boolean }) => show(terminal, id, options));
  updateCommand(connection, terminal);
  connection
    .command('confirm-identities')
    .description('let people come again by a connection whose issuer, cloud or tenants were changed')
    .argument('<id>', 'as connection list shows it')
    .option('--dry-run', 'change nothing; only say how many wait')
    .addHelpText('after', CONFIRM_HELP)
    .addHelpText('after', examples('connection confirm-identities 5f2a9c… --dry-run'))
    .action((id: string, options: { dryRun?: boolean }) => confirm(terminal, id, options));
  connection
    .command('remove')
    .description('end a connection for good, and what people have here who come by it')
    .argument('<id>', 'as connection list shows it')
    .option('--dry-run', 'change nothing; only say how many people sign in by it')
    .addHelpText('after', REMOVE_HELP)
    .addHelpText('after', END_OF_TOKENS)
    .addHelpText('after', examples('connection remove 5f2a9c… --dry-run', 'connection remove 5f2a9c…'))
    .action((id: string, options: { dryRun?: boolean }) => remove(terminal, id, options));
  testCommand(connection, terminal);
}

async function list(terminal: Terminal, { json }: { json?: boolean }): Promise<void> {
  const { sound, broken, now, issuer } = await withRooms(terminal, async (rooms, { issuer }) => ({
    ...(await siftStored(rooms, issuer)),
    now: rooms.now(),
    issuer,
  }));
  if (json) {
    const all = [...sound.map(({ record }) => describeConnection(record, issuer)), ...broken.map(describeBroken)];
    return printJson(terminal, all);
  }
  if (sound.length + broken.length === 0) return terminal.out('None yet. See: npx consentry connection add --help');
  const rows = [
    ...sound.map(({ record }) => [record.id, record.kind, record.name, whereWords(record), healthWords(record, now)]),
    ...broken.map(({ id, kind, name }) => [id, kind, name, '-', 'cannot be used']),
  ];
  terminal.out(table(['CONNECTION', 'KIND', 'NAME', 'PEOPLE OF', 'STATUS'], rows));
  for (const { id, why } of broken) terminal.out(`\nNobody can come by ${id}: ${why}.`);
}

async function show(terminal: Terminal, id: string, { json }: { json?: boolean }): Promise<void> {
  const found = await withRooms(terminal, async (rooms, { issuer }) => {
    const record = await findAny(rooms, id);
    // Why secrets cannot be opened is told below.
    const secrets = await rooms.connectionStore.findSecrets(id).catch(() => ({ certificates: [] }));
    const { broken } = await siftStored(rooms, issuer);
    const people = await rooms.connectionPeople.countPeople(id);
    const orphans = await rooms.connectionPeople.countOrphans(id);
    const own = broken.find((one) => one.id === id);
    return {
      record,
      broken: own,
      people,
      orphans,
      certificates: describeCertificates(secrets),
      issuer,
      now: rooms.now(),
    };
  });
  const { record, broken, people, orphans, certificates, issuer, now } = found;
  const described = 'why' in record ? describeBroken(record) : describeConnection(record, issuer);
  const facts = { ...described, people, unconfirmed_identities: orphans };
  if (json) return printJson(terminal, { ...facts, certificates, ...(broken ? describeBroken(broken) : {}) });
  const status = 'why' in record ? 'cannot be used' : healthWords(record, now);
  terminal.out(
    fields({ ...Object.fromEntries(Object.entries(facts).map(([key, value]) => [key, wordsOf(value)])), status }),
  );
  const rows = certificates.map((one) => [one.thumbprint, moment(one.starts_at), moment(one.ends_at)]);
  if (rows.length > 0) terminal.out(`\n${table(['CERTIFICATE', 'FROM', 'UNTIL'], rows)}`);
  if (broken) terminal.out(`\nNobody can come by it: ${broken.why}.`);
  if (orphans > 0)
    terminal.out(
      `\n${identities(orphans)} wait to be confirmed. See: npx consentry connection confirm-identities --help`,
    );
}

function wordsOf(value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (value instanceof Date) return moment(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (!Array.isArray(value)) return String(value);
  return (
    value.map((one) => (typeof one === 'object' ? Object.values(one as object).join(' ') : String(one))).join(', ') ||
    undefined
  );
}

async function confirm(terminal: Terminal, id: string, { dryRun }: { dryRun?: boolean }): Promise<void> {
  await withRooms(terminal, async (rooms) => {
    const record = await findLiving(rooms, id);
    const waiting = await rooms.connectionPeople.countOrphans(id);
    if (waiting === 0) return terminal.out('Nobody waits to be confirmed.');
    if (dryRun) return terminal.out(`Would look at ${identities(waiting)}.`);
    const confirmed = await confirmIdentities(rooms, record);
    terminal.out(`${confirmed} of ${waiting} count again; those people sign in anew.`);
  });
}

async function remove(terminal: Terminal, id: string, { dryRun }: { dryRun?: boolean }): Promise<void> {
  await withRooms(terminal, async (rooms) => {
    const record = await findAny(rooms, id);
    assertChangeable(record);
    const people = await rooms.connectionPeople.countPeople(id);
    if (dryRun) return terminal.out(`Would remove ${record.name}, by which ${peopleWords(people)}.`);
    const ended = await removeConnection(rooms, record);
    const again = record.removedAt ? 'was removed before' : 'removed';
    const whose = ended === 0 ? 'Nobody signs in by it.' : `By it ${peopleWords(ended)}: what they had here has ended.`;
    terminal.out(`${record.name} ${again}. ${whose}`);
  });
}

function identities(number: number): string {
  return number === 1 ? '1 identity' : `${number} identities`;
}

function peopleWords(people: number): string {
  if (people === 0) return 'nobody signs in';
  return people === 1 ? '1 person signs in' : `${people} people sign in`;
}

/** Also one that cannot be read, or was removed. @throws AppError 404 `unknown_connection` */
async function findAny(
  { connectionStore }: Pick<Rooms, 'connectionStore'>,
  id: string,
): Promise<ConnectionRecord | BrokenConnection> {
  const found = await connectionStore.look(id);
  if (found) return found;
  throw unknownConnection(id);
}
