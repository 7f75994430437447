/** Puts the terms of a request together and asks the contract: the one door to it for every edge. */
import type { Resource, ResourceScope } from '../resources/resource.ts';
import type { Admission, Consent, Downstream, ScopeWords, Stated, Terms } from './consent.ts';
import { type Circumstances, type Judgement, judge, judgePage, type Moment, type PageJudgement } from './contract.ts';
import type { ConsentStore } from './store.ts';

export type Agreement = ReturnType<typeof createAgreement>;

/** A client as it is in this request. */
export interface Asking {
  clientId: string;
  /** What the client says of itself now (RFC 7591 §2). */
  metadata: Record<string, unknown>;
  /** Where it is sent back to in this request. */
  redirectUri: string;
  /** Whether that is one of its own. */
  redirectRegistered: boolean;
}

export interface Request extends Asking {
  accountId: string;
  /** For a proxy that named somebody (consent.md §4). */
  downstream?: Asking | undefined;
  resource: Pick<Resource, 'id' | 'uri' | 'scopes'> & Partial<Pick<Resource, 'builtIn'>>;
  scopes: readonly string[];
}

/** Stands where a redirect URI would for the device flow, which has none (RFC 8628). */
export const DEVICE_REDIRECT = 'urn:ietf:params:oauth:grant-type:device_code';

/** @param client as oidc-provider holds it */
export function askingOf(
  client: { clientId: string; metadata(): Record<string, unknown>; redirectUriAllowed(uri: string): boolean },
  redirectUri: string,
): Asking {
  const redirectRegistered = redirectUri === DEVICE_REDIRECT || client.redirectUriAllowed(redirectUri);
  return { clientId: client.clientId, metadata: client.metadata(), redirectUri, redirectRegistered };
}

export interface AgreementDeps {
  consents: ConsentStore;
  clientFingerprint: (metadata: Record<string, unknown>) => string;
  /** What the client says in words; whether its name looks like somebody else's. */
  stated: (asking: Asking) => Promise<Stated>;
  /** What the operator's rules and approvals allow of these scopes. */
  admit: (request: Request, said: Pick<Terms, 'clientFingerprint' | 'stated' | 'scopeDigests'>) => Promise<Admission>;
  /** What registrations of the same program have in common; undefined for clients that are no registration. */
  familyOf: (clientId: string) => Promise<string | undefined>;
  scopeDigest: (scope: ResourceScope) => string;
  redirectKey: (uri: string) => string;
  now: () => Date;
}

export interface PageAnswer extends PageJudgement {
  terms: Terms;
  /** The scopes that the page offers. */
  offered: readonly string[];
  /** Asked for too, and not offered: refused by a rule, or left for an administrator. */
  leftOut: readonly string[];
  /** Waits for an administrator. */
  waiting: readonly string[];
}

export function createAgreement(deps: AgreementDeps) {
  const { consents, clientFingerprint, scopeDigest, redirectKey, now } = deps;
  const sight = () => ({ now: now(), redirectKeyOf: redirectKey });

  async function terms(request: Request): Promise<Terms> {
    const { downstream, resource } = request;
    const fingerprints = [request, ...(downstream ? [downstream] : [])].map(({ metadata }) =>
      clientFingerprint(metadata),
    );
    const said = {
      clientFingerprint: fingerprints.join('.'),
      stated: {
        client: await deps.stated(request),
        ...(downstream ? { downstream: await deps.stated(downstream) } : {}),
      },
      scopeDigests: { ...IDENTITY_DIGESTS, ...perScope(resource, scopeDigest) },
    };
    return {
      accountId: request.accountId,
      clientId: request.clientId,
      downstream: named(downstream),
      downstreamKey: downstream && redirectKey(downstream.redirectUri),
      resourceId: resource.id,
      redirectUri: request.redirectUri,
      redirectKey: redirectKey(request.redirectUri),
      scopes: request.scopes,
      ...said,
      scopeWords: perScope(resource, words),
      redirectRegistered: request.redirectRegistered && (downstream?.redirectRegistered ?? true),
      admission: await deps.admit(request, said),
    };
  }

  return {
    /**
     * Before the press: by which page the request is answered, and what differs from the living consent.
     *
     * @param without scopes that the person goes on without, though an administrator could allow them
     */
    async askForPage(
      request: Request,
      circumstances: Circumstances,
      without: readonly string[] = [],
    ): Promise<PageAnswer> {
      const all = await terms(request);
      const { denied } = all.admission;
      const waiting = all.admission.waiting.filter((scope) => !without.includes(scope));
      const offered = request.scopes.filter(
        (scope) => !denied.includes(scope) && (waiting.includes(scope) || !all.admission.waiting.includes(scope)),
      );
      const useful = offered.some((scope) => all.scopeWords[scope] !== undefined);
      const admission = { ...all.admission, allowed: offered, waiting, denied: useful ? [] : denied };
      const offer = { ...all, scopes: offered, admission };
      const answer = judgePage(await candidates(request, circumstances), offer, circumstances, sight());
      const leftOut = request.scopes.filter((scope) => !offered.includes(scope));
      return { ...answer, terms: offer, offered, leftOut, waiting };
    },
    /** After the press: whether this very consent still covers the request. */
    async askForMint(
      consentId: string,
      request: Request,
      moment: Moment,
    ): Promise<{ consent: Consent | undefined; judgement: Judgement }> {
      const consent = await consents.findById(consentId);
      const judgement = judge(consent, await terms(request), { ...sight(), moment });
      return { consent, judgement };
    },
  };

  /** This client's consents first; a client that proves nothing is known by its family, and only where it returns to the same address. */
  async function candidates(request: Request, { proven }: Circumstances): Promise<Consent[]> {
    const parties = { accountId: request.accountId, resourceId: request.resource.id };
    const downstream = named(request.downstream);
    const sameDownstream = (one: Consent) =>
      !downstream || redirectKey(one.downstream?.redirectUri ?? '') === redirectKey(downstream.redirectUri);
    const { clientId } = request;
    const living = await consents.listLiving({
      ...parties,
      clientId,
      downstreamClientId: downstream?.clientId ?? null,
    });
    const own = living.filter(sameDownstream);
    if (proven || downstream) return own;
    const familyKey = await deps.familyOf(request.clientId);
    if (!familyKey) return own;
    const family = await consents.listLivingOfFamily({ ...parties, familyKey });
    const key = redirectKey(request.redirectUri);
    return [
      ...own,
      ...family.filter((one) => one.clientId !== request.clientId && redirectKey(one.redirectUri) === key),
    ];
  }
}

function named(downstream: Asking | undefined): Downstream | undefined {
  return downstream && { clientId: downstream.clientId, redirectUri: downstream.redirectUri };
}

/** Scopes of OpenID Connect have fixed wording and no digest to differ. */
const IDENTITY_DIGESTS = { openid: '', profile: '', email: '' } as const;

function perScope<T>({ scopes }: Pick<Resource, 'scopes'>, of: (scope: ResourceScope) => T): Record<string, T> {
  return Object.fromEntries(scopes.map((scope) => [scope.name, of(scope)]));
}

function words({ description, descriptionJa, tools }: ResourceScope): ScopeWords {
  return { description, descriptionJa, tools };
}
