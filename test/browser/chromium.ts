/** The browser of the tests: the Chromium from npm, unpacked once, with Japanese glyphs; nothing else to install. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Browser, chromium } from 'playwright-core';
import { writeFonts } from './fonts.ts';

const run = promisify(execFile);
const require = createRequire(import.meta.url);
const cache = fileURLToPath(new URL('../../node_modules/.cache/consentry-chromium/', import.meta.url));
const lockStaleMs = 120_000;

/** A browser with web security and site isolation on, as people have it. Close it when done. */
export async function launchBrowser(): Promise<Browser> {
  const directory = await prepareBrowser();
  // The package has a Chromium for Linux on x64 only; elsewhere take the one that is installed.
  if (!directory) return chromium.launch({ channel: 'chrome' });
  return chromium.launch({
    executablePath: join(directory, 'chromium'),
    args: ['--no-sandbox', '--headless=shell', '--no-zygote', '--disable-gpu'],
    env: {
      ...process.env,
      FONTCONFIG_FILE: join(directory, 'fonts.conf'),
      ...(await libraryPath(directory)),
    },
  });
}

/**
 * Unpacks the browser and its fonts once per version, also when several processes ask at the same time or one was
 * killed half-way: work goes on in a directory of its own, which gets its final name when all is there.
 * @returns the directory, or undefined where the package has no browser for this machine
 */
async function prepareBrowser(): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  const directory = join(cache, versions());
  if (existsSync(directory)) return directory;
  await mkdir(cache, { recursive: true });
  const unlock = await lock(`${directory}.lock`);
  try {
    if (!existsSync(directory)) await unpack(directory);
  } finally {
    await unlock();
  }
  return directory;
}

async function unpack(directory: string): Promise<void> {
  const work = `${directory}.${process.pid}.${Date.now()}.part`;
  await removeLeftovers();
  await mkdir(work);
  try {
    // In a process of its own: the package unpacks into the temporary directory of whoever runs it.
    await run(process.execPath, ['--input-type=module', '--eval', unpackScript], {
      cwd: dirname(fileURLToPath(import.meta.url)),
      env: { ...process.env, TMPDIR: work, PACKED: join(packageRoot('@sparticuz/chromium'), 'bin') },
    });
    await chmod(join(work, 'chromium'), 0o755);
    writeFonts(work);
    await rename(work, directory).catch((error) => {
      if (!existsSync(directory)) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** What killed runs left behind, 200 MB each. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(cache)) {
    const path = join(cache, name);
    if (name.endsWith('.part') && Date.now() - (await stat(path)).mtimeMs > lockStaleMs) {
      await rm(path, { recursive: true, force: true });
    }
  }
}

const unpackScript = `
  import { inflate } from '@sparticuz/chromium';
  for (const name of ['chromium.br', 'fonts.tar.br', 'al2023.tar.br']) await inflate(process.env.PACKED + '/' + name);
`;

/** The package's own copies of libraries, where the machine lacks any. */
async function libraryPath(directory: string): Promise<{ LD_LIBRARY_PATH?: string }> {
  const linked = await run('ldd', [join(directory, 'chromium')]).catch(() => ({ stdout: 'not found' }));
  if (!linked.stdout.includes('not found')) return {};
  const own = join(directory, 'al2023', 'lib');
  return { LD_LIBRARY_PATH: process.env.LD_LIBRARY_PATH ? `${own}:${process.env.LD_LIBRARY_PATH}` : own };
}

/** Waits for the lock file; takes over one whose holder is gone. The lock saves work, correctness is in the rename. */
async function lock(path: string): Promise<() => Promise<void>> {
  for (;;) {
    const handle = await open(path, 'wx').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    if (handle) {
      await handle.writeFile(String(process.pid));
      await handle.close();
      return () => rm(path, { force: true });
    }
    if (await abandoned(path)) await rm(path, { force: true });
    await sleep(100);
  }
}

async function abandoned(path: string): Promise<boolean> {
  try {
    const age = Date.now() - (await stat(path)).mtimeMs;
    const holder = Number(await readFile(path, 'utf8'));
    return age > lockStaleMs || (age > 1000 && !(holder > 0 && alive(holder)));
  } catch {
    return false;
  }
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function versions(): string {
  return ['@sparticuz/chromium', '@fontsource/noto-sans-jp']
    .map((name) => JSON.parse(readFileSync(join(packageRoot(name), 'package.json'), 'utf8')).version)
    .join('-');
}

function packageRoot(name: string): string {
  const paths = require.resolve.paths(name) ?? [];
  const root = paths.map((path) => join(path, name)).find((path) => existsSync(join(path, 'package.json')));
  if (!root) throw new Error(`${name} is not installed; run npm ci`);
  return root;
}
