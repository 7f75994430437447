/** What was refused, by the fields of the form that it was asked with: each that is to blame says so beside itself. */
import type { AppError, BrokenRule } from '../../errors.ts';

export interface Fault {
  /** Of the words `adminError.<code>` and `adminRule.<code>.<rule>`. */
  code: string;
  message: string;
  broken?: BrokenRule | undefined;
  /** Its id is `field-<field>`; absent where no field is to blame. */
  field?: string | undefined;
  /** What it is labelled by: the same without the number of its row. */
  label?: string | undefined;
}

/** What went wrong with an act, to be said beside the form that it was asked with. */
export interface Refused {
  code: string;
  /** English, where the catalogues have no `adminError.<code>`. */
  message: string;
  /** The words `adminRule.<code>.<rule>` say it more exactly. */
  broken?: BrokenRule | undefined;
  /** One after the other, each of another field. */
  faults?: readonly Fault[];
  /** The same by field. */
  at?: Readonly<Record<string, Fault>>;
}

/** From a member of an operation's input to the field of the form that it was typed in. */
export type FieldOf = (member: string) => string;

/** Whose fault it is where an error does not say: by code, or by code and rule. */
const MEMBERS: Readonly<Record<string, string>> = {
  bad_days: 'days',
  bad_review_days: 'days',
  note_too_long: 'note',
  reason_too_long: 'note',
  review_note_too_long: 'note',
  bad_overlap: 'overlapDays',
  invalid_consent_days: 'consentDays',
  invalid_token_seconds: 'tokenSeconds',
  invalid_staleness: 'stalenessMinutes',
  invalid_token_claims: 'tokenClaims',
  unknown_connection: 'connectionIds',
  invalid_resource: 'url',
  resource_exists: 'url',
  address_taken: 'url',
  unknown_resource: 'resource',
  unknown_person: 'person',
  /** What has another name says so. */
  invalid_text: 'name',
  bad_email: 'email',
  account_exists: 'email',
  unknown_role: 'role',
  bad_name: 'name',
  connection_name_taken: 'name',
  connection_refused: 'issuer',
  bad_client_id: 'clientId',
  bad_tenants: 'tenants',
  bad_issuer: 'issuer',
  bad_client_secret: 'clientSecret',
  bad_credentials: 'clientSecret',
  bad_secret_expires: 'secretExpires',
  bad_pem: 'pem',
  two_certificates: 'pem',
  bad_client_auth: 'clientAuth',
  bad_document: 'document',
  bad_document_url: 'url',
  bad_redirect: 'redirectUris',
  bad_access: 'access',
  'bad_client.too_many_uris': 'redirectUris',
  'bad_client.keys_nowhere': 'jwksUri',
  'bad_client.unnamed_refresh': 'unnamedRefresh',
  'bad_client.proxy_device': 'deviceFlow',
  'bad_client.nowhere_to_return': 'redirectUris',
  'bad_client.service_signs_in': 'redirectUris',
  'bad_client.access_beforehand': 'access',
  'bad_client.service_without_access': 'access',
  'bad_client.service_unproven': 'authMethod',
  'invalid_scope.none': 'scopes',
  bad_position: 'before',
  unknown_rule: 'before',
  unknown_subject: 'subjectId',
  review_open: 'subjectId',
  nothing_to_review: 'subjectId',
};

/** @param fieldOf for a form whose fields have other names than the input of its operation */
export function refusedBy({ code, message, broken }: AppError, fieldOf: FieldOf = outermost): Refused {
  const found = [broken, ...(broken?.also ?? [])].map((rule) => toFault({ code, message, broken: rule }, fieldOf));
  return withFaults({ code, message, broken }, found);
}

/** Further faults of fields that have none yet. */
export function withFaults(refused: Refused, more: readonly Fault[]): Refused {
  const at: Record<string, Fault> = { ...refused.at };
  const faults = [...(refused.faults ?? [])];
  for (const fault of more) {
    if (fault.field !== undefined && at[fault.field]) continue;
    if (fault.field !== undefined) at[fault.field] = fault;
    faults.push(fault);
  }
  return { ...refused, faults, at };
}

function toFault({ message, broken, ...of }: Fault, fieldOf: FieldOf): Fault {
  const code = broken?.code ?? of.code;
  const member = broken?.member || MEMBERS[`${code}.${broken?.rule ?? ''}`] || MEMBERS[code];
  if (!member) return { code, message, broken };
  const field = fieldOf(member);
  return { code, message, broken, field, label: field.replace(/-\d+-/, '-') };
}

/** Of `tenants.0` the field is `tenants`. */
export function outermost(member: string): string {
  return member.split('.')[0] ?? member;
}
