/** What an administrator says of the people whom an MCP server accepts, and of what it is told about them. */
import { AppError } from '../errors.ts';
import { type PeopleSettings, type Resource, TOKEN_CLAIMS, type TokenClaim } from './resource.ts';

/** As given: what is left out stays as it is. */
export interface PeopleNews {
  tokenClaims?: readonly string[] | undefined;
  stalenessMinutes?: number | undefined;
  /** Of connections that there are: the caller has looked. */
  connectionIds?: readonly string[] | undefined;
}

/** What becomes different, each with what was before. */
export type PeoplePlan = {
  [Name in keyof PeopleSettings]?: { before: PeopleSettings[Name]; after: PeopleSettings[Name] };
};

const MAX_STALENESS_MINUTES = 1440;

/** @throws AppError 400 `invalid_token_claims`, `invalid_staleness` */
export function parsePeople({ tokenClaims, stalenessMinutes, connectionIds }: PeopleNews): Partial<PeopleSettings> {
  return {
    ...(tokenClaims ? { tokenClaims: parseTokenClaims(tokenClaims) } : {}),
    ...(stalenessMinutes === undefined ? {} : { stalenessMinutes: parseStaleness(stalenessMinutes) }),
    ...(connectionIds ? { connectionIds: [...new Set(connectionIds)].sort() } : {}),
  };
}

/** @throws AppError as `parsePeople` */
export function planPeople(resource: Resource, news: PeopleNews): PeoplePlan {
  const { tokenClaims, stalenessMinutes, connectionIds } = { ...resource, ...parsePeople(news) };
  return {
    ...differ('tokenClaims', resource.tokenClaims, tokenClaims),
    ...differ('stalenessMinutes', resource.stalenessMinutes, stalenessMinutes),
    ...differ('connectionIds', resource.connectionIds, connectionIds),
  };
}

export function settingsIn({ tokenClaims, stalenessMinutes, connectionIds }: PeoplePlan): Partial<PeopleSettings> {
  return {
    ...(tokenClaims ? { tokenClaims: tokenClaims.after } : {}),
    ...(stalenessMinutes ? { stalenessMinutes: stalenessMinutes.after } : {}),
    ...(connectionIds ? { connectionIds: connectionIds.after } : {}),
  };
}

/** For the record: `tokenClaimsBefore` beside `tokenClaims`. */
export function peopleInRecord(plan: PeoplePlan): Record<string, number | readonly string[]> {
  return Object.fromEntries(
    Object.entries(plan).flatMap(([name, { before, after }]) => [
      [`${name}Before`, before],
      [name, after],
    ]),
  );
}

function differ<Name extends keyof PeopleSettings>(
  name: Name,
  before: PeopleSettings[Name],
  after: PeopleSettings[Name],
): PeoplePlan {
  return JSON.stringify(before) === JSON.stringify(after) ? {} : ({ [name]: { before, after } } as PeoplePlan);
}

function parseTokenClaims(names: readonly string[]): TokenClaim[] {
  const unknown = names.find((name) => !TOKEN_CLAIMS.some((known) => known === name));
  if (unknown === undefined) return TOKEN_CLAIMS.filter((claim) => names.includes(claim));
  throw new AppError('invalid_token_claims', 400, `${unknown} is not among ${TOKEN_CLAIMS.join(', ')}.`);
}

function parseStaleness(minutes: number): number {
  if (Number.isInteger(minutes) && minutes >= 0 && minutes <= MAX_STALENESS_MINUTES) return minutes;
  const message = `Say how long in whole minutes, 0 to ${MAX_STALENESS_MINUTES}: 0 is not at all.`;
  throw new AppError('invalid_staleness', 400, message);
}
