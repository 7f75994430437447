/** `/account/language`: in which language a person is spoken to, on every page and in every mail. */
import type Router from '@koa/router';
import type { AccountStore } from '../accounts/store.ts';
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import { locales } from '../web/locale.ts';
import { leave, type Own, type OwnDeps, ownRoutes } from './own-page.ts';
import { LANGUAGE } from './paths.ts';

export interface LanguageDeps extends OwnDeps {
  accountStore: OwnDeps['accountStore'] & Pick<AccountStore, 'setLocale'>;
  audit: Pick<Audit, 'record'>;
}

export function languageRoutes(deps: LanguageDeps): Router {
  const { router, get, post } = ownRoutes('language', LANGUAGE, deps);
  get(LANGUAGE, async (own) => show(own, deps));
  post(
    LANGUAGE,
    (own) => choose(own, deps),
    async (own) => show(own, deps, 'expired'),
  );
  return router;
}

function show({ ctx, visitor, frame }: Own, { respond }: LanguageDeps, news?: 'expired'): void {
  const model = { ...frame, action: LANGUAGE, chosen: visitor.account.locale ?? 'browser', news };
  respond.page(ctx, 'language', model);
}

async function choose({ ctx, visitor, field }: Own, deps: LanguageDeps): Promise<void> {
  const { id, locale: before } = visitor.account;
  const locale = locales.find((one) => one === field('language')) ?? null;
  if (locale !== before) {
    await deps.accountStore.setLocale(id, locale);
    await deps.audit.record(events.languageChanged({ accountId: id }, { before, after: locale }));
  }
  deps.respond.follow(ctx, locale);
  leave(ctx, LANGUAGE);
}
