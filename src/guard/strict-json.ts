/** JSON without duplicate member names: two readers of one token must never see two different claims (RFC 7519 §4). */

/** `JSON.parse`, but throws a SyntaxError also for an object that names a member twice, at any depth. */
export function parseStrictJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (namesMemberTwice(text)) throw new SyntaxError('duplicate member name');
  return value;
}

/** In valid JSON a string before a colon is a member name, and nothing else is. */
function namesMemberTwice(text: string): boolean {
  const open: Array<Set<string>> = [];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}[\]]/g)) {
    if (token === '{' || token === '[') open.push(new Set());
    else if (token === '}' || token === ']') open.pop();
    else if (token.endsWith(':')) {
      const name: string = JSON.parse(token.slice(0, -1));
      const names = open.at(-1);
      if (names?.has(name)) return true;
      names?.add(name);
    }
  }
  return false;
}
