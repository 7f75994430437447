/**
 * Part of `connection test`: whether the provider knows us. A code that cannot exist is redeemed: a provider that says
 * that the code is wrong has accepted who asks (RFC 6749 §5.2).
 */
import { randomBytes } from 'node:crypto';
import { visibleText } from '../../web/visible-text.ts';
import { entraAuthentication } from '../client-authentication.ts';
import { callbackUrl } from '../connection.ts';
import { entraErrorKind } from '../entra/errors.ts';
import { explainEntraError } from '../entra/explanations.ts';
import { authenticate } from '../oidc/oidc.ts';
import { UpstreamFailed } from '../upstream-failed.ts';
import { type Discovered, unreachable } from './discovery.ts';
import { type DiagnosisDeps, failedStep, goodStep, MAX_BYTES, PATIENCE_MS, type Patient, type Step } from './step.ts';

const STEP = 'client';

export async function clientStep(patient: Patient, { metadata }: Discovered, deps: DiagnosisDeps): Promise<Step> {
  try {
    const { status, body } = await redeemNothing(patient, metadata, deps);
    const answer = parse(body);
    return patient.kind === 'entra' ? judgeEntra(answer, status) : judge(answer, status);
  } catch (error) {
    if (error instanceof UpstreamFailed)
      return failedStep(STEP, 'found.no_proof', 'todo.see_credential', { words: error.detail ?? error.message });
    return { ...unreachable(error, URL.parse(metadata.token_endpoint)?.hostname ?? ''), step: STEP };
  }
}

async function redeemNothing(patient: Patient, metadata: Discovered['metadata'], deps: DiagnosisDeps) {
  const { clientId } = patient.settings;
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    code: `consentry-test-${randomBytes(16).toString('hex')}`,
    redirect_uri: callbackUrl(deps.issuer, patient.id),
    code_verifier: randomBytes(32).toString('base64url'),
  });
  const headers = new Headers({ accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' });
  const apply =
    patient.kind === 'entra'
      ? entraAuthentication(patient.settings, patient.secrets, deps.now).apply
      : authenticate(patient.settings, patient.secrets, deps.now);
  await apply(metadata, { client_id: clientId }, body, headers);
  return deps.fetch(metadata.token_endpoint, {
    method: 'POST',
    headers: Object.fromEntries(headers),
    body: body.toString(),
    maxBytes: MAX_BYTES,
    timeoutMs: PATIENCE_MS,
  });
}

type Answer = { error?: unknown; error_description?: unknown; error_codes?: unknown };

function judge({ error, error_description: description }: Answer, status: number): Step {
  if (error === 'invalid_grant') return goodStep(STEP, 'found.client_known');
  const words = visibleText(`${String(error ?? 'nothing')} ${String(description ?? '')}`.slice(0, 300), 'NFC');
  if (error === 'invalid_client' || status === 401)
    return failedStep(STEP, 'found.client_unknown', 'todo.compare_client', { words });
  if (error === 'unauthorized_client')
    return failedStep(STEP, 'found.client_not_allowed', 'todo.allow_code_flow', { words });
  const params = { status, words };
  return { step: STEP, result: 'warning', code: 'found.token_answer', todo: 'todo.first_sign_in_shows', params };
}

function judgeEntra(answer: Answer, status: number): Step {
  const { error, error_description: description, error_codes: listed } = answer;
  const codes = Array.isArray(listed) ? listed.map(Number).filter(Number.isSafeInteger) : [];
  const { kind, code } = entraErrorKind(String(error ?? ''), codes);
  if (kind.alarm && error !== 'invalid_grant') {
    const words = visibleText(String(description ?? error).slice(0, 200), 'NFC');
    const params = { sender: code === undefined ? 'Entra' : `AADSTS${code}`, words };
    return failedStep(STEP, 'found.entra_says', explainEntraError(code) ?? 'todo.see_credential', params);
  }
  return judge(answer, status);
}

function parse(body: Buffer): Answer {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    return typeof parsed === 'object' && parsed !== null ? parsed : {};
  } catch {
    return {};
  }
}
