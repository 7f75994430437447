/** The authorization endpoint: somebody signs in, or does not, and the browser goes back. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Context } from 'koa';
import type { FakeApp, FakePerson } from './directory.ts';
import { Aadsts } from './errors.ts';
import { choosePage, errorPage, formPost } from './pages.ts';
import { assertPrompt, assertScopes, assertTenancy } from './parameters.ts';
import type { FakeState } from './state.ts';

export async function authorize(
  ctx: Context,
  authority: string,
  params: URLSearchParams,
  state: FakeState,
): Promise<void> {
  state.authorizations.push(params);
  const app = state.directory.apps.find(({ clientId }) => clientId === params.get('client_id'));
  const redirectUri = app && redirectOf(app, params);
  if (!app || redirectUri === undefined) {
    // Nobody is sent to an address that is not registered.
    errorPage(ctx, new Aadsts(app ? 50011 : 700016));
    return;
  }
  const answer = (response: Record<string, string>) => {
    const given = params.get('state');
    const all = { ...response, ...(given === null ? {} : { state: given }), session_state: randomUUID() };
    if (params.get('response_mode') === 'form_post') formPost(ctx, redirectUri, all);
    else {
      const url = new URL(redirectUri);
      for (const [name, value] of Object.entries(all)) url.searchParams.append(name, value);
      ctx.redirect(url.href);
    }
  };
  try {
    assertRequest(app, authority, params, state);
    const person = personOf(params, state);
    if (person === 'choose') choosePage(ctx, params, state.directory.people);
    else answer({ code: issueCode(app, person, authority, redirectUri, params, state) });
  } catch (error) {
    if (error instanceof Aadsts) answer(stringsOf(error));
    else if (isPlainError(error)) answer({ ...error });
    else throw error;
  }
}

function isPlainError(error: unknown): error is { error: string; error_description: string } {
  return typeof error === 'object' && error !== null && 'error' in error;
}

function stringsOf(error: Aadsts): Record<string, string> {
  const { error_description: description, error_uri: uri } = error.body;
  return { error: error.error, error_description: String(description), error_uri: String(uri) };
}

/** Case matters, the port of localhost does not, and a path is never empty. */
function redirectOf(app: FakeApp, params: URLSearchParams): string | undefined {
  const asked = params.get('redirect_uri');
  // Entra takes any of them where none is named.
  if (asked === null) return app.redirectUris[0];
  const plain = (uri: string) => uri.replace(/^(http:\/\/(?:localhost|127\.0\.0\.1)):\d+/, '$1');
  if (!app.redirectUris.some((one) => plain(one) === plain(asked))) return undefined;
  return new URL(asked).pathname === '/' && !asked.endsWith('/') ? `${asked}/` : asked;
}

function assertRequest(app: FakeApp, authority: string, params: URLSearchParams, { behaviour }: FakeState): void {
  assertTenancy(app, authority);
  assertPrompt(params);
  assertScopes(params, app);
  if (params.get('response_type') !== 'code') throw new Aadsts(70005, 'Unsupported response_type.');
  if (params.get('code_challenge_method') !== 'S256' || !params.has('code_challenge')) {
    throw new Aadsts(9002325, 'Proof Key for Code Exchange is required for this application.');
  }
  if (behaviour.authorizeError) throw behaviour.authorizeError;
}

function personOf(params: URLSearchParams, { behaviour, directory }: FakeState): FakePerson | 'choose' {
  if (params.get('prompt') === 'none') throw new Aadsts(50058, 'Nobody is signed in.');
  const chosen = params.get('fake_person');
  if (chosen === 'cancel') throw new Aadsts(65004, 'The person declined to consent.');
  const person = directory.people.find(({ oid }) => oid === chosen);
  if (person) return person;
  if (behaviour.interactive) return 'choose';
  if (!behaviour.person) throw new Aadsts(65004, 'The person declined to consent.');
  return behaviour.person;
}

function issueCode(
  app: FakeApp,
  person: FakePerson,
  authority: string,
  redirectUri: string,
  params: URLSearchParams,
  { behaviour, codes, now }: FakeState,
): string {
  if (person.disabled) throw new Aadsts(50057, 'The user account is disabled.');
  if (app.assignmentRequired && !person.assigned)
    throw new Aadsts(50105, 'The signed in user is not assigned to a role.');
  const asked = readClaims(params.get('claims'));
  const code = `1.${randomBytes(48).toString('base64url')}`;
  codes.set(code, {
    app,
    person,
    authority,
    redirectUri,
    challenge: params.get('code_challenge') ?? undefined,
    nonce: params.get('nonce') ?? undefined,
    scope: String(params.get('scope')),
    claims: params.get('claims') ?? undefined,
    acrs: asked !== undefined && behaviour.reachesContexts ? [asked] : [],
    authTime: behaviour.authTime ?? now(),
    sid: randomUUID(),
  });
  return code;
}

/** The authentication context that is asked for. */
function readClaims(claims: string | null): string | undefined {
  if (claims === null) return undefined;
  const { id_token: idToken, access_token: accessToken } = JSON.parse(claims);
  return idToken?.acrs?.value ?? accessToken?.acrs?.value;
}
