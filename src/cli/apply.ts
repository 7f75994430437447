/** `consentry apply`: makes the installation what a reviewed file says, after showing what that changes. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { type Command, CommanderError } from 'commander';
import type { Change, Secret } from '../declared/change.ts';
import { createDeclaredStore } from '../declared/declared-store.ts';
import { parseDeclared } from '../declared/file.ts';
import { makeDeclared, type Planning, planDeclared } from '../declared/plan.ts';
import type { DeclaredClient, Section } from '../declared/shape.ts';
import { AppError } from '../errors.ts';
import type { NewClient } from '../registrations.ts';
import { visibleText } from '../web/visible-text.ts';
import { parseClientOptions } from './client-options.ts';
import { withRooms } from './open.ts';
import { examples } from './options.ts';
import { count, fields } from './print.ts';
import { writeSecretFile } from './secret-file.ts';
import { readInput, type Terminal } from './terminal.ts';

interface ApplyOptions {
  file: string;
  dryRun?: boolean;
  yes?: boolean;
  secretsOut?: string;
}

const EXPLANATION = `
What the file does not say stays as it is, unless its section is listed under prune; the rules of policy are the whole
list. All of it is made or nothing. Exit codes of --dry-run: 0 nothing would change, 2 something would.

See docs/apply.md, and docs/consentry.example.yaml.`;

export function applyCommand(program: Command, terminal: Terminal): void {
  program
    .command('apply')
    .description('make MCP servers, connections, clients and rules what a file says')
    .requiredOption('-f, --file <path>', 'a YAML file; - is standard input')
    .option('--dry-run', 'change nothing; only say what would change, and for how many people')
    .option('--yes', 'do not ask')
    .option('--secrets-out <path>', 'a new file for the secrets that are made, which only you can read')
    .addHelpText('after', EXPLANATION)
    .addHelpText(
      'after',
      examples('apply -f consentry.yaml --dry-run', 'apply -f consentry.yaml --yes --secrets-out secrets.txt'),
    )
    .action((options: ApplyOptions) => apply(terminal, options));
}

async function apply(terminal: Terminal, options: ApplyOptions): Promise<void> {
  const text = await readSource(terminal, options.file);
  const file = parseDeclared(text, options.file === '-' ? 'standard input' : options.file);
  await withRooms(terminal, async (rooms, { issuer }) => {
    const planning: Planning = {
      ...{ rooms, file, issuer, env: terminal.env, now: rooms.now() },
      store: createDeclaredStore(rooms.database),
      path: resolve(options.file === '-' ? 'standard-input' : options.file),
      parseClient: (client) => parseClient(client, issuer),
    };
    const seen = await planDeclared(planning);
    if (seen.length === 0) return terminal.out('Nothing to do: all of it is so already.');
    terminal.out(inWords(seen, options.dryRun ?? false));
    // Exit code 2, with nothing more to say.
    if (options.dryRun) throw new CommanderError(2, 'apply.differs', '');
    await agree(terminal, options, seen);
    const keep = (secrets: readonly Secret[]) => keepSecrets(options, secrets);
    const secrets = await makeDeclared(planning, { seen, keep });
    terminal.out(`\nApplied ${count(seen.length, 'change')}.`);
    if (secrets.length > 0) tellSecrets(terminal, options, secrets);
  });
}

async function readSource(terminal: Terminal, path: string): Promise<string> {
  if (path === '-') return readInput(terminal);
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new AppError('bad_input', 400, `${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

const TITLES: Readonly<Record<Section, string>> = {
  connections: 'Connections',
  resources: 'MCP servers',
  clients: 'Clients',
  policy: 'Policy',
};
const SIGNS = { added: '+', changed: '~', removed: '-' } as const;

function inWords(changes: readonly Change[], dryRun: boolean): string {
  const sections = Map.groupBy(changes, ({ section }) => section);
  const parts = [...sections].map(([section, those]) => {
    const words = those.flatMap(({ how, name, lines, people }) => [
      `  ${SIGNS[how]} ${visible(name)} (${how})`,
      ...lines.map((line) => `      ${visible(line)}`),
      ...(people === undefined ? [] : [`      touches ${people === 1 ? '1 person' : `${people} people`}`]),
    ]);
    return [TITLES[section], ...words].join('\n');
  });
  const whole = `${count(changes.length, 'change')}${dryRun ? '; nothing was changed' : ''}.`;
  return [...parts, whole].join('\n\n');
}

function visible(text: string): string {
  return visibleText(text, 'NFC');
}

/** @throws AppError 400 `not_agreed`, 409 `not_applied` */
async function agree({ stdin, isTerminal, out }: Terminal, { yes, secretsOut }: ApplyOptions, seen: readonly Change[]) {
  if (!isTerminal && secretsOut === undefined && seen.some(({ secret }) => secret)) {
    const message =
      'Secrets would be made, and nobody watches: say with --secrets-out where they go. Nothing was changed.';
    throw new AppError('not_agreed', 400, message);
  }
  if (yes) return;
  if (!stdin.isTTY || !isTerminal)
    throw new AppError(
      'not_agreed',
      400,
      'Nobody is here to ask, so nothing was changed: look at --dry-run, then say --yes.',
    );
  out('\nApply this? Write yes:');
  const lines = createInterface({ input: stdin });
  const answer = await lines.question('');
  lines.close();
  if (answer.trim().toLowerCase() !== 'yes') throw new AppError('not_applied', 409, 'Nothing was changed.');
}

/** Before anything is committed: nothing is made that nobody can ever use. */
async function keepSecrets({ secretsOut }: ApplyOptions, secrets: readonly Secret[]): Promise<void> {
  if (secretsOut === undefined) return;
  await writeSecretFile(secretsOut, `${secretText(secrets)}\n`);
}

function tellSecrets({ out, isTerminal }: Terminal, { secretsOut }: ApplyOptions, secrets: readonly Secret[]): void {
  const where = `What was made is in ${secretsOut}, which only you can read.`;
  // Without a terminal there is nothing secret among it.
  out(secretsOut === undefined ? `\n${secretText(secrets)}${isTerminal ? '\n\n(shown only now)' : ''}` : where);
}

function secretText(secrets: readonly Secret[]): string {
  return secrets.map(({ name, fields: values }) => `${name}\n${fields(values)}`).join('\n\n');
}

/** The rules of `client add`, in the words of the file. */
function parseClient(client: DeclaredClient, issuer: string): NewClient {
  const access = Object.entries(client.access).map(([uri, scopes]) => `${uri}=${scopes.join(' ')}`);
  try {
    return parseClientOptions(
      {
        ...{ name: client.name, kind: client.kind, deviceFlow: client.device_flow, access },
        ...{ redirectUri: client.redirect_uris, postLogoutRedirectUri: client.post_logout_redirect_uris },
        ...(client.auth === undefined ? {} : { auth: client.auth }),
        ...(client.jwks_uri === undefined ? {} : { jwksUri: client.jwks_uri }),
        ...(client.unnamed_refresh ? { unnamedRefresh: true } : {}),
        ...(client.backchannel_logout_uri === undefined ? {} : { backchannelLogoutUri: client.backchannel_logout_uri }),
      },
      issuer,
    );
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError(
      error.code,
      error.status,
      error.message.replace(/--([a-z-]+)/g, (_all, option) => memberOf(option)),
    );
  }
}

function memberOf(option: string): string {
  const member = option.replaceAll('-', '_');
  return member.endsWith('redirect_uri') ? `${member}s` : member;
}
