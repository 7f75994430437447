/** The receipt of a consent, for the person who gave it: to read and print, or as JSON to keep. */
import type Router from '@koa/router';
import type { ConnectedStore } from '../consents/connected-store.ts';
import { type Receipt, receiptOf } from '../consents/receipt.ts';
import { inLocale } from '../consents/scope-words.ts';
import { AppError } from '../errors.ts';
import type { ReceiptModel } from '../web/account-pages.ts';
import { partsOfLabel } from '../web/browser-label.ts';
import type { Locale } from '../web/locale.ts';
import { type Own, type OwnDeps, ownRoutes } from './own-page.ts';
import { APPS } from './paths.ts';

export interface ReceiptsDeps extends OwnDeps {
  connected: Pick<ConnectedStore, 'find'>;
  issuer: string;
  operator: { name: string; contact?: string | undefined };
}

export function receiptsRoutes(deps: ReceiptsDeps): Router {
  const { router, get } = ownRoutes('apps', APPS, deps);
  get(`${APPS}/apps/:id/receipt`, async (own) => {
    const receipt = await receiptFor(own, deps);
    const page = pageOf(receipt, deps.respond.localeOf(own.ctx));
    deps.respond.page(own.ctx, 'receipt', { ...own.frame, ...page, jsonHref: `${own.ctx.path}.json` });
  });
  get(`${APPS}/apps/:id/receipt.json`, async (own) => {
    const { ctx } = own;
    const receipt = await receiptFor(own, deps);
    ctx.attachment(`consent-${receipt.receipt_id}.json`);
    ctx.set('Cache-Control', 'no-store');
    ctx.type = 'application/json';
    ctx.body = `${JSON.stringify(receipt, null, 2)}\n`;
  });
  return router;
}

/** Of a consent that is over too. @throws AppError 404 `not_found`, also for somebody else's */
async function receiptFor({ visitor, param }: Own, deps: ReceiptsDeps): Promise<Receipt> {
  const { connected, issuer, operator, now } = deps;
  const { account } = visitor;
  const found = await connected.find(account.id, param('id'));
  if (!found) throw new AppError('not_found', 404, 'There is nothing at this address.');
  const { consent, createdAt, resource } = found;
  return receiptOf({ consent, createdAt, person: account, resource, issuer, operator, now: now() });
}

function pageOf(receipt: Receipt, locale: Locale): Omit<ReceiptModel, 'section' | 'csrf' | 'account' | 'jsonHref'> {
  const { client, acting_for: actingFor, consent, operator, person } = receipt;
  const ended = consent.revoked_at ?? consent.suspended_at;
  return {
    id: receipt.receipt_id,
    operator: operator.name,
    contact: operator.contact ?? undefined,
    issuer: receipt.issuer,
    person: { id: person.id, email: person.email ?? '' },
    client: { ...namedClient(client), fingerprint: receipt.client_fingerprint },
    actingFor: actingFor ? namedClient(actingFor) : undefined,
    resource: receipt.resource,
    scopes: receipt.scopes.map((scope) => ({
      ...{ name: scope.name, tools: scope.tools, until: new Date(scope.until) },
      description: inLocale({ ...scope, descriptionJa: scope.description_ja ?? undefined }, locale),
    })),
    givenAt: new Date(consent.given_at),
    givenFrom: consent.given_from === null ? undefined : partsOfLabel(consent.given_from),
    firstGivenAt: consent.first_given_at === null ? undefined : new Date(consent.first_given_at),
    until: new Date(consent.until),
    version: consent.version,
    status: consent.status,
    endedAt: ended === null ? undefined : new Date(ended),
    withdrawAt: receipt.withdrawal.where,
  };
}

function namedClient({ id, name, returns_to: returnsTo }: Receipt['client']) {
  return { id, name: name || id, returnsTo };
}
