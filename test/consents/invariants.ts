/** What must hold after every step: asked of the database itself, and of every token that is given. */
import assert from 'node:assert/strict';
import { decodeJwt } from 'jose';
import type { Consentry } from '../harness.ts';
import { sql } from '../harness.ts';

/** Codes and refresh tokens that no chain of rows leads from to what this person agreed to with this client. */
const LOOSE = `
  SELECT a.kind, a.client_id FROM artifacts a
  LEFT JOIN grants g ON g.id = a.grant_id
  LEFT JOIN consents c ON c.id = g.consent_id AND c.client_id = a.client_id AND c.account_id = a.account_id
    AND c.revoked_at IS NULL
  WHERE a.kind IN ('AuthorizationCode', 'RefreshToken') AND c.id IS NULL`;

/** A press that went on under another consent counts as far as that one was pressed on a full page, or went on itself. */
const UNPRESSED = `
  WITH RECURSIVE pressed (id) AS (
    SELECT consent_id FROM audit_events WHERE type = 'consent.approved'
    UNION SELECT e.consent_id FROM audit_events e JOIN pressed p ON e.details->>'under' = p.id
    WHERE e.type = 'consent.continued'
  )
  SELECT id, client_id FROM consents WHERE id NOT IN (SELECT id FROM pressed)`;

const count = (types: string) => `(SELECT count(*)::int FROM audit_events WHERE type IN (${types}))`;

/** No code and no refresh token hangs from nothing, no consent from no press, and no code has no press of its own. */
export async function assertHeld(consentry: Consentry, what: string): Promise<void> {
  const [held] = await sql<{ loose: unknown; unpressed: unknown; codes: number; presses: number }>(
    consentry,
    `SELECT (SELECT json_agg(l) FROM (${LOOSE}) l) AS loose, (SELECT json_agg(u) FROM (${UNPRESSED}) u) AS unpressed,
            ${count("'authorization.code_issued'")} AS codes,
            ${count("'consent.approved', 'consent.continued'")} AS presses`,
  );
  assert.ok(held);
  assert.deepEqual([held.loose, held.unpressed], [null, null], what);
  assert.ok(held.codes <= held.presses, `${what}: ${held.codes} codes of ${held.presses} presses`);
}

interface Covering {
  account_id: string;
  client_id: string;
  downstream_client_id: string | null;
  scopes: string[];
  uri: string;
  living: boolean;
  denied: boolean;
}

/**
 * A token that was given this moment: its consent holds, for this person, client, server and these scopes, and no rule
 * denies everything.
 *
 * @param downstream whom the client acts for
 */
export async function assertCovered(
  consentry: Consentry,
  token: string,
  { now, downstream }: { now: Date; downstream: string | undefined },
): Promise<void> {
  const claims = decodeJwt(token);
  const grant = await consentry.rooms.grants.find(String(claims.gid));
  const [row] = await sql<Covering>(
    consentry,
    `SELECT c.account_id, c.client_id, c.downstream_client_id, c.scopes, r.uri,
            c.revoked_at IS NULL AND c.suspended_at IS NULL AND c.expires_at > $2
              AND a.disabled_at IS NULL AND k.revoked_at IS NULL AS living,
            EXISTS (SELECT 1 FROM policy_rules WHERE effect = 'deny' AND match = '{}') AS denied
     FROM consents c JOIN accounts a ON a.id = c.account_id JOIN clients k ON k.id = c.client_id
     JOIN resources r ON r.id = c.resource_id WHERE c.id = $1`,
    [grant?.consentId, now],
  );
  assert.ok(row?.living, 'a token without a living consent');
  assert.ok(!row.denied, 'a token although a rule denies everything');
  assert.deepEqual(
    [claims.sub, claims.client_id, claims.aud, downstream ?? null],
    [row.account_id, row.client_id, row.uri, row.downstream_client_id],
  );
  for (const scope of String(claims.scope).split(' '))
    assert.ok(row.scopes.includes(scope), `${scope} is not agreed to`);
}
