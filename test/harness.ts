/** A whole Consentry for one test file: a fresh database, a port of its own, the configuration asked for. */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { type Config, readConfig } from '../src/config.ts';
import { type Connection, fixedConnections } from '../src/federation/connection.ts';
import { addClient, addResource, type NewClient, type NewResource } from '../src/registrations.ts';
import { createRooms, type Rooms } from '../src/rooms.ts';
import { startServer } from '../src/server.ts';
import { openDatabase } from '../src/storage/database.ts';
import { createLog } from '../src/web/log.ts';
import { createTestDatabase } from './database.ts';

export interface Consentry {
  issuer: string;
  config: Config;
  rooms: Rooms;
  /** Direct, for looking at what is stored. */
  databaseUrl: string;
  ana: { id: string; email: string; password: string };
  mail: Registered;
  close(): Promise<void>;
}

export interface Registered {
  uri: string;
  clientId: string;
  clientSecret: string;
}

export const MAIL: NewResource = {
  uri: 'http://127.0.0.1:9/mail',
  name: 'Mail',
  scopes: [
    {
      name: 'mail:read',
      description: 'Read your mail',
      descriptionJa: 'メールを読む',
      sensitivity: 'low',
      effect: 'read',
      tools: ['list_mail', 'read_mail'],
    },
    {
      name: 'mail:send',
      description: 'Send mail as you',
      descriptionJa: 'あなたとしてメールを送る',
      sensitivity: 'high',
      effect: 'act',
      tools: ['send_mail'],
    },
    {
      name: 'mail:label',
      description: 'Change labels',
      descriptionJa: 'ラベルを変更する',
      sensitivity: 'medium',
      effect: 'change',
      tools: ['add_label'],
    },
  ],
};

export const CALENDAR: NewResource = {
  uri: 'http://127.0.0.1:9/calendar',
  name: 'Calendar',
  scopes: [
    {
      name: 'calendar:read',
      description: 'Read your calendar',
      sensitivity: 'low',
      effect: 'read',
      tools: ['list_events'],
    },
  ],
};

/** What makes a hash worth having is tested by itself; a hundred sign-ins need not pay for it. */
const CHEAP = { memoryCost: 64, timeCost: 2, parallelism: 1 };

export const PASSWORD = 'correct horse battery staple';

/**
 * @param env what the configuration differs in; PORT and ISSUER follow the free port that is found, as does `{port}`
 * @param connect makes upstream connections for this issuer
 */
export async function startConsentry(
  env: Record<string, string> = {},
  now?: () => Date,
  connect?: (config: Config) => Connection[],
): Promise<Consentry> {
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  const database = await createTestDatabase();
  const config = readConfig({
    ISSUER: `http://127.0.0.1:${port}`,
    PORT: String(port),
    DATABASE_URL: database.url,
    MASTER_KEY: randomBytes(32).toString('base64'),
    LOG_LEVEL: process.env.TEST_LOG ?? 'fatal',
    DEMO: 'off',
    ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value.replace('{port}', String(port))])),
  });
  const log = createLog({ level: config.logLevel });
  const opened = await openDatabase({ ...config, databaseUrl: database.url, log, mode: 'serve' });
  const connections = connect && fixedConnections(connect(config));
  const clock = now ? { now } : {};
  const rooms = await createRooms({ config, prisma: opened.prisma, passwordCost: CHEAP, ...clock });
  // Most tests are about something else: people approve everything themselves.
  await opened.prisma.policyRule.update({ where: { id: 'default' }, data: { match: { above: 'high' } } });
  const ana = await addPerson(rooms, 'ana@contoso.test');
  const mail = await register(rooms, MAIL);
  const server = await startServer({ config, rooms, log, listener, connections });
  return {
    issuer: config.issuer,
    config,
    rooms,
    databaseUrl: database.url,
    ana,
    mail,
    async close() {
      await server.close();
      await opened.close();
      await database.drop();
    },
  };
}

export async function addPerson(rooms: Rooms, email: string, password = PASSWORD) {
  const passwordHash = await rooms.passwords.hash(password);
  const account = await rooms.accountStore.create({ email, role: 'user', passwordHash, createdAt: new Date() });
  if (!account) throw new Error(`${email} exists`);
  return { id: account.id, email, password };
}

export async function register(rooms: Rooms, resource: NewResource): Promise<Registered> {
  const { clientId, clientSecret } = await addResource(rooms, resource);
  return { uri: resource.uri, clientId, clientSecret };
}

export function staticClient(rooms: Rooms, client: Partial<NewClient> & Pick<NewClient, 'kind'>) {
  return addClient(rooms, {
    name: 'Static',
    redirectUris: ['http://127.0.0.1/callback'],
    authMethod: 'client_secret_basic',
    deviceFlow: false,
    access: {},
    postLogoutRedirectUris: [],
    ...client,
  });
}

/** Asks the database itself, for what no answer tells. */
export async function sql<Row extends pg.QueryResultRow = Record<string, unknown>>(
  { databaseUrl }: Pick<Consentry, 'databaseUrl'>,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end();
  }
}
