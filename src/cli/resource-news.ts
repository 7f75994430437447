/** Turns the options of `resource update` into what is new about an MCP server. */
import { AppError } from '../errors.ts';
import type { ResourceNews } from '../resources/changes.ts';
import { canonicalResource, type Resource, type ScopeDescription } from '../resources/resource.ts';
import { parseScope, readDescription } from './resource-description.ts';
import { type PeopleOptions, readPeople } from './resource-people.ts';
import type { Terminal } from './terminal.ts';

export interface UpdateOptions extends PeopleOptions {
  name?: string;
  consentDays?: number;
  tokenSeconds?: number;
  scope?: string[];
  removeScope?: string[];
  fromFile?: string;
  accept?: boolean;
  dryRun?: boolean;
}

/** @throws AppError 400 `bad_input`, `invalid_scope` */
export async function readNews(terminal: Terminal, resource: Resource, options: UpdateOptions): Promise<ResourceNews> {
  const { name, consentDays, tokenSeconds, scope = [], removeScope: removed = [], fromFile } = options;
  const people = readPeople(options);
  const said =
    [name, consentDays, tokenSeconds, people].some((one) => one !== undefined) || scope.length + removed.length > 0;
  if (fromFile !== undefined) {
    if (said) throw bad('--from-file holds everything: leave out the options that describe it.');
    return fromDescription(terminal, resource, fromFile);
  }
  if (!said)
    throw bad(
      'Say what is new: --name, --consent-days, --token-seconds, --scope, --remove-scope, another option or --from-file.',
    );
  const described = scope.map((text) => withJapanese(parseScope(text), resource));
  const scopes = described.length + removed.length > 0 ? { described, removed } : undefined;
  return { name, consentDays, tokenSeconds, scopes, people };
}

async function fromDescription(terminal: Terminal, resource: Resource, path: string): Promise<ResourceNews> {
  const { uri, name, consentDays, tokenSeconds, scopes, people } = await readDescription(terminal, path);
  if (canonicalResource(uri) === resource.uri) {
    return { name, consentDays, tokenSeconds, scopes: { described: scopes, removed: 'rest' }, people };
  }
  throw bad(
    `The description is of ${uri}: the URL of an MCP server cannot change. Register another, disable this one.`,
  );
}

/** One line has no room for it: a translation holds for as long as what it translates. */
function withJapanese(scope: ScopeDescription, { scopes }: Resource): ScopeDescription {
  const before = scopes.find(({ name }) => name === scope.name);
  return before?.description === scope.description ? { ...scope, descriptionJa: before.descriptionJa } : scope;
}

function bad(message: string): AppError {
  return new AppError('bad_input', 400, message);
}
