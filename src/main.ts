/** Reads the configuration, starts, says in plain words what it started, stops on SIGTERM and SIGINT. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureFirstAdministrator } from './accounts/first-administrator.ts';
import { events } from './audit/events.ts';
import { type Config, readConfig } from './config.ts';
import { synchroniseConnections } from './configured-connections.ts';
import { startDemoServer } from './demo/server.ts';
import { registerDemo } from './demo-resource.ts';
import { AppError } from './errors.ts';
import { readConfigured } from './federation/configuration/configured.ts';
import { createRooms, type Rooms } from './rooms.ts';
import { startServer } from './server.ts';
import { openDatabase } from './storage/database.ts';
import { migrate } from './storage/migrate.ts';
import { createLog, type Log } from './web/log.ts';
import { inRequest } from './web/request-context.ts';

type Stop = () => Promise<void>;

/** Of the checkout: relative paths mean the same from wherever it is started. */
const root = fileURLToPath(new URL('../', import.meta.url));

async function start(config: Config, log: Log, stops: Stop[]): Promise<void> {
  const { dataDir, databaseUrl, connectionsFile: path, issuer } = config;
  const configured = path === undefined ? undefined : readConfigured({ path, env: process.env, issuer });
  const database = await openDatabase({ databaseUrl, dataDir, log, mode: 'serve' });
  stops.unshift(database.close);
  const applied = await migrate(database.connection);
  const rooms = await createRooms({ config, prisma: database.prisma });
  await inRequest('system', async () => {
    if (applied.length > 0) await rooms.audit.record(events.migrated({}, { migrations: applied }));
    if (config.demo) await registerDemo(rooms, config);
    if (configured) await synchroniseConnections(rooms, configured);
    else await warnOfForgottenFile(rooms, log);
  });
  const server = await startServer({ config, rooms, log });
  stops.unshift(server.close);
  const demo = config.demo
    ? await startDemoServer({ issuer: config.issuer, host: config.host, port: config.demoPort })
    : undefined;
  if (demo) stops.unshift(demo.close);
  // Last: a password that is shown once must not be lost to a port that is taken.
  const administrator = await inRequest('system', async () => {
    const isTerminal = process.stdout.isTTY === true;
    const made = await ensureFirstAdministrator({ ...rooms, ...config, store: rooms.accountStore, isTerminal });
    if (made.created) await rooms.audit.record(events.accountCreated({}, { role: 'owner', first: true }));
    return made;
  });
  console.log(welcome(config, administrator, demo?.url));
  console.log(`Consentry is ready at ${config.issuer}`);
}

/** A variable that got lost must not end everybody's access, and bring passwords back: an empty list in the file says so. */
async function warnOfForgottenFile({ connectionStore }: Rooms, log: Log): Promise<void> {
  const { records, broken } = await connectionStore.survey();
  const kept = [...records, ...broken].filter(({ origin }) => origin === 'configuration').map(({ id }) => id);
  if (kept.length === 0) return;
  log.warn(
    { connections: kept },
    'CONNECTIONS_FILE is not set: its connections stay as they were; a file with [] ends them',
  );
}

/** What a person needs next, and nothing else. */
function welcome(
  config: Config,
  administrator: Awaited<ReturnType<typeof ensureFirstAdministrator>>,
  demoUrl: string | undefined,
): string {
  const lines = ['', `  Authorization server   ${config.issuer}`, `  Dashboard              ${config.issuer}/admin`];
  if (demoUrl) lines.push(`  Demo MCP server        ${demoUrl}`);
  lines.push(...signInLines(administrator), `  Change the password    ${config.issuer}/account/password`);
  if (demoUrl) {
    lines.push(
      '',
      '  Connect a client, for example Claude Code:',
      `    claude mcp add --transport http consentry-demo ${demoUrl}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function signInLines(administrator: Awaited<ReturnType<typeof ensureFirstAdministrator>>): string[] {
  const { created, email, password, passwordFile } = administrator;
  if (created && password)
    return [`  Sign in as             ${email}`, `  Password               ${password}   (shown only now)`];
  if (created && !passwordFile) return [`  Sign in as             ${email}   (with the password you configured)`];
  if (passwordFile) return [`  First sign-in          e-mail and password are in ${passwordFile}`];
  return [];
}

/** In the order in which they must end; a second signal ends at once. */
function stopOnSignals(stops: Stop[], log: Log): void {
  let stopping = false;
  const stop = async (signal: NodeJS.Signals) => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping');
    process.exitCode = await stopAll(stops, log);
    process.exit();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
}

async function stopAll(stops: Stop[], log: Log): Promise<number> {
  let failed = 0;
  for (const stop of stops) {
    await stop().catch((error: unknown) => {
      failed = 1;
      log.error({ err: error }, 'did not stop cleanly');
    });
  }
  return failed;
}

async function main(): Promise<void> {
  const stops: Stop[] = [];
  let log: Log | undefined;
  try {
    const settings = join(root, '.env');
    if (existsSync(settings)) process.loadEnvFile(settings);
    const config = readConfig(process.env, { root });
    log = createLog({ level: config.logLevel });
    stopOnSignals(stops, log);
    await start(config, log, stops);
  } catch (error) {
    console.error(explain(error));
    if (log) await stopAll(stops, log);
    process.exit(1);
  }
}

/** An error of ours says what to do; anything else shows where it came from. */
function explain(error: unknown): string {
  if (error instanceof AppError) return error.detail ? `${error.message}\n(${error.detail})` : error.message;
  if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') {
    const { port } = error as { port?: number };
    return `Port ${port} is in use. Stop the program that uses it, or set PORT (or DEMO_PORT) to another.`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

await main();
