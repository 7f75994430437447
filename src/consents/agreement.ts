/** Puts the terms of a request together and asks the contract: the one door to it for every edge. */
import type { Resource } from '../resources/resource.ts';
import { type Consent, type Judgement, judge, type Moment, type Terms } from './contract.ts';
import type { ConsentStore } from './store.ts';

export type Agreement = ReturnType<typeof createAgreement>;

export interface Request {
  accountId: string;
  clientId: string;
  /** What the client says of itself now (RFC 7591 §2). */
  clientMetadata: Record<string, unknown>;
  redirectUri: string;
  redirectRegistered: boolean;
  resource: Pick<Resource, 'id' | 'scopes'>;
  scopes: readonly string[];
}

/** Stands where a redirect URI would for the device flow, which has none (RFC 8628). */
export const DEVICE_REDIRECT = 'urn:ietf:params:oauth:grant-type:device_code';

export function createAgreement(deps: {
  consents: ConsentStore;
  clientFingerprint: (metadata: Record<string, unknown>) => string;
  scopeDigest: (scope: Resource['scopes'][number]) => string;
  redirectKey: (uri: string) => string;
  now: () => Date;
}) {
  const { consents, clientFingerprint, scopeDigest, redirectKey, now } = deps;

  function terms(request: Request): Terms {
    return {
      accountId: request.accountId,
      clientId: request.clientId,
      resourceId: request.resource.id,
      redirectKey: redirectKey(request.redirectUri),
      scopes: request.scopes,
      clientFingerprint: clientFingerprint(request.clientMetadata),
      scopeDigests: digests(request.resource),
      redirectRegistered: request.redirectRegistered,
    };
  }

  /** Scopes of OpenID Connect have fixed wording and no digest to differ. */
  function digests(resource: Pick<Resource, 'scopes'>): Record<string, string> {
    const own = resource.scopes.map((scope) => [scope.name, scopeDigest(scope)]);
    return { openid: '', profile: '', email: '', ...Object.fromEntries(own) };
  }

  function ask(consent: Consent | undefined, request: Request, moment: Moment): Judgement {
    return judge(consent, terms(request), { moment, now: now(), redirectKeyOf: redirectKey });
  }

  return {
    terms,
    /** Before the press: which page, and what differs from the living consent. */
    async askForPage(request: Request): Promise<Judgement> {
      const { accountId, clientId } = request;
      const parties = {
        accountId,
        clientId,
        resourceId: request.resource.id,
        redirectKey: redirectKey(request.redirectUri),
      };
      return ask(await consents.findLiving(parties), request, 'authorize');
    },
    /** After the press: whether this very consent still covers the request. */
    async askForMint(
      consentId: string,
      request: Omit<Request, 'redirectUri'> & { redirectUri?: string },
      moment: Moment,
    ) {
      const consent = await consents.findById(consentId);
      const redirectUri = request.redirectUri ?? consent?.redirectUri ?? '';
      return { consent, judgement: ask(consent, { ...request, redirectUri }, moment) };
    },
  };
}
