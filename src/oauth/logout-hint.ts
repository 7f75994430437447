/** An ID token that a client keeps to log out by (OpenID Connect RP-Initiated Logout 1.0 §2) outlives the key that signed it. */

import { decodeJwt, decodeProtectedHeader } from 'jose';
import type { Context } from 'koa';
import { type Fields, readForm, replaceForm, single } from '../web/request-body.ts';

export interface LogoutHintDeps {
  keyset: { isRetired(kid: string): Promise<boolean> };
}

/**
 * Takes a hint that nobody can verify any more for what anybody may say without one: the name of a client. The person is
 * asked all the same.
 */
export async function forgiveAgedHint(ctx: Context, deps: LogoutHintDeps): Promise<void> {
  if (ctx.method === 'POST') {
    const fields = await readForm(ctx);
    if (fields) replaceForm(ctx, await forgiven(fields, deps));
  } else {
    const { query } = ctx;
    const fields = await forgiven(query, deps);
    if (fields !== query) ctx.query = fields as typeof query;
  }
}

async function forgiven<T extends Fields>(fields: T, { keyset }: LogoutHintDeps): Promise<T | Fields> {
  const hint = read(single(fields, 'id_token_hint'));
  if (!hint || !(await keyset.isRetired(hint.kid))) return fields;
  const { id_token_hint: _, ...rest } = fields;
  return rest.client_id === undefined ? { ...rest, client_id: hint.clientId } : rest;
}

function read(hint: string | undefined): { kid: string; clientId: string } | undefined {
  try {
    const { kid } = decodeProtectedHeader(String(hint));
    const { aud } = decodeJwt(String(hint));
    return kid !== undefined && typeof aud === 'string' ? { kid, clientId: aud } : undefined;
  } catch {
    return undefined;
  }
}
