/** `consentry connection update`: part of a connection is changed, and told whom that touches. */
import type { Command } from 'commander';
import { assertChangeable, assertFits, findLiving } from '../connection-checks.ts';
import { changeConnection, placeOf } from '../connections.ts';
import { AppError } from '../errors.ts';
import { describeSettings, type Problem, parseDay } from '../federation/configuration/description.ts';
import { besideTheOld, onlyTheNewest } from '../federation/configuration/overlap.ts';
import type { Credentials } from '../federation/configuration/provider-credentials.ts';
import type { ConnectionChange, ConnectionRecord } from '../federation/connection-store.ts';
import type { ConnectionSecrets } from '../federation/settings.ts';
import { tellOfDiscovery } from './connection-add.ts';
import { warnOfLockout } from './connection-living.ts';
import {
  credentialNames,
  describeOptions,
  type EntraOptions,
  entraOptions,
  type OidcOptions,
  oidcOptions,
  parseAuthContexts,
  readOptions,
  readOwnCredentials,
  sharedOptions,
} from './connection-options.ts';
import { withRooms } from './open.ts';
import { examples } from './options.ts';
import type { Terminal } from './terminal.ts';

interface UpdateOptions extends EntraOptions, OidcOptions {
  retireCertificate?: boolean;
}

const HELP = `
A new certificate stands before the one there was, which stays good until --retire-certificate: upload the new one, update,
and only then take the old one away. Two --certificate say exactly which two. --auth-context says all that there are from
then on; --auth-context none: none.

A changed --issuer, --cloud or --tenant may mean other people: everybody's sign-ins end, and nobody comes by the
connection as who they were until you run: connection confirm-identities`;

export function updateCommand(connection: Command, terminal: Terminal): void {
  const update = connection
    .command('update')
    .description('change part of a connection: what is not named stays')
    .argument('<id>', 'as connection list shows it');
  oidcOptions(entraOptions(sharedOptions(update)))
    .option('--retire-certificate', 'forget all certificates but the newest')
    .option('--guests', 'guests of the tenant may come in too')
    .option('--no-guests', 'guests may not')
    .option('--groups', 'read groups, to map them to roles')
    .option('--no-groups', 'read none')
    .option('--offline-access', 'ask for a refresh token, so that leavers are noticed')
    .option('--no-offline-access', 'ask for none')
    .option('--exclusive', 'passwords here are off, except for break-glass accounts')
    .option('--no-exclusive', 'passwords here are on again')
    .addHelpText('after', HELP)
    .addHelpText(
      'after',
      examples(
        'connection update 5f2a9c… --certificate new.pem',
        'connection update 5f2a9c… --client-secret-file secret.txt --secret-expires 2027-05-01',
        'connection update 5f2a9c… --exclusive --provisioning scim',
      ),
    )
    .action((id: string, options: UpdateOptions) => change(terminal, id, options));
}

async function change(terminal: Terminal, id: string, options: UpdateOptions): Promise<void> {
  await withRooms(terminal, async (rooms, config) => {
    const before = await findLiving(rooms, id);
    assertChangeable(before);
    const secrets = await rooms.connectionStore.findSecrets(id).catch(() => ({ certificates: [] }));
    const authContexts = options.authContext && parseAuthContexts(options.authContext, await rooms.resources.list());
    const change = changeOf(terminal, before, secrets, options, authContexts);
    const after = { ...before, ...change, secrets: change.secrets ?? secrets } as ConnectionRecord & {
      secrets: ConnectionSecrets;
    };
    await assertFits(rooms, config.issuer, after);
    if (placeOf(before) !== placeOf(after)) await tellOfDiscovery(terminal, config, after as never);
    const { orphaned, ended } = await changeConnection(rooms, before, change);
    terminal.out(`Changed ${after.name}.`);
    if (after.exclusive && !before.exclusive) await warnOfLockout(terminal, rooms, after);
    if (placeOf(before) !== placeOf(after)) terminal.out(movedWords(id, orphaned, ended));
  });
}

function movedWords(id: string, orphaned: number, ended: number): string {
  if (orphaned === 0) return 'Others may speak for it now. Nobody has come by it yet whom that could touch.';
  const people = orphaned === 1 ? '1 known person' : `${orphaned} known people`;
  const had = ended === 0 ? '' : `, and what ${ended} of them had here has ended`;
  return `Others may speak for it now: ${people} cannot come by it until confirmed${had}.\nnpx consentry connection confirm-identities ${id}`;
}

/** @throws AppError 400 where an option is for the other kind, or nothing is to be changed */
function changeOf(
  terminal: Terminal,
  before: ConnectionRecord,
  secrets: ConnectionSecrets,
  options: UpdateOptions,
  authContexts: ReturnType<typeof parseAuthContexts> | undefined,
): ConnectionChange {
  const { kind } = before;
  assertKind(kind, options);
  const problems: Problem[] = [];
  const given = describeOptions(kind, options);
  const credentials = credentialsOf(terminal, before, secrets, options, problems);
  const { name, exclusive, provisioning } = before;
  const stays = { name, exclusive, provisioning, ...describeSettings(before) };
  const told = authContexts ? { auth_contexts: authContexts } : {};
  const how = { authentication: before.settings.authentication, federatedTokenFile: fileOf(before), ...credentials };
  const read = readOptions(kind, { ...stays, ...given, ...told }, how, problems);
  const nothing = Object.keys({ ...given, ...told }).length === 0 && !credentials;
  if (nothing) throw new AppError('bad_connection', 400, 'Say what is to be changed.');
  const proof = credentials
    ? { secrets: credentials.secrets, credentialEndsAt: credentials.credentialEndsAt ?? null }
    : {};
  return {
    ...(read.name === name ? {} : { name: read.name }),
    exclusive: read.exclusive,
    provisioning: read.provisioning,
    settings: read.settings,
    ...proof,
  };
}

function fileOf({ settings }: ConnectionRecord): string | undefined {
  return 'federatedTokenFile' in settings ? settings.federatedTokenFile : undefined;
}

function credentialsOf(
  terminal: Terminal,
  { kind, settings, credentialEndsAt }: ConnectionRecord,
  before: ConnectionSecrets,
  options: UpdateOptions,
  problems: Problem[],
): Credentials | undefined {
  const kept = { authentication: settings.authentication };
  if (options.retireCertificate) return onlyTheNewest(before, kept);
  const names = namesGiven(terminal, options);
  if (names) {
    const read = readOwnCredentials(kind, names, terminal, problems);
    return read && besideTheOld(read, before);
  }
  const { clientAuth } = options;
  if (clientAuth !== undefined && before.clientSecret !== undefined)
    return { authentication: clientAuth as Credentials['authentication'], secrets: before, credentialEndsAt };
  if (options.secretExpires === undefined || before.clientSecret === undefined) return undefined;
  const end = parsedDay(options.secretExpires, problems);
  return { ...kept, secrets: before, credentialEndsAt: end ?? credentialEndsAt };
}

/** The variable counts only where the secret is what is to be changed: it may be set for other reasons. */
function namesGiven(terminal: Terminal, options: UpdateOptions) {
  const names = credentialNames(options, terminal);
  return names?.client_secret_env === undefined || options.secretExpires !== undefined ? names : undefined;
}

function parsedDay(day: string, problems: Problem[]): Date | undefined {
  try {
    return parseDay(day);
  } catch (error) {
    problems.push({ key: 'secret_expires', what: error instanceof Error ? error.message : String(error) });
    return undefined;
  }
}

const ONLY = {
  entra: [
    'tenant',
    'anyTenant',
    'cloud',
    'certificate',
    'federatedCredential',
    'guests',
    'groups',
    'retireCertificate',
  ],
  oidc: ['issuer', 'resource', 'privateKey', 'clientAuth', 'rolesClaim', 'groupsClaim', 'offlineAccess'],
} as const;

function assertKind(kind: ConnectionRecord['kind'], options: UpdateOptions): void {
  const foreign = ONLY[kind === 'entra' ? 'oidc' : 'entra'].find(
    (name) => options[name as keyof UpdateOptions] !== undefined,
  );
  if (foreign === undefined) return;
  const option = `--${foreign.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw new AppError('bad_connection', 400, `${option} is not for a connection of the kind ${kind}.`);
}
