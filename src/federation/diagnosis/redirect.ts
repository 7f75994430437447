/**
 * Part of `connection test`: whether the provider would send people back to us. Asked without showing anything
 * (`prompt=none`, OpenID Connect Core 1.0 §3.1.2.1): an answer to our callback means that the redirect URI is registered.
 */
import { randomBytes } from 'node:crypto';
import { visibleText } from '../../web/visible-text.ts';
import { callbackUrl } from '../connection.ts';
import { explainEntraError } from '../entra/explanations.ts';
import { type Discovered, unreachable } from './discovery.ts';
import { type DiagnosisDeps, failedStep, goodStep, MAX_BYTES, PATIENCE_MS, type Patient, type Step } from './step.ts';

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
  const register = 'todo.register_redirect';
  const answered = URL.parse(location ?? '');
  if (answered && `${answered.origin}${answered.pathname}` === callback) return judgeAnswer(answered.searchParams);
  const code = Number(/AADSTS(\d{4,8})/.exec(`${page} ${decoded(location)}`)?.[1]);
  const aadsts = `AADSTS${code}`;
  if ([50011, 500112, 500113].includes(code))
    return failedStep(STEP, 'found.redirect_unregistered', register, { aadsts, callback });
  const todo = explainEntraError(code);
  if (todo) return failedStep(STEP, 'found.redirect_aadsts', todo, { aadsts });
  if (/redirect_uri|redirect uri/i.test(page) && status >= 400)
    return failedStep(STEP, 'found.redirect_refused', register, { status, callback });
  return {
    step: STEP,
    result: 'warning',
    code: 'found.redirect_unsaid',
    todo: 'todo.sign_in_once',
    params: { callback },
  };
}

function judgeAnswer(params: URLSearchParams): Step {
  const error = params.get('error') ?? '';
  if (NOBODY.includes(error) || params.has('code')) return goodStep(STEP, 'found.redirect_works');
  const words = visibleText(`${error} ${params.get('error_description') ?? ''}`.slice(0, 300), 'NFC');
  const code = Number(/AADSTS(\d{4,8})/.exec(words)?.[1]);
  return failedStep(STEP, 'found.sign_in_refused', explainEntraError(code) ?? 'todo.redirect_right', { words });
}

function decoded(location: string | null): string {
  const url = URL.parse(location ?? '');
  return url ? [...url.searchParams.values()].join(' ') : '';
}
