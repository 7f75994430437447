/** How an administrator describes an MCP server: what people will read about it on the consent page. */
import { isLoopbackOrigin } from '../config-values.ts';
import { AppError } from '../errors.ts';
import { readableLine } from '../web/visible-text.ts';
import { canonicalResource, type ResourceScope } from './resource.ts';

export interface NewResource {
  uri: string;
  name: string;
  scopes: readonly ResourceScope[];
}

/** RFC 6749 §3.3: printable ASCII without space, quotation mark and backslash. */
const SCOPE_TOKEN = /^[\x21\x23-\x5B\x5D-\x7E]{1,100}$/;
/** Of OpenID Connect, with wording of their own. */
const RESERVED = new Set(['openid', 'profile', 'email', 'address', 'phone', 'offline_access']);
/** MCP 2025-11-25, server/tools, "Tool Names", and the slash that some servers use. */
const TOOL_NAME = /^[\w.\-/]{1,128}$/;

/**
 * The description as it is kept: canonical URI, each text one visible line.
 * @throws AppError 400 `invalid_resource`, `invalid_scope`, `invalid_text`
 */
export function parseDescription({ uri, name, scopes }: NewResource): NewResource {
  if (scopes.length === 0) throw invalidScope('Give the MCP server at least one scope.');
  const names = scopes.map((scope) => scope.name);
  const twice = names.find((one, index) => names.indexOf(one) !== index);
  if (twice !== undefined) throw invalidScope(`${twice} is given twice.`);
  return {
    uri: parseUri(uri),
    name: readableLine(name, { what: 'The name of the MCP server', maxCharacters: 60 }),
    scopes: scopes.map(parseScope),
  };
}

function parseUri(uri: string): string {
  const canonical = canonicalResource(uri);
  if (!canonical)
    throw invalidUri(`${uri} is not the URL of an MCP server: write https://host/path, without # or credentials.`);
  const { origin, protocol } = new URL(canonical);
  if (protocol === 'https:' || isLoopbackOrigin(origin)) return canonical;
  throw invalidUri(`${uri} would receive tokens in the clear: write https, or http for an MCP server on this machine.`);
}

function parseScope(scope: ResourceScope): ResourceScope {
  const { name, description, descriptionJa, tools } = scope;
  if (!SCOPE_TOKEN.test(name)) {
    throw invalidScope(`"${name}" is not a scope: use letters, digits and :._-/ without spaces.`);
  }
  if (RESERVED.has(name)) throw invalidScope(`${name} belongs to OpenID Connect; choose another name.`);
  const tool = tools.find((one) => !TOOL_NAME.test(one));
  if (tool !== undefined) {
    throw invalidScope(`"${tool}" is not the name of a tool: use letters, digits and _-./ without spaces.`);
  }
  const say = (text: string) => readableLine(text, { what: `The description of ${name}`, maxCharacters: 200 });
  return {
    ...scope,
    description: say(description),
    descriptionJa: descriptionJa === undefined ? undefined : say(descriptionJa),
  };
}

function invalidUri(message: string): AppError {
  return new AppError('invalid_resource', 400, message);
}

function invalidScope(message: string): AppError {
  return new AppError('invalid_scope', 400, message);
}
