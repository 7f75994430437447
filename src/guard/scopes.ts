/** The scopes of one MCP server: a declared hierarchy, the tools behind each, and what to ask for first (RFC 6749 §3.3). */

export type Sensitivity = 'low' | 'medium' | 'high';

/**
 * `sensitivity`: only `low` scopes are asked for at first; undeclared counts as `high`.
 * `implies`: scopes this one includes; nothing is inferred from names.
 * `tools`: names of the tools that need it, for servers whose SDK cannot say it per tool. A tool under two scopes needs both.
 */
export type ScopeDeclaration<Name extends string = string> = {
  readonly sensitivity?: Sensitivity;
  readonly implies?: readonly NoInfer<Name>[];
  readonly tools?: readonly string[];
};

export type ScopeDeclarations<Name extends string> = Readonly<Record<Name, ScopeDeclaration<Name>>>;

export type ScopeTable = ReturnType<typeof createScopeTable>;

/** Throws a TypeError for names outside the grammar, undeclared or circular implications and scopes that are not a server's own. */
export function createScopeTable<Name extends string>(declarations: ScopeDeclarations<Name>) {
  const declared = new Map<string, ScopeDeclaration>(Object.entries<ScopeDeclaration>(declarations));
  const closure = new Map([...declared.keys()].map((name) => [name, impliedBy(name, declared)]));
  for (const [name, implied] of closure) {
    assertScopeName(name);
    if (implied.has(name)) throw new TypeError(`scope ${name} implies itself`);
  }
  const tools = toolTable(declared);

  /** Granted scopes with everything they imply; scopes this server does not know are kept. */
  const expand = (granted: readonly string[]): string[] => [
    ...new Set([...granted, ...granted.flatMap((name) => [...(closure.get(name) ?? [])])]),
  ];
  const covers = (granted: readonly string[], needed: readonly string[]): boolean => {
    const all = expand(granted);
    return needed.every((name) => all.includes(name));
  };
  /**
   * What a challenge asks for: everything needed, and what this server granted before, because clients of 2025-11-25
   * replace their scopes by those of the challenge; without what the others imply.
   */
  const toRequest = (granted: readonly string[], needed: readonly string[]): string[] => {
    const wanted = [...declared.keys()].filter((name) => granted.includes(name) || needed.includes(name));
    return wanted.filter((name) => !wanted.some((other) => closure.get(other)?.has(name)));
  };
  return Object.freeze({
    baseline: Object.freeze([...declared].filter(([, scope]) => scope.sensitivity === 'low').map(([name]) => name)),
    expand,
    covers,
    toRequest,
    isDeclared: (name: string) => declared.has(name),
    /** Scopes that the tool needs; undefined for a tool listed under no scope. */
    ofTool: (tool: string): readonly string[] | undefined => tools.get(tool),
  });
}

function impliedBy(name: string, declared: ReadonlyMap<string, ScopeDeclaration>): Set<string> {
  const found = new Set<string>();
  const waiting = [...(declared.get(name)?.implies ?? [])];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (!declared.has(next)) throw new TypeError(`scope ${name} implies ${next}, which is not declared`);
    if (found.has(next)) continue;
    found.add(next);
    waiting.push(...(declared.get(next)?.implies ?? []));
  }
  return found;
}

function toolTable(declared: ReadonlyMap<string, ScopeDeclaration>): Map<string, string[]> {
  const table = new Map<string, string[]>();
  for (const [name, scope] of declared) {
    for (const tool of scope.tools ?? []) table.set(tool, [...(table.get(tool) ?? []), name]);
  }
  return table;
}

function assertScopeName(name: string): void {
  if (!/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(name)) throw new TypeError(`"${name}" is not a scope name (RFC 6749 §3.3)`);
  if (name === 'openid' || name === 'offline_access') {
    throw new TypeError(`${name} belongs to the authorization server and is never needed by a tool`);
  }
}
