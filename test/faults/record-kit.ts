/** Reads the record: what one request appended to it, in every column that matters. */
import assert from 'node:assert/strict';
import { type Consentry, sql } from '../harness.ts';
import { type Person, readForm } from '../person.ts';

export interface Row {
  type: string;
  outcome: string;
  reason: string | null;
  account_id: string | null;
  client_id: string | null;
  resource: string | null;
  scopes: string[];
  consent_id: string | null;
  grant_id: string | null;
  token_id: string | null;
  actor: string;
  details: Record<string, unknown>;
}

/** What one request appended. */
export async function rowsOf(consentry: Consentry, response: Response): Promise<Row[]> {
  const id = response.headers.get('x-request-id');
  assert.match(String(id), /^[\w-]{22}$/);
  return sql<Row>(consentry, 'SELECT * FROM audit_events WHERE request_id = $1 ORDER BY seq', [id]);
}

/** The one row that one request appended. */
export async function onlyRow(consentry: Consentry, response: Response, type: string): Promise<Row> {
  const rows = await rowsOf(consentry, response);
  const types = rows.map((row) => row.type);
  assert.deepEqual(types, [type]);
  return rows[0] as Row;
}

/** Who, by which client, for which server and scopes. */
export function said({ account_id, client_id, resource, scopes }: Row) {
  return { account_id, client_id, resource, scopes: [...scopes].sort() };
}

/** What {@link said} finds of what most rows are about. */
export function anaAtMail({ ana, mail }: Consentry, clientId: string, scopes: readonly string[]) {
  return { account_id: ana.id, client_id: clientId, resource: mail.uri, scopes: [...scopes] };
}

/** Sends a page's form with these changes and does not follow the answer. */
export async function press(person: Person, url: string, changes: [string, string][]): Promise<Response> {
  const page = await person.open(url);
  const { fields } = readForm(page.html, new URL(page.url).pathname);
  const taken = new Set(changes.map(([name]) => name));
  const body = new URLSearchParams([...fields.filter(([name]) => !taken.has(name)), ...changes]);
  return person.send(page.url, { method: 'POST', body });
}

export function post(url: string, fields: Record<string, string | undefined>, headers: Record<string, string> = {}) {
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) body.set(name, value);
  return fetch(url, { method: 'POST', body, headers });
}
