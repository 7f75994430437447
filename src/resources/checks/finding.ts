/** What a look at an MCP server can find wrong: fixed codes, so that nothing of what was read comes back as a message (threat 104). */
import { visibleText } from '../../web/visible-text.ts';

export type Severity = 'error' | 'warning' | 'info';

/** Each code with its weight; the words are in the catalogues. */
const severities = {
  /** Nothing came back, for whatever reason: where the address leads must not show. */
  unreachable: 'error',
  redirected: 'error',
  open_to_everybody: 'error',
  no_401: 'error',
  no_challenge: 'error',
  challenge_not_bearer: 'error',
  challenge_without_metadata: 'warning',
  challenge_elsewhere: 'warning',
  challenge_metadata_unreadable: 'warning',
  metadata_missing: 'error',
  metadata_not_well_known: 'info',
  metadata_not_json: 'error',
  metadata_content_type: 'warning',
  resource_missing: 'error',
  resource_differs: 'error',
  resource_slash: 'error',
  resource_not_canonical: 'error',
  issuer_missing: 'error',
  issuer_slash: 'error',
  issuer_http: 'error',
  scopes_missing: 'warning',
  scopes_unknown: 'error',
  scopes_suspended: 'warning',
  header_not_supported: 'error',
  query_supported: 'warning',
  token_refused: 'error',
  not_mcp: 'error',
  audience_ignored: 'error',
  expiry_ignored: 'error',
  signature_ignored: 'error',
  scope_ignored: 'error',
  refused_otherwise: 'warning',
  refusal_unseen: 'warning',
  scope_refused_otherwise: 'warning',
  scope_challenge_missing: 'warning',
  scope_not_named: 'warning',
  scope_untried: 'info',
  tools_without_scope: 'warning',
  tools_gone: 'warning',
  tools_elsewhere: 'warning',
  tools_reworded: 'warning',
  tools_too_many: 'warning',
  tools_oddly_named: 'warning',
} as const satisfies Record<string, Severity>;

export type FindingCode = keyof typeof severities;

export interface Finding {
  code: FindingCode;
  severity: Severity;
  /** Numbers, names of scopes and tools, and URLs: what the server says of itself, bounded. */
  params: Readonly<Record<string, string | number>>;
}

/** Of what was not tried, and why: never of what was seen. The first is nobody's fault. */
const untriedCodes: readonly FindingCode[] = ['scope_untried', 'refusal_unseen'];

export function isUntried({ code }: Pick<Finding, 'code'>): boolean {
  return untriedCodes.includes(code);
}

export const findingCodes = Object.keys(severities) as FindingCode[];

const MAX_CHARACTERS = 200;

export function finding(code: FindingCode, params: Finding['params'] = {}): Finding {
  const bounded = Object.entries(params).map(([name, value]) => [
    name,
    typeof value === 'number' ? value : visibleText(value, 'NFC').slice(0, MAX_CHARACTERS),
  ]);
  return { code, severity: severities[code], params: Object.fromEntries(bounded) };
}

/** As one parameter: the first few by name, and how many there are. */
export function named(names: readonly string[]): { names: string; count: number } {
  const shown = names.slice(0, 5).join(', ');
  return { names: names.length > 5 ? `${shown}, …` : shown, count: names.length };
}
