/** One event in words, for people: who did what, without the codes. */
import { type AuditEntry, actingAccount, type PartyNames } from '../../audit/entry.ts';
import { displayName } from '../../clients/display-name.ts';
import { BUILT_IN } from '../../roles/changes.ts';
import type { Params, Phrase } from '../../web/messages.ts';

/** An event with what its parties are called; null where there is no such party. */
export interface NamedEntry extends AuditEntry {
  person: string | null;
  /** As the client states it, made harmless; its id where it has no name. */
  clientName: string | null;
  serverName: string | null;
  /** The person who acted, where it was one. */
  actingPerson: string | null;
  /** Of the connection that it is about, or whose directory acted. */
  connectionName: string | null;
}

export function nameEntry(entry: AuditEntry, { people, clients, resources, connections }: PartyNames): NamedEntry {
  const { accountId, clientId, resource, actor } = entry;
  const acting = actingAccount(actor);
  const connection = actor.startsWith(DIRECTORY) ? actor.slice(DIRECTORY.length) : entry.details.connection;
  return {
    ...entry,
    person: accountId === null ? null : (people.get(accountId) ?? accountId),
    clientName: clientId === null ? null : displayName(clients.get(clientId)) || clientId,
    serverName: resource === null ? null : (resources.get(resource) ?? resource),
    actingPerson: acting === undefined ? null : (people.get(acting) ?? acting),
    connectionName: typeof connection === 'string' ? (connections.get(connection) ?? null) : null,
  };
}

const DIRECTORY = 'scim:';
/** Where what was decided is the news: each has a sentence of its own, by `details.decision`. */
const DECIDED = 'approval.decided';
const DECISIONS: readonly unknown[] = ['approved', 'denied'];

/** `audit.event.<type>`; a type that has none is shown by its name. */
export function sentenceOf(entry: NamedEntry): Phrase {
  const { type, person, clientName, serverName, details } = entry;
  const decision = type === DECIDED && DECISIONS.includes(details.decision) ? `_${details.decision}` : '';
  const params: Params = {
    who: person ?? party('somebody'),
    client: clientName === null ? party('client') : { said: clientName },
    server: serverName ?? party('server'),
    name: nameIn(entry) ?? party('unnamed'),
  };
  return { key: `audit.event.${type}${decision}`, params };
}

/** The same of nobody in particular. */
export function genericSentence(type: string): Phrase {
  const [who, client, server, name] = ['somebody', 'client', 'server', 'unnamed'].map((key) => party(key));
  return { key: `audit.event.${type}`, params: { who, client, server, name } as Params };
}

/** Of these what a client sends is what happened; of all others, that a person pressed. */
const BY_CLIENTS = /^(?:token|client|grant)\.|^device\.started$|^authorization\.request_pushed$/;
/** Whoever tried was not shown to be anybody. */
const BY_SOMEBODY = /^sign_in\.failed$|^identity\.link_refused$/;

/** Who acted, by name where it was a person or a client. */
export function actorOf(entry: NamedEntry): string | Phrase | undefined {
  const { actor, actingPerson, connectionName } = entry;
  if (actingPerson !== null) return actingPerson;
  if (actor === 'client') return senderOf(entry);
  if (actor === 'cli' || actor === 'system') return party(actor);
  if (!actor.startsWith(DIRECTORY)) return actor;
  return party('directory', { name: connectionName ?? actor.slice(DIRECTORY.length) });
}

/** Who sent the request, where nothing but the event itself says so: its person, or its client. */
function senderOf({ type, person, clientName }: NamedEntry): string | Phrase | undefined {
  if (BY_SOMEBODY.test(type)) return undefined;
  if (clientName !== null && (person === null || BY_CLIENTS.test(type)))
    return party('program', { client: { said: clientName } });
  return person ?? undefined;
}

/** What the event is about, where that is no party of it. */
function nameIn({ type, details, connectionName }: NamedEntry): string | Phrase | undefined {
  const renamed = type === 'passkey.renamed' ? details.after : undefined;
  const found = [
    renamed,
    details.name,
    details.role,
    details.passkey,
    details.group,
    connectionName,
    details.connection,
  ];
  const name = found.find((value) => typeof value === 'string' && value !== '') as string | undefined;
  return name === details.role && BUILT_IN.includes(name ?? '') ? { key: `admin.role.${name}`, params: {} } : name;
}

function party(key: string, params: Params = {}): Phrase {
  return { key: `audit.party.${key}`, params };
}
