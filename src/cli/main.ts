/** `consentry …`: the command line on this process's terminal, environment and signals. */
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './run.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const stop = new AbortController();

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    process.exitCode = 128 + constants.signals[signal];
    stop.abort();
  });
}
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever reads the output has read enough.
    if (error.code === 'EPIPE') return;
    process.exitCode ||= 1;
    if (stream === process.stdout) console.error(`consentry: the output could not be written (${error.code})`);
  });
}
// As `npm start` does; what is set already stays.
const settings = join(root, '.env');
if (existsSync(settings)) process.loadEnvFile(settings);

const exitCode = await run(process.argv.slice(2), {
  env: process.env,
  root,
  stdin: process.stdin,
  isTerminal: process.stdout.isTTY === true,
  out: (text) => process.stdout.write(`${text}\n`),
  err: (text) => process.stderr.write(`${text}\n`),
  signal: stop.signal,
});
process.exitCode ||= exitCode;
