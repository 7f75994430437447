/** Part of `connection test`: name, way out, discovery document, issuer, addresses, keys (OpenID Connect Discovery 1.0). */
import type { ServerMetadata } from 'openid-client';
import { FetchFailed, type FetchFailure } from '../../web/fetch-failed.ts';
import { visibleText } from '../../web/visible-text.ts';
import { authorityOf, clouds, issuerOf } from '../entra/clouds.ts';
import { explainEntraError } from '../entra/explanations.ts';
import { type DiagnosisDeps, failedStep, goodStep, MAX_BYTES, PATIENCE_MS, type Patient, type Step } from './step.ts';

export interface Discovered {
  metadata: ServerMetadata & { authorization_endpoint: string; token_endpoint: string };
  /** The `Date` header, as it came. */
  date: string | undefined;
}

const NEEDED = ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const;

export async function discoverySteps(
  patient: Patient,
  deps: DiagnosisDeps,
): Promise<{ steps: Step[]; found?: Discovered }> {
  const [place, ...tenants] = placesOf(patient);
  if (!place) return { steps: [] };
  const first = await look(place, deps);
  if (!first.found) return { steps: first.steps };
  const steps = [...first.steps, ...judge(first.found, patient)];
  for (const tenant of tenants) {
    const { steps: more } = await look(tenant, deps);
    steps.push(...more);
    await deps.told?.('discovery');
  }
  steps.push(await keysStep(first.found.metadata, deps), pkceStep(first.found.metadata, patient));
  const whole = NEEDED.every((name) => typeof first.found?.metadata[name] === 'string');
  return whole ? { steps, found: first.found } : { steps };
}

interface Place {
  issuer: string;
  /** Of the document, where it is not found by the issuer. */
  expected: string;
}

/** Where the first is asked in each sign-in, and the others only name a tenant. */
function placesOf(patient: Patient): Place[] {
  if (patient.kind === 'oidc') return [{ issuer: patient.settings.issuer, expected: patient.settings.issuer }];
  const { settings } = patient;
  const cloud = clouds[settings.cloud];
  const authority = authorityOf(settings);
  if (authority !== 'organizations')
    return [{ issuer: issuerOf(cloud, authority), expected: issuerOf(cloud, authority) }];
  const shared = { issuer: issuerOf(cloud, authority), expected: issuerOf(cloud, '{tenantid}') };
  const each = settings.tenants === 'any' ? [] : settings.tenants;
  return [shared, ...each.map((tenant) => ({ issuer: issuerOf(cloud, tenant), expected: issuerOf(cloud, tenant) }))];
}

async function look(
  { issuer, expected }: Place,
  { fetch }: DiagnosisDeps,
): Promise<{ steps: Step[]; found?: Discovered }> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  try {
    const { status, headers, body } = await fetch(address, { maxBytes: MAX_BYTES, timeoutMs: PATIENCE_MS });
    const document = parse(body);
    if (status !== 200 || !document) return { steps: [refused(address, status, document)] };
    const steps: Step[] = [goodStep('discovery', 'found.document', { address })];
    if (document.issuer === expected) steps.push(goodStep('issuer', 'found.issuer', { issuer }));
    else steps.push(wrongIssuer(document.issuer, expected));
    return { steps, found: { metadata: document as Discovered['metadata'], date: headers.get('date') ?? undefined } };
  } catch (error) {
    return { steps: [unreachable(error, URL.parse(address)?.hostname ?? '')] };
  }
}

/** A missing slash at the end does no harm at a sign-in, but is no habit: whoever else reads the issuer is strict. */
function wrongIssuer(said: unknown, expected: string): Step {
  const issuer = visibleText(String(said).slice(0, 200), 'NFC');
  const same = URL.parse(String(said))?.href === URL.parse(expected)?.href;
  const todo = same ? 'todo.write_issuer' : 'todo.write_issuer_if_right';
  const params = { issuer, expected };
  return { step: 'issuer', result: same ? 'warning' : 'failed', code: 'found.issuer_differs', todo, params };
}

function refused(address: string, status: number, document: Readonly<Record<string, unknown>> | undefined): Step {
  const code = Number(/AADSTS(\d+)/.exec(String(document?.error_description ?? ''))?.[1]);
  const known = explainEntraError(code);
  if (known) return failedStep('discovery', 'found.address_aadsts', known, { address, aadsts: `AADSTS${code}` });
  const what = status === 200 ? 'found.no_document' : 'found.address_answers';
  const redirect = status >= 300 && status < 400;
  return failedStep('discovery', what, redirect ? 'todo.issuer_itself' : 'todo.compare_issuer', { address, status });
}

const UNREACHABLE: Partial<Record<FetchFailure, string>> = {
  unresolved: 'unresolved',
  special_use: 'special_use',
  timeout: 'timeout',
  connection: 'no_connection',
  bad_url: 'bad_url',
};

export function unreachable(error: unknown, host: string): Step {
  if (!(error instanceof FetchFailed)) throw error;
  const code = UNREACHABLE[error.reason] ?? 'not_asked';
  return failedStep('discovery', `found.${code}`, `todo.${code}`, { host, detail: detailOf(error, host) });
}

/** Of a failure, without what the sentence around it says already. */
function detailOf({ reason, detail = '' }: FetchFailed, host: string): string {
  const told = detail.slice(`${reason}: `.length);
  const [place = '', ...rest] = told.split(': ');
  return rest.length > 0 && place.includes(host) ? rest.join(': ') : told;
}

function judge({ metadata }: Discovered, patient: Patient): Step[] {
  const step = 'addresses';
  const missing = NEEDED.find((name) => typeof metadata[name] !== 'string' || !URL.parse(metadata[name] as string));
  if (missing) return [failedStep(step, 'found.address_missing', 'todo.no_provider', { name: missing })];
  const urls = NEEDED.map((name) => new URL(String(metadata[name])));
  const plain = patient.kind === 'oidc' && patient.settings.issuer.startsWith('http:');
  const odd = urls.find(({ protocol }) => protocol !== 'https:' && !plain);
  if (odd) return [failedStep(step, 'found.address_plain', 'todo.use_https', { address: odd.href })];
  const login = patient.kind === 'entra' ? clouds[patient.settings.cloud].login : undefined;
  const foreign = urls.find(({ host }) => login !== undefined && host !== login);
  if (foreign)
    return [
      failedStep(step, 'found.address_elsewhere', 'todo.check_cloud', { address: foreign.href, login: login ?? '' }),
    ];
  return [goodStep(step, 'found.addresses', { signIn: urls[0]?.host ?? '', tokens: urls[1]?.host ?? '' })];
}

async function keysStep(
  { jwks_uri: address }: Readonly<Record<string, unknown>>,
  { fetch }: DiagnosisDeps,
): Promise<Step> {
  const step = 'keys';
  try {
    const { status, body } = await fetch(String(address), { maxBytes: MAX_BYTES, timeoutMs: PATIENCE_MS });
    const keys = parse(body)?.keys;
    if (status === 200 && Array.isArray(keys) && keys.length > 0)
      return goodStep(step, 'found.keys', { count: keys.length });
    return failedStep(step, 'found.no_keys', 'todo.ask_provider', { address: String(address), status });
  } catch (error) {
    return { ...unreachable(error, URL.parse(String(address))?.hostname ?? ''), step };
  }
}

function pkceStep(
  { code_challenge_methods_supported: methods }: Readonly<Record<string, unknown>>,
  { kind }: Patient,
): Step {
  const step = 'pkce';
  if (Array.isArray(methods) && methods.includes('S256')) return goodStep(step, 'found.pkce');
  if (kind === 'entra') return goodStep(step, 'found.pkce_entra');
  const code = Array.isArray(methods) ? 'found.pkce_denied' : 'found.pkce_unsaid';
  return { step, result: 'warning', code, params: {} };
}

function parse(body: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
