/** Where Entra ID is: its metadata, believed only for the hosts of the cloud that the connection names. */
import * as client from 'openid-client';
import type { ClientAuthentication } from '../client-authentication.ts';
import type { EntraSettings } from '../settings.ts';
import { UpstreamFailed } from '../upstream-failed.ts';
import { authorityOf, type Cloud, clouds, issuerOf } from './clouds.ts';

const CLOCK_TOLERANCE_SECONDS = 60;

export async function discoverEntra(
  settings: EntraSettings,
  { apply }: Pick<ClientAuthentication, 'apply'>,
  outbound: client.CustomFetch,
): Promise<client.Configuration> {
  const cloud = clouds[settings.cloud];
  const authority = authorityOf(settings);
  const configuration = await client.discovery(
    new URL(issuerOf(clouds.global, authority)),
    settings.clientId,
    { id_token_signed_response_alg: 'RS256', [client.clockTolerance]: CLOCK_TOLERANCE_SECONDS },
    apply,
    { [client.customFetch]: ofCloud(cloud, outbound) },
  );
  configuration[client.customFetch] = outbound;
  assertOwn(configuration.serverMetadata(), cloud, authority);
  return configuration;
}

/** The delegated permission by which a person's own groups are read: one that a person may grant for themselves. */
export function graphScope(configuration: client.Configuration, settings: EntraSettings): string {
  return `https://${graphHost(configuration, settings)}/User.Read`;
}

export function graphHost(configuration: client.Configuration, settings: EntraSettings): string {
  const { graph } = clouds[settings.cloud];
  const named = configuration.serverMetadata().msgraph_host;
  return graph.find((host) => host === named) ?? graph[0];
}

/**
 * openid-client knows that an issuer of Entra's stands for many tenants only where it is asked for the global cloud's
 * host. Its address is written in the cloud's own host before anything is sent.
 */
function ofCloud(cloud: Cloud, outbound: client.CustomFetch): client.CustomFetch {
  return (address, options) => {
    const url = new URL(address);
    url.host = cloud.login;
    return outbound(url.href, options);
  };
}

/** What another host says of itself is not what was asked for: our secret would go there. */
function assertOwn(metadata: client.ServerMetadata, cloud: Cloud, authority: string): void {
  const expected = issuerOf(cloud, authority === 'organizations' ? '{tenantid}' : authority);
  if (metadata.issuer !== expected) throw misconfigured('it is another issuer');
  const endpoints = [metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri];
  const own = endpoints.every((endpoint) => URL.parse(endpoint ?? '')?.origin === `https://${cloud.login}`);
  if (!own) throw misconfigured('an endpoint is missing or not of this cloud');
}

function misconfigured(what: string): UpstreamFailed {
  return new UpstreamFailed('failed', `discovery: ${what}`, undefined, { reason: 'misconfigured', alarm: 'discovery' });
}
