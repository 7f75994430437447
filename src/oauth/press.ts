/**
 * The interaction policy: every authorization costs one press on a page of ours, and what was pressed must still cover
 * the request when it resumes.
 */
import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import type { DownstreamClients } from '../clients/downstream.ts';
import type { Agreement } from '../consents/agreement.ts';
import { askingOf, DEVICE_REDIRECT } from '../consents/agreement.ts';
import { actingFor } from './acting-for.ts';
import type { ResourceIndicators } from './resource-indicators.ts';

const { Prompt, Check, base } = interactionPolicy;

/** RFC 8628 §5.4: who enters a code that somebody sent them should at least have to say who they are. */
function signInForDevice(ctx: KoaContextWithOIDC): boolean {
  const signedIn = (ctx.oidc.result as { login?: object } | undefined)?.login !== undefined;
  return /^(code|device)_/.test(ctx.oidc.route) && !signedIn;
}

/** What our consent page leaves behind for the resumed request. */
export interface Press {
  grantId: string;
  consentId: string;
}

export function createPress(deps: {
  agreement: Agreement;
  resourceIndicators: ResourceIndicators;
  downstreamClients: DownstreamClients;
}) {
  const { agreement, resourceIndicators, downstreamClients } = deps;

  function pressOf(ctx: KoaContextWithOIDC): Press | undefined {
    return (ctx.oidc.result as { consent?: Press } | undefined)?.consent;
  }

  /** Whether the page has to be shown: always before the press, and after it where anything differs. */
  async function pressNeeded(ctx: KoaContextWithOIDC): Promise<boolean> {
    const press = pressOf(ctx);
    const { account, client, session, params } = ctx.oidc;
    if (!press || !account || !client || !session?.accountId || !params) return true;
    const identifier = [params.resource].flat()[0];
    // A device has no redirect; oidc-provider does not look at redirect_uri again when a request resumes.
    const redirectUri = ctx.oidc.route === 'device_resume' ? DEVICE_REDIRECT : String(params.redirect_uri);
    const named = actingFor(params);
    const downstream = named && (await downstreamClients.find(named, 'copy'));
    if (named && !downstream) return true;
    const { consent, judgement } = await agreement.askForMint(
      press.consentId,
      {
        ...askingOf(client, redirectUri),
        accountId: session.accountId,
        downstream,
        resource: await resourceIndicators.resolve(String(identifier)),
        scopes: [],
      },
      'resume',
    );
    return !consent || !judgement.covered;
  }

  return {
    policy() {
      const policy = base();
      policy.remove('consent');
      // One answer to prompt=none whether or not somebody is signed in: another site must not learn that.
      const login = policy.get('login');
      login?.checks.add(new Check('device_sign_in', 'a device is connected by a fresh sign-in', signInForDevice));
      for (const check of login?.checks ?? []) check.error = 'interaction_required';
      policy.add(new Prompt({ name: 'select_account', requestable: true }), 0);
      policy.add(
        new Prompt(
          { name: 'consent', requestable: true },
          new Check('press_needed', 'the person has to agree on a page', 'interaction_required', pressNeeded),
        ),
      );
      return policy;
    },
    /** The grant that this very press made, never the session's. */
    async loadExistingGrant(ctx: KoaContextWithOIDC) {
      const press = pressOf(ctx);
      return press ? ctx.oidc.provider.Grant.find(press.grantId) : undefined;
    },
  };
}
