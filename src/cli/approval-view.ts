/** A request to an administrator in words, for an approver at the command line. */

import type { Facts, PartyFacts } from '../approval-facts.ts';
import type { Difference } from '../approvals/differences.ts';
import { type ApprovalRequest, sightOf } from '../approvals/request.ts';
import { provenance } from '../clients/provenance.ts';
import { redirectHost } from '../clients/redirect-uris.ts';
import { DEVICE_REDIRECT } from '../consents/agreement.ts';
import type { Resource } from '../resources/resource.ts';
import { visibleText } from '../web/visible-text.ts';
import { fields, moment, table } from './print.ts';

/** Client-stated, so always between quotation marks, which it cannot close. */
export function quoted(name: string, clientId: string): string {
  return name === '' ? visibleText(clientId, 'NFC') : `"${name}"`;
}

/** The app that a request is about, and the proxy through which it asks. */
export function whoAsks({ stated, clientId, downstream }: ApprovalRequest): string {
  const own = quoted(stated.client.name, clientId);
  if (!downstream || !stated.downstream) return own;
  return `${quoted(stated.downstream.name, downstream.clientId)} through ${own}`;
}

/** "pending", "approved for everyone until …", … */
export function statusOf(request: ApprovalRequest, now: Date): string {
  const { state, audience, expiresAt, decidedAt, decidedBy, firstApproval } = request;
  switch (state) {
    case 'pending':
      return firstApproval ? 'pending: approved once, a second approver has to confirm' : 'pending';
    case 'approved': {
      const whom = audience === 'everyone' ? ' for everyone' : '';
      const ended = expiresAt && expiresAt <= now;
      return `approved${whom} ${ended ? 'until it ran out' : 'until'} ${moment(expiresAt)}`;
    }
    case 'denied':
      return `denied ${moment(decidedAt)}`;
    case 'withdrawn':
      return `${decidedBy ? 'taken back' : 'withdrawn'} ${moment(decidedAt)}`;
    case 'expired':
      return `expired: nobody decided in time${decidedAt ? ` ${moment(decidedAt)}` : ''}`;
  }
}

/** Everything an approver needs. */
export function describeRequest(
  request: ApprovalRequest,
  facts: Facts,
  {
    email,
    decidedBy,
    firstBy,
    changed,
    now,
  }: {
    email: string;
    decidedBy?: string | undefined;
    firstBy?: string | undefined;
    changed: readonly Difference[];
    now: Date;
  },
): string {
  const { id, state, reason, note, createdAt, scopes } = request;
  const { client, downstream, resource } = facts;
  const parts = [
    `${email} asks for ${whoAsks(request)} to use ${resource?.name ?? 'an MCP server that is disabled'}\n`,
    fields({
      Request: id,
      Status: statusOf(request, now),
      'Approved first by': firstBy && `${firstBy}, ${termsOf(request)}`,
      'Decided by': decidedBy,
      Asked: moment(createdAt),
      Reason: reason ?? '-',
      Note: note,
      'MCP server': resource ? `${visibleText(resource.name, 'NFC')} at ${resource.uri}` : 'disabled',
      ...partyFields(downstream ?? client, ''),
      ...(downstream ? partyFields(client, 'Proxy: ') : {}),
    }),
    `\n${scopeTable(scopes, resource)}`,
  ];
  if (changed.length > 0) parts.push(`\nChanged since somebody last looked:\n${inWords(changed)}`);
  if (state === 'pending') {
    parts.push(`\nTo approve what you see here: npx consentry approvals approve ${id} --seen ${sightOf(request)}`);
  }
  return parts.join('\n');
}

/** What a second approver has to confirm. */
export function termsOf({ firstApproval: first }: ApprovalRequest): string {
  if (!first) return '';
  return `for ${first.audience === 'everyone' ? 'everyone' : 'who asked'}, ${first.days} days, ${moment(first.at)}`;
}

function partyFields(party: PartyFacts, prefix: string): Record<string, string | undefined> {
  const { clientId, record, redirectUri, redirectRegistered, stated } = party;
  const device = redirectUri === DEVICE_REDIRECT;
  const lost = device || redirectRegistered ? '' : '   (the client no longer has this address)';
  const names = {
    'Calls itself': `${quoted(stated.name, clientId)}${stated.resembles ? '   (looks like the name of somebody else)' : ''}`,
    'Client ID': `${visibleText(clientId, 'NFC')}${record?.revokedAt ? '   (revoked)' : ''}`,
    Host: URL.parse(clientId)?.host || undefined,
    'Known how': device ? administered : knownHow(party),
    'Returns to': device ? 'nowhere: another device connects' : `${visibleText(redirectUri, 'NFC')}${lost}`,
  };
  return Object.fromEntries(Object.entries(names).map(([name, value]) => [`${prefix}${name}`, value]));
}

const administered = 'an administrator added it';

/** As the pages put it (consent.md §3). */
function knownHow({ clientId, record, redirectUri, stated }: PartyFacts): string {
  const { host } = redirectHost(redirectUri);
  const origin = record?.origin ?? 'document';
  switch (provenance({ clientId, origin, redirectUri, authMethod: stated.authMethod })) {
    case 'proven-host':
      return `${host} proved this address is its own`;
    case 'administrator':
      return administered;
    case 'local-program':
      return "not at all: a program on the person's device, which may call itself anything";
    case 'shared-host':
      return 'not at all: it describes itself on a host that many people share';
    case 'unproven-site':
      return `not at all: a site at ${host}, which may call itself anything`;
  }
}

function scopeTable(names: readonly string[], resource: Resource | undefined): string {
  const rows = names.map((name) => {
    const scope = resource?.scopes.find((one) => one.name === name);
    if (!scope) return [name, '-', '-', 'the MCP server does not have it now', '-'];
    return [name, scope.sensitivity, scope.effect, scope.description, scope.tools.join(', ') || '-'];
  });
  return table(['SCOPE', 'WEIGHT', 'EFFECT', 'WHAT IT ALLOWS', 'TOOLS'], rows);
}

/** One line for each. */
export function inWords(differences: readonly Difference[]): string {
  return differences.map((difference) => `  - ${sentence(difference)}`).join('\n');
}

function sentence(difference: Difference): string {
  switch (difference.kind) {
    case 'renamed':
      return `${who(difference.party)} calls itself "${difference.after}" now; before "${difference.before}".`;
    case 'resembles':
      return `${who(difference.party)} calls itself "${difference.after}", which now looks like the name of somebody else.`;
    case 'authentication':
      return `${who(difference.party)} proves itself by ${difference.after} now; before by ${difference.before}.`;
    case 'keys_moved':
      return `${who(difference.party)} has its keys at ${difference.after || 'no host'} now; before at ${difference.before || 'no host'}.`;
    case 'client':
      return 'The client describes itself differently, in a way that its name and its keys do not show.';
    case 'scope_changed':
      return `${difference.scopes.join(', ')}: the wording or the tools changed.`;
    case 'scope_removed':
      return `${difference.scopes.join(', ')}: the MCP server does not have it now, so the request can only be denied.`;
    case 'seen_older':
      return 'Another administrator was shown something newer than what you saw.';
    case 'waits_no_more':
      return 'It was decided or withdrawn meanwhile.';
  }
}

function who(party: 'client' | 'downstream'): string {
  return party === 'client' ? 'The client' : 'The client behind the proxy';
}
