/** The log: one JSON line per event on standard error, or plain lines where a person watches; secrets never reach it. */
import { pino } from 'pino';
import type { LogLevel } from '../config.ts';
import { AppError } from '../errors.ts';
import { currentRequest } from './request-context.ts';

export type Log = pino.Logger;

/** Compared without case, hyphens and underscores; at any depth. Error codes go under `reason` or `error`, not `code`. */
const secretNames = new Set([
  'authorization',
  'proxyauthorization',
  'cookie',
  'cookies',
  'setcookie',
  'dpop',
  'password',
  'currentpassword',
  'newpassword',
  'passwordhash',
  'adminpassword',
  'secret',
  'webhook',
  'webhooksecret',
  'smtpurl',
  'clientsecret',
  'masterkey',
  'databaseurl',
  'privatejwk',
  'token',
  'accesstoken',
  'refreshtoken',
  'idtoken',
  'idtokenhint',
  'registrationaccesstoken',
  'assertion',
  'clientassertion',
  'requesturi',
  'code',
  'codeverifier',
  'devicecode',
  'usercode',
  'csrf',
]);
const addressNames = new Set(['url', 'href', 'uri', 'location', 'referer', 'originalurl']);
const REDACTED = '[redacted]';
const MAX_DEPTH = 6;

/**
 * @param destination takes finished lines; standard error when missing
 * @param readable plain lines instead of JSON; when missing, whether standard error is a terminal
 */
export function createLog(options: {
  level: LogLevel;
  destination?: { write(line: string): void };
  readable?: boolean;
}): Log {
  const { level, destination = process.stderr } = options;
  const readable = options.readable ?? (options.destination === undefined && process.stderr.isTTY === true);
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      mixin: requestFields,
      // Child bindings pass through `redact` only, merged objects through `log` first.
      redact: { paths: ['token', 'code', 'secret', 'password', 'cookie', 'authorization'], censor: REDACTED },
      serializers: { err: (value: unknown) => value },
      formatters: { level: (label) => ({ level: label }), log: (fields) => redactFields(fields, 0) },
    },
    { write: (line: string) => destination.write(readable ? readableLine(line) : line) },
  );
}

function requestFields(): object {
  const { requestId, actor } = currentRequest();
  return requestId === 'none' ? {} : { requestId, actor };
}

function redactFields(fields: object, depth: number): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, redact(name, value, depth)]));
}

function redact(name: string, value: unknown, depth: number): unknown {
  const plainName = name.toLowerCase().replace(/[-_]/g, '');
  if (secretNames.has(plainName) && value !== undefined && value !== null) return REDACTED;
  if (typeof value === 'string') return addressNames.has(plainName) ? value.replace(/[?#].*$/s, '?…') : value;
  if (value instanceof Error) return describeError(value, depth);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (depth >= MAX_DEPTH || ArrayBuffer.isView(value)) return '[…]';
  if (Array.isArray(value)) return value.map((entry) => redact('', entry, depth + 1));
  return redactFields(value, depth + 1);
}

/** By name, so that what libraries hang on their errors (headers, parameters) stays out. */
function describeError(error: Error, depth: number): Record<string, unknown> {
  return {
    type: error.name,
    message: error.message,
    ...('code' in error && typeof error.code === 'string' ? { code: error.code } : {}),
    ...(error instanceof AppError ? { status: error.status, detail: error.detail } : {}),
    stack: error.stack,
    ...(error.cause instanceof Error && depth < MAX_DEPTH ? { cause: describeError(error.cause, depth + 1) } : {}),
  };
}

function readableLine(line: string): string {
  const { time, level, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const stack = err && typeof err === 'object' && 'stack' in err ? `\n${String(err.stack)}` : '';
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  const clock = typeof time === 'string' ? time.slice(11, 19) : '';
  const first = `${clock} ${String(level).padEnd(5)} ${String(msg ?? '')}${rest.join('')}`;
  return `${printable(first.replaceAll('\n', ' '))}${printable(stack)}\n`;
}

/** What a client chose must not move the cursor of the terminal that shows it. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, (character) => (character === '\n' ? '\n' : '\uFFFD'));
}
