/** `consentry connection add`: a connection, and what has to be entered at the provider next. */
import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { Config } from '../config.ts';
import { assertFits, assertItself } from '../connection-checks.ts';
import { addConnection } from '../connections.ts';
import { publicJwk } from '../federation/configuration/certificates.ts';
import type { Kind, Problem } from '../federation/configuration/description.ts';
import type { NewConnection } from '../federation/connection-store.ts';
import { createEgress } from '../web/egress.ts';
import { warnOfLockout } from './connection-living.ts';
import {
  badConnection,
  credentialNames,
  describeOptions,
  type EntraOptions,
  entraOptions,
  type OidcOptions,
  oidcOptions,
  parseAuthContexts,
  readOptions,
  readOwnCredentials,
  SECRET_VARIABLE,
  sharedOptions,
} from './connection-options.ts';
import { describeAddresses, nextSteps } from './connection-words.ts';
import { withRooms } from './open.ts';
import { examples } from './options.ts';
import { fields, printJson } from './print.ts';
import type { Terminal } from './terminal.ts';

type AddOptions = EntraOptions & OidcOptions;

const SECRETS = `
What proves who we are is read from files, or from the variable ${SECRET_VARIABLE}, never from the command line. It is
sealed in the database, and shown by no command.`;

const ORDER = `
Best is a federated credential, where there is no secret at all; then a certificate; then a client secret, which ends
after two years at most.
${SECRETS.trim()}`;

export function addCommands(connection: Command, terminal: Terminal): void {
  const add = connection
    .command('add')
    .description('make a connection; prints its id and what to enter at the provider');
  const entra = add.command('entra').description('Microsoft Entra ID');
  entraOptions(sharedOptions(entra))
    .option('--guests', 'guests of the tenant may come in too')
    .option('--groups', 'read groups, nested ones included, to map them to roles')
    .option('--exclusive', 'passwords here are off from now on, except for break-glass accounts')
    .option('--json', 'print JSON')
    .addHelpText('after', ORDER)
    .addHelpText(
      'after',
      examples(
        'connection add entra --tenant 72f988bf-… --client-id 9f3c… --certificate consentry.pem',
        'connection add entra --tenant 72f9… --client-id 9f3c… --client-secret-file secret.txt --secret-expires 2027-05-01',
        'connection add entra --tenant 72f9… --client-id 9f3c… --federated-credential /var/run/secrets/token --groups',
      ),
    )
    .action((options: AddOptions) => make(terminal, 'entra', options));
  const oidc = add.command('oidc').description('any OpenID provider: Keycloak, Okta, Google, another Consentry');
  oidcOptions(sharedOptions(oidc))
    .option('--offline-access', 'ask for a refresh token, so that leavers are noticed when their apps refresh')
    .option('--exclusive', 'passwords here are off from now on, except for break-glass accounts')
    .option('--json', 'print JSON')
    .addHelpText('after', SECRETS)
    .addHelpText(
      'after',
      examples(
        'connection add oidc --issuer https://login.example.com/realms/staff --client-id consentry --client-secret-file secret.txt',
        'connection add oidc --issuer https://login.example.com --client-id consentry --private-key key.pem --offline-access',
      ),
    )
    .action((options: AddOptions) => make(terminal, 'oidc', options));
}

async function make(terminal: Terminal, kind: Kind, options: AddOptions): Promise<void> {
  const problems: Problem[] = [];
  const described = describeOptions(kind, options);
  const names = credentialNames(options, terminal) ?? { secret_expires: options.secretExpires };
  const credentials = readOwnCredentials(kind, names, terminal, problems);
  const name = described.name ?? (kind === 'entra' ? 'Microsoft' : URL.parse(options.issuer ?? '')?.host);
  const read = readOptions(kind, { name: name ?? 'Provider', ...described }, credentials, problems);
  if (!credentials) throw badConnection(problems);
  const { secrets, credentialEndsAt } = credentials;
  const { connection, issuer } = await withRooms(terminal, async (rooms, config) => {
    const authContexts = parseAuthContexts(options.authContext ?? [], await rooms.resources.list());
    const settings = { ...read.settings, authContexts };
    const connection = {
      ...read,
      settings,
      id: randomUUID(),
      origin: 'cli',
      secrets,
      credentialEndsAt,
    } as NewConnection;
    await assertFits(rooms, config.issuer, connection);
    await tellOfDiscovery(terminal, config, connection);
    await addConnection(rooms, connection);
    if (connection.exclusive) await warnOfLockout(terminal, rooms, connection);
    return { connection, issuer: config.issuer };
  });
  await print(terminal, connection, issuer, options);
}

async function print(
  terminal: Terminal,
  connection: NewConnection,
  issuer: string,
  { json }: AddOptions,
): Promise<void> {
  const { id, kind, name, settings, secrets } = connection;
  const [bare] = settings.authentication === 'private_key_jwt' ? secrets.certificates : [];
  const jwk = bare && (await publicJwk(bare.privateKey));
  const addresses = describeAddresses(issuer, connection);
  if (json) return printJson(terminal, { id, kind, name, ...addresses, ...(jwk ? { public_jwk: jwk } : {}) });
  terminal.out(`Made the connection ${name} (${kind})\n`);
  terminal.out(fields({ id, ...addresses, public_jwk: jwk && JSON.stringify(jwk) }));
  terminal.out(`\n${nextSteps(connection, issuer)}`);
  if ('tenants' in settings && settings.tenants === 'any')
    terminal.err('warning: everybody with a work or school account in any organisation may come in now.');
}

/** A provider that is away keeps nobody from adding it; one that is somebody else is refused. */
export async function tellOfDiscovery(terminal: Terminal, config: Config, connection: NewConnection): Promise<void> {
  const egress = createEgress(config);
  try {
    const deps = { fetch: egress.fetch, now: () => new Date(), issuer: config.issuer };
    const away = await assertItself(connection, deps);
    if (away) terminal.err(`warning: ${away.what}. ${away.todo ?? ''}`.trim());
  } finally {
    egress.close();
  }
}
