/** The first account: without it nobody could sign in to an empty Consentry. */
import { access, chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { normaliseEmail } from '../credentials.ts';
import { AppError } from '../errors.ts';
import type { GeneratedMarks } from './generated-marks.ts';
import { generatePassword } from './generated-password.ts';
import type { Passwords } from './passwords.ts';
import type { AccountStore } from './store.ts';

const DEFAULT_EMAIL = 'admin@localhost';

export interface FirstAdministrator {
  /** False: there are accounts already, and nothing was done. */
  created: boolean;
  /** The address of the account just created. */
  email?: string;
  /** The generated password, to be shown once on the terminal; nowhere else. */
  password?: string;
  /** Otherwise the 0600 file that holds it; also at later starts, until somebody deletes the file. */
  passwordFile?: string;
}

/**
 * Creates an owner in an empty database, with the given password or a generated one. Of several processes one does it.
 * @param isTerminal whether a person watches the output
 * @throws AppError `first_administrator` when the password cannot be written: then nothing was created
 */
export async function ensureFirstAdministrator(deps: {
  store: AccountStore;
  generated: Pick<GeneratedMarks, 'mark'>;
  passwords: Passwords;
  now: () => Date;
  dataDir: string;
  isTerminal: boolean;
  adminEmail?: string | undefined;
  adminPassword?: string | undefined;
}): Promise<FirstAdministrator> {
  const { store, dataDir } = deps;
  const passwordFile = join(dataDir, 'first-administrator.txt');
  if (!(await store.isEmpty())) return { created: false, ...((await exists(passwordFile)) && { passwordFile }) };

  const email = normaliseEmail(deps.adminEmail ?? DEFAULT_EMAIL);
  const password = deps.adminPassword ?? generatePassword();
  const inFile = deps.adminPassword === undefined && !deps.isTerminal;
  const passwordHash = await deps.passwords.hash(password);
  // Written before the account is committed: there is never an owner whose password nobody knows.
  const person = { email, role: 'owner', passwordHash, createdAt: deps.now() } as const;
  const account = await store.createFirst(person, async () => {
    if (inFile) await writePassword(dataDir, passwordFile, email, password);
  });
  if (!account) return { created: false };
  if (deps.adminPassword !== undefined) return { created: true, email };
  await deps.generated.mark(account.id);
  return inFile ? { created: true, email, passwordFile } : { created: true, email, password };
}

async function writePassword(dataDir: string, path: string, email: string, password: string): Promise<void> {
  const text = `E-mail:   ${email}\nPassword: ${password}\n\nChange it on the account page, then delete this file.\n`;
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    // Emptied and closed to others first: a file left from an earlier database may be open to them.
    await writeFile(path, '', { mode: 0o600 });
    await chmod(path, 0o600);
    await writeFile(path, text, { flush: true });
  } catch (cause) {
    const message = `The first administrator's password cannot be written to ${path}. Make ${dataDir} writable, or set ADMIN_PASSWORD.`;
    throw new AppError('first_administrator', 500, message, { cause });
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
}
