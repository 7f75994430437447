/** Where secrets go that were made here: to the terminal that somebody watches, or into a file that only they can read. */
import { open } from 'node:fs/promises';
import { AppError } from '../errors.ts';

/**
 * A new file, mode 0600. One that is there already may be somebody else's, a link, or open to others: it is refused.
 * @throws AppError 409 `secret_file_exists`, 500 `secret_file`
 */
export async function writeSecretFile(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      // Whatever the umask of this process made of it.
      await file.chmod(0o600);
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') {
      const message = `${path} is there already, and is not written over: name another file, or move it away.`;
      throw new AppError('secret_file_exists', 409, message, { cause });
    }
    const message = `The secrets cannot be written to ${path}, so nothing was changed. Name a file in a directory that is writable.`;
    throw new AppError('secret_file', 500, message, { cause });
  }
}
