/** What the card of a request is made from. */
import type { FactRooms } from '../../approval-facts.ts';
import type { Rooms } from '../../rooms.ts';
import type { PartyDeps } from './party.ts';

export type CardDeps = FactRooms &
  PartyDeps &
  Pick<Rooms, 'approvals' | 'approvers' | 'accountStore' | 'connectionNamesOf'>;
