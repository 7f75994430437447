/** Reads a request body ahead of oidc-provider and puts another in its place. */
import { parse, stringify } from 'node:querystring';
import type { Context } from 'koa';
import { AppError } from '../errors.ts';

const MAX_BYTES = 56 * 1024;

/** @throws AppError 413 `invalid_request`, the name that RFC 6749 §5.2 and RFC 6750 §3.1 have for it */
export async function readBody(ctx: Context): Promise<Buffer> {
  if (Number(ctx.get('content-length')) > MAX_BYTES) refuse(ctx);
  const chunks: Buffer[] = [];
  let received = 0;
  for await (const chunk of ctx.req.iterator({ destroyOnReturn: false })) {
    received += chunk.length;
    if (received > MAX_BYTES) refuse(ctx);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** What is left unread would be taken for the next request: the connection ends with this answer. */
function refuse(ctx: Context): never {
  ctx.set('Connection', 'close');
  ctx.req.resume();
  throw new AppError('invalid_request', 413, 'The request is too large.', { detail: 'body_too_large' });
}

/** Whoever reads the body after us reads `body`, as if the client had sent it. */
export function replaceBody(ctx: Context, body: Buffer): void {
  ctx.req.headers['content-length'] = String(body.length);
  delete ctx.req.headers['transfer-encoding'];
  Object.defineProperties(ctx.req, {
    readable: { value: true, configurable: true },
    readableEncoding: { value: null, configurable: true },
    iterator: { value: () => replay(body), configurable: true },
    [Symbol.asyncIterator]: { value: () => replay(body), configurable: true },
  });
}

async function* replay(body: Buffer): AsyncGenerator<Buffer> {
  if (body.length > 0) yield body;
}

export type Fields = Record<string, string | string[] | undefined>;

/** Fields of a form body; undefined where the body is no form. */
export async function readForm(ctx: Context): Promise<Fields | undefined> {
  if (!ctx.is('application/x-www-form-urlencoded')) return undefined;
  return { ...parse((await readBody(ctx)).toString('utf8')) };
}

export function replaceForm(ctx: Context, fields: Fields): void {
  replaceBody(ctx, Buffer.from(stringify(fields)));
}

/** The one value of a field, undefined where it is absent or came twice. */
export function single(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return typeof value === 'string' ? value : undefined;
}

/** Every value of a field. */
export function several(fields: Fields, name: string): string[] {
  const value = fields[name];
  return value === undefined ? [] : [value].flat();
}
