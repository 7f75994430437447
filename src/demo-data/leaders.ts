/** Those of the demo people who have a password and may look at the dashboard. */
import { generatePassword } from '../accounts/generated-password.ts';
import { ADMIN, AUDITOR, RESOURCE_OWNER } from '../roles/authority.ts';
import { ADMINISTRATOR, OWNER } from '../roles/role.ts';
import type { Dice } from './dice.ts';
import { daysBefore } from './rhythm.ts';

export interface Leader {
  id: string;
  email: string;
  name: string;
  /** Of this server: `owner`, one of the roles that are built in, or undefined for a person without a role. */
  role: string | undefined;
  password: string;
}

const LEADERS = [
  ['owner', 'Olive Sampleton (demo owner)', OWNER],
  ['admin', 'Amir النموذجي (demo admin)', ADMIN],
  ['auditor', '見本 さくら (demo auditor)', AUDITOR],
  ['steward', 'Đức Ví Dụ (demo resource owner)', RESOURCE_OWNER],
  ['person', 'Perrin Demoson (demo person)', undefined],
] as const;

/** Each with a password of its own, which comes out of no seed. */
export function makeLeaders(dice: Dice): Leader[] {
  return LEADERS.map(([who, name, role]) => ({
    id: dice.id(),
    email: `${who}@demo.example`,
    name,
    role,
    password: generatePassword(),
  }));
}

export function leaderRow({ id, email, name, role }: Leader, passwordHash: string, now: Date) {
  return {
    ...{ id, sign_in_name: email, email, name, password_hash: passwordHash },
    role: role === OWNER ? OWNER : 'user',
    ...{ created_at: daysBefore(now, 400), disabled_by: [], break_glass: role === OWNER },
  };
}

export function leaderRoleRows(leaders: readonly Leader[], now: Date) {
  return leaders.flatMap(({ id, role }) =>
    role === undefined || role === OWNER
      ? []
      : [{ account_id: id, role_id: role, source: ADMINISTRATOR, created_at: daysBefore(now, 400) }],
  );
}
