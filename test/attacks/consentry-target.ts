/** A Consentry to attack, and how its pages are answered. */
import { createDocumentImport } from '../../src/clients/document-import.ts';
import { createMetadataPolicy } from '../../src/clients/metadata-policy.ts';
import { revokeConsents } from '../../src/consents/revocation.ts';
import { updateResource } from '../../src/resources/changes.ts';
import { commandOn } from '../cli/command.ts';
import { atUpstream, startFederated } from '../federation/kit.ts';
import { addPerson, CALENDAR, type Consentry, MAIL, register, startConsentry, staticClient } from '../harness.ts';
import type { Person, Step } from '../person.ts';
import type { DeputyTarget, Operator, PageKind, Recipe, Target } from './target.ts';

export type ConsentryTarget = Target & { consentry: Consentry; close(): Promise<void> };

/** @param env what the configuration differs in */
export async function startTarget(env: Record<string, string> = {}, now?: () => Date): Promise<ConsentryTarget> {
  const consentry = await startConsentry(env, now);
  const target = await targetOf(consentry);
  return { ...target, consentry, close: () => consentry.close() };
}

/** One that is itself a proxy: towards a provider that asks nobody twice. */
export async function startDeputy(): Promise<DeputyTarget & { close(): Promise<void> }> {
  const federated = await startFederated({ ids: ['contoso'], env: { OUTBOUND_ALLOW: '127.0.0.1' } });
  const { consentry, upstream, close } = federated;
  return {
    ...(await targetOf(consentry)),
    upstream: {
      callback: `${consentry.issuer}/federation/contoso/callback`,
      visits: () => upstream.authorizations.length,
      pass: (url) => atUpstream(federated, url),
      become(subject) {
        upstream.behaviour.person = { sub: subject, email: `${subject}@upstream.test`, name: subject };
      },
      choose: (person, page) => person.submit(page, { connection: 'contoso' }),
      buttonIn: (page) => page.locator('button[name=connection]:not([aria-disabled=true])'),
    },
    close,
  };
}

/** One that runs already. */
async function targetOf(consentry: Consentry): Promise<Target> {
  const { rooms, issuer, ana, mail } = consentry;
  const calendar = await register(rooms, CALENDAR);
  const mallory = await addPerson(rooms, 'mallory@contoso.test');
  const owner = await addPerson(rooms, ADMINISTRATOR);
  await rooms.database.direct.account.update({ where: { id: owner.id }, data: { role: 'owner' } });
  return {
    issuer,
    resource: { name: MAIL.name, uri: mail.uri },
    other: { name: CALENDAR.name, uri: calendar.uri },
    scopes: { usual: 'mail:read', more: 'mail:label' },
    people: { victim: ana, attacker: mallory },
    recipe: recipe(issuer),
    operator: operator(consentry),
  };
}

const ADMINISTRATOR = 'olga@contoso.test';

function recipe(issuer: string): Recipe {
  const press =
    (decision: string) =>
    (person: Person, page: Step, fields: Record<string, string | string[]> = {}) =>
      person.submit(page, { decision, ...fields });
  return {
    kindOf,
    token: 'csrf',
    scopeBox: 'scope',
    signIn: (person, page, { email, password }) => person.submit(page, { email, password, decision: 'continue' }),
    agree: (person, page, fields) => press(kindOf(page) === 'confirm' ? 'continue' : 'approve')(person, page, fields),
    deny: (person, page) => press(kindOf(page) === 'consent' ? 'deny' : 'cancel')(person, page),
    switchAccount: (person, page) =>
      person.submit(page, {}, { action: /action="([^"]*\/switch-account)"/.exec(page.html)?.[1] ?? '' }),
    async signOut(person) {
      const page = await person.open(`${issuer}/logout`);
      await person.submit(page, { logout: 'yes' }, { action: `${issuer}/logout/confirm` });
    },
    chromium: {
      async signIn(page, { email, password }) {
        await page.locator('[name=email]').fill(email);
        await page.locator('[name=password]').fill(password);
        await page.locator('button[value=continue]').click();
      },
      async agree(page) {
        await page.locator(`${YES}:not([aria-disabled=true])`).click();
      },
      async signOut(page) {
        await page.goto(`${issuer}/logout`);
        await page.locator('main button[type=submit]').first().click();
        await page.waitForURL(({ pathname }) => !/^\/logout(?:\/confirm)?$/.test(pathname));
      },
      yes: (page) => page.locator(YES),
    },
  };
}

/** Not that of a sign-in. */
const YES = 'form:not(:has([name=email])) button:is([value=approve], [value=continue])';

function kindOf({ status, html }: Pick<Step, 'status' | 'html'>): PageKind {
  if (status !== 200) return 'other';
  if (html.includes('name="email"') || html.includes('name="connection"')) return 'sign-in';
  if (html.includes('value="approve"')) return 'consent';
  if (html.includes('value="continue"')) return 'confirm';
  return html.includes('value="ask"') ? 'ask' : 'other';
}

function operator(consentry: Consentry): Operator {
  const { rooms, issuer, mail } = consentry;
  const command = commandOn(consentry);
  const succeed = async (args: string[]) => {
    const { code, err } = await command(args);
    if (code !== 0) throw new Error(`${args.join(' ')}: ${err}`);
  };
  const documents = createDocumentImport({
    ...rooms,
    copies: rooms.documents,
    policy: createMetadataPolicy({ issuer }),
  });
  return {
    async addClient({ name, kind, redirectUris, deviceFlow = false }) {
      const { clientId, clientSecret } = await staticClient(rooms, { name, kind, redirectUris, deviceFlow });
      return { clientId, clientSecret: clientSecret ?? '' };
    },
    async publish(url, document) {
      await documents.add(url, Buffer.from(JSON.stringify({ client_id: url, ...document })));
    },
    async revoke({ email }, clientId) {
      const account = await rooms.accountStore.findByEmail(email);
      if (account) await revokeConsents(rooms, [{ accountId: account.id, clientId }]);
    },
    async admitOnly({ clientHost, redirectHost, softwareId }) {
      const flags = { '--client-host': clientHost, '--redirect-host': redirectHost, '--software-id': softwareId };
      const args = Object.entries(flags).flatMap(([flag, value]) => (value === undefined ? [] : [flag, value]));
      await succeed(['policy', 'default', '--people-approve', 'none']);
      await succeed(['policy', 'add', '--effect', 'allow', ...args]);
      return async () => {
        const rules = await command.json<{ id: string }[]>(['policy', 'list']);
        for (const { id } of rules) if (id !== 'default') await succeed(['policy', 'remove', id]);
        await succeed(['policy', 'default', '--people-approve', 'high']);
      };
    },
    async allowWaiting() {
      const waiting = await command.json<{ id: string }[]>(['approvals', 'list']);
      for (const { id } of waiting) await succeed(['approvals', 'approve', id, '--as', ADMINISTRATOR]);
    },
    async recordSize() {
      await rooms.audit.flush();
      return rooms.database.direct.auditEvent.count();
    },
    async reword(scope, description) {
      const resource = await rooms.resources.findByUri(mail.uri);
      const described = MAIL.scopes.filter(({ name }) => name === scope).map((one) => ({ ...one, description }));
      if (resource) {
        await updateResource(rooms, resource.id, { scopes: { described, removed: [] } }, { accept: true });
      }
    },
  };
}
