/** Client secrets at the registration endpoints (RFC 7591 §3.2.1, RFC 7592 §2): told once, compared as a hash. */
import type { Context } from 'koa';
import { hashClientSecret } from '../clients/client.ts';
import { statedMetadata } from '../clients/metadata-policy.ts';
import type { ClientStore } from '../clients/store.ts';
import { readBody, replaceBody } from '../web/request-body.ts';

/** Equals no hash, so that oidc-provider refuses it once it knows who asks. */
const WRONG = 'wrong';

/**
 * Compares the secret that an update repeats (RFC 7592 §2.2) and takes it out of the body, because oidc-provider would
 * compare it with the hash; one that is wrong stays wrong.
 */
export async function confirmSecret(ctx: Context, clients: ClientStore): Promise<void> {
  const raw = await readBody(ctx);
  const body = parse(raw);
  if (typeof body?.client_secret !== 'string') {
    replaceBody(ctx, raw);
    return;
  }
  const { client_secret: secret, ...rest } = body;
  const record = await clients.find(ctx.path.slice('/register/'.length));
  const right = record?.secretHash === hashClientSecret(secret as string);
  replaceBody(ctx, Buffer.from(JSON.stringify(right ? rest : { ...rest, client_secret: WRONG })));
}

/** Whoever makes or gets a secret is told it once; what is read or updated later holds only its hash. */
export async function withoutSecretHash(ctx: Context, clients: ClientStore): Promise<void> {
  const body = ctx.body as Record<string, unknown> | undefined;
  if (!body || typeof body !== 'object' || Buffer.isBuffer(body)) return;
  const { client_secret: secret, ...stated } = statedMetadata(body);
  const record = typeof secret === 'string' ? await clients.find(String(stated.client_id)) : undefined;
  // What is stored as it stands is the hash.
  ctx.body = record && record.secretHash !== secret ? { ...stated, client_secret: secret } : stated;
}

function parse(raw: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(raw.toString('utf8'));
    return value && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
