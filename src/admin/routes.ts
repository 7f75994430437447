/** The dashboard under `/admin` and its API under `/admin/api`: every page's routes and operations, in one table. */
import type { Middleware } from 'koa';
import { events } from '../audit/events.ts';
import { createDrafts } from './approvals/drafts.ts';
import { type ApprovalOperationDeps, approvalOperations } from './approvals/operations.ts';
import { approvalPages } from './approvals/pages.ts';
import { type AuditOperationDeps, auditOperations } from './audit/operations.ts';
import { auditPages } from './audit/pages.ts';
import { type ClientOperationDeps, clientOperations } from './clients/operations.ts';
import { clientPages } from './clients/pages.ts';
import { type ConnectionOperationDeps, connectionOperations } from './connections/operations.ts';
import { connectionPages } from './connections/pages.ts';
import { type ConsentOperationDeps, consentOperations } from './consents/operations.ts';
import { consentPages } from './consents/pages.ts';
import type { Actor } from './frame/actor.ts';
import { type ApiDeps, apiRoutes } from './frame/api.ts';
import { createFlash } from './frame/flash.ts';
import type { Operation } from './frame/operation.ts';
import { createPerform } from './frame/operation.ts';
import { type PageRoute, pageRoutes } from './frame/pages.ts';
import { createAdminSession } from './frame/session.ts';
import { type SignInDeps, signInRoutes } from './frame/sign-in.ts';
import { type StoppedDeps, stopping } from './frame/stopped.ts';
import type { WorkDeps } from './frame/work.ts';
import { createWorks } from './frame/work.ts';
import { workOperations, workPages } from './frame/work-page.ts';
import { type KeyOperationDeps, keyOperations } from './keys/operations.ts';
import { keyPages } from './keys/pages.ts';
import { type OverviewOperationDeps, overviewOperations } from './overview/operations.ts';
import { overviewPages } from './overview/pages.ts';
import { type PeopleOperationDeps, peopleOperations } from './people/operations.ts';
import { peoplePages } from './people/pages.ts';
import { type PolicyOperationDeps, policyOperations } from './policy/operations.ts';
import { policyPages } from './policy/pages.ts';
import { type ReviewOperationDeps, reviewOperations } from './reviews/operations.ts';
import { reviewPages } from './reviews/pages.ts';
import { type ServerOperationDeps, serverOperations } from './servers/operations.ts';
import { serverPages } from './servers/pages.ts';

export type AdminDeps = Pick<
  SignInDeps,
  'visitorOf' | 'authorityOf' | 'csrf' | 'hop' | 'proveAt' | 'parseOwnPath' | 'endSession'
> &
  Pick<ApiDeps, 'issuer' | 'bearerOf' | 'challenge' | 'emailOf'> &
  StoppedDeps &
  WorkDeps &
  Omit<ConsentOperationDeps, 'works'> &
  Omit<ClientOperationDeps, 'works'> &
  ApprovalOperationDeps &
  OverviewOperationDeps &
  PeopleOperationDeps &
  PolicyOperationDeps &
  ReviewOperationDeps &
  AuditOperationDeps &
  Omit<ServerOperationDeps, 'works'> &
  KeyOperationDeps &
  Omit<ConnectionOperationDeps, 'works'> & {
    https: boolean;
    sealing: { hmac: (purpose: string, value: string) => string };
  };

/** Of the API's document. */
const VERSION = '1';

export interface Section {
  operations: readonly Operation[];
  pages: readonly PageRoute[];
}

/** What each page of the dashboard brings. */
export function adminSections(deps: AdminDeps): Section[] {
  const works = createWorks(deps);
  const work = workOperations(works);
  const approvals = approvalOperations(deps);
  const consents = consentOperations({ ...deps, works });
  const clients = clientOperations({ ...deps, works });
  const keys = keyOperations(deps);
  const connections = connectionOperations({ ...deps, works });
  const overview = overviewOperations(deps);
  const people = peopleOperations(deps);
  const policy = policyOperations(deps);
  const servers = serverOperations({ ...deps, works });
  const reviews = reviewOperations(deps);
  const audit = auditOperations(deps);
  return [
    section(overview, overviewPages(overview)),
    section(approvals, approvalPages(approvals, createDrafts(deps))),
    section(consents, consentPages(consents)),
    section(clients, clientPages(clients)),
    section(connections, connectionPages(connections)),
    section(keys, keyPages(keys)),
    section(people, peoplePages(people)),
    section(policy, policyPages(policy)),
    section(servers, serverPages(servers)),
    section(reviews, reviewPages(reviews)),
    section(audit, auditPages(audit)),
    section(work, workPages(work)),
  ];
}

export function adminRoutes(deps: AdminDeps): Middleware[] {
  const sections = adminSections(deps);
  const perform = createPerform(deps);
  const session = createAdminSession({ ...deps, hmac: deps.sealing.hmac });
  const gate: SignInDeps = {
    ...deps,
    session,
    perform,
    flash: createFlash(deps),
    render: deps.respond.template,
    localeOf: deps.respond.localeOf,
  };
  const api = apiRoutes(
    sections.flatMap(({ operations }) => operations),
    { ...deps, perform, version: VERSION, note: (called) => deps.audit.record(noted(called)) },
  );
  const pages = pageRoutes(
    sections.flatMap((one) => one.pages),
    gate,
  );
  return [
    stopping(deps),
    ...[signInRoutes(gate), api, pages].map((router) => router.routes() as unknown as Middleware),
  ];
}

/** Inputs and outputs differ from one to the next; from here on `perform` alone looks at them. */
function section(operations: Readonly<Record<string, unknown>>, pages: readonly PageRoute[]): Section {
  return { operations: Object.values(operations) as Operation[], pages };
}

/** Joined by the request to what the operation itself recorded. */
function noted({ operation, actor }: { operation: string; actor: Actor }) {
  const { accountId, clientId } = actor;
  return events.adminApiCalled({ accountId, ...(clientId ? { clientId } : {}) }, { operation });
}
