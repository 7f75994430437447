/** The tools that an MCP server lists (MCP server/tools), as far as a consent has to do with them. */
import { createHash } from 'node:crypto';
import { visibleText } from '../../web/visible-text.ts';
import { LINK, SCOPE_TOKEN, TOOL_NAME } from '../description.ts';
import type { Effect } from '../resource.ts';
import type { Conversation, Failure } from './conversation.ts';
import { isObject } from './probe.ts';

export interface ListedTool {
  name: string;
  /** What it says of itself in one line, to begin a wording from; '' where that is nothing usable. */
  title: string;
  /** By its annotations, which are hints (MCP server/tools): unknown without any. */
  effect: Effect | undefined;
  /** Scopes it declares by `securitySchemes`; most servers declare none. */
  scopes: readonly string[];
  /** Of everything a person or a model reads about it. */
  digest: string;
}

export interface Listing {
  tools: readonly ListedTool[];
  /** There were more than are looked at. */
  cut: boolean;
  /** How many had no name that a tool may have. */
  odd: number;
}

const MAX_TOOLS = 300;
const MAX_PAGES = 10;
const MAX_TITLE_CHARACTERS = 80;

/** All pages, up to 300 tools. */
export async function listTools({ request }: Conversation): Promise<Listing | Failure> {
  const raw: unknown[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const reply = await request('tools/list', cursor === undefined ? undefined : { cursor });
    if (reply.kind !== 'answered') return reply;
    const { tools, nextCursor } = reply.result;
    if (!Array.isArray(tools)) return { kind: 'unreadable', status: 200 };
    raw.push(...tools);
    cursor = typeof nextCursor === 'string' && nextCursor !== '' ? nextCursor : undefined;
    if (cursor === undefined || raw.length > MAX_TOOLS) break;
  }
  const whole = raw.slice(0, MAX_TOOLS);
  const tools = whole.flatMap((tool) => (isObject(tool) ? readTool(tool) : []));
  const unique = new Map(tools.map((tool) => [tool.name, tool]));
  return {
    tools: [...unique.values()],
    cut: cursor !== undefined || raw.length > MAX_TOOLS,
    odd: whole.length - tools.length,
  };
}

function readTool(tool: Readonly<Record<string, unknown>>): ListedTool[] {
  const { name, description, annotations, inputSchema } = tool;
  if (typeof name !== 'string' || !TOOL_NAME.test(name)) return [];
  const hints = isObject(annotations) ? annotations : {};
  const title = [tool.title, hints.title].find((one) => typeof one === 'string') ?? '';
  const read = JSON.stringify([tool.title, description, annotations, inputSchema]);
  return [
    {
      name,
      title: titleLine(String(title)),
      effect: effectOf(hints),
      scopes: declaredScopes(tool),
      digest: createHash('sha256').update(read).digest('base64url').slice(0, 22),
    },
  ];
}

function titleLine(text: string): string {
  const line = visibleText(text.slice(0, 1_000), 'NFC');
  return LINK.test(line.normalize('NFKC')) ? '' : [...line].slice(0, MAX_TITLE_CHARACTERS).join('');
}

function effectOf({ readOnlyHint, destructiveHint }: Readonly<Record<string, unknown>>): Effect | undefined {
  if (readOnlyHint === true) return 'read';
  if (destructiveHint === true) return 'act';
  return destructiveHint === false ? 'change' : undefined;
}

/** `securitySchemes: [{ type: 'oauth2', scopes: […] }]`, on the tool or in its `_meta`, as the apps of some hosts have it. */
function declaredScopes(tool: Readonly<Record<string, unknown>>): string[] {
  const meta = isObject(tool._meta) ? tool._meta : {};
  const schemes = [tool.securitySchemes, meta.securitySchemes].find(Array.isArray) ?? [];
  const scopes = schemes.flatMap((scheme: unknown) =>
    isObject(scheme) && Array.isArray(scheme.scopes) ? scheme.scopes : [],
  );
  return [
    ...new Set(scopes.filter((scope): scope is string => typeof scope === 'string' && SCOPE_TOKEN.test(scope))),
  ].slice(0, 10);
}
