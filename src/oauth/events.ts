/** oidc-provider's events, turned into events of the record. */
import type { Client, KoaContextWithOIDC, Provider } from 'oidc-provider';
import { type AuditEvent, events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';

type Ctx = KoaContextWithOIDC;
type Entity = Record<string, unknown> | undefined;

interface Failure extends Error {
  error?: string;
  error_detail?: string;
}

/** Listeners only queue: the record is written with the transaction that the request commits. */
export function recordProviderEvents(provider: Provider, audit: Audit): void {
  const on = (name: string, listener: (ctx: Ctx, ...rest: never[]) => void) =>
    provider.on(name as 'server_error', listener as never);
  const record = (event: AuditEvent) => void audit.record(event);

  on('authorization.success', (ctx) => {
    const device = ctx.oidc.entities.DeviceCode !== undefined;
    record(device ? events.deviceApproved(subject(ctx)) : events.codeIssued(subject(ctx)));
  });
  on('authorization.error', (ctx, error: Failure) => refuse(audit, ctx, 'authorization', error));
  on('pushed_authorization_request.success', (ctx) => {
    if (isVouchedFor(ctx)) record(events.requestPushed(subject(ctx)));
    else audit.count('authorization.request_pushed', 'self_registered');
  });
  on('pushed_authorization_request.error', (ctx, error: Failure) => refuse(audit, ctx, 'authorization', error));
  on('device_authorization.success', (ctx) => record(events.deviceStarted(subject(ctx))));
  on('grant.success', (ctx) => record(tokenIssued(ctx)));
  on('grant.error', (ctx, error: Failure) => refuse(audit, ctx, 'token', error));
  on('grant.revoked', (ctx, grantId: string) => {
    record(
      events.grantRevoked({ ...subject(ctx), grantId }, {}, ctx.oidc.route === 'token' ? 'reuse' : ctx.oidc.route),
    );
  });
  on('registration_create.success', (ctx, client: Client) =>
    record(events.clientRegistered(subject(ctx), says(client))),
  );
  on('registration_create.error', (_ctx, error: Failure) => audit.count('client.registration', code(error)));
  on('registration_update.success', (ctx) => record(events.clientUpdated(subject(ctx), saysNow(ctx.body))));
  on('registration_delete.success', (ctx) => record(events.clientDeleted(subject(ctx))));
  on('end_session.success', (ctx) => {
    const accountId = text(ctx.oidc.session?.accountId);
    if (accountId) record(events.sessionEnded({ ...subject(ctx), accountId }, { why: 'logout' }));
  });
  for (const kind of ['access_token', 'client_credentials', 'refresh_token']) {
    provider.on(`${kind}.destroyed` as 'access_token.destroyed', (token: unknown) => {
      const { clientId, accountId, jti, grantId } = token as Record<string, string | undefined>;
      const tokenId = kind === 'refresh_token' ? undefined : jti;
      record({ ...events.tokenRevoked({ clientId, accountId, grantId }, { kind }), tokenId });
    });
  }
  for (const name of [
    'introspection.error',
    'revocation.error',
    'registration_read.error',
    'registration_update.error',
  ]) {
    on(name, (_ctx, error: Failure) => audit.count(name, code(error)));
  }
}

function subject(
  ctx: Ctx,
): Pick<AuditEvent, 'accountId' | 'clientId' | 'resource' | 'scopes' | 'grantId' | 'consentId'> {
  const { oidc } = ctx;
  const grant = oidc.entities.Grant as Entity;
  const token = (oidc.entities.AccessToken ?? oidc.entities.ClientCredentials) as Entity;
  const source = token ?? (ctx.state.presented as Entity);
  const resource = source?.aud ?? source?.resource ?? Object.keys(oidc.resourceServers ?? {})[0];
  const scope = source?.scope ?? oidc.params?.scope;
  return {
    accountId: text(oidc.entities.Account?.accountId ?? source?.accountId),
    clientId: oidc.client?.clientId,
    resource: text(resource),
    scopes: typeof scope === 'string' ? scope.split(' ').filter(Boolean) : [],
    grantId: text(grant?.jti),
    consentId: text(grant?.consentId),
  };
}

function tokenIssued(ctx: Ctx): AuditEvent {
  const token = (ctx.oidc.entities.AccessToken ?? ctx.oidc.entities.ClientCredentials) as Entity;
  const details = {
    grantType: String(ctx.oidc.params?.grant_type ?? ''),
    refresh: ctx.oidc.entities.RefreshToken !== undefined,
  };
  return events.tokenIssued({ ...subject(ctx), tokenId: text(token?.jti) }, details);
}

/** A client that proved itself by what an administrator gave it; anybody can register another. */
function isVouchedFor(ctx: Ctx): boolean {
  const { client } = ctx.oidc;
  const administered = client?.consentry_origin === 'static' || client?.consentry_origin === 'resource';
  return administered && client.clientAuthMethod !== 'none';
}

/**
 * A refusal is a row where a known party was refused: a signed-in person, or a client that proved itself. Anything
 * that a stranger can send without limit is counted.
 */
function refuse(audit: Audit, ctx: Ctx, what: 'authorization' | 'token', error: Failure): void {
  const person = ctx.oidc.entities.Account !== undefined || ctx.oidc.session?.accountId !== undefined;
  const proven = what === 'token' && isVouchedFor(ctx) && error.error !== 'invalid_client';
  if (!person && !proven) {
    audit.count(`${what}.refused`, code(error));
    return;
  }
  const event = what === 'token' ? events.tokenRefused : events.authorizationRefused;
  const known = { ...subject(ctx), accountId: subject(ctx).accountId ?? text(ctx.oidc.session?.accountId) };
  void audit.record(event(known, code(error), { detail: error.error_detail?.slice(0, 200) ?? null }));
}

function says(
  client: Partial<Pick<Client, 'clientName' | 'redirectUris' | 'clientAuthMethod'>>,
): Record<string, string | readonly string[]> {
  return {
    name: client.clientName ?? '',
    redirectUris: client.redirectUris ?? [],
    authMethod: client.clientAuthMethod ?? '',
  };
}

/** After an update the answer says what holds now; the client of the request is the one before. */
function saysNow(body: unknown): Record<string, string | readonly string[]> {
  const now = body as { client_name?: string; redirect_uris?: string[]; token_endpoint_auth_method?: string };
  return says({
    clientName: now.client_name,
    redirectUris: now.redirect_uris,
    clientAuthMethod: now.token_endpoint_auth_method,
  });
}

function code(error: Failure): string {
  return error.error ?? 'server_error';
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
