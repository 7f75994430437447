/** The page that whoever asked an administrator comes back to, also when the authorization is long over (consent.md §3, E). */
import Router from '@koa/router';
import type { Context } from 'koa';
import { MAX_CHARACTERS } from '../approvals/deciding.ts';
import type { ApprovalRequest } from '../approvals/request.ts';
import { mayStandForOthers } from '../clients/client.ts';
import { provenance } from '../clients/provenance.ts';
import { redirectHost } from '../clients/redirect-uris.ts';
import { DEVICE_REDIRECT } from '../consents/agreement.ts';
import type { Stated } from '../consents/consent.ts';
import { AppError } from '../errors.ts';
import type { ApprovalModel, ClientView, RedirectView, RequestModel } from '../web/pages.ts';
import { type ApprovalDeps, askedOn, outcomeOf, renderApproval } from './approval.ts';
import { setScene } from './consent.ts';
import type { ConsentDeps } from './consent-deps.ts';
import { scopeGroups } from './consent-model.ts';
import type { Interaction } from './describe.ts';
import { calledBy, signedInAccount } from './session.ts';

/** Nobody waits before this page any more for a code to be sent. */
const LATE_REFRESH_SECONDS = 300;

/** `GET /approval/:id?interaction=<uid>` */
export function approvalRoutes(deps: ConsentDeps): Router {
  const router = new Router({ prefix: '/approval' });
  router.get('/:id', async (ctx) => {
    const request = await findOwn(ctx, String(ctx.params.id), deps);
    const { interaction: uid } = ctx.query;
    const interaction = typeof uid === 'string' ? await findLiving(uid, request, deps) : undefined;
    if (interaction) await showWaiting(ctx, interaction, request, deps);
    else await showLate(ctx, request, deps);
  });
  return router;
}

/**
 * The request of whoever sits in the browser that asked.
 * @throws AppError 403 `other_browser` (also where there is none), 403 `account_changed`, 403 `account_disabled`
 */
async function findOwn(ctx: Context, id: string, deps: ApprovalDeps): Promise<ApprovalRequest> {
  const request = await deps.approvals.find(id);
  if (request?.browserId !== deps.browsers.identify(ctx)) {
    throw new AppError('other_browser', 403, 'The request was made in another browser.');
  }
  const present = await signedInAccount(ctx, deps.provider);
  if (present !== undefined && present !== request.accountId) {
    throw new AppError('account_changed', 403, 'Somebody else is signed in now.');
  }
  if ((await deps.accountStore.findById(request.accountId))?.disabledAt === null) return request;
  throw new AppError('account_disabled', 403, 'The account is disabled.');
}

/** The authorization that the person asked from, while it waits for an answer. */
async function findLiving(uid: string, { accountId, clientId }: ApprovalRequest, { provider }: ApprovalDeps) {
  const interaction = /^[\w-]{1,100}$/.test(uid) ? await provider.Interaction.find(uid) : undefined;
  if (!interaction || interaction.result || interaction.prompt.name !== 'consent') return undefined;
  const same = interaction.session?.accountId === accountId && interaction.params.client_id === clientId;
  return same ? interaction : undefined;
}

/** Waits here, where the page can still be reached when the authorization is over; everything else is said there. */
async function showWaiting(ctx: Context, interaction: Interaction, request: ApprovalRequest, deps: ConsentDeps) {
  if (request.state === 'pending') {
    const scene = await setScene(ctx, interaction, deps);
    if (!scene) return;
    const asked = scene.answer.page === 'approval' ? await askedOn(scene, deps) : undefined;
    if (asked?.id === request.id) return renderApproval(scene, asked, deps);
  }
  // Approved: the press is still needed.
  ctx.status = 303;
  ctx.redirect(`/interaction/${interaction.uid}`);
}

/** The authorization is over: nothing can be pressed, and no code is sent to whoever now has the client's address. */
async function showLate(ctx: Context, request: ApprovalRequest, deps: ApprovalDeps): Promise<void> {
  const resource = await deps.resources.findById(request.resourceId);
  if (request.state === 'withdrawn' || !resource) throw new AppError('not_found', 404, 'There is no such request.');
  // Whatever is pressed here all the same is told that the authorization is over.
  const over = '/interaction/over';
  const model: ApprovalModel = {
    action: over,
    switchAccountAction: over,
    csrf: '',
    account: { email: calledBy(await deps.accountStore.findById(request.accountId)) },
    ...(await viewsOf(request, deps)),
    resource: { name: resource.name, host: new URL(resource.uri).host },
    crossSite: false,
    missing: scopeGroups(resource, request.scopes, deps.respond.localeOf(ctx)),
    rest: false,
    ...outcomeOf(request),
    ...(request.state === 'approved' ? { state: 'approved' } : {}),
    ...(request.state === 'expired'
      ? { lapsed: { askedAt: request.createdAt, days: deps.approvals.requestDays } }
      : {}),
    reasonMaxCharacters: MAX_CHARACTERS,
    refreshSeconds: LATE_REFRESH_SECONDS,
  };
  deps.respond.page(ctx, 'approval', model);
}

/** From what the request holds: the client itself may be gone by now. */
async function viewsOf(
  { clientId, stated, redirectUri, downstream }: ApprovalRequest,
  { clients }: ApprovalDeps,
): Promise<Omit<RequestModel, 'crossSite' | 'resource'>> {
  const device = redirectUri === DEVICE_REDIRECT;
  const redirect: RedirectView = device ? { kind: 'device', host: '' } : redirectHost(redirectUri);
  const provenanceOf = async (party: { clientId: string; redirectUri: string }, { authMethod }: Stated) =>
    provenance({ ...party, origin: (await clients.find(party.clientId))?.origin ?? 'document', authMethod });
  if (downstream && stated.downstream) {
    const through = { name: stated.client.name || clientId, host: redirect.host };
    return {
      client: clientView(downstream.clientId, stated.downstream),
      redirect,
      provenance: await provenanceOf(downstream, stated.downstream),
      through: { ...through, clientRedirect: redirectHost(downstream.redirectUri) },
    };
  }
  const record = await clients.find(clientId);
  return {
    client: clientView(clientId, stated.client),
    redirect,
    provenance: device ? 'administrator' : await provenanceOf({ clientId, redirectUri }, stated.client),
    ...(record && mayStandForOthers(record.kind) ? { namesNobody: true } : {}),
  };
}

function clientView(id: string, { name, resembles }: Stated): ClientView {
  const host = URL.parse(id)?.host || undefined;
  return { id, name: name || (host ?? id), host, resembles };
}
