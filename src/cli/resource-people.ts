/** What an MCP server asks of people, and is told about them, as options and in words. */
import type { Command } from 'commander';
import { AppError } from '../errors.ts';
import type { PeopleNews, PeoplePlan } from '../resources/people.ts';
import type { PeopleSettings } from '../resources/resource.ts';
import type { Rooms } from '../rooms.ts';
import { collect } from './options.ts';
import { count } from './print.ts';

export interface PeopleOptions {
  tokenClaims?: string;
  stalenessMinutes?: number;
  connection?: string[];
}

const NO_CLAIMS = 'none';
const ANY_CONNECTION = 'any';

export function peopleOptions(command: Command): Command {
  return command
    .option('--token-claims <list>', 'what its tokens say of a person: oid, tid, email, roles with commas, or none')
    .option(
      '--staleness-minutes <minutes>',
      'how long clients may refresh while an identity provider does not answer: 0 to 1440 (default: 60)',
      (text) => (/^\d{1,5}$/.test(text) ? Number(text) : Number.NaN),
    )
    .option(
      '--connection <connection-id>',
      'only people who sign in by this connection; repeat for each; any: everybody (default)',
      collect,
    );
}

/**
 * @returns undefined where none of the options is given
 * @throws AppError 400 `bad_input`
 */
export function readPeople({ tokenClaims, stalenessMinutes, connection }: PeopleOptions): PeopleNews | undefined {
  if (tokenClaims === undefined && stalenessMinutes === undefined && connection === undefined) return undefined;
  if (connection?.includes(ANY_CONNECTION) && connection.length > 1) {
    throw new AppError('bad_input', 400, '--connection any is everybody: leave the others out.');
  }
  const claims = tokenClaims === NO_CLAIMS ? [] : tokenClaims?.split(',').map((name) => name.trim());
  return { tokenClaims: claims, stalenessMinutes, connectionIds: connection?.filter((id) => id !== ANY_CONNECTION) };
}

/** @throws AppError 404 `unknown_connection` */
export async function assertConnections(
  { connectionStore }: Pick<Rooms, 'connectionStore'>,
  news: PeopleNews | undefined,
): Promise<void> {
  for (const id of news?.connectionIds ?? []) await findConnection({ connectionStore }, id);
}

/** One by which people can sign in. @throws AppError 404 `unknown_connection` */
export async function findConnection({ connectionStore }: Pick<Rooms, 'connectionStore'>, id: string) {
  const connection = await connectionStore.find(id);
  if (connection && !connection.removedAt) return connection;
  throw new AppError('unknown_connection', 404, `There is no connection ${id}. See: npx consentry connection list`);
}

export function peopleFields({ tokenClaims, stalenessMinutes, connectionIds }: PeopleSettings) {
  return {
    'token claims': claimWords(tokenClaims),
    staleness: stalenessWords(stalenessMinutes),
    'people of': connectionWords(connectionIds),
  };
}

/** A sentence for each that changes. */
export function peopleInWords({ tokenClaims, stalenessMinutes, connectionIds }: PeoplePlan): string[] {
  return [
    ...(tokenClaims
      ? [`Tokens say of a person: ${claimWords(tokenClaims.after)}; before: ${claimWords(tokenClaims.before)}.`]
      : []),
    ...(stalenessMinutes
      ? [
          `Without an answer of the identity provider clients refresh for ${stalenessWords(stalenessMinutes.after)} instead of ${stalenessWords(stalenessMinutes.before)}.`,
        ]
      : []),
    ...(connectionIds
      ? [`It accepts ${connectionWords(connectionIds.after)}; before: ${connectionWords(connectionIds.before)}.`]
      : []),
  ];
}

export function peopleToJson({ tokenClaims, stalenessMinutes, connectionIds }: PeopleSettings) {
  return { token_claims: tokenClaims, staleness_minutes: stalenessMinutes, connections: connectionIds };
}

function claimWords(claims: readonly string[]): string {
  return claims.join(', ') || 'nothing more';
}

function stalenessWords(minutes: number): string {
  return count(minutes, 'minute');
}

function connectionWords(ids: readonly string[]): string {
  return ids.join(', ') || 'everybody';
}
