/** Fills an empty installation with people, clients, MCP servers, consents and a record, all of them made up. */
import { events } from '../audit/events.ts';
import type { Resource } from '../resources/resource.ts';
import { createReviewStore } from '../reviews/store.ts';
import type { Rooms } from '../rooms.ts';
import { consentRow, makeAgreements } from './agreements.ts';
import { clientRow, makeClients } from './clients.ts';
import { makeConnections, mappingRows, roleRows } from './connections.ts';
import { createDemoStore, type DemoStore } from './demo-store.ts';
import { createDice, type Dice } from './dice.ts';
import { auditRow, makeHappenings, refusalRows } from './happenings.ts';
import { type Leader, leaderRoleRows, leaderRow, makeLeaders } from './leaders.ts';
import { makeReviews, noticeRows, proposeChanges, spoilLeavers } from './matters.ts';
import { accountRow, type DemoPerson, identityRows, makePeople, membershipRows } from './people.ts';
import { makeRequests, requestRow } from './requests.ts';
import { makeServers, ownerRows } from './servers.ts';
import type { Sizes } from './sizes.ts';

export interface DemoDataOptions {
  sizes: Sizes;
  /** The same seed makes the same things on the same day, but for passwords and client credentials. */
  seed: string;
  /** Before anything is committed, so that there is never an account whose password nobody knows. */
  keep: (leaders: readonly Leader[]) => Promise<void>;
  /** What is being made, how much of it there is by now, and how much there is to be. */
  progress: (what: string, made: number, whole: number) => void;
}

export type DemoDataRooms = Pick<
  Rooms,
  | 'database'
  | 'audit'
  | 'passwords'
  | 'resources'
  | 'issuer'
  | 'clients'
  | 'sealing'
  | 'connectionStore'
  | 'connectionPeople'
  | 'leavers'
  | 'roles'
  | 'now'
>;

/**
 * Only where nobody has an account, because afterwards nothing tells apart what somebody lives by (threat 110).
 * @returns `demo` or `real` where it did nothing: somebody has an account, of demo data or not
 */
export async function makeDemoData(rooms: DemoDataRooms, options: DemoDataOptions): Promise<'made' | 'demo' | 'real'> {
  const store = createDemoStore(rooms.database);
  const found = await store.look();
  if (found !== 'empty') return found;
  const now = rooms.now();
  const dice = createDice(options.seed);
  const leaders = makeLeaders(dice.apart('leaders'));
  if (!(await begin(leaders, store, rooms, options, now))) return 'real';
  await fill({ leaders, store, dice, now }, rooms, options);
  return 'made';
}

interface Making {
  leaders: readonly Leader[];
  store: DemoStore;
  dice: Dice;
  now: Date;
}

/** @returns false where somebody else made the first account at this moment */
async function begin(
  leaders: readonly Leader[],
  store: DemoStore,
  { database, audit, passwords }: DemoDataRooms,
  { sizes, seed, keep }: DemoDataOptions,
  now: Date,
): Promise<boolean> {
  const rows: ReturnType<typeof leaderRow>[] = [];
  for (const leader of leaders) rows.push(leaderRow(leader, await passwords.hash(leader.password), now));
  return database.unit(async () => {
    if (!(await store.begin(rows))) return false;
    await store.fill('account_roles', leaderRoleRows(leaders, now));
    await audit.record(events.demoDataMade({}, { seed, ...sizes }));
    await keep(leaders);
    return true;
  });
}

async function fill(making: Making, rooms: DemoDataRooms, { sizes, progress }: DemoDataOptions): Promise<void> {
  const { leaders, store, dice, now } = making;
  const told = (what: string, whole: readonly unknown[]) => (made: number) => progress(what, made, whole.length);
  const connections = await makeConnections(rooms, store, dice.apart('connections'), now);
  await store.fill('roles', roleRows(now));
  await store.fill('role_mappings', mappingRows(connections, dice.apart('mappings'), now));
  const people = makePeople(sizes.people, connections, dice.apart('people'), now);
  await store.fill('accounts', lazily(people, accountRow), told('people', people));
  await store.fill('identities', identityRows(people, dice.apart('identities'), now));
  await store.fill('account_roles', membershipRows(people));
  const resources = await makeServers(rooms);
  progress('MCP servers', resources.length, resources.length);
  await store.fill('resource_owners', ownerRows(resources, leaders, people, now));
  const clients = makeClients(sizes.clients, dice.apart('clients'), now);
  await store.fill('clients', lazily(clients, clientRow), told('clients', clients));
  const everybody = [...leaders.slice().reverse(), ...people];
  const agreements = makeAgreements(
    sizes.consents,
    { people: everybody, clients, resources },
    dice.apart('consents'),
    now,
  );
  const browsers = dice.apart('browsers');
  const rowOf = (agreement: (typeof agreements)[number]) => consentRow(agreement, browsers);
  await store.fill('consents', lazily(agreements, rowOf), told('consents', agreements));
  const requests = makeRequests(
    { waiting: WAITING, decided: DECIDED },
    { people, clients, resources, approvers: leaders.slice(0, 2).map(({ id }) => id) },
    dice.apart('requests'),
    now,
  );
  await store.fill(
    'approval_requests',
    requests.map((request) => requestRow(request, browsers)),
  );
  progress('requests for approval', requests.length, requests.length);
  const all = { people, clients, resources, agreements, requests, tokens: sizes.tokens };
  const happenings = makeHappenings(all, dice.apart('record'), now);
  const ids = dice.apart('events');
  await store.fill(
    'audit_events',
    lazily(happenings, (one) => auditRow(one, ids)),
    told('events in the record', happenings),
  );
  await store.fill('refusal_counts', refusalRows(dice.apart('refusals'), now));
  await matters(making, rooms, { people, resources });
  await store.analyse();
}

const WAITING = 24;
const DECIDED = 160;

/** What an administrator should look at. */
async function matters(
  { leaders, store, dice, now }: Making,
  rooms: DemoDataRooms,
  { people, resources }: { people: readonly DemoPerson[]; resources: readonly Resource[] },
): Promise<void> {
  await proposeChanges(rooms.resources, resources, now);
  await makeReviews(createReviewStore(rooms.database), store, { resources, createdBy: leaders[0]?.id ?? '' }, now);
  await store.fill('outbox_messages', noticeRows(rooms.sealing, dice.apart('notices'), now));
  await store.fill('audit_events', spoilLeavers(people, dice.apart('leavers'), now));
}

function* lazily<T, Made>(from: readonly T[], make: (one: T) => Made): Iterable<Made> {
  for (const one of from) yield make(one);
}
