/** The directory behind a bearer token: whose people it may touch, and how its external ids name them. */
import type { IdentityKey } from '../accounts/store.ts';
import type { ConnectionRecord } from '../federation/connection-store.ts';
import { clouds, isGuid, issuerOf } from '../federation/entra/clouds.ts';
import { invalidValue } from './fault.ts';

export interface Directory {
  connectionId: string;
  /** For people to read. */
  name: string;
  tokenId: string;
  /** The issuer of the people's identities here. */
  issuer: string;
  /** The form in which external ids are stored and compared. */
  fold(externalId: string): string;
  /** @throws ScimFault invalidValue */
  assertExternalId(externalId: string): void;
}

/** @returns undefined where people of several tenants come by the connection: an object id alone does not say whose it is */
export function issuerOfPeople(connection: Pick<ConnectionRecord, 'kind' | 'settings'>): string | undefined {
  const { settings } = connection;
  if (!('tenants' in settings)) return settings.issuer;
  const [tenant, another] = settings.tenants === 'any' ? [] : settings.tenants;
  return tenant === undefined || another !== undefined ? undefined : issuerOf(clouds[settings.cloud], tenant);
}

export function createDirectory(connection: ConnectionRecord, issuer: string, tokenId: string): Directory {
  const shared = { connectionId: connection.id, name: connection.name, tokenId, issuer };
  if (connection.kind === 'oidc') return { ...shared, fold: (externalId) => externalId, assertExternalId() {} };
  return {
    ...shared,
    fold: (externalId) => externalId.toLowerCase(),
    assertExternalId(externalId) {
      if (isGuid(externalId.toLowerCase())) return;
      throw invalidValue('externalId is the object id of the person: map objectId to externalId in the provisioning.');
    },
  };
}

/** The identity by which the person signs in. Neither `userName` nor an e-mail address ever leads to one. */
export function identityOf({ connectionId, issuer }: Directory, externalId: string): IdentityKey {
  return { connectionId, issuer, subject: externalId };
}
