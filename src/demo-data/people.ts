/** People: most of them come by a connection, some have a password here that nobody knows. */
import type { Dice } from './dice.ts';
import { personName } from './names.ts';
import { daysBefore, momentIn } from './rhythm.ts';

export interface DemoPerson {
  id: string;
  email: string;
  name: string | null;
  createdAt: Date;
  disabledAt: Date | undefined;
  /** By which connection they come; none for people of our own. */
  connection: DemoConnection | undefined;
  appRoles: readonly string[];
}

export interface DemoConnection {
  id: string;
  /** Of its people's identities. */
  issuer: string;
  tenantId?: string | undefined;
}

/** App role at the connection → role here. */
export const MAPPED_ROLES = ['support', 'engineering', 'finance'] as const;

export function makePeople(count: number, connections: readonly DemoConnection[], dice: Dice, now: Date): DemoPerson[] {
  const [first, second] = connections;
  return Array.from({ length: count }, (_none, place) => {
    const createdAt = momentIn({ from: daysBefore(now, 400), to: daysBefore(now, 1) }, dice);
    const way = dice.next();
    const connection = way < 0.82 ? first : way < 0.94 ? second : undefined;
    const gone = dice.chance(0.03);
    return {
      id: dice.id(),
      // Some providers give none.
      email: connection && dice.chance(0.01) ? '' : `person-${place + 1}@people.example`,
      name: dice.chance(0.01) ? null : personName(dice),
      createdAt,
      disabledAt: gone ? momentIn({ from: createdAt, to: now }, dice) : undefined,
      connection,
      appRoles: connection && dice.chance(0.3) ? [dice.pick(MAPPED_ROLES)] : [],
    };
  });
}

export function accountRow({ id, email, name, createdAt, disabledAt, connection }: DemoPerson) {
  const by = connection ? `upstream:${connection.id}` : 'administrator';
  return {
    id,
    sign_in_name: connection ? null : email,
    ...{ email, name, role: 'user', created_at: createdAt },
    disabled_at: disabledAt ?? null,
    disabled_by: disabledAt ? [by] : [],
    break_glass: false,
  };
}

/** None for people of our own. */
export function identityRows(people: readonly DemoPerson[], dice: Dice, now: Date) {
  return people.flatMap((person) => {
    const { id, email, name, createdAt, connection, appRoles } = person;
    if (!connection) return [];
    const { tenantId } = connection;
    const hex = dice.hex(32);
    const subject = tenantId ? guid(hex) : hex;
    const at = momentIn({ from: createdAt, to: person.disabledAt ?? now }, dice);
    const claims = { ...(tenantId ? { tenantId, objectId: subject } : {}), email, ...(name === null ? {} : { name }) };
    return [
      {
        ...{ connection_id: connection.id, issuer: connection.issuer, subject, account_id: id, claims },
        ...{ created_at: createdAt, last_sign_in_at: at, app_roles: appRoles, groups: [], vouched_at: at },
      },
    ];
  });
}

export function membershipRows(people: readonly DemoPerson[]) {
  return people.flatMap(({ id, connection, appRoles, createdAt }) =>
    appRoles.map((role) => ({
      account_id: id,
      role_id: role,
      source: connection?.id ?? 'administrator',
      created_at: createdAt,
    })),
  );
}

/** As Entra ID writes an object's. */
function guid(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
