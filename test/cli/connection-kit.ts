/** A Consentry whose connections come from its database, the command line beside it, and a provider for both. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startUpstream } from '../fakes/upstream.ts';
import { startConsentry } from '../harness.ts';
import { createCommand, environmentOf } from './command.ts';

export const TENANT = '0a7bdc1e-58a6-4f0e-9c5d-2f4a6f6c1001';
export const OTHER_TENANT = '0a7bdc1e-58a6-4f0e-9c5d-2f4a6f6c2002';
export const CLIENT = '5f0d3c1e-2222-4f0e-9c5d-2f4a6f6c9999';
/** A connection that the provider sends people back to. */
export const REGISTERED = 'contoso';

export type ConnectionWorld = Awaited<ReturnType<typeof startConnectionWorld>>;

/** @param egress how requests leave, where they go further than this machine */
export async function startConnectionWorld(egress: Record<string, string> = {}) {
  const upstream = await startUpstream([`/federation/${REGISTERED}/callback`]);
  const clock = { ahead: 0 };
  const server = await startConsentry(
    { OUTBOUND_ALLOW: '127.0.0.1', ...egress },
    () => new Date(Date.now() + clock.ahead),
  );
  const directory = await mkdtemp(join(tmpdir(), 'consentry-connections-'));
  const { rooms } = server;
  const env: Record<string, string> = { ...environmentOf(server), OUTBOUND_ALLOW: '127.0.0.1', ...egress };
  const prisma = rooms.database.direct;

  async function file(name: string, content: string): Promise<string> {
    const path = join(directory, name);
    await writeFile(path, content);
    return path;
  }

  const secretFile = await file('secret.txt', `${SECRET}\n`);

  return {
    ...{ upstream, server, env, prisma, directory, file, secretFile, pem: await pemFiles({ file }) },
    /** The arguments that add a connection to {@link upstream}. */
    addOidcBy: (...args: string[]) => [
      ...['connection', 'add', 'oidc', '--issuer', upstream.issuer, '--client-id', 'consentry-static'],
      ...['--client-secret-file', secretFile, ...args],
    ],
    consentry: createCommand(env),
    /** Makes the server read its connections anew, as it does every second. */
    reread(): void {
      // Always forward: going back by what has passed in truth meanwhile would be no new second.
      clock.ahead += 1_000;
    },
    /** As {@link REGISTERED}, or another one of the same provider. */
    addOidc: (id = REGISTERED, change = {}) => {
      const { settings, name } = upstream.record(id);
      const shared = { exclusive: false, provisioning: 'first_sign_in', origin: 'cli' } as const;
      const connection = { ...shared, id, name, kind: 'oidc', settings, secrets: upstream.secrets, ...change } as const;
      return rooms.connectionStore.create(connection);
    },
    /** Oldest first. */
    stored: () => prisma.connection.findMany({ orderBy: { createdAt: 'asc' } }),
    recorded: (type: string) => prisma.auditEvent.findMany({ where: { type }, orderBy: { seq: 'asc' } }),
    async close(): Promise<void> {
      await server.close();
      await upstream.close();
      await rm(directory, { recursive: true });
    },
  };
}

const read = (file: string) =>
  readFile(fileURLToPath(new URL(`../fixtures/entra/test-only-assertion-${file}.pem`, import.meta.url)), 'utf8');

/** Certificate and key in one file, as an administrator has it, and files that lack one of the two. */
export async function pemFiles({ file }: { file(name: string, content: string): Promise<string> }) {
  const whole = async (name: string) => file(`${name}.pem`, (await read(name)) + (await read(`${name}-key`)));
  return {
    a: await whole('a'),
    b: await whole('b'),
    third: await whole('c'),
    expired: await whole('expired'),
    certificate: await file('certificate.pem', await read('a')),
    key: await file('key.pem', await read('a-key')),
    mixed: await file('mixed.pem', (await read('a')) + (await read('b-key'))),
    certificates: { a: await read('a'), b: await read('b') },
  };
}

export const SECRET = 'a-secret-8Q~that-nobody-prints';

export const addEntra = (...args: string[]) => [
  ...['connection', 'add', 'entra', '--tenant', TENANT, '--client-id', CLIENT],
  ...args,
];
