/** Requests to administrators of clients as they really are, for the tests of the queue's pages. */
import { readFacts } from '../../src/approval-facts.ts';
import { registerClient } from '../flow.ts';
import { addPerson, type Consentry, sql } from '../harness.ts';

export interface Request {
  id: string;
  clientId: string;
  person: { id: string; email: string };
}

let people = 0;

/** A client whose metadata document, and its redirect, are on this host. */
export async function publish(consentry: Consentry, host: string, name: string, path = 'client.json'): Promise<string> {
  const id = `https://${host}/${path}`;
  const metadata = { client_id: id, client_name: name, redirect_uris: [`https://${host}/callback`] };
  await consentry.rooms.clients.recordDocument(id, { ...metadata, token_endpoint_auth_method: 'none' });
  return id;
}

/** A program that registered itself. */
export async function register(consentry: Consentry, name: string): Promise<string> {
  return (await registerClient(consentry.issuer, { client_name: name })).client_id;
}

/** Somebody new asks, or who is named. */
export async function ask(
  consentry: Consentry,
  clientId: string,
  more: { accountId?: string; scopes?: string[]; reason?: string; resourceUri?: string } = {},
): Promise<Request> {
  const { rooms } = consentry;
  people += 1;
  const email = `asker${people}@contoso.test`;
  const person = more.accountId ? { id: more.accountId, email: '' } : await addPerson(rooms, email);
  const resource = await rooms.resources.findByUri(more.resourceUri ?? consentry.mail.uri);
  const uris = (await rooms.clients.find(clientId))?.metadata.redirect_uris as string[];
  const parties = { clientId, redirectUri: uris[0] ?? '', resourceId: resource?.id ?? '', downstream: undefined };
  const { current } = await readFacts(rooms, parties);
  const terms = { ...parties, accountId: person.id, scopes: more.scopes ?? ['mail:send'], ...current };
  const { request } = await rooms.approvals.ask({ ...terms, browserId: 'browser', reason: more.reason });
  return { id: request.id, clientId, person };
}

export function rename(consentry: Consentry, clientId: string, name: string): Promise<unknown> {
  const text = "UPDATE clients SET metadata = jsonb_set(metadata, '{client_name}', to_jsonb($2::text)) WHERE id = $1";
  return sql(consentry, text, [clientId, name]);
}

export async function stateOf(consentry: Consentry, { id }: Pick<Request, 'id'>): Promise<string | undefined> {
  return (await consentry.rooms.approvals.find(id))?.state;
}
