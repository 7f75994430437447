/** Lets one process at a time make, stop or start the embedded Postgres of a directory. */
import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../errors.ts';

/** A first start takes two seconds, a recovery on a slow disk a minute. */
const PATIENCE_MS = 90_000;

/**
 * Runs `work` while no other living process runs its own in the same directory.
 * @throws AppError `database_starting` when one does for more than 90 s
 */
export async function withStartLock<T>(directory: string, work: () => Promise<T>): Promise<T> {
  const path = join(directory, 'starting');
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await take(path))) {
    const holder = await readFile(path, 'utf8').catch(() => undefined);
    if (holder !== undefined && !(await isLiving(holder))) await clear(path, holder);
    else if (Date.now() < deadline) await delay(20);
    else {
      throw new AppError(
        'database_starting',
        503,
        `Another Consentry is still starting with ${directory}. Stop it first.`,
      );
    }
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

/** A hard link appears at once with its content, and only where there was nothing. */
async function take(path: string): Promise<boolean> {
  const own = temporary(path);
  await writeFile(own, `${process.pid} ${await startedAt(process.pid)}`, { flag: 'wx', mode: 0o600 });
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

/** Removes a dead process's mark, and puts it back should it be a new one by now. */
async function clear(path: string, dead: string): Promise<void> {
  const aside = temporary(path);
  await rename(path, aside).catch(() => undefined);
  const moved = await readFile(aside, 'utf8').catch(() => dead);
  if (moved !== dead) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

async function isLiving(holder: string): Promise<boolean> {
  const [pid, start] = holder.split(' ');
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return (await startedAt(Number(pid))) === start;
}

/** Tells a process from a later one with the same PID (in a container they recur); Linux only, else always equal. */
async function startedAt(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // Field 22, counted behind the command's closing bracket, which is field 2.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

function temporary(path: string): string {
  return `${path}.${randomBytes(8).toString('hex')}`;
}
