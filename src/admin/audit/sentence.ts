/** One event in words, for people: who did what, without the codes. */
import { type AuditEntry, actingAccount, type PartyNames } from '../../audit/entry.ts';
import { displayName } from '../../clients/display-name.ts';
import type { Params, Phrase } from '../../web/messages.ts';

/** An event with what its parties are called; null where there is no such party. */
export interface NamedEntry extends AuditEntry {
  person: string | null;
  /** As the client states it, made harmless; its id where it has no name. */
  clientName: string | null;
  serverName: string | null;
  /** The person who acted, where it was one. */
  actingPerson: string | null;
}

export function nameEntry(entry: AuditEntry, { people, clients, resources }: PartyNames): NamedEntry {
  const { accountId, clientId, resource, actor } = entry;
  const acting = actingAccount(actor);
  return {
    ...entry,
    person: accountId === null ? null : (people.get(accountId) ?? accountId),
    clientName: clientId === null ? null : displayName(clients.get(clientId)) || clientId,
    serverName: resource === null ? null : (resources.get(resource) ?? resource),
    actingPerson: acting === undefined ? null : (people.get(acting) ?? acting),
  };
}

/** `audit.event.<type>`; a type that has none is shown by its name. */
export function sentenceOf(entry: NamedEntry): Phrase {
  const { type, person, clientName, serverName } = entry;
  const params: Params = {
    who: person ?? party('somebody'),
    client: clientName === null ? party('client') : { said: clientName },
    server: serverName ?? party('server'),
    name: nameIn(entry) ?? party('unnamed'),
  };
  return { key: `audit.event.${type}`, params };
}

/** Who acted, where the sentence does not say so already: undefined where it was the person or the client themselves. */
export function actorOf({ actor, accountId, actingPerson }: NamedEntry): string | Phrase | undefined {
  if (actingPerson !== null) return actingAccount(actor) === accountId ? undefined : actingPerson;
  if (actor === 'client') return undefined;
  if (actor === 'cli' || actor === 'system') return party(actor);
  return actor.startsWith('scim:') ? party('directory', { name: actor.slice('scim:'.length) }) : actor;
}

/** What the event is about, where that is no party of it. */
function nameIn({ details }: AuditEntry): string | undefined {
  const found = [details.name, details.role, details.passkey, details.group, details.connection];
  return found.find((value) => typeof value === 'string' && value !== '') as string | undefined;
}

function party(key: string, params: Params = {}): Phrase {
  return { key: `audit.party.${key}`, params };
}
