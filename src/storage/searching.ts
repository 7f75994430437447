/**
 * Finds part of a name: over the trigram indexes that the migrations make where Postgres has pg_trgm, and row by row where it
 * has not. Each expression is that of its index, letter by letter.
 */
import { Prisma } from './generated/client.ts';

/** Part of the e-mail address or the name of the account `a`. */
export function personHas(search: string): Prisma.Sql {
  return Prisma.sql`lower(a.email || ' ' || coalesce(a.name, '')) LIKE ${partOf(search)}`;
}

/** Part of the identifier or the stated name of the client of this alias. */
export function clientHas(search: string, alias: 'c' | 'k'): Prisma.Sql {
  const [id, metadata] = [Prisma.raw(`${alias}.id`), Prisma.raw(`${alias}.metadata`)];
  return Prisma.sql`lower(${id} || ' ' || coalesce(${metadata} ->> 'client_name', '')) LIKE ${partOf(search)}`;
}

function partOf(search: string): Prisma.Sql {
  return Prisma.sql`lower(${`%${search.replace(/[\\%_]/g, '\\$&')}%`})`;
}
