/** Two clients that the victim uses already: a site, and a program on their computer. */
import { type Client, type Clients, openClients } from './client.ts';
import { type ConsentryTarget, startTarget } from './consentry-target.ts';
import { type Browser, signedIn } from './victim.ts';

export const SITE = 'https://app.example.test/oauth/callback';

export async function startUsed(): Promise<{
  target: ConsentryTarget;
  clients: Clients;
  victim: Browser;
  site: Client;
  program: Client;
}> {
  const target = await startTarget();
  const clients = await openClients(target);
  const program = await clients.register();
  const site = await clients.register(SITE, { client_name: 'App' });
  const { browser: victim } = await signedIn(target, clients, target.people.victim, site);
  await signedIn(target, clients, target.people.victim, program);
  return { target, clients, victim, site, program };
}
