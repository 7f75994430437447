/** A checkout as a newcomer starts it: real processes, a data directory and ports of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../free-ports.ts';

const checkout = fileURLToPath(new URL('../../', import.meta.url));
const node = [join(checkout, 'node_modules/.bin/node'), 'src/main.ts'];

/** What the start script of package.json runs, or npm running it. */
export const commands = { node, npm: ['npm', 'start'] } as const;

export type Installation = Awaited<ReturnType<typeof createInstallation>>;
export type Running = ReturnType<Installation['start']>;

export async function createInstallation() {
  const directory = await mkdtemp(join(tmpdir(), 'consentry-start-'));
  const dataDir = join(directory, 'data');
  const [port = 0, demoPort = 0] = await freePorts(2);
  const running: ChildProcess[] = [];

  /** A terminal's Ctrl-C reaches a whole process group, so each start has its own. */
  function start(command: keyof typeof commands = 'node', env: Record<string, string> = {}) {
    const [program, ...words] = commands[command];
    const child = spawn(String(program), words, {
      cwd: checkout,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...ofThisMachine(), DATA_DIR: dataDir, PORT: String(port), DEMO_PORT: String(demoPort), ...env },
    });
    running.push(child);
    return follow(child);
  }

  return {
    issuer: `http://127.0.0.1:${port}`,
    demoUrl: `http://127.0.0.1:${demoPort}/mcp`,
    ports: [port, demoPort],
    dataDir,
    start,
    /** Of the embedded Postgres, which leads a process group of its own. */
    async postmaster(): Promise<number> {
      return Number.parseInt(await readFile(join(dataDir, 'postgres/data/postmaster.pid'), 'utf8'), 10);
    },
    async remove(): Promise<void> {
      const home = await realpath(join(dataDir, 'postgres')).catch(() => dataDir);
      for (const child of running) killGroup(child);
      const postmaster = await readFile(join(home, 'data/postmaster.pid'), 'utf8').catch(() => '');
      if (postmaster) await endPostgres(Number.parseInt(postmaster, 10));
      await rm(home, { recursive: true, force: true });
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function follow(child: ChildProcess) {
  let output = '';
  const heard = new EventTarget();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (text) => {
      output += text;
      heard.dispatchEvent(new Event('heard'));
    });
  }
  const exit = once(child, 'close').then(([code, signal]) => ({ code, signal, output }));

  return {
    pid: Number(child.pid),
    output: () => output,
    exit,
    /** Resolves with what was written once the ready line is there. */
    async ready(): Promise<string> {
      while (!output.includes('Consentry is ready at ')) {
        const ended = await Promise.race([exit, once(heard, 'heard')]);
        if ('code' in ended) throw new Error(`ended with ${ended.code}:\n${output}`);
      }
      return output;
    },
    /** Signals the process that was started, and waits for it to be gone. */
    stop(signal: NodeJS.Signals) {
      child.kill(signal);
      return exit;
    },
    /** As Ctrl-C on a terminal. */
    interrupt() {
      process.kill(-Number(child.pid), 'SIGINT');
      return exit;
    },
  };
}

/** Nothing that the test run or npm around it has set. */
function ofThisMachine(): Record<string, string> {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'LANG'].map((name) => [name, process.env[name]]);
  return Object.fromEntries(kept.filter(([, value]) => value !== undefined));
}

function killGroup(child: ChildProcess): void {
  try {
    process.kill(-Number(child.pid), 'SIGKILL');
  } catch {
    // Gone already.
  }
}

async function endPostgres(pid: number): Promise<void> {
  try {
    process.kill(pid, 'SIGQUIT');
  } catch {
    return;
  }
  while (await isGroupAlive(pid)) await delay(20);
}

/** Whether anything of a process group still runs; what ended and was not yet collected does not. */
export async function isGroupAlive(group: number): Promise<boolean> {
  try {
    process.kill(-group, 0);
  } catch {
    return false;
  }
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  if (pids.length === 0) return true;
  const states = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')));
  return states.some((stat) => {
    const [state, , processGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(processGroup) === group && state !== 'Z';
  });
}

export async function isListening(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
