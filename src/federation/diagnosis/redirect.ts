/**
 * Part of `connection test`: whether the provider would send people back to us. Asked without showing anything
 * (`prompt=none`, OpenID Connect Core 1.0 §3.1.2.1): an answer to our callback means that the redirect URI is registered.
 */
import { randomBytes } from 'node:crypto';
import { visibleText } from '../../web/visible-text.ts';
import { callbackUrl } from '../connection.ts';
import { explainEntraError } from '../entra/explanations.ts';
import { type Discovered, unreachable } from './discovery.ts';
import { type DiagnosisDeps, MAX_BYTES, PATIENCE_MS, type Patient, type Step } from './step.ts';

const STEP = 'redirect';
/** Nobody is signed in in this "browser": it is what a provider says that would go on otherwise. */
const NOBODY = ['login_required', 'interaction_required', 'consent_required', 'account_selection_required'];

export async function redirectStep(patient: Patient, { metadata }: Discovered, deps: DiagnosisDeps): Promise<Step> {
  const callback = callbackUrl(deps.issuer, patient.id);
  const url = new URL(metadata.authorization_endpoint);
  const random = () => randomBytes(32).toString('base64url');
  const params = {
    client_id: patient.settings.clientId,
    redirect_uri: callback,
    response_type: 'code',
    response_mode: 'query',
    scope: 'openid profile email',
    state: random(),
    nonce: random(),
    code_challenge: random(),
    code_challenge_method: 'S256',
    prompt: 'none',
  };
  for (const [name, value] of Object.entries(params)) url.searchParams.set(name, value);
  try {
    const { headers, body, status } = await deps.fetch(url, { maxBytes: MAX_BYTES, timeoutMs: PATIENCE_MS });
    return judge(callback, headers.get('location'), body.toString('utf8'), status);
  } catch (error) {
    return { ...unreachable(error, url.hostname), step: STEP };
  }
}

/** Nothing is followed: only read. */
function judge(callback: string, location: string | null, page: string, status: number): Step {
  const register = `Register this redirect URI there, character by character: ${callback}`;
  const answered = URL.parse(location ?? '');
  if (answered && `${answered.origin}${answered.pathname}` === callback) return judgeAnswer(answered.searchParams);
  const code = Number(/AADSTS(\d{4,8})/.exec(`${page} ${decoded(location)}`)?.[1]);
  if ([50011, 500112, 500113].includes(code)) return failed(`AADSTS${code}: it is not registered`, register);
  const words = explainEntraError(code);
  if (words) return failed(`AADSTS${code}`, words);
  if (/redirect_uri|redirect uri/i.test(page) && status >= 400)
    return failed(`the provider refuses it (${status}): it is not registered`, register);
  const what = 'the provider does not say without a browser whether it is registered';
  return { step: STEP, result: 'warning', what, todo: `Sign in once. ${register}` };
}

function judgeAnswer(params: URLSearchParams): Step {
  const error = params.get('error') ?? '';
  if (NOBODY.includes(error) || params.has('code')) {
    return { step: STEP, result: 'ok', what: 'the provider sends people back to us' };
  }
  const said = visibleText(`${error} ${params.get('error_description') ?? ''}`.slice(0, 300), 'NFC');
  const code = Number(/AADSTS(\d{4,8})/.exec(said)?.[1]);
  const todo = explainEntraError(code) ?? 'The redirect URI is right; see what the provider says of the rest.';
  return failed(`the provider refuses to sign people in: ${said}`, todo);
}

function decoded(location: string | null): string {
  const url = URL.parse(location ?? '');
  return url ? [...url.searchParams.values()].join(' ') : '';
}

function failed(what: string, todo: string): Step {
  return { step: STEP, result: 'failed', what, todo };
}
