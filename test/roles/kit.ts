/** People of connections as the database knows them, and what they hold. */
import assert from 'node:assert/strict';
import { approve, authorizationUrl, redeem, registerClient, signIn } from '../flow.ts';
import { addPerson, type Consentry, sql } from '../harness.ts';
import { createPerson } from '../person.ts';

const GUID = '11111111-1111-4111-8111-111111111111';

type Account = Awaited<ReturnType<typeof addPerson>>;

export interface Known {
  connection?: string;
  appRoles?: readonly string[];
  groups?: readonly string[];
  claims?: Record<string, unknown>;
  /** Only announced by a directory. */
  neverCame?: boolean;
}

export async function addConnection(
  consentry: Consentry,
  id: string,
  kind: 'entra' | 'oidc' = 'oidc',
  name = `The ${id} directory`,
) {
  const settings =
    kind === 'oidc'
      ? { issuer: `https://${id}.example`, clientId: 'here', authentication: 'client_secret_basic' }
      : { tenants: [GUID], clientId: GUID, authentication: 'client_secret', groups: 'mapped' };
  await sql(
    consentry,
    'INSERT INTO connections (id, kind, name, settings, updated_at) VALUES ($1, $2, $3, $4, now())',
    [id, kind, name, JSON.stringify(settings)],
  );
}

export function removeConnection(consentry: Consentry, id: string) {
  return sql(consentry, 'UPDATE connections SET removed_at = now() WHERE id = $1', [id]);
}

let people = 0;

/** Somebody who can sign in with a password, so that tests need no provider, and is known to a connection. */
export async function addKnown(consentry: Consentry, known: Known = {}): Promise<Account> {
  people += 1;
  const account = await addPerson(consentry.rooms, `person${people}@contoso.test`);
  await identify(consentry, account.id, known);
  return account;
}

export async function identify(consentry: Consentry, accountId: string, known: Known = {}): Promise<void> {
  const { connection = 'contoso', appRoles = [], groups = [], claims = {}, neverCame = false } = known;
  await sql(
    consentry,
    `INSERT INTO identities
       (connection_id, issuer, subject, account_id, last_sign_in_at, vouched_at, app_roles, groups, claims)
     VALUES ($1, $2, $3, $3, $4, $4, $5, $6, $7)
     ON CONFLICT (connection_id, issuer, subject) DO UPDATE
       SET app_roles = EXCLUDED.app_roles, groups = EXCLUDED.groups, claims = EXCLUDED.claims`,
    [connection, `https://${connection}.example`, accountId, neverCame ? null : new Date(), appRoles, groups, claims],
  );
}

/** What the provider says of somebody from now on, without anything being recomputed. */
export function say(consentry: Consentry, accountId: string, appRoles: readonly string[], connection = 'contoso') {
  const text = 'UPDATE identities SET app_roles = $1 WHERE account_id = $2 AND connection_id = $3';
  return sql(consentry, text, [appRoles, accountId, connection]);
}

/** The page that answers this person's request. */
export async function pageFor(consentry: Consentry, who: Account, scope: string, params: Record<string, string> = {}) {
  const { client_id: clientId } = await registerClient(consentry.issuer);
  const person = createPerson(consentry.issuer);
  const begun = authorizationUrl(consentry, clientId, { scope, ...params });
  const page = await signIn(person, await person.open(begun.url), who);
  return { clientId, person, begun, page: (await cameByAccepted(consentry, who)) ? await person.open(page.url) : page };
}

/** As if they had signed in by a connection that knows them, where the server accepts only such: no provider is needed. */
async function cameByAccepted(consentry: Consentry, { id }: Account): Promise<boolean> {
  const rows = await sql(
    consentry,
    `INSERT INTO upstream_sessions (id, connection_id, issuer, subject, account_id, session_uid, expires_at)
     SELECT DISTINCT ON (a.uid) a.uid, i.connection_id, i.issuer, i.subject, i.account_id, a.uid, now() + interval '1 hour'
     FROM artifacts a JOIN identities i USING (account_id) JOIN resources r ON i.connection_id = ANY(r.connection_ids)
     WHERE a.kind = 'Session' AND a.account_id = $1
     ON CONFLICT (id) DO UPDATE SET connection_id = EXCLUDED.connection_id RETURNING id`,
    [id],
  );
  return rows.length > 0;
}

/** Connects a new client and redeems its code. */
export async function connect(consentry: Consentry, who: Account, scope: string, params: Record<string, string> = {}) {
  const { clientId, person, begun, page } = await pageFor(consentry, who, scope, params);
  const done = await approve(person, page);
  const code =
    done.left?.searchParams.get('code') ?? assert.fail(`no code: ${done.status} ${done.html.slice(0, 2000)}`);
  const { status, body } = await redeem(consentry, clientId, { ...begun, code }, params);
  assert.equal(status, 200, JSON.stringify(body));
  return { clientId, person, ...tokensIn(body) };
}

export function tokensIn(body: Record<string, unknown>) {
  const accessToken = String(body.access_token);
  const idToken = String(body.id_token);
  return { accessToken, idToken, refreshToken: String(body.refresh_token), scope: String(body.scope ?? '') };
}

export function claimsIn(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
}

export async function rolesOf(consentry: Consentry, accountId: string): Promise<string[]> {
  const text = 'SELECT role_id, source FROM account_roles WHERE account_id = $1 ORDER BY role_id, source';
  const rows = await sql<{ role_id: string; source: string }>(consentry, text, [accountId]);
  return rows.map(({ role_id: role, source }) => `${role} by ${source}`);
}

export async function owning(consentry: Consentry, accountId: string): Promise<string> {
  const text = 'SELECT role, role_by FROM accounts WHERE id = $1';
  const [row] = await sql<{ role: string; role_by: string | null }>(consentry, text, [accountId]);
  return [row?.role, row?.role_by].filter(Boolean).join(' by ');
}

/** What was recorded of a person's roles and consents, oldest first. */
export async function recordOf(consentry: Consentry, accountId: string): Promise<string[]> {
  const rows = await sql<{ type: string; reason: string | null; details: Record<string, unknown> | null }>(
    consentry,
    `SELECT type, reason, details FROM audit_events
     WHERE account_id = $1 AND (type LIKE 'role.%' OR type LIKE 'account.owner%' OR type IN ('consent.narrowed', 'consent.revoked'))
     ORDER BY seq`,
    [accountId],
  );
  return rows.map(({ type, reason, details }) =>
    [type, details?.role, details?.source ?? details?.by, reason].filter(Boolean).join(' '),
  );
}
