/** A Consentry in which a person has agreed to a client: where most tests of what may happen next begin. */
import { authorize, registerClient } from './flow.ts';
import { type Consentry, startConsentry } from './harness.ts';
import { createPerson, type Person } from './person.ts';

export interface Connected {
  consentry: Consentry;
  /** Signed in, in a browser of her own. */
  ana: Person;
  clientId: string;
}

export async function startConnected(): Promise<Connected> {
  const consentry = await startConsentry();
  const ana = createPerson(consentry.issuer);
  const clientId = (await registerClient(consentry.issuer)).client_id;
  await authorize(consentry, clientId, { person: ana });
  return { consentry, ana, clientId };
}
