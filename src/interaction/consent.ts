/** Page C: what a person agrees to, and what comes of the press. */
import type { Context } from 'koa';
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import { clientFingerprint } from '../clients/client.ts';
import type { Agreement } from '../consents/agreement.ts';
import type { ConsentStore } from '../consents/store.ts';
import { AppError } from '../errors.ts';
import { scopeDigest } from '../resources/scopes.ts';
import type { Browsers } from '../web/browser.ts';
import { type Fields, several, single } from '../web/request-body.ts';
import type { ConnectDeps } from './connect.ts';
import { beganElsewhere, rememberWhereItBegan } from './connect.ts';
import { expiryChoices, expiryOf, pageDifferences, scopeGroups } from './consent-model.ts';
import { describe, type Interaction, type Subject } from './describe.ts';
import { finish, signOut, startOver } from './session.ts';

export interface ConsentDeps extends ConnectDeps {
  agreement: Agreement;
  consents: ConsentStore;
  accountStore: { findById(id: string): Promise<{ id: string; email: string; disabledAt: Date | null } | undefined> };
  browsers: Browsers;
  redirectKey: (uri: string) => string;
  now: () => Date;
  audit: Audit;
}

export async function showConsent(ctx: Context, interaction: Interaction, deps: ConsentDeps): Promise<void> {
  const accountId = await sameAccount(ctx, interaction, deps);
  if (!accountId) {
    ctx.redirect(await startOver(interaction));
    return;
  }
  const subject = await describe(interaction, deps);
  await rememberWhereItBegan(ctx, interaction, deps);
  await render(ctx, interaction, subject, accountId, deps);
}

export async function submitConsent(
  ctx: Context,
  interaction: Interaction,
  fields: Fields,
  deps: ConsentDeps,
): Promise<void> {
  const accountId = await sameAccount(ctx, interaction, deps);
  if (!accountId) {
    // Another tab signed in as somebody else: nothing is stored, and the page comes back for whoever is here now.
    ctx.redirect(await startOver(interaction));
    return;
  }
  const subject = await describe(interaction, deps);
  if (!deps.csrf.verify(single(fields, 'csrf'), bound(interaction, accountId, subject))) {
    // Also where the client's document changed while the person read: what they pressed is not what they would get.
    await render(ctx, interaction, subject, accountId, deps, 403);
    return;
  }
  const approved = several(fields, 'scope').filter((scope) => subject.scopes.includes(scope));
  const useful = approved.some((scope) => subject.resource.scopes.some(({ name }) => name === scope));
  if (single(fields, 'decision') !== 'approve' || !useful) {
    await deps.audit.record(events.consentDenied(party(subject, accountId), 'denied_by_person'));
    ctx.redirect(await finish(interaction, { error: 'access_denied', error_description: 'denied by the person' }));
    return;
  }
  ctx.redirect(
    await finish(interaction, {
      consent: await approve(ctx, subject, accountId, approved, single(fields, 'expiry'), deps),
    }),
  );
}

/** "Not you?": whoever was signed in is signed out, and page A follows. */
export async function switchAccount(
  ctx: Context,
  interaction: Interaction,
  fields: Fields,
  deps: ConsentDeps,
): Promise<void> {
  const accountId = await sameAccount(ctx, interaction, deps);
  const subject = await describe(interaction, deps);
  if (accountId && deps.csrf.verify(single(fields, 'csrf'), bound(interaction, accountId, subject))) {
    await signOut(ctx, deps.provider);
    await deps.audit.record(events.sessionEnded({ accountId }, { why: 'not_you' }));
  }
  ctx.redirect(await startOver(interaction));
}

/**
 * The account that the page was made for, if it is still the one signed in, in the same session.
 * @throws AppError `account_disabled`, and signs out
 */
async function sameAccount(ctx: Context, interaction: Interaction, deps: ConsentDeps): Promise<string | undefined> {
  const { accountId, uid } = await deps.provider.Session.get(ctx as never);
  const { session } = interaction;
  if (!accountId || accountId !== session?.accountId || uid !== session.uid) return undefined;
  if ((await deps.accountStore.findById(accountId))?.disabledAt === null) return accountId;
  await signOut(ctx, deps.provider);
  throw new AppError('account_disabled', 403, 'The account is disabled.');
}

async function approve(
  ctx: Context,
  subject: Subject,
  accountId: string,
  approved: readonly string[],
  expiry: string | undefined,
  deps: ConsentDeps,
): Promise<{ grantId: string; consentId: string }> {
  const { client, resource, redirectUri } = subject;
  const metadata = client.metadata();
  if (subject.origin === 'document') await recordDocument(subject, metadata, deps);
  const { expiresAt, refreshAllowed } = expiryOf(expiry, deps.now());
  const terms = deps.agreement.terms({
    accountId,
    clientId: client.clientId,
    clientMetadata: metadata,
    redirectUri,
    redirectRegistered: true,
    resource,
    scopes: approved,
  });
  const consent = await deps.consents.approve({
    ...terms,
    redirectUri,
    shown: subject.scopes,
    approved,
    browserId: deps.browsers.identify(ctx),
    expiresAt,
  });
  const grant = new deps.provider.Grant({
    accountId,
    clientId: client.clientId,
    consentId: consent.id,
    refreshAllowed,
    expiresIn: Math.floor((expiresAt.getTime() - deps.now().getTime()) / 1000),
  } as never);
  const own = new Set(resource.scopes.map((scope) => scope.name));
  const identity = approved.filter((scope) => !own.has(scope));
  if (identity.length > 0) grant.addOIDCScope(identity.join(' '));
  grant.addResourceScope(resource.uri, approved.filter((scope) => own.has(scope)).join(' '));
  const grantId = await grant.save();
  const details = { version: consent.version, expiry: expiry ?? 'max', redirectUri };
  await deps.audit.record(
    events.consentApproved({ ...party(subject, accountId), scopes: approved, consentId: consent.id, grantId }, details),
  );
  return { grantId, consentId: consent.id };
}

async function recordDocument(subject: Subject, metadata: Record<string, unknown>, deps: ConsentDeps): Promise<void> {
  const clientId = subject.client.clientId;
  const { created, changed } = await deps.clients.recordDocument(clientId, { ...metadata, client_id: clientId });
  if (created || changed) await deps.audit.record(events.clientDocumentRecorded({ clientId }, { changed }));
}

function party(subject: Subject, accountId: string) {
  const { client, resource, scopes } = subject;
  return { accountId, clientId: client.clientId, resource: resource.uri, scopes };
}

async function render(
  ctx: Context,
  interaction: Interaction,
  subject: Subject,
  accountId: string,
  deps: ConsentDeps,
  status = 200,
): Promise<void> {
  const account = await deps.accountStore.findById(accountId);
  const judgement = await deps.agreement.askForPage({
    accountId,
    clientId: subject.client.clientId,
    clientMetadata: subject.client.metadata(),
    redirectUri: subject.redirectUri,
    redirectRegistered: true,
    resource: subject.resource,
    scopes: subject.scopes,
  });
  deps.browsers.identify(ctx);
  const { uid, params } = interaction;
  const uiLocales = params.ui_locales;
  const model = {
    action: `/interaction/${uid}`,
    switchAccountAction: `/interaction/${uid}/switch-account`,
    csrf: deps.csrf.token(bound(interaction, accountId, subject)),
    account: { email: account?.email ?? '' },
    ...subject.views,
    crossSite: beganElsewhere(ctx, interaction),
    groups: scopeGroups(subject, deps.respond.localeOf(ctx, uiLocales)),
    differences: judgement.covered ? [] : pageDifferences(judgement.differences),
    expiry: expiryChoices(deps.now()),
    device: await startedDevice(interaction, deps),
  };
  deps.respond.page(ctx, 'consent', model, { status, uiLocales });
}

async function startedDevice(interaction: Interaction, deps: ConsentDeps) {
  if (!interaction.deviceCode) return undefined;
  const code = await deps.provider.DeviceCode.find(interaction.deviceCode, { ignoreExpiration: true });
  const seconds = Math.max(0, deps.now().getTime() / 1000 - Number(code?.iat ?? 0));
  return code ? { startedMinutesAgo: Math.floor(seconds / 60) } : undefined;
}

/** The token dies with the account that was signed in, and with what was shown of the client and of the scopes. */
function bound(
  interaction: Interaction,
  accountId: string,
  { client, redirectUri, resource, scopes }: Subject,
): string[] {
  const shown = resource.scopes.filter(({ name }) => scopes.includes(name)).map(scopeDigest);
  return ['consent', interaction.uid, accountId, clientFingerprint(client.metadata()), redirectUri, ...shown];
}
