/** What a command touches of the world around it; a test hands it another. */
import { addAbortSignal, type Readable } from 'node:stream';
import { AppError } from '../errors.ts';

export interface Terminal {
  env: Readonly<Record<string, string | undefined>>;
  /** The checkout: relative paths of the configuration count from here. */
  root: string;
  stdin: Readable & { isTTY?: boolean };
  /** Whether somebody watches what `out` writes: only then are secrets written there. */
  isTerminal?: boolean | undefined;
  /** Adds the line break. */
  out(text: string): void;
  err(text: string): void;
  /** Aborted when the person wants to stop. */
  signal: AbortSignal;
}

const MAX_BYTES = 1_000_000;

/**
 * Standard input to its end, as text.
 * @throws AppError 400 `bad_input`
 */
export async function readInput({ stdin, signal }: Terminal): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of addAbortSignal(signal, stdin)) {
    chunks.push(Buffer.from(chunk));
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new AppError('bad_input', 400, 'Standard input is longer than a megabyte.');
  }
  return Buffer.concat(chunks).toString('utf8');
}
