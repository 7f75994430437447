/** The master key: from the configuration, or generated below the data directory on the first start. */
import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors.ts';

const KEY_BYTES = 32;

/**
 * 32 bytes. Two processes that start at once get the same.
 * @throws AppError `bad_master_key` when the file cannot be used; nothing is ever overwritten
 */
export async function loadMasterKey(options: { masterKey?: Buffer | undefined; dataDir: string }): Promise<Buffer> {
  if (options.masterKey) return options.masterKey;
  const path = join(options.dataDir, 'master-key');
  try {
    return (await readKey(path)) ?? (await createKey(options.dataDir, path));
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw unusable(path, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

async function readKey(path: string): Promise<Buffer | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== KEY_BYTES || key.toString('base64') !== text.trim()) {
    throw unusable(path, 'it does not hold 32 bytes of base64');
  }
  // A copy or a restored backup may have opened it to others.
  if (((await stat(path)).mode & 0o077) !== 0) await chmod(path, 0o600);
  return key;
}

/** Written aside and linked into place: never half a key under the name, and the first of two processes wins. */
async function createKey(dataDir: string, path: string): Promise<Buffer> {
  // Root's embedded Postgres runs below as another account, which has to pass; the key itself is ours alone.
  await mkdir(dataDir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
  const draft = `${path}.${randomBytes(8).toString('hex')}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${randomBytes(KEY_BYTES).toString('base64')}\n`);
    await file.sync();
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await file.close();
    await unlink(draft);
  }
  const key = await readKey(path);
  if (!key) throw unusable(path, 'it vanished while it was read');
  return key;
}

function unusable(path: string, why: string, cause?: unknown): AppError {
  const message = `The master key in ${path} cannot be used: ${why}. Restore it from a backup: without it nothing that this server sealed can be opened.`;
  return new AppError('bad_master_key', 500, message, { cause });
}
