/**
 * Signing keys of Entra ID: asked for hourly, good for a day where that fails, and each only for the issuer it names.
 * openid-client chooses a key by its `kid` alone: with it a key of personal accounts could sign for any tenant.
 */
import { compactVerify, decodeProtectedHeader, importJWK, type JWK } from 'jose';
import type { CustomFetch } from 'openid-client';
import { createLastGood } from '../last-good.ts';
import { UpstreamFailed } from '../upstream-failed.ts';

type EntraJwk = JWK & { issuer?: unknown };

const MINUTE_MS = 60_000;
const HOURLY = { freshMs: 60 * MINUTE_MS, staleMs: 24 * 60 * MINUTE_MS, holdMs: 2_000 };
/** Also where asking fails: a stranger's `kid` must not become our request. */
const ON_DEMAND = { freshMs: 5 * MINUTE_MS, staleMs: 5 * MINUTE_MS, holdMs: 5 * MINUTE_MS };
const ALGORITHM = 'RS256';

export function createEntraKeys(deps: {
  outbound: CustomFetch;
  /** `jwks_uri`. */
  address: () => Promise<string>;
  now: () => Date;
}) {
  const load = async () => fetchKeys(deps.outbound, await deps.address());
  const regular = createLastGood(load, HOURLY, deps.now);
  const onDemand = createLastGood(load, ON_DEMAND, deps.now);

  async function find(kid: string, issuer: string, tenant: string): Promise<EntraJwk> {
    const known = (keys: readonly EntraJwk[]) => keys.filter((key) => key.kid === kid);
    let candidates = known(await regular());
    if (candidates.length === 0) candidates = known(await onDemand());
    if (candidates.length === 0) throw unbelievable('no key has its kid');
    const fit = candidates.find((key) => isFor(key, issuer, tenant));
    if (!fit) throw unbelievable('its key is not for this issuer');
    return fit;
  }

  return {
    /** @throws UpstreamFailed where the ID token was not signed by a key for this issuer */
    async verify(idToken: string, issuer: string, tenant: string): Promise<void> {
      const { alg, kid } = headerOf(idToken);
      if (alg !== ALGORITHM || typeof kid !== 'string') throw unbelievable('unexpected alg, or no kid');
      const jwk = await find(kid, issuer, tenant);
      try {
        await compactVerify(idToken, await importJWK(jwk, ALGORITHM), { algorithms: [ALGORITHM] });
      } catch (error) {
        throw unbelievable('its signature is wrong', error);
      }
    },
  };
}

/** Keys for every tenant name their issuer by a template; those that name one issuer are for exactly that one. */
function isFor({ issuer, kty, use }: EntraJwk, expected: string, tenant: string): boolean {
  if (kty !== 'RSA' || (use !== undefined && use !== 'sig')) return false;
  if (issuer === undefined) return true;
  return typeof issuer === 'string' && issuer.replace('{tenantid}', tenant) === expected;
}

async function fetchKeys(outbound: CustomFetch, address: string): Promise<EntraJwk[]> {
  const answer = await outbound(address, {
    method: 'GET',
    headers: { accept: 'application/json' },
    body: null,
    redirect: 'manual',
  });
  if (answer.status !== 200) throw new UpstreamFailed('unavailable', `keys: answered ${answer.status}`);
  const { keys } = (await answer.json().catch(() => ({}))) as { keys?: unknown };
  const objects = Array.isArray(keys) ? keys.filter((key) => typeof key === 'object' && key !== null) : [];
  // An empty set would throw away the last good one.
  if (objects.length === 0) throw new UpstreamFailed('unavailable', 'keys: not a key set');
  return objects;
}

function headerOf(idToken: string): { alg?: unknown; kid?: unknown } {
  try {
    return decodeProtectedHeader(idToken);
  } catch (error) {
    throw unbelievable('it is not a JWT', error);
  }
}

function unbelievable(what: string, cause?: unknown): UpstreamFailed {
  return new UpstreamFailed('failed', `id_token: ${what}`, cause);
}
