/** Where the embedded Postgres lives on disk, and its first initialisation. */
import { createHash, randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AppError } from '../errors.ts';
import { type Account, canEnter, chooseAccount, makePassable, runAs } from './postgres-account.ts';
import { type Binaries, findBinaries } from './postgres-binaries.ts';

export interface Cluster {
  /** As the person configured it. */
  dataDir: string;
  /** Private directory (0700) of the account: `data/`, `password`, `postgres.log`, the socket. */
  home: string;
  /** Postgres's own data directory. */
  data: string;
  account: Account | undefined;
  binaries: Binaries;
}

/** The one role and database of the embedded Postgres. */
export const EMBEDDED_NAME = 'consentry';
/** Only for root, where the account that runs Postgres cannot reach the data directory or the checkout. */
const SHARED_ROOT = '/var/lib/consentry';
const PARTIAL = 'data.partial-';

/**
 * Finds or makes the home below `<dataDir>/postgres`. For root that may be a symbolic link to a directory
 * below `/var/lib/consentry`, because no other account can enter `/root` or a `mktemp -d`.
 * @throws AppError when no place or no binaries can be used
 */
export async function openCluster(dataDir: string): Promise<Cluster> {
  const { home, account } = await openHome(resolve(dataDir));
  const binaries = await findBinaries(account, account ? SHARED_ROOT : home);
  return { dataDir, home, data: join(home, 'data'), account, binaries };
}

/**
 * Runs initdb unless it was done. It is done into a directory of another name, so that a first start
 * that is killed half-way is simply done again. Not `durable`: a power cut may destroy it.
 * @throws AppError `postgres_version_mismatch`, `initdb_failed`
 */
export async function initializeCluster(cluster: Cluster, { durable }: { durable: boolean }): Promise<void> {
  const { home, data, account, binaries } = cluster;
  await removePartial(cluster);
  const version = await readFile(join(data, 'PG_VERSION'), 'utf8').catch(() => undefined);
  if (version !== undefined) {
    if (version.trim() === binaries.major) return;
    throw new AppError(
      'postgres_version_mismatch',
      500,
      `The database below ${cluster.dataDir} was made by Postgres ${version.trim()}; this Consentry brings ` +
        `Postgres ${binaries.major}. Start the earlier Consentry to back it up, or set DATA_DIR to a new directory.`,
    );
  }
  // A name of its own: the initdb of a killed start may still be writing into another.
  const partial = join(home, `${PARTIAL}${randomBytes(4).toString('hex')}`);
  const passwordFile = join(home, 'password');
  await rm(passwordFile, { force: true });
  await writePrivate(passwordFile, randomBytes(32).toString('base64url'), account);
  const options = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const outcome = await runAs(account, binaries.initdb, [
    `--pgdata=${partial}`,
    `--username=${EMBEDDED_NAME}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--no-instructions',
    ...(durable ? [] : ['--no-sync']),
    ...options,
  ]);
  if (outcome.code !== 0) {
    throw new AppError('initdb_failed', 500, `Consentry could not create its database below ${cluster.dataDir}.`, {
      detail: outcome.output,
    });
  }
  await rename(partial, data);
}

async function removePartial({ home, account }: Cluster): Promise<void> {
  const left = (await readdir(home)).filter((name) => name.startsWith(PARTIAL));
  if (left.length > 0) await runAs(account, '/bin/rm', ['-rf', ...left.map((name) => join(home, name))]);
}

/** @throws AppError `postgres_password_lost` */
export async function readPassword({ home, dataDir }: Cluster): Promise<string> {
  try {
    return (await readFile(join(home, 'password'), 'utf8')).trim();
  } catch (cause) {
    throw new AppError(
      'postgres_password_lost',
      500,
      `The file ${join(home, 'password')} is missing or unreadable: without it the database below ${dataDir} cannot be opened. ` +
        'Restore it from a backup, run Consentry as the user who made it, or set DATA_DIR to a new directory.',
      { cause },
    );
  }
}

async function openHome(dataDir: string): Promise<{ home: string; account: Account | undefined }> {
  const asRoot = process.getuid?.() === 0;
  try {
    const place = join(dataDir, 'postgres');
    const existing = await realpath(place).catch(() => undefined);
    const account = await chooseAccount(existing ?? dataDir);
    // Another account must be able to pass through root's directory, never to list it.
    await mkdir(dataDir, { recursive: true, mode: asRoot ? 0o711 : 0o700 });
    const home = existing ?? (await makeHome(place, dataDir, account));
    await assertOwned(home, account);
    if (!(await canEnter(account, home))) {
      throw unusable(dataDir, `the account with uid ${account?.uid ?? process.getuid?.()} cannot enter ${home}`);
    }
    return { home, account };
  } catch (error) {
    throw error instanceof AppError ? error : unusable(dataDir, (error as Error).message, error);
  }
}

async function makeHome(place: string, dataDir: string, account: Account | undefined): Promise<string> {
  const near = await realpath(dataDir);
  if (await canEnter(account, near)) {
    await mkdir(place, { mode: 0o700 }).catch(ignoreExisting);
  } else {
    await makePassable(SHARED_ROOT);
    const hash = createHash('sha256').update(near).digest('hex').slice(0, 16);
    await symlink(await mkdtemp(join(SHARED_ROOT, `${hash}-`)), place).catch(ignoreExisting);
  }
  return realpath(place);
}

async function assertOwned(home: string, account: Account | undefined): Promise<void> {
  const found = await stat(home);
  const uid = account?.uid ?? process.getuid?.();
  // Root's directory here is one that we made and were killed before giving it away.
  if (account && found.uid === 0) await chown(home, account.uid, account.gid);
  else if (found.uid !== uid) throw new Error(`${home} belongs to another user (uid ${found.uid})`);
  if ((found.mode & 0o777) !== 0o700) await chmod(home, 0o700);
}

/** Exclusive, so that nothing the account planted there is followed. */
async function writePrivate(path: string, text: string, account: Account | undefined): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    if (account) await file.chown(account.uid, account.gid);
    await file.sync();
  } finally {
    await file.close();
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

function unusable(dataDir: string, reason: string, cause?: unknown): AppError {
  return new AppError(
    'data_dir_unusable',
    500,
    `Consentry cannot keep its database below ${dataDir}: ${reason}. Set DATA_DIR to another directory, or DATABASE_URL.`,
    { cause },
  );
}
