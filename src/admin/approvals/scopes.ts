/** The permissions that a request is about, in words. */
import type { Resource } from '../../resources/resource.ts';
import { IDENTITY_SCOPES } from '../../resources/scopes.ts';
import type { ScopeView } from './shapes.ts';

/** @param resource undefined while the MCP server is disabled */
export function scopeViews(names: readonly string[], resource: Resource | undefined): ScopeView[] {
  return names.map((name) => scopeView(name, resource));
}

function scopeView(name: string, resource: Resource | undefined): ScopeView {
  const scope = resource?.scopes.find((one) => one.name === name);
  if (scope) {
    const { description, descriptionJa, sensitivity, effect, tools } = scope;
    return { name, description, descriptionJa, sensitivity, effect, tools };
  }
  const identity = IDENTITY_SCOPES.some((one) => one === name);
  return { name, description: '', effect: identity ? 'identity' : 'gone', tools: [] };
}
