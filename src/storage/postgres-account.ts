/** The operating-system account that runs the embedded Postgres: it refuses to run as root, so root borrows one that exists. */
import { spawn } from 'node:child_process';
import { chmod, mkdir, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../errors.ts';

export interface Account {
  uid: number;
  gid: number;
}

/** What a finished command said; `code` is null when it could not be started or died of a signal. */
export interface Outcome {
  code: number | null;
  output: string;
}

const BORROWED = ['postgres', 'node', 'nobody'];

/**
 * The account for a directory: undefined means ourselves (not root); for root the directory's owner,
 * else `postgres`, `node` or `nobody`. None is ever created.
 * @throws AppError `no_postgres_account`
 */
export async function chooseAccount(directory: string): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await nearestOwner(directory);
  if (owner.uid !== 0) return owner;
  const accounts = parsePasswd(await readFile('/etc/passwd', 'utf8').catch(() => ''));
  for (const name of BORROWED) {
    const account = accounts.get(name);
    if (account && account.uid !== 0) return account;
  }
  throw new AppError(
    'no_postgres_account',
    500,
    'Postgres refuses to run as root, and there is no account postgres, node or nobody to run it as. ' +
      'Start Consentry as another user, or set DATABASE_URL.',
  );
}

/** Runs a command as the account, from `/`, with an environment that no locale or PG* variable of ours reaches. */
export function runAs(account: Account | undefined, command: string, args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...account, cwd: '/', env: cleanEnv(), stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.once('error', (error) => resolve({ code: null, output: error.message }));
    child.once('close', (code) => resolve({ code, output }));
  });
}

/** The whole environment of every Postgres process. */
export function cleanEnv(): NodeJS.ProcessEnv {
  return { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}

/** Whether the account can pass through to the directory and enter it. */
export async function canEnter(account: Account | undefined, directory: string): Promise<boolean> {
  return (await runAs(account, '/bin/sh', ['-c', 'cd "$0"', directory])).code === 0;
}

/** A directory of root's that other accounts may pass through but not list, whatever the umask. */
export async function makePassable(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o711);
}

async function nearestOwner(path: string): Promise<Account> {
  const found = await stat(path).catch(() => undefined);
  if (found) return { uid: found.uid, gid: found.gid };
  return path === dirname(path) ? { uid: 0, gid: 0 } : nearestOwner(dirname(path));
}

function parsePasswd(text: string): Map<string, Account> {
  const accounts = new Map<string, Account>();
  for (const line of text.split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (!name || name.startsWith('#') || uid === undefined || gid === undefined) continue;
    // macOS writes nobody as -2.
    accounts.set(name, { uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 });
  }
  return accounts;
}
