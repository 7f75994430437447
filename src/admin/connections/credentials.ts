/** What proves who we are at a provider, as it is pasted into a form: read by the rules of the command line and the file. */
import { AppError } from '../../errors.ts';
import type { Kind, Problem } from '../../federation/configuration/description.ts';
import {
  type CredentialNames,
  type Credentials,
  readCredentials,
} from '../../federation/configuration/provider-credentials.ts';

export interface Pasted {
  clientSecret?: string | undefined;
  /** A day, such as 2027-05-01. */
  secretExpires?: string | undefined;
  /** A certificate with its private key, or a bare private key for a provider that is not Entra ID. */
  pem?: string | undefined;
  /** `client_secret_post`, where the provider takes no other. */
  clientAuth?: string | undefined;
}

/** Stands for what was pasted, where the rules expect the name of a file or variable. */
const PASTED = 'pasted';

/**
 * @param problems grows
 * @returns undefined where nothing was pasted, or not rightly
 */
export function readPasted(kind: Kind, pasted: Pasted, now: Date, problems: Problem[]): Credentials | undefined {
  const { clientSecret, secretExpires, pem, clientAuth } = pasted;
  const inPem: CredentialNames = kind === 'entra' ? { certificate_files: [PASTED] } : { private_key_file: PASTED };
  const names: CredentialNames = {
    ...(clientSecret === undefined ? {} : { client_secret_env: PASTED }),
    ...(pem === undefined ? {} : inPem),
    client_auth: clientAuth,
    secret_expires: secretExpires,
  };
  const sources = { env: { [PASTED]: clientSecret ?? '' }, root: '/', readFile: () => pem ?? '' };
  const read = readCredentials(kind, names, sources, problems);
  if (!read?.credentialEndsAt || read.credentialEndsAt > now) return read;
  const key = pem === undefined ? 'secret_expires' : 'certificate_files';
  problems.push({ key, what: `has ended on ${read.credentialEndsAt.toISOString().slice(0, 10)}` });
  return undefined;
}

/** Members of the form by the names that the rules have for them. */
const MEMBERS: Readonly<Record<string, string>> = {
  name: 'name',
  client_id: 'client_id',
  tenants: 'tenants',
  issuer: 'issuer',
  client_secret_env: 'client_secret',
  secret_expires: 'secret_expires',
  certificate_files: 'pem',
  private_key_file: 'pem',
  client_auth: 'client_auth',
};

/** Each under a code of its own: `bad_issuer`, `bad_pem`, …; `bad_credentials` where there are none. */
export function badInput(problems: readonly Problem[]): AppError {
  const [code = 'bad_connection', ...more] = new Set(problems.map(({ key }) => codeOf(key)));
  const words = problems.map(({ key, what }) => `${MEMBERS[key] ?? key} ${what}`).join('; ');
  const also = more.map((one) => ({ rule: 'unfit', code: one }));
  return new AppError(code, 400, `${words || 'It is not written right'}.`, { broken: { rule: 'unfit', also } });
}

function codeOf(key: string): string {
  return `bad_${key.includes(' / ') ? 'credentials' : (MEMBERS[key] ?? 'connection')}`;
}
