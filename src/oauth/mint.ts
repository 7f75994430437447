/** The contract, asked before every token: by code, by refresh, by device. */
import { type Client, errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { AccountStore } from '../accounts/store.ts';
import type { DownstreamClients } from '../clients/downstream.ts';
import type { ClientStore } from '../clients/store.ts';
import type { Agreement } from '../consents/agreement.ts';
import { askingOf } from '../consents/agreement.ts';
import type { Downstream } from '../consents/consent.ts';
import type { Moment } from '../consents/contract.ts';
import { reasonOf } from '../consents/differences.ts';
import type { ConsentStore } from '../consents/store.ts';
import { assertSameDownstream } from './acting-for.ts';
import type { ResourceIndicators } from './resource-indicators.ts';

/** What a token comes from; oidc-provider's AuthorizationCode, RefreshToken or DeviceCode. */
export interface GrantSource {
  kind: string;
  accountId?: string;
  grantId?: string;
  scope?: string;
  resource?: string | string[];
  redirectUri?: string;
}

const MOMENTS: Record<string, Moment> = { AuthorizationCode: 'code', RefreshToken: 'refresh', DeviceCode: 'device' };

export function createMint(deps: {
  agreement: Agreement;
  consents: ConsentStore;
  clients: ClientStore;
  accounts: AccountStore;
  resourceIndicators: ResourceIndicators;
  downstreamClients: DownstreamClients;
}) {
  const { agreement, consents, clients, accounts, resourceIndicators, downstreamClients } = deps;

  /** The client that a proxy named, as it was read last; one that is gone covers nothing. */
  async function downstream(named: Downstream) {
    const found = await downstreamClients.find(named, 'copy');
    if (!found) throw new errors.InvalidGrant('the client that the proxy acts for is gone');
    return found;
  }

  /** @throws InvalidGrant with the first difference as its private detail (`error_detail`) */
  async function assertCovered(ctx: KoaContextWithOIDC, source: GrantSource): Promise<void> {
    const moment = MOMENTS[source.kind];
    const grant = ctx.oidc.entities.Grant as { consentId?: string; actingFor?: Downstream } | undefined;
    const identifier = Array.isArray(source.resource) ? source.resource[0] : source.resource;
    if (!moment || !grant?.consentId || !identifier || !source.accountId) {
      throw new errors.InvalidGrant('the token would have no consent');
    }
    const client = ctx.oidc.client as Client;
    assertSameDownstream(ctx, grant.actingFor);
    const consent = await consents.findById(grant.consentId);
    const { judgement } = await agreement.askForMint(
      grant.consentId,
      {
        ...askingOf(client, source.redirectUri ?? consent?.redirectUri ?? ''),
        accountId: source.accountId,
        downstream: grant.actingFor && (await downstream(grant.actingFor)),
        resource: await resourceIndicators.resolve(identifier),
        scopes: (source.scope ?? '').split(' ').filter(Boolean),
      },
      moment,
    );
    if (!judgement.covered) {
      throw new errors.InvalidGrant(reasonOf(judgement.differences));
    }
    ctx.state.withheldScopes = new Set(judgement.withheld);
    await consents.touch(grant.consentId);
    await clients.touch(client.clientId);
  }

  return {
    assertCovered,
    /** oidc-provider's `findAccount`: called with `source` exactly where a token is about to be minted. */
    async findAccount(ctx: KoaContextWithOIDC, id: string, source?: GrantSource) {
      const account = await accounts.findById(id);
      if (!account || account.disabledAt) return undefined;
      if (source && MOMENTS[source.kind]) await assertCovered(ctx, source);
      return {
        accountId: account.id,
        claims: async () => ({
          sub: account.id,
          // People of a connection may have none.
          ...(account.email ? { email: account.email, email_verified: false } : {}),
          ...(account.name ? { name: account.name } : {}),
        }),
      };
    },
    /**
     * Runs after every check of the refresh token and before it is used up, so that a request refused here burns
     * nothing (`rotateRefreshToken`): what is asked must be what was granted.
     */
    async rotateRefreshToken(ctx: KoaContextWithOIDC): Promise<boolean> {
      const granted = (ctx.oidc.entities.RefreshToken as GrantSource | undefined)?.resource;
      const asked = ctx.oidc.params?.resource;
      if (asked !== undefined && asked !== granted) {
        throw new errors.InvalidTarget('the refresh token is for another resource');
      }
      await resourceIndicators.assertRefreshable(ctx);
      return true;
    },
  };
}
