/** The pages that oidc-provider asks us to render: errors, device codes, logout. */
import { type Client, errors, type KoaContextWithOIDC } from 'oidc-provider';
import { displayName } from '../clients/display-name.ts';
import type { StoppedCode } from '../web/pages.ts';
import type { Respond } from '../web/respond.ts';

interface ErrorOut {
  error: string;
  error_description?: string;
}

/** OAuth error code → what page G says. */
const STOPPED: Record<string, StoppedCode> = {
  access_denied: 'denied',
  interaction_required: 'consent_required',
  login_required: 'login_required',
  consent_required: 'consent_required',
  invalid_client: 'client_unknown',
  invalid_client_metadata: 'client_refused',
  invalid_redirect_uri: 'redirect_mismatch',
  invalid_target: 'invalid_target',
  invalid_scope: 'invalid_scope',
  unsupported_response_type: 'unsupported',
  unsupported_response_mode: 'unsupported',
  temporarily_unavailable: 'unavailable',
  server_error: 'server_error',
};

export function stoppedCode(error: string, cause?: Error): StoppedCode {
  if (cause instanceof errors.SessionNotFound) return 'interaction_expired';
  if (
    cause?.message === 'invalid_client' &&
    /metadata document/.test((cause as { error_description?: string }).error_description ?? '')
  ) {
    return 'client_unreachable';
  }
  return STOPPED[error] ?? 'invalid_request';
}

export function createProviderPages({ respond }: { respond: Respond }) {
  return {
    /** oidc-provider's `renderError`: nothing to send the person back to, or nobody to trust with it. */
    async renderError(ctx: KoaContextWithOIDC, out: ErrorOut, error: Error): Promise<void> {
      if (!respond.wantsPage(ctx)) {
        ctx.body = out;
        return;
      }
      const description = out.error_description ? `${out.error}: ${out.error_description}` : out.error;
      const model = { code: stoppedCode(out.error, error), description };
      respond.stopped(ctx, model, { status: ctx.status, uiLocales: ctx.oidc.params?.ui_locales });
    },
    async userCodeInputSource(ctx: KoaContextWithOIDC, _form: string, _out?: ErrorOut, error?: Error): Promise<void> {
      const model = { action: action(ctx), csrf: xsrf(ctx), error: deviceError(error) };
      respond.page(ctx, 'device-code', model, { status: error ? 400 : 200 });
    },
    async userCodeConfirmSource(
      ctx: KoaContextWithOIDC,
      _form: string,
      client: Client,
      _device: unknown,
      userCode: string,
    ) {
      respond.page(ctx, 'device-confirm', { action: action(ctx), csrf: xsrf(ctx), userCode, client: view(client) });
    },
    async successSource(ctx: KoaContextWithOIDC): Promise<void> {
      respond.page(ctx, 'device-done', { client: view(ctx.oidc.client as Client) });
    },
    async logoutSource(ctx: KoaContextWithOIDC): Promise<void> {
      renderLogout(ctx, respond);
    },
    async postLogoutSuccessSource(ctx: KoaContextWithOIDC): Promise<void> {
      respond.page(ctx, 'logged-out', { client: ctx.oidc.client ? view(ctx.oidc.client) : undefined });
    },
  };
}

/** Also where nobody is signed in: oidc-provider would answer a form that submits itself by an inline script. */
export function renderLogout(ctx: KoaContextWithOIDC, respond: Respond): void {
  // Which button was pressed says whether to sign out.
  const fields = [{ name: 'xsrf', value: xsrf(ctx) }];
  const client = ctx.oidc.client ? view(ctx.oidc.client) : undefined;
  respond.page(ctx, 'logout', { action: ctx.oidc.urlFor('end_session_confirm'), fields, client });
}

function action(ctx: KoaContextWithOIDC): string {
  return ctx.oidc.urlFor('code_verification');
}

function xsrf(ctx: KoaContextWithOIDC): string {
  return String((ctx.oidc.session?.state as { secret?: string } | undefined)?.secret ?? '');
}

function view(client: Client) {
  return { id: client.clientId, name: displayName(client.clientName) || client.clientId };
}

function deviceError(error: Error | undefined): 'unknown' | 'expired' | 'aborted' | 'failed' | undefined {
  if (!error) return undefined;
  if (error.name === 'ExpiredError') return 'expired';
  if (error.name === 'AbortedError') return 'aborted';
  return ['NotFoundError', 'NoCodeError', 'AlreadyUsedError'].includes(error.name) ? 'unknown' : 'failed';
}
