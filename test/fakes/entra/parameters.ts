/** What Entra ID accepts of parameters, wherever they are sent. */
import type { FakeApp } from './directory.ts';
import { Aadsts } from './errors.ts';

const OPENID = new Set(['openid', 'profile', 'email', 'offline_access']);
const GRAPH =
  /^https:\/\/(?:graph\.microsoft\.(?:com|us)|dod-graph\.microsoft\.us|microsoftgraph\.chinacloudapi\.cn)\//;
const PROMPTS = new Set(['login', 'none', 'consent', 'select_account']);

/** @throws Aadsts 9010010, 70011, 650053, 700022 */
export function assertScopes(params: URLSearchParams, app: FakeApp): void {
  if (params.has('resource')) throw new Aadsts(9010010, 'The resource parameter does not match the requested scopes.');
  const scopes = (params.get('scope') ?? '').split(' ').filter(Boolean);
  if (scopes.length === 0) throw new Aadsts(90014, 'The required field scope is missing.');
  const resources = new Set<string>();
  for (const scope of scopes.filter((one) => !OPENID.has(one))) {
    const [prefix] = GRAPH.exec(scope) ?? [];
    // What has no resource is taken for Graph's.
    if (prefix === undefined && /^(?:https|api):\/\//.test(scope)) resources.add(scope.replace(/[^/]+$/, ''));
    else {
      resources.add('graph');
      const permission = prefix === undefined ? scope : scope.slice(prefix.length);
      if (!/^[A-Z]\w+(?:\.\w+)+$/.test(permission))
        throw new Aadsts(650053, `The scope ${scope} does not exist on Graph.`);
      if (!app.permissions.has(permission)) throw new Aadsts(65001, `Nobody has consented to ${permission}.`);
    }
  }
  if (resources.size > 1) throw new Aadsts(700022, 'Scopes of more than one resource.');
}

/** @throws Aadsts 90023 */
export function assertPrompt(params: URLSearchParams): void {
  const prompt = params.get('prompt');
  if (prompt === null) return;
  if (!PROMPTS.has(prompt)) throw new Aadsts(90023, `Unsupported prompt value ${prompt}.`);
  if (prompt === 'select_account' && params.has('login_hint')) {
    throw new Aadsts(90023, 'login_hint and prompt=select_account cannot be sent together.');
  }
}

/** Whether the application may be used from the tenant that is asked. */
export function assertTenancy(app: FakeApp, authority: string): void {
  const shared = ['common', 'organizations', 'consumers'].includes(authority);
  if (shared && !app.multiTenant)
    throw new Aadsts(50194, 'The application is not configured as a multi-tenant application.');
  if (!shared && !app.multiTenant && authority !== app.tenant) {
    throw new Aadsts(700016, 'The application was not found in the directory.');
  }
}
