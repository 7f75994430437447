/** People of each role at the dashboard, with a browser of their own, over HTTP. */
import assert from 'node:assert/strict';
import { addPerson, type Consentry, PASSWORD, sql } from '../harness.ts';
import { createPerson, type Person, type Step } from '../person.ts';

export const roles = ['owner', 'admin', 'auditor', 'resource-owner', 'user'] as const;
export type Role = (typeof roles)[number];

export interface Colleague {
  id: string;
  email: string;
  password: string;
  browser: Person;
}

/** An account of this role; nobody is signed in yet. */
export async function addColleague(
  consentry: Consentry,
  role: Role,
  email = `${role}@contoso.test`,
): Promise<Colleague> {
  const account = await addPerson(consentry.rooms, email);
  if (role === 'owner') await sql(consentry, "UPDATE accounts SET role = 'owner' WHERE id = $1", [account.id]);
  else if (role !== 'user') {
    const values = [account.id, role];
    await sql(
      consentry,
      "INSERT INTO account_roles (account_id, role_id, source) VALUES ($1, $2, 'administrator')",
      values,
    );
  }
  return { ...account, browser: createPerson(consentry.issuer) };
}

/** Signs in at the dashboard, as a person does who typed its address. @returns the page they came to */
export async function enter(
  consentry: Consentry,
  { browser, email, password }: Colleague,
  path = '/admin',
): Promise<Step> {
  const page = await browser.open(`${consentry.issuer}${path}`);
  return browser.submit(page, { email, password });
}

/** A colleague who is at the dashboard. */
export async function arrive(consentry: Consentry, role: Exclude<Role, 'user'>, email?: string): Promise<Colleague> {
  const colleague = await addColleague(consentry, role, email);
  const page = await enter(consentry, colleague, '/admin/consents');
  assert.equal(page.status, 200, page.html);
  return colleague;
}

/** Loads the page again as it asks for, until the work it tells of has ended. */
export async function watch({ browser }: Pick<Colleague, 'browser'>, page: Step | Promise<Step>): Promise<Step> {
  let seen = await page;
  while (seen.html.includes('<meta http-equiv="refresh"')) seen = await browser.open(seen.url);
  return seen;
}

/** Makes this colleague look after an MCP server. */
export async function giveServer(consentry: Consentry, { id }: Colleague, uri: string): Promise<void> {
  const text = 'INSERT INTO resource_owners (resource_id, account_id) SELECT id, $2 FROM resources WHERE uri = $1';
  await sql(consentry, text, [uri, id]);
}

/** What the record holds of a type, newest first. */
export function recorded(consentry: Consentry, type: string) {
  const text =
    'SELECT actor, account_id, client_id, consent_id, reason, details FROM audit_events WHERE type = $1 ORDER BY seq DESC';
  return sql<{
    actor: string;
    account_id: string;
    consent_id: string;
    reason: string;
    details: Record<string, unknown>;
  }>(consentry, text, [type]);
}

export { PASSWORD };
