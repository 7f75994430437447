/** `consentry policy test`: which rule decides what about a client, before it comes. */
import type { Command } from 'commander';
import type { ClientRecord } from '../clients/client.ts';
import { displayName } from '../clients/display-name.ts';
import { isSharedHost } from '../clients/provenance.ts';
import { sameRedirect } from '../clients/redirect-uris.ts';
import { DEVICE_REDIRECT } from '../consents/agreement.ts';
import { AppError } from '../errors.ts';
import type { ConsentingClient } from '../policy/consent-store.ts';
import { judgeBy, type PolicyQuestion, type Verdict } from '../policy/policy.ts';
import type { Rule } from '../policy/rule.ts';
import { isProvenClient } from '../policy-changes.ts';
import { canonicalResource, type Resource } from '../resources/resource.ts';
import type { Rooms } from '../rooms.ts';
import { visibleText } from '../web/visible-text.ts';
import { withRooms } from './open.ts';
import { collect, examples } from './options.ts';
import { ruleWords } from './policy-words.ts';
import { fields, printJson, table } from './print.ts';
import type { Terminal } from './terminal.ts';

interface TestOptions {
  client: string;
  resource: string;
  redirectUri?: string;
  scope?: string[];
  json?: boolean;
}

export function policyTestCommand(policy: Command, terminal: Terminal): void {
  policy
    .command('test')
    .description('say which rule decides about each scope of a client; approvals of administrators are left aside')
    .requiredOption('--client <client-id>', 'as client list shows it, or the https URL of a metadata document')
    .requiredOption('--resource <uri>', 'the MCP server')
    .option('--redirect-uri <uri>', 'where the client returns to; may be left out where it has only one')
    .option('--scope <scope>', 'repeat for each; without it all scopes of the MCP server', collect)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'policy test --client 5f2a9c… --resource https://mail.example.com/mcp',
        `policy test --client https://app.example.com/client.json --resource https://mail.example.com/mcp \\
      --redirect-uri https://app.example.com/callback --scope mail:send`,
      ),
    )
    .action((options: TestOptions) => test(terminal, options));
}

async function test(terminal: Terminal, options: TestOptions): Promise<void> {
  await withRooms(terminal, async (rooms) => {
    const resource = await findResource(rooms, options.resource);
    const client = await findClient(rooms, options);
    const rules = await rooms.policyStore.list();
    const { id, origin, metadata, redirectUri } = client;
    const softwareId = typeof metadata.software_id === 'string' ? metadata.software_id : undefined;
    const question = {
      client: { id, origin, proven: isProvenClient(client), softwareId },
      redirectUri,
      resourceUri: resource.uri,
      scopes: parseScopes(resource, options.scope),
    };
    const verdict = judgeBy(rules, question, { isSharedHost });
    if (options.json) return printJson(terminal, describe(question, verdict));
    explain(terminal, displayName(metadata.client_name) || id, { question, verdict, rules });
  });
}

function explain(
  { out }: Terminal,
  name: string,
  { question, verdict, rules }: { question: PolicyQuestion; verdict: Verdict; rules: readonly Rule[] },
): void {
  const { client, redirectUri, resourceUri } = question;
  const facts = {
    client: visibleText(name, 'NFC'),
    'known as': `${client.origin}, ${client.proven ? 'proven' : 'nothing proves who it is'}`,
    'returns to': redirectUri === DEVICE_REDIRECT ? '(another device)' : redirectUri,
    'MCP server': resourceUri,
  };
  const rows = verdict.decisions.map(({ scope, effect, ruleId }) => {
    const rule = rules.find(({ id }) => id === ruleId);
    return [scope, sensitivityOf(question, scope), effect, ruleId, rule ? ruleWords(rule) : 'is missing'];
  });
  out(`${fields(facts)}\n`);
  out(table(['SCOPE', 'WEIGHT', 'EFFECT', 'RULE', 'WHERE'], rows));
  out(`\n${conclusion(verdict)}`);
}

function describe(question: PolicyQuestion, { effect, failed, decisions }: Verdict) {
  const { client, redirectUri, resourceUri } = question;
  return {
    client_id: client.id,
    origin: client.origin,
    proven: client.proven,
    redirect_uri: redirectUri,
    resource: resourceUri,
    effect,
    failed,
    scopes: decisions.map(({ scope, effect, ruleId }) => ({
      name: scope,
      sensitivity: sensitivityOf(question, scope),
      effect,
      rule: ruleId,
    })),
  };
}

function sensitivityOf({ scopes }: PolicyQuestion, name: string): string {
  return scopes.find((scope) => scope.name === name)?.sensitivity ?? '';
}

function conclusion({ failed, problem, effect, allowed, denied }: Verdict): string {
  if (failed) return `Everything is denied until the rules can be read: ${problem}`;
  if (effect === 'allow') return 'People approve all of it themselves.';
  if (allowed.length > 0) return 'People can approve what is allowed; the rest is refused or waits as shown.';
  return denied.length > 0 ? 'The client is refused.' : 'All of it waits for an administrator.';
}

async function findResource({ resources }: Pick<Rooms, 'resources'>, uri: string): Promise<Resource> {
  const known = await resources.findByUri(canonicalResource(uri) ?? uri);
  if (known) return known;
  throw new AppError('unknown_resource', 404, `There is no MCP server ${uri}. See: npx consentry resource list`);
}

/** A document that nobody has met here is judged by its address alone. */
async function findClient({ clients }: Pick<Rooms, 'clients'>, options: TestOptions): Promise<ConsentingClient> {
  const { client: id, redirectUri } = options;
  const known = await clients.find(id);
  if (known?.revokedAt) throw new AppError('client_revoked', 409, `${id} is revoked: no rule lets it in.`);
  if (known?.origin === 'resource') {
    throw new AppError('resource_credential', 409, `${id} is the credential of an MCP server, not a client.`);
  }
  if (known)
    return { id, origin: known.origin, metadata: known.metadata, redirectUri: parseRedirect(known, redirectUri) };
  if (URL.parse(id)?.protocol !== 'https:') {
    throw new AppError('unknown_client', 404, `There is no client ${id}. See: npx consentry client list`);
  }
  if (redirectUri !== undefined) return { id, origin: 'document', metadata: { client_id: id }, redirectUri };
  throw new AppError('bad_input', 400, `Nobody has used ${id} here yet: say with --redirect-uri where it returns to.`);
}

function parseRedirect({ id, metadata }: ClientRecord, asked: string | undefined): string {
  const own = (metadata.redirect_uris as string[] | undefined) ?? [];
  const listed = own.map((uri) => `\n  ${uri}`).join('');
  if (asked !== undefined) {
    if (own.some((uri) => sameRedirect(uri, asked))) return asked;
    throw new AppError('bad_input', 400, `${id} does not return to ${asked}. It returns to:${listed || ' nowhere'}`);
  }
  const [only = DEVICE_REDIRECT, ...others] = own;
  if (others.length === 0) return only;
  throw new AppError('bad_input', 400, `${id} returns to several places: name one with --redirect-uri.${listed}`);
}

function parseScopes({ uri, scopes }: Resource, asked: readonly string[] | undefined): Resource['scopes'] {
  const unknown = asked?.find((name) => !scopes.some((scope) => scope.name === name));
  if (unknown === undefined) return scopes.filter(({ name }) => asked?.includes(name) ?? true);
  const known = scopes.map(({ name }) => name).join(', ');
  throw new AppError('bad_scope', 400, `${uri} has no scope ${unknown}; it has ${known}.`);
}
