/** What is said of a connection: its addresses, how it does, and what to enter at the provider. */

import { providerAddresses } from '../federation/addresses.ts';
import { certificateDates, thumbprints } from '../federation/configuration/certificates.ts';
import type { BrokenConnection, ConnectionRecord, NewConnection } from '../federation/connection-store.ts';
import { clouds } from '../federation/entra/clouds.ts';
import { moment } from './print.ts';

type Place = Pick<NewConnection, 'id' | 'kind'>;

export function describeAddresses(issuer: string, place: Place) {
  const { callbackUrl, frontChannelLogoutUrl, backChannelLogoutUrl } = providerAddresses(issuer, place);
  return {
    callback_url: callbackUrl,
    front_channel_logout_url: frontChannelLogoutUrl,
    back_channel_logout_url: backChannelLogoutUrl,
  };
}

export function nextSteps(connection: NewConnection, issuer: string): string {
  const {
    callback_url: callback,
    front_channel_logout_url: front,
    back_channel_logout_url: back,
  } = describeAddresses(issuer, connection);
  const test = `Then try it: npx consentry connection test ${connection.id}`;
  if (connection.kind === 'oidc') {
    return `Enter at the provider, for the client ${connection.settings.clientId}:
  Redirect URI               ${callback}
  Back-channel logout URL    ${back}
  Front-channel logout URL   ${front}   (only where it knows no back-channel logout)
  Grant                      authorization code, with PKCE (S256)

${test}`;
  }
  return `Enter in the Entra admin center → App registrations → the application:
  Authentication → Web → Redirect URIs       ${callback}
  Authentication → Front-channel logout URL  ${front}
  ${credentialLine(connection)}
  Token configuration → Optional claims → ID: auth_time, sid, acct
and under Enterprise applications → the application:
  Properties → Assignment required           Yes; then choose under Users and groups who may come in
  Permissions → Grant admin consent

${test}`;
}

function credentialLine({
  id,
  settings: { authentication, cloud },
  secrets: { certificates },
  credentialEndsAt: end,
}: NewConnection & { kind: 'entra' }): string {
  switch (authentication) {
    case 'federated_credential':
      return `Certificates & secrets → Federated          audience ${clouds[cloud].exchange}; issuer and subject: see connection test`;
    case 'certificate':
      return `Certificates & secrets → Certificates      thumbprint ${certificates.map(({ certificate }) => thumbprints(certificate).sha1).join(', ')}`;
    case 'client_secret':
      return `Certificates & secrets → Client secrets    the one you gave${end ? `, which ends on ${end.toISOString().slice(0, 10)}` : `; note its end: npx consentry connection update ${id} --secret-expires <day>`}`;
  }
}

/** The newest first; bare keys have no dates. */
export function describeCertificates({ certificates }: NewConnection['secrets']) {
  return certificates
    .filter(({ certificate }) => certificate !== '')
    .map(({ certificate }) => {
      const { startsAt, endsAt } = certificateDates(certificate);
      return { thumbprint: thumbprints(certificate).sha1, starts_at: startsAt, ends_at: endsAt };
    });
}

/** In a word or two, for the list. */
export function healthWords({ lastSuccessAt, lastFailureAt, credentialEndsAt }: ConnectionRecord, now: Date): string {
  if (credentialEndsAt && credentialEndsAt <= now) return `credential ended ${moment(credentialEndsAt)}`;
  if (lastFailureAt && (!lastSuccessAt || lastFailureAt > lastSuccessAt))
    return `failing since ${moment(lastFailureAt)}`;
  return lastSuccessAt ? `worked ${moment(lastSuccessAt)}` : 'not used yet';
}

export function whereWords({ settings }: ConnectionRecord): string {
  if (!('tenants' in settings)) return settings.issuer;
  const { tenants, cloud } = settings;
  const where = cloud === 'global' ? '' : ` (${cloud})`;
  return `${tenants === 'any' ? 'any tenant' : tenants.join(' ')}${where}`;
}

export function describeConnection(record: ConnectionRecord, issuer: string) {
  const { id, kind, name, origin, exclusive, provisioning, settings } = record;
  const { clientId, authentication, authContexts, checkMinutes } = settings;
  const own =
    'tenants' in settings
      ? {
          tenants: settings.tenants,
          cloud: settings.cloud,
          guests: settings.guests,
          groups: settings.groups === 'mapped',
        }
      : {
          issuer: settings.issuer,
          resource: settings.resource,
          roles_claim: settings.rolesClaim,
          groups_claim: settings.groupsClaim,
          offline_access: settings.offlineAccess,
        };
  return {
    id,
    kind,
    name,
    ...own,
    client_id: clientId,
    authentication,
    credential_ends_at: record.credentialEndsAt ?? null,
    exclusive,
    provisioning,
    auth_contexts: authContexts,
    check_minutes: checkMinutes,
    origin,
    ...describeAddresses(issuer, record),
    created_at: record.createdAt,
    removed_at: record.removedAt ?? null,
    last_success_at: record.lastSuccessAt ?? null,
    last_failure_at: record.lastFailureAt ?? null,
    last_failure: record.lastFailure ?? null,
  };
}

export function describeBroken({ id, kind, name, origin, why }: BrokenConnection) {
  return { id, kind, name, origin, unusable: why };
}
