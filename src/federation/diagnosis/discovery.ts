/** Part of `connection test`: name, way out, discovery document, issuer, addresses, keys (OpenID Connect Discovery 1.0). */
import type { ServerMetadata } from 'openid-client';
import { FetchFailed, type FetchFailure } from '../../web/fetch-failed.ts';
import { visibleText } from '../../web/visible-text.ts';
import { authorityOf, clouds, issuerOf } from '../entra/clouds.ts';
import { explainEntraError } from '../entra/explanations.ts';
import { type DiagnosisDeps, MAX_BYTES, PATIENCE_MS, type Patient, type Step } from './step.ts';

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
    const steps: Step[] = [{ step: 'discovery', result: 'ok', what: `${address} answers` }];
    if (document.issuer === expected) steps.push({ step: 'issuer', result: 'ok', what: `is ${issuer}` });
    else steps.push(wrongIssuer(document.issuer, expected));
    return { steps, found: { metadata: document as Discovered['metadata'], date: headers.get('date') ?? undefined } };
  } catch (error) {
    return { steps: [unreachable(error, URL.parse(address)?.hostname ?? '')] };
  }
}

/** A missing slash at the end does no harm at a sign-in, but is no habit: whoever else reads the issuer is strict. */
function wrongIssuer(said: unknown, expected: string): Step {
  const shown = visibleText(String(said).slice(0, 200), 'NFC');
  const same = URL.parse(String(said))?.href === URL.parse(expected)?.href;
  const what = `the provider calls itself ${shown}, and the connection ${expected}`;
  const todo = `${same ? 'Write' : 'If that is the right provider, write'} the issuer as it does: ${shown}`;
  return { step: 'issuer', result: same ? 'warning' : 'failed', what, todo };
}

function refused(address: string, status: number, document: Readonly<Record<string, unknown>> | undefined): Step {
  const code = Number(/AADSTS(\d+)/.exec(String(document?.error_description ?? ''))?.[1]);
  const known = explainEntraError(code);
  if (known) return { step: 'discovery', result: 'failed', what: `${address}: AADSTS${code}`, todo: known };
  const what = `${address} answers ${status}${status === 200 ? ', but not with a document' : ''}`;
  const redirect = status >= 300 && status < 400;
  const todo = redirect
    ? 'Redirects are not followed. Write the issuer as the provider writes it itself.'
    : 'Compare the issuer with what the provider shows; for Keycloak it ends with /realms/<name>.';
  return { step: 'discovery', result: 'failed', what, todo };
}

const UNREACHABLE: Partial<Record<FetchFailure, (host: string) => [what: string, todo: string]>> = {
  unresolved: (host) => [`no address is known for ${host}`, 'Check the name, and the name server of this machine.'],
  special_use: (host) => [
    `${host} is in a private network, into which Consentry does not go by itself`,
    `Allow it with OUTBOUND_ALLOW=${host}, and start again.`,
  ],
  timeout: (host) => [`${host} does not answer in time`, 'Check firewall and OUTBOUND_PROXY.'],
  connection: (host) => [
    `no connection to ${host}`,
    'Check that it runs, the firewall, OUTBOUND_PROXY; for a certificate of a company authority OUTBOUND_CA_FILE.',
  ],
  bad_url: (host) => [`${host} may not be asked so`, 'Only https is asked, and http on this machine.'],
};

export function unreachable(error: unknown, host: string): Step {
  if (!(error instanceof FetchFailed)) throw error;
  const [what, todo] = UNREACHABLE[error.reason]?.(host) ?? [`${host} could not be asked`, 'Try again.'];
  return { step: 'discovery', result: 'failed', what: `${what} (${error.detail})`, todo };
}

function judge({ metadata }: Discovered, patient: Patient): Step[] {
  const step = 'addresses';
  const missing = NEEDED.find((name) => typeof metadata[name] !== 'string' || !URL.parse(metadata[name] as string));
  if (missing)
    return [{ step, result: 'failed', what: `the document has no ${missing}`, todo: 'This is no OpenID provider.' }];
  const urls = NEEDED.map((name) => new URL(String(metadata[name])));
  const plain = patient.kind === 'oidc' && patient.settings.issuer.startsWith('http:');
  const odd = urls.find(({ protocol }) => protocol !== 'https:' && !plain);
  if (odd) return [{ step, result: 'failed', what: `${odd.href} is not https`, todo: 'Have the provider use https.' }];
  const login = patient.kind === 'entra' ? clouds[patient.settings.cloud].login : undefined;
  const foreign = urls.find(({ host }) => login !== undefined && host !== login);
  if (foreign)
    return [{ step, result: 'failed', what: `${foreign.href} is not at ${login}`, todo: 'Check the cloud.' }];
  return [{ step, result: 'ok', what: `sign-in at ${urls[0]?.host}, tokens from ${urls[1]?.host}` }];
}

async function keysStep(
  { jwks_uri: address }: Readonly<Record<string, unknown>>,
  { fetch }: DiagnosisDeps,
): Promise<Step> {
  const step = 'keys';
  try {
    const { status, body } = await fetch(String(address), { maxBytes: MAX_BYTES, timeoutMs: PATIENCE_MS });
    const keys = parse(body)?.keys;
    if (status === 200 && Array.isArray(keys) && keys.length > 0) {
      return { step, result: 'ok', what: `${keys.length} published` };
    }
    return {
      step,
      result: 'failed',
      what: `${address} answers ${status} without keys`,
      todo: 'Ask who runs the provider.',
    };
  } catch (error) {
    return { ...unreachable(error, URL.parse(String(address))?.hostname ?? ''), step };
  }
}

function pkceStep(
  { code_challenge_methods_supported: methods }: Readonly<Record<string, unknown>>,
  { kind }: Patient,
): Step {
  const step = 'pkce';
  if (Array.isArray(methods) && methods.includes('S256')) return { step, result: 'ok', what: 'S256 is supported' };
  if (kind === 'entra') return { step, result: 'ok', what: 'S256 is sent always; Entra checks it without saying so' };
  const what = Array.isArray(methods)
    ? 'the provider says that it does not know S256; it is sent all the same'
    : 'the provider does not say whether it checks PKCE; S256 is sent all the same';
  return { step, result: 'warning', what };
}

function parse(body: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
