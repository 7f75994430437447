/** Lists of people, a page at a time, quick however many there are. */
import { Prisma } from '../storage/generated/client.ts';
import { personHas } from '../storage/searching.ts';
import type { Database } from '../storage/transactions.ts';
import { cutPage, type Listed, PAGE_ROWS, readCursor, readMoment } from '../web/cursor.ts';

export type PeopleListing = ReturnType<typeof createPeopleListing>;

export const peopleStates = ['active', 'disabled'] as const;

export interface PeopleQuery {
  state?: (typeof peopleStates)[number] | undefined;
  /** `owner`, or any role's name. */
  role?: string | undefined;
  connectionId?: string | undefined;
  /** Part of the e-mail or the name, or the whole id. */
  search?: string | undefined;
}

export interface PersonLine {
  id: string;
  email: string;
  name: string | null;
  createdAt: Date;
  disabledAt: Date | null;
  /** Whose word it is: administrator, upstream:<connection>, scim:<connection>. */
  disabledBy: string[];
  breakGlass: boolean;
  /** `owner` first, then by name. */
  roles: string[];
  connectionIds: string[];
  /** There is a password here. */
  password: boolean;
  /** Living consents. */
  apps: number;
}

export function createPeopleListing({ database, now }: { database: Database; now: () => Date }) {
  return {
    /** Who came last first. @throws AppError 400 `bad_cursor` */
    async page(query: PeopleQuery, cursor?: string): Promise<Listed<PersonLine>> {
      const after = readCursor(cursor, 2);
      const beyond = after
        ? Prisma.sql`AND (a.created_at, a.id) < (${readMoment(after[0])}, ${String(after[1])})`
        : Prisma.empty;
      // What is told of each is read for the page alone, not for all who match.
      const rows = await database.current().$queryRaw<PersonLine[]>`
        SELECT p.*,
          ARRAY(SELECT DISTINCT role_id FROM account_roles WHERE account_id = p.id AND role_id <> 'owner' ORDER BY 1)
            AS "given",
          ARRAY(SELECT DISTINCT connection_id FROM identities WHERE account_id = p.id ORDER BY 1) AS "connectionIds",
          (SELECT count(*)::int FROM consents WHERE account_id = p.id AND revoked_at IS NULL AND expires_at > ${now()})
            AS apps
        FROM (SELECT a.id, a.email, a.name, a.created_at AS "createdAt", a.disabled_at AS "disabledAt",
            a.disabled_by AS "disabledBy", a.break_glass AS "breakGlass", a.role,
            a.password_hash IS NOT NULL AS password
          FROM accounts a WHERE ${matching(query)} ${beyond}
          ORDER BY a.created_at DESC, a.id DESC LIMIT ${PAGE_ROWS + 1}) p
        ORDER BY p."createdAt" DESC, p.id DESC`;
      return cutPage(rows.map(withRoles), PAGE_ROWS, ({ createdAt, id }) => [createdAt.toISOString(), id]);
    },
  };
}

function withRoles(row: PersonLine): PersonLine {
  const { given, role, ...line } = row as PersonLine & { given: string[]; role: string };
  return { ...line, roles: [...(role === 'owner' ? ['owner'] : []), ...given] };
}

function matching({ state, role, connectionId, search }: PeopleQuery): Prisma.Sql {
  const conditions = [
    ...(state ? [Prisma.sql`(a.disabled_at IS NULL) = ${state === 'active'}`] : []),
    ...(role === 'owner' ? [Prisma.sql`a.role = 'owner'`] : []),
    ...(role && role !== 'owner'
      ? [Prisma.sql`a.id IN (SELECT account_id FROM account_roles WHERE role_id = ${role})`]
      : []),
    ...(connectionId
      ? [Prisma.sql`a.id IN (SELECT account_id FROM identities WHERE connection_id = ${connectionId})`]
      : []),
    ...(search ? [found(search)] : []),
  ];
  return conditions.length > 0 ? Prisma.join(conditions, ' AND ') : Prisma.sql`true`;
}

function found(search: string): Prisma.Sql {
  return Prisma.sql`(${personHas(search)} OR a.id = ${search})`;
}
