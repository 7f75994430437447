/** A whole Consentry with connections to the fake Entra ID, one for a tenant alone and one for two. */
import assert from 'node:assert/strict';
import { createEntraConnection, type EntraRecord } from '../../../src/federation/entra/entra.ts';
import { CONTOSO, FABRIKAM } from '../../fakes/entra/directory.ts';
import { startFakeEntra } from '../../fakes/entra/fake.ts';
import { approve, authorizationUrl, redeem, registerClient } from '../../flow.ts';
import { startConsentry } from '../../harness.ts';
import { isConnectPage, words } from '../../interaction/kit.ts';
import { createPerson, type Person, type Step } from '../../person.ts';
import { SECRET } from './kit.ts';

export type Whole = Awaited<ReturnType<typeof startWhole>>;

export async function startWhole({
  settings = {},
  discovery = 'up' as 'up' | 'down',
}: {
  settings?: Partial<EntraRecord['settings']>;
  discovery?: 'up' | 'down';
} = {}) {
  const fake = await startFakeEntra();
  fake.behaviour.discovery = discovery;
  const clock = { ahead: 0 };
  const now = () => new Date(Date.now() + clock.ahead);
  const secrets = [{ value: SECRET, expiresAt: Number.MAX_SAFE_INTEGER }];
  const ana = fake.directory.person({ upn: 'ana@contoso.example', name: 'Ana Lima' });
  const consentry = await startConsentry({}, now, ({ issuer }) => {
    const connect = (id: string, tenants: string[]) => {
      const base = `${issuer}/federation/${id}`;
      const app = fake.directory.app({
        ...{ secrets, redirectUris: [`${base}/callback`], logoutUrl: `${base}/frontchannel-logout` },
        multiTenant: tenants.length > 1,
      });
      const record = fake.record({
        id,
        name: `The ${id} directory`,
        settings: { clientId: app.clientId, tenants, ...settings },
      });
      return createEntraConnection(record, { clientSecret: SECRET, certificates: [] }, { fetch: fake.fetch, now });
    };
    return [connect('contoso', [CONTOSO]), connect('both', [CONTOSO, FABRIKAM])];
  });
  const clientId = (await registerClient(consentry.issuer)).client_id;
  return {
    ...{ fake, consentry, clientId, ana, clock },
    newPerson: () => createPerson(consentry.issuer),
    reset(): void {
      fake.reset();
      fake.behaviour.person = ana;
      clock.ahead = 0;
    },
    async close(): Promise<void> {
      await consentry.close();
      await fake.close();
    },
  };
}

/** Page A, "Continue with …", Entra, and where it sends the browser; `alter` changes what the browser carries there. */
export async function toEntra(
  { consentry, fake, clientId }: Whole,
  person: Person,
  {
    connection = 'contoso',
    params = {},
    alter = (_url: URL) => {},
  }: { connection?: string; params?: Record<string, string>; alter?: (url: URL) => void } = {},
) {
  const begun = authorizationUrl(consentry, clientId, params);
  const page = await person.open(begun.url);
  assert.ok(isConnectPage(page), words(page));
  const { left, ...step } = await person.submit(page, { connection });
  assert.ok(left, words(step));
  alter(left);
  const there = await fake.visit(left);
  assert.ok(there.left, there.html);
  return { begun, out: left, back: there.left };
}

/** All of it, up to the page that follows. */
export async function signInWhole(
  whole: Whole,
  person: Person,
  options: Parameters<typeof toEntra>[2] = {},
): Promise<Step> {
  return person.open((await toEntra(whole, person, options)).back.href);
}

/** Until the client has its tokens. */
export async function connectWhole(whole: Whole, person: Person, options: Parameters<typeof toEntra>[2] = {}) {
  const { begun, back } = await toEntra(whole, person, options);
  const consent = await person.open(back.href);
  const { left, ...step } = consent.left ? consent : await approve(person, consent);
  const code = left?.searchParams.get('code');
  assert.ok(code, left?.href ?? words(step));
  return redeem(whole.consentry, whole.clientId, { ...begun, code });
}
