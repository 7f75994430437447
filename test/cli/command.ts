/** The command line in this process, and the real one in a process of its own. */
import { spawn } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { run } from '../../src/cli/run.ts';
import { configKeys } from '../../src/config.ts';
import type { Consentry } from '../harness.ts';

type Running = Pick<Consentry, 'databaseUrl' | 'config'>;

export interface Finished {
  code: number | null;
  out: string;
  err: string;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
export const bin = fileURLToPath(new URL('../../bin/consentry', import.meta.url));

/** @param env the configuration, and nothing beside it */
export function createCommand(env: Record<string, string>) {
  /** Runs one command, `input` on its standard input. */
  async function consentry(args: readonly string[], input = ''): Promise<Finished> {
    const out: string[] = [];
    const err: string[] = [];
    const stdin = new PassThrough();
    stdin.end(input);
    const terminal = {
      env,
      root,
      stdin,
      out: (text: string) => void out.push(text),
      err: (text: string) => void err.push(text),
      signal: new AbortController().signal,
    };
    const code = await run(args, terminal);
    return { code, out: out.join('\n'), err: err.join('\n') };
  }

  /** Runs one that must succeed and returns the JSON it prints. */
  async function json<T = Record<string, string>>(args: readonly string[], input = ''): Promise<T> {
    const { code, out, err } = await consentry([...args, '--json'], input);
    if (code !== 0) throw new Error(`${args.join(' ')}: exit ${code}\n${err}`);
    return JSON.parse(out) as T;
  }

  return Object.assign(consentry, { json });
}

/** The command line beside a Consentry that runs, on its database. */
export function commandOn(consentry: Running) {
  return createCommand(environmentOf(consentry));
}

export function environmentOf({ databaseUrl, config }: Running): Record<string, string> {
  return {
    DATABASE_URL: databaseUrl,
    ISSUER: config.issuer,
    MASTER_KEY: config.masterKey?.toString('base64') ?? '',
  };
}

/** @param prepare gets the process as soon as it is started; without it standard input is `input` */
export function spawnCommand(
  args: readonly string[],
  options: { env: Record<string, string>; input?: string; prepare?: (child: ReturnType<typeof start>) => void },
): Promise<Finished & { signal: NodeJS.Signals | null }> {
  const child = start(args, options.env);
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk) => out.push(chunk));
  child.stderr.on('data', (chunk) => err.push(chunk));
  child.stdin.on('error', () => {});
  if (options.prepare) options.prepare(child);
  else child.stdin.end(options.input ?? '');
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({ code, signal, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() });
    });
  });
}

/** What a checkout's .env sets is outdone by being set here, if only to nothing. */
function start(args: readonly string[], env: Record<string, string>) {
  const blank = Object.fromEntries(configKeys.map((key) => [key, '']));
  return spawn(bin, args, {
    cwd: '/',
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...blank, ...env },
    timeout: 100_000,
  });
}
