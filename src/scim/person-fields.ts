/** What of a user has a column of its own here, and what a person is called by it. */
import { type Complex, isObject, type Json } from './cast.ts';
import type { Directory } from './directory.ts';
import { invalidValue, tooLarge } from './fault.ts';
import { nameOf } from './group-change.ts';
import { limits } from './limits.ts';
import type { Resource } from './patch.ts';
import type { ScimUser, UserFields } from './user-store.ts';

export type WantedFields = UserFields;

/** @throws ScimFault */
export function readFields(directory: Directory, resource: Resource): WantedFields {
  const { userName, externalId, active, ...attributes } = resource;
  const name = nameOf(userName, 'userName');
  if (name === undefined) throw invalidValue('userName is required.');
  const external = nameOf(externalId, 'externalId');
  if (external !== undefined) directory.assertExternalId(external);
  if (Buffer.byteLength(JSON.stringify(attributes)) > limits.userBytes) throw tooLarge('The user has too much in it.');
  return {
    userName: name,
    externalId: external === undefined ? null : directory.fold(external),
    active: active !== false,
    attributes,
  };
}

/** The whole resource, as PATCH sees it. */
export function toResource({ userName, externalId, active, attributes }: Pick<ScimUser, keyof UserFields>): Resource {
  return { ...attributes, userName, ...(externalId === null ? {} : { externalId }), active };
}

const MAX_NAME = 200;
const MAX_MAIL = 320;

/** The primary address, else the one at work, else the first. */
export function mailOf({ emails }: Resource): string | undefined {
  const list = (Array.isArray(emails) ? emails.filter(isObject) : []) as Complex[];
  const chosen = list.find(({ primary }) => primary === true) ?? list.find(({ type }) => type === 'work') ?? list[0];
  const value = chosen?.value;
  return typeof value === 'string' && value.length <= MAX_MAIL ? value : undefined;
}

export function nameOfPerson({ displayName, name }: Resource): string | undefined {
  const parts = isObject(name) ? (name as Record<string, Json>) : {};
  const whole = [parts.givenName, parts.familyName].filter((part) => typeof part === 'string').join(' ');
  const said = displayName ?? parts.formatted ?? whole;
  return typeof said === 'string' && said !== '' ? said.slice(0, MAX_NAME) : undefined;
}
