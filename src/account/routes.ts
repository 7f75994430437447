/** Everybody's own pages, below `/account`. */
import Router from '@koa/router';
import { type AppsDeps, appsRoutes } from './apps.ts';
import { codeRemovalRoutes } from './code-removal.ts';
import { type LanguageDeps, languageRoutes } from './language.ts';
import { type PasswordDeps, passwordRoutes } from './password.ts';
import { type ProofDeps, proofRoutes } from './proof.ts';
import { type ReceiptsDeps, receiptsRoutes } from './receipts.ts';
import { type RecoveryCodesDeps, recoveryCodesRoutes } from './recovery-codes.ts';
import { type SecurityDeps, securityRoutes } from './security.ts';
import { type SessionsDeps, sessionsRoutes } from './sessions.ts';
import { type WaysInDeps, waysInRoutes } from './ways-in.ts';

export type AccountDeps = AppsDeps &
  ReceiptsDeps &
  SessionsDeps &
  SecurityDeps &
  RecoveryCodesDeps &
  LanguageDeps &
  PasswordDeps &
  ProofDeps &
  WaysInDeps;

export function accountRoutes(deps: AccountDeps): Router {
  const router = new Router();
  const all = [
    appsRoutes,
    receiptsRoutes,
    sessionsRoutes,
    securityRoutes,
    codeRemovalRoutes,
    recoveryCodesRoutes,
    languageRoutes,
    proofRoutes,
    passwordRoutes,
    waysInRoutes,
  ];
  for (const routes of all) router.use(routes(deps).routes());
  return router;
}
