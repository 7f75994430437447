/** Who may connect: the operator's rules, what administrators approved and people's roles, put together for the contract. */
import { adminScopesOf } from './admin-api.ts';
import type { Approvals } from './approvals/approval.ts';
import type { ClientOrigin, ClientRecord } from './clients/client.ts';
import { isProven } from './clients/provenance.ts';
import type { Asking, Request } from './consents/agreement.ts';
import type { Admission, Terms } from './consents/consent.ts';
import type { Policy, Verdict } from './policy/policy.ts';
import type { Sensitivity } from './resources/resource.ts';
import type { Authority } from './roles/authority.ts';
import type { Standing } from './roles/standing-store.ts';

export interface AdmissionDeps {
  policy: Policy;
  approvals: Pick<Approvals, 'covering' | 'twoPersons'>;
  clients: { find(id: string): Promise<ClientRecord | undefined> };
  /** Living accounts that may approve at an MCP server. */
  approvers: { of(resourceId: string): Promise<readonly { id: string }[]> };
  /** How far a person may go at an MCP server, and whether it knows the connection they came by. */
  roles: { standing(accountId: string, resourceId: string): Promise<Standing> };
  /** What a person may do in the dashboard, and so through its API. */
  authority: { of(accountId: string): Promise<Authority> };
}

export type Admit = (
  request: Request,
  said: Pick<Terms, 'clientFingerprint' | 'stated' | 'scopeDigests'>,
) => Promise<Admission>;

/**
 * The strictest of what the rules say of the client and of the client that it acts for; what waits for an administrator
 * is allowed where one approved exactly this, or where the person is the only one who could, and one suffices.
 */
export function createAdmission(deps: AdmissionDeps): Admit {
  const { policy, approvals, clients, approvers, roles, authority } = deps;

  async function verdict(asking: Asking, request: Request): Promise<Verdict> {
    const record = await clients.find(asking.clientId);
    const origin: ClientOrigin = record?.origin ?? 'document';
    const { software_id: softwareId, token_endpoint_auth_method: authMethod } = asking.metadata;
    return policy.judge({
      client: {
        id: asking.clientId,
        origin,
        proven: isProven({
          clientId: asking.clientId,
          origin,
          redirectUri: asking.redirectUri,
          authMethod: String(authMethod ?? 'none'),
        }),
        softwareId: typeof softwareId === 'string' ? softwareId : undefined,
      },
      redirectUri: asking.redirectUri,
      resourceUri: request.resource.uri,
      scopes: scopesOf(request),
    });
  }

  /** Of the administration API people's own roles are the ceiling, and an owner's mark is what rules would ask for. */
  async function standingAt({ accountId, resource }: Request): Promise<Standing> {
    if (!resource.builtIn) return roles.standing(accountId, resource.id);
    return { ceiling: adminScopesOf(await authority.of(accountId)), accepted: true, acceptedNames: [] };
  }

  return async (request, said) => {
    const nothing = { allowed: [], waiting: [], byOwnPress: [] };
    const standing = await standingAt(request);
    // Also where a request names no scope: the person is refused, whatever is asked for.
    if (!standing.accepted) return { ...nothing, denied: request.scopes, signInBy: standing.acceptedNames };
    if (request.scopes.length === 0) return { ...nothing, denied: [] };
    const verdicts = [await verdict(request, request)];
    if (request.downstream) verdicts.push(await verdict(request.downstream, request));
    const byRules = request.scopes.filter((scope) => verdicts.some((one) => one.denied.includes(scope)));
    const beyondRole = beyond(request, standing).filter((scope) => !byRules.includes(scope));
    const denied = request.scopes.filter((scope) => byRules.includes(scope) || beyondRole.includes(scope));
    const asked = request.scopes.filter(
      (scope) =>
        !request.resource.builtIn && !denied.includes(scope) && verdicts.some((one) => one.waiting.includes(scope)),
    );
    const { approved, byOwnPress } = asked.length > 0 ? await permitted(asked, request, said) : NOTHING;
    const waiting = asked.filter((scope) => !approved.includes(scope) && !byOwnPress.includes(scope));
    const allowed = request.scopes.filter((scope) => !denied.includes(scope) && !waiting.includes(scope));
    return { allowed, waiting, denied, byOwnPress, ...(beyondRole.length > 0 ? { beyondRole } : {}) };
  };

  async function permitted(
    scopes: readonly string[],
    request: Request,
    said: Parameters<Admit>[1],
  ): Promise<Permitted> {
    const { accountId, clientId, downstream, redirectUri, resource } = request;
    const terms = {
      accountId,
      clientId,
      downstream: downstream && { clientId: downstream.clientId, redirectUri: downstream.redirectUri },
      redirectUri,
      resourceId: resource.id,
      scopes,
      ...said,
    };
    const { scopes: approved } = await approvals.covering(terms);
    const left = scopes.filter((scope) => !approved.includes(scope));
    if (left.length === 0) return { approved, byOwnPress: [] };
    const those = await approvers.of(resource.id);
    const alone = those.length === 1 && those[0]?.id === accountId;
    return { approved, byOwnPress: alone && approvals.twoPersons !== 'always' ? left : [] };
  }
}

interface Permitted {
  approved: readonly string[];
  /** Nobody else could be asked. */
  byOwnPress: readonly string[];
}

const NOTHING: Permitted = { approved: [], byOwnPress: [] };

/** What no role of the person reaches, of the scopes of the MCP server. */
function beyond({ resource, scopes }: Request, { ceiling }: Standing): string[] {
  if (!ceiling) return [];
  const own = new Set(resource.scopes.map(({ name }) => name));
  return scopes.filter((scope) => own.has(scope) && !ceiling.includes(scope));
}

/** Scopes of OpenID Connect tell who somebody is and open no server. */
function scopesOf({ resource, scopes }: Request): { name: string; sensitivity: Sensitivity }[] {
  const sensitivities = new Map(resource.scopes.map(({ name, sensitivity }) => [name, sensitivity]));
  return scopes.map((name) => ({ name, sensitivity: sensitivities.get(name) ?? 'low' }));
}
