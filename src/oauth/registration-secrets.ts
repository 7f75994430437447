/** Client secrets at the registration endpoints (RFC 7591 §3.2.1, RFC 7592 §2): told once, compared as a hash. */
import type { Context } from 'koa';
import { hashClientSecret } from '../clients/client.ts';
import { statedMetadata } from '../clients/metadata-policy.ts';
import type { ClientStore } from '../clients/store.ts';
import { readBody, replaceBody } from '../web/request-body.ts';

/**
 * Compares the secret that an update repeats (RFC 7592 §2.2) and takes it out of the body, because oidc-provider would
 * compare it with the hash.
 *
 * @returns false where it was wrong and has been answered
 */
export async function confirmSecret(ctx: Context, clients: ClientStore): Promise<boolean> {
  const raw = await readBody(ctx);
  const body = parse(raw);
  if (typeof body?.client_secret !== 'string') {
    replaceBody(ctx, raw);
    return true;
  }
  const { client_secret: secret, ...rest } = body;
  const record = await clients.find(ctx.path.slice('/register/'.length));
  if (record?.secretHash !== hashClientSecret(secret as string)) {
    ctx.status = 400;
    const description = "provided client_secret does not match the authenticated client's one";
    ctx.body = { error: 'invalid_request', error_description: description };
    return false;
  }
  replaceBody(ctx, Buffer.from(JSON.stringify(rest)));
  return true;
}

/** A registration tells the secret once; what is read or updated later holds only its hash. */
export function withoutSecretHash(ctx: Context): void {
  const body = ctx.body as Record<string, unknown> | undefined;
  if (!body || typeof body !== 'object' || Buffer.isBuffer(body)) return;
  const { client_secret: secret, ...stated } = statedMetadata(body);
  ctx.body = ctx.method === 'POST' && secret !== undefined ? { ...stated, client_secret: secret } : stated;
}

function parse(raw: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(raw.toString('utf8'));
    return value && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
