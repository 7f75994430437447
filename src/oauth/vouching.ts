/** At the token endpoint, before anything of the request is written: is the person behind it still welcome upstream? */
import type { Context } from 'koa';
import type { ArtifactStore } from '../storage/artifacts.ts';
import type { GrantStore } from '../storage/grants.ts';
import { type Fields, single } from '../web/request-body.ts';

export interface VouchingDeps {
  artifacts: Pick<ArtifactStore, 'find'>;
  grants: Pick<GrantStore, 'find'>;
  liveness: { assure(accountId: string, resourceUri: string | undefined): Promise<void> };
}

/** Grant type → the parameter that leads to a person, and as what it is stored. */
const SOURCES: Readonly<Record<string, readonly [parameter: string, kind: string]>> = {
  refresh_token: ['refresh_token', 'RefreshToken'],
  authorization_code: ['code', 'AuthorizationCode'],
  'urn:ietf:params:oauth:grant-type:device_code': ['device_code', 'DeviceCode'],
};

/**
 * Whoever brings the token: that a provider is asked costs nobody anything, and happens at most every few minutes.
 *
 * @throws AppError 503 `temporarily_unavailable`
 */
export async function assureVouched(ctx: Context, fields: Fields, deps: VouchingDeps): Promise<void> {
  const grantType = single(fields, 'grant_type') ?? '';
  const [parameter, kind] = (Object.hasOwn(SOURCES, grantType) ? SOURCES[grantType] : undefined) ?? [];
  const value = parameter && single(fields, parameter);
  if (!kind || !value) return;
  const { payload } = (await deps.artifacts.find(kind, value)) ?? {};
  const { accountId, grantId, resource } = payload ?? {};
  if (typeof accountId !== 'string' || typeof grantId !== 'string') return;
  // What has ended already needs nobody's word.
  if (!(await deps.grants.find(grantId))) return;
  const [uri] = [resource].flat();
  try {
    await deps.liveness.assure(accountId, typeof uri === 'string' ? uri : undefined);
  } catch (error) {
    // Clients in browsers have to be able to read that they may come back.
    if (ctx.get('origin')) ctx.set('Access-Control-Allow-Origin', ctx.get('origin'));
    throw error;
  }
}
