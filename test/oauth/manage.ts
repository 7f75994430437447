/** A registration as its client manages it (RFC 7592 §2), and whether a secret proves that client. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { basic, type Registration, registerClient, tokenRequest } from '../flow.ts';

interface Request {
  body?: object;
  /** null: none is sent */
  token?: string | null;
}

export async function manage(
  client: Registration,
  method: 'GET' | 'PUT' | 'DELETE',
  { body, token = client.registration_access_token }: Request = {},
) {
  const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
  const headers = { 'content-type': 'application/json', ...authorization };
  const init = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) };
  const response = await fetch(client.registration_client_uri, init);
  const text = await response.text();
  const json = (text ? JSON.parse(text) : {}) as Record<string, unknown>;
  return { status: response.status, headers: response.headers, text, body: json };
}

/** What an update repeats of a confidential client, changed. */
export function said({ client_id: id }: Registration, changes: object = {}) {
  return {
    client_id: id,
    client_name: 'Claude Code',
    redirect_uris: ['http://127.0.0.1/callback'],
    token_endpoint_auth_method: 'client_secret_basic',
    ...changes,
  };
}

export function registerConfidential(issuer: string): Promise<Registration> {
  return registerClient(issuer, { token_endpoint_auth_method: 'client_secret_basic' });
}

/** As it is stored. */
export function hash(secret: unknown): string {
  return createHash('sha256').update(String(secret)).digest('base64url');
}

/** Whether the client gets past authentication with this secret. */
export async function proves(issuer: string, clientId: string, secret: unknown): Promise<boolean> {
  const fields = { grant_type: 'refresh_token', refresh_token: 'unknown' };
  const { status, body } = await tokenRequest(issuer, fields, basic(clientId, String(secret)));
  assert.ok(['invalid_grant', 'invalid_client'].includes(String(body.error)));
  return status === 400;
}
