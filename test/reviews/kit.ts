/** What the tests of access reviews share: people with consents that give tokens, and reviewers. */
import { randomUUID } from 'node:crypto';
import type { Reviewer } from '../../src/reviews/campaign.ts';
import { authorize, redeem, refresh, registerClient } from '../flow.ts';
import { addPerson, type Consentry, sql } from '../harness.ts';
import { createPerson } from '../person.ts';

export type Access = Awaited<ReturnType<typeof connect>>;

/** Ana connects a client of this name; what she gave can be refreshed. */
export async function connect(consentry: Consentry, name = 'Claude') {
  const { client_id: clientId } = await registerClient(consentry.issuer, { client_name: name });
  const person = createPerson(consentry.issuer);
  const { body } = await redeem(consentry, clientId, await authorize(consentry, clientId, { person }));
  const [row] = await sql<{ id: string }>(consentry, 'SELECT id FROM consents WHERE client_id = $1', [clientId]);
  let refreshToken = body.refresh_token;
  return {
    clientId,
    consentId: row?.id ?? '',
    /** Whether the client still gets tokens. */
    async works(): Promise<boolean> {
      const answer = await refresh(consentry, clientId, refreshToken);
      refreshToken = answer.body.refresh_token ?? refreshToken;
      return answer.status === 200;
    },
  };
}

/** Consents of as many people, without tokens: for what is about many. @returns the client that has them */
export async function plant(consentry: Consentry, count: number): Promise<string> {
  const clientId = `planted-${randomUUID()}`;
  const resource = await consentry.rooms.resources.findByUri(consentry.mail.uri);
  await sql(
    consentry,
    `WITH k AS (INSERT INTO clients (id, origin, kind, metadata) VALUES ($1, 'dynamic', 'app', '{"client_name":"Planted"}') RETURNING id),
      a AS (INSERT INTO accounts (id, email) SELECT $1 || n, 'person' || n || '@contoso.test' FROM generate_series(1, $2::int) n RETURNING id)
     INSERT INTO consents (id, account_id, client_id, resource_id, redirect_uri, client_fingerprint, scope_digests, browser_id, scopes, approved_at, expires_at, living_key)
     SELECT 'c' || a.id, a.id, k.id, $3, 'https://app.example/cb', 'x', '{}', 'x', '{mail:read}', now(), now() + interval '90 days', a.id FROM a, k`,
    [clientId, count, resource?.id],
  );
  return clientId;
}

/** A person who may review everything, as `role` says. */
export async function addReviewer(consentry: Consentry, email: string, role: 'owner' | 'admin'): Promise<Reviewer> {
  const { id } = await addPerson(consentry.rooms, email);
  if (role === 'owner') await sql(consentry, "UPDATE accounts SET role = 'owner' WHERE id = $1", [id]);
  else await giveRole(consentry, id, 'admin');
  return { accountId: id, reach: undefined };
}

export async function giveRole(consentry: Consentry, accountId: string, role: string): Promise<void> {
  await sql(consentry, 'INSERT INTO roles (id) VALUES ($1) ON CONFLICT DO NOTHING', [role]);
  await sql(consentry, "INSERT INTO account_roles (account_id, role_id, source) VALUES ($1, $2, 'administrator')", [
    accountId,
    role,
  ]);
}

export async function mailId(consentry: Consentry): Promise<string> {
  return (await consentry.rooms.resources.findByUri(consentry.mail.uri))?.id ?? '';
}

export function recorded(consentry: Consentry, type: string) {
  return sql<{
    account_id: string;
    consent_id: string;
    reason: string;
    details: Record<string, unknown>;
    actor: string;
  }>(
    consentry,
    'SELECT account_id, consent_id, reason, details, actor FROM audit_events WHERE type = $1 ORDER BY seq',
    [type],
  );
}
