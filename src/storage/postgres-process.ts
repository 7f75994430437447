/** One postmaster process: is it running, start it, stop it. Signals as in "Shutting Down the Server" of the Postgres manual. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { chown, mkdtemp, open, readFile, readlink, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { AppError } from '../errors.ts';
import { cleanEnv } from './postgres-account.ts';
import type { Cluster } from './postgres-cluster.ts';

export interface Postmaster {
  pid: number;
  socketDirectory: string;
  /** Resolves when the process has ended; only for one that we started. */
  ended?: Promise<void>;
}

/** Settings of Postgres by name, as in postgresql.conf. */
export type Settings = Record<string, string | number>;

/** The port only names the socket file. */
export const SOCKET_PORT = 5432;
/** sun_path holds 108 bytes on Linux and 104 on macOS, the terminating NUL included. */
const MAX_SOCKET_BYTES = process.platform === 'darwin' ? 103 : 107;
/** Crash recovery of a small database takes a second or two; this is for a very slow disk. */
const START_TIMEOUT_MS = 60_000;

/** The living postmaster of the cluster, or undefined; never a zombie or a stranger with a recycled PID. */
export async function findPostmaster({ data }: Cluster): Promise<Postmaster | undefined> {
  const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  const pid = Number(lines[0]);
  if (!Number.isSafeInteger(pid) || pid <= 1 || !(await isPostmasterOf(pid, data))) return undefined;
  return { pid, socketDirectory: lines[4] ?? '' };
}

/**
 * Starts Postgres in a process group of its own and resolves when it accepts connections.
 * The caller made sure by `findPostmaster` that none is running.
 * @throws AppError `postgres_start_failed`
 */
export async function startPostmaster(cluster: Cluster, socketDirectory: string, settings: Settings) {
  const { data, account, binaries, home } = cluster;
  await removeLeftovers(data, socketDirectory);
  // Never through a symbolic link: the directory belongs to the account, and we may be root.
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
  const log = await open(join(home, 'postgres.log'), flags, 0o600);
  const all: Settings = {
    ...{ listen_addresses: '', port: SOCKET_PORT, unix_socket_directories: quoteItem(socketDirectory) },
    ...{ unix_socket_permissions: '0700', log_timezone: 'UTC', timezone: 'UTC', log_destination: 'stderr' },
    ...{ io_method: 'sync', max_connections: 60, shared_buffers: '32MB', ...settings },
  };
  const args = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child = spawn(binaries.postgres, ['-D', data, ...args], {
    ...account,
    ...{ cwd: '/', env: cleanEnv(), detached: true, stdio: ['ignore', log.fd, log.fd] },
  });
  const ended = endOf(child);
  await log.close();
  await waitUntilReady(cluster, child, ended);
  child.unref();
  return { pid: child.pid ?? 0, socketDirectory, ended };
}

/** Fast shutdown, and after 10 s an immediate one; resolves when the process is gone. */
export async function stopPostmaster(cluster: Cluster, postmaster: Postmaster): Promise<void> {
  for (const [signal, limitMs] of [['SIGINT', 10_000] as const, ['SIGQUIT', 5_000] as const]) {
    if (!(await isPostmasterOf(postmaster.pid, cluster.data)) || !signalPostmaster(postmaster, signal)) break;
    const deadline = Date.now() + limitMs;
    while (Date.now() < deadline) {
      if (!(await isPostmasterOf(postmaster.pid, cluster.data))) break;
      await (postmaster.ended ? Promise.race([postmaster.ended, delay(50)]) : delay(10));
    }
  }
  await removeSocketDirectory(cluster, postmaster.socketDirectory);
}

/** False when the process is gone. */
export function signalPostmaster({ pid }: Postmaster, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** The home itself, or a private short-named directory where the socket's path would be too long. */
export async function chooseSocketDirectory({ home, account }: Cluster): Promise<string> {
  if (fits(home)) return home;
  const parent = [tmpdir(), '/tmp'].find((path) => fits(join(path, 'consentry-XXXXXX'))) ?? '/tmp';
  const directory = await mkdtemp(join(parent, 'consentry-'));
  if (account) await chown(directory, account.uid, account.gid);
  return directory;
}

export async function removeSocketDirectory({ home }: Cluster, socketDirectory: string): Promise<void> {
  const ours = socketDirectory !== home && /\/consentry-[A-Za-z0-9]{6}$/.test(socketDirectory);
  if (ours) await rm(socketDirectory, { recursive: true, force: true });
}

function fits(directory: string): boolean {
  return Buffer.byteLength(join(directory, `.s.PGSQL.${SOCKET_PORT}`)) <= MAX_SOCKET_BYTES;
}

/** unix_socket_directories is a list, so a path with a comma or a blank needs quotes. */
function quoteItem(path: string): string {
  return `"${path.replaceAll('"', '""')}"`;
}

async function isPostmasterOf(pid: number, data: string): Promise<boolean> {
  const directory = await realpath(data).catch(() => data);
  if (process.platform === 'linux') {
    // A postmaster works in its data directory; a zombie has none.
    const [cwd, name] = await Promise.all([
      readlink(`/proc/${pid}/cwd`).catch(() => ''),
      readFile(`/proc/${pid}/comm`, 'utf8').catch(() => ''),
    ]);
    return cwd === directory && name.trim() === 'postgres';
  }
  const { stdout } = await promisify(execFile)('ps', ['-o', 'stat=,command=', '-p', String(pid)]).catch(() => ({
    stdout: '',
  }));
  return !stdout.trimStart().startsWith('Z') && stdout.includes('postgres') && stdout.includes(data);
}

/** What a killed Postgres leaves would stop the next one when its PID is in use again. */
async function removeLeftovers(data: string, socketDirectory: string): Promise<void> {
  const socket = join(socketDirectory, `.s.PGSQL.${SOCKET_PORT}`);
  for (const path of [join(data, 'postmaster.pid'), socket, `${socket}.lock`]) await rm(path, { force: true });
}

function endOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
}

async function waitUntilReady(cluster: Cluster, child: ChildProcess, ended: Promise<void>): Promise<void> {
  let gone = false;
  void ended.then(() => {
    gone = true;
  });
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!gone && Date.now() < deadline) {
    const lines = (await readFile(join(cluster.data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return;
    await delay(10);
  }
  if (!gone) child.kill('SIGQUIT');
  const log = await readFile(join(cluster.home, 'postgres.log'), 'utf8').catch(() => '');
  throw new AppError(
    'postgres_start_failed',
    500,
    `The database below ${cluster.dataDir} did not start; ${join(cluster.home, 'postgres.log')} says why.`,
    { detail: log.slice(-2000) },
  );
}
