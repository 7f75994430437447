/** The token endpoint, with the strictness of the real one, and the tokens that it makes. */
import { createHash, randomBytes, randomInt, randomUUID } from 'node:crypto';
import type { Context } from 'koa';
import { type FakeApp, type FakePerson, pairwiseSubject } from './directory.ts';
import { Aadsts } from './errors.ts';
import { assertScopes, assertTenancy } from './parameters.ts';
import type { FakeCode, FakeGrant, FakeState } from './state.ts';

type Issue = FakeGrant & { nonce?: string | undefined };

export async function token(ctx: Context, login: string, authority: string, body: URLSearchParams, state: FakeState) {
  state.tokenRequests.push(body);
  const { tokenError } = state.behaviour;
  ctx.set('cache-control', 'no-store');
  if (tokenError && !(tokenError instanceof Aadsts)) {
    Object.assign(ctx, { status: tokenError.status, type: tokenError.type ?? 'text/html', body: tokenError.body });
    return;
  }
  try {
    if (tokenError) throw tokenError;
    ctx.body = await answer(login, authority, body, state);
  } catch (error) {
    if (!(error instanceof Aadsts)) throw error;
    ctx.status = error.status;
    ctx.body = error.body;
  }
}

async function answer(login: string, authority: string, body: URLSearchParams, state: FakeState) {
  const app = state.directory.apps.find(({ clientId }) => clientId === body.get('client_id'));
  if (!app) throw new Aadsts(700016, 'The application was not found in the directory.');
  assertTenancy(app, authority);
  await state.assertClient(app, body, `https://${login}/${authority}/oauth2/v2.0/token`);
  if (body.has('resource')) throw new Aadsts(9010010, 'The resource parameter does not match the requested scopes.');
  switch (body.get('grant_type')) {
    case 'authorization_code':
      return issue(login, redeemCode(app, authority, body, state), state);
    case 'refresh_token':
      return issue(login, redeemRefreshToken(app, body, state), state);
    default:
      throw new Aadsts(70003, 'Unsupported grant_type.');
  }
}

function redeemCode(app: FakeApp, authority: string, body: URLSearchParams, state: FakeState): Issue {
  const key = String(body.get('code'));
  const code = state.codes.get(key);
  if (code === 'spent') throw new Aadsts(54005, 'The authorization code was already redeemed.');
  if (!code) throw new Aadsts(70000, 'The provided authorization code is not valid.');
  if (code.app !== app) throw new Aadsts(70000, 'The code was issued to another application.');
  if (code.authority !== authority) throw new Aadsts(700005, 'The code is intended for another tenant.');
  assertChallenge(code, state);
  // Even a try that fails from here on spends it.
  state.codes.set(key, 'spent');
  if (body.get('redirect_uri') !== code.redirectUri) throw new Aadsts(500112, 'The reply address does not match.');
  const verifier = body.get('code_verifier') ?? '';
  if (createHash('sha256').update(verifier).digest('base64url') !== code.challenge) {
    throw new Aadsts(501481, 'The Code_Verifier does not match the code_challenge.');
  }
  return { ...code, issuedAt: state.now() };
}

function assertChallenge(code: FakeCode, { behaviour: { challenge } }: FakeState): void {
  if (!challenge || (code.claims === challenge.claims && !challenge.forever)) return;
  throw new Aadsts(50076, 'You must use multi-factor authentication.', {
    claims: challenge.claims,
    suberror: 'basic_action',
  });
}

function redeemRefreshToken(app: FakeApp, body: URLSearchParams, state: FakeState): Issue {
  assertScopes(body, app);
  const grant = state.refreshTokens.get(String(body.get('refresh_token')));
  if (!grant || grant.app !== app) throw new Aadsts(70000, 'The refresh token is not valid.');
  const { person } = grant;
  if (!state.directory.people.includes(person))
    throw new Aadsts(50034, 'The user account does not exist in the directory.');
  if (person.disabled) throw new Aadsts(50057, 'The user account is disabled.');
  if (app.assignmentRequired && !person.assigned)
    throw new Aadsts(50105, 'The signed in user is not assigned to a role.');
  if (person.revokedAt >= grant.issuedAt) throw new Aadsts(50173, 'The grant has expired due to it being revoked.');
  if (person.overdue) throw new Aadsts(70043, 'The refresh token has expired due to sign-in frequency checks.');
  return { ...grant, nonce: undefined, issuedAt: state.now() };
}

async function issue(login: string, grant: Issue, state: FakeState): Promise<Record<string, unknown>> {
  const { behaviour } = state;
  const scopes = grant.scope.split(' ');
  const expiresIn = randomInt(3_600, 5_400);
  // Nothing that could be decoded, though it has dots.
  const accessToken = `eyJ.${randomBytes(60).toString('base64url')}!.${randomBytes(20).toString('base64url')}`;
  const refreshToken = `1.${randomBytes(80).toString('base64url')}`;
  state.accessTokens.set(accessToken, grant);
  const refreshes = scopes.includes('offline_access') && behaviour.refreshes !== 'none';
  // The one before goes on being good.
  if (refreshes) state.refreshTokens.set(refreshToken, grant);
  const idToken = await state.keys.sign(behaviour.alter(idTokenOf(login, grant, state)), login, behaviour.signer);
  const refreshed = grant.nonce === undefined && behaviour.refreshes === 'without_id_token';
  return {
    token_type: 'Bearer',
    scope: scopes.filter((scope) => scope !== 'offline_access').join(' '),
    expires_in: expiresIn,
    ext_expires_in: expiresIn,
    access_token: accessToken,
    ...(refreshes ? { refresh_token: refreshToken } : {}),
    ...(refreshed ? {} : { id_token: idToken }),
  };
}

function idTokenOf(login: string, grant: Issue, { behaviour, now }: FakeState): Record<string, unknown> {
  const { app, person, nonce, acrs, authTime, sid } = grant;
  const consented = behaviour.consented ?? grant.scope.split(' ');
  const extras: Record<string, unknown> = {
    acct: person.homeTenant === undefined ? 0 : 1,
    auth_time: authTime,
    sid,
    upn: person.upn,
    idp: person.homeTenant && `https://sts.windows.net/${person.homeTenant}/`,
    xms_edov: person.emailProven,
  };
  const optional = Object.entries(extras).filter(
    ([name, value]) => app.optionalClaims.has(name) && value !== undefined,
  );
  return {
    aud: app.clientId,
    iss: `https://${login}/${person.tenant}/v2.0`,
    iat: authTime,
    nbf: now(),
    exp: now() + 3_900,
    ...(acrs.length > 0 ? { acrs } : {}),
    ...(consented.includes('email') && person.email !== undefined ? { email: person.email } : {}),
    ...groupsOf(app, person, behaviour),
    ...(consented.includes('profile') ? { name: person.name, oid: person.oid, preferred_username: person.upn } : {}),
    ...(nonce === undefined ? {} : { nonce }),
    rh: `1.${randomUUID()}`,
    ...(person.roles === undefined ? {} : { roles: person.roles }),
    sub: pairwiseSubject(person, app),
    tid: person.tenant,
    uti: randomBytes(16).toString('base64url'),
    ver: '2.0',
    ...Object.fromEntries(optional),
  };
}

function groupsOf(app: FakeApp, { groups, oid, tenant }: FakePerson, { overageAt, overageAs }: FakeState['behaviour']) {
  if (!app.groupsClaim || groups.length === 0) return {};
  if (groups.length <= overageAt) return { groups };
  if (overageAs === 'hasgroups') return { hasgroups: true };
  // The address may be one that was retired long ago.
  const endpoint = `https://graph.windows.net/${tenant}/users/${oid}/getMemberObjects`;
  return { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint } } };
}
