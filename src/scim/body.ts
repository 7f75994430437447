/** Reads a request body within bounds, before anything is made of it (threat 98). */
import type { Context } from 'koa';
import { isObject } from './cast.ts';
import { invalidValue, ScimFault, tooLarge } from './fault.ts';
import { limits } from './limits.ts';

/** @throws ScimFault 400, 413 */
export async function readJson(ctx: Context): Promise<Record<string, unknown>> {
  const text = await readText(ctx);
  const body = parse(text);
  if (!isObject(body)) throw malformed('The body is a JSON object.');
  assertStorable(body, 0);
  return body;
}

async function readText(ctx: Context): Promise<string> {
  if (!/^(identity)?$/i.test(ctx.get('content-encoding')))
    throw new ScimFault(415, undefined, 'The body is sent as it is.');
  if (Number(ctx.get('content-length')) > limits.bodyBytes) refuse(ctx);
  const chunks: Buffer[] = [];
  let received = 0;
  for await (const chunk of ctx.req.iterator({ destroyOnReturn: false })) {
    received += chunk.length;
    if (received > limits.bodyBytes) refuse(ctx);
    chunks.push(chunk);
  }
  // Without the byte order mark that .NET may set before it.
  return new TextDecoder().decode(Buffer.concat(chunks));
}

/** What is left unread would be taken for the next request: the connection ends with this answer. */
function refuse(ctx: Context): never {
  ctx.set('Connection', 'close');
  ctx.req.resume();
  throw tooLarge(`A body has at most ${limits.bodyBytes} bytes.`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed('The body is no JSON.');
  }
}

/** Neither deeper than it is looked at, nor with what Postgres cannot hold: U+0000 and half characters. */
export function assertStorable(value: unknown, depth: number): void {
  if (typeof value === 'string') assertText(value);
  if (typeof value !== 'object' || value === null) return;
  if (depth > limits.bodyDepth) throw malformed('The body is nested too deeply.');
  for (const [name, inner] of Object.entries(value)) {
    assertText(name);
    assertStorable(inner, depth + 1);
  }
}

/** @throws ScimFault invalidValue */
export function assertText(text: string): void {
  if (text.includes('\0') || !text.isWellFormed()) throw invalidValue('A string has characters that cannot be stored.');
}

const malformed = (detail: string) => new ScimFault(400, 'invalidSyntax', detail);
