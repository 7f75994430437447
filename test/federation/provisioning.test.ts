/** Who may come in by a connection: everybody it vouches for, or only whom the directory sent; and who comes back. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { UpstreamIdentity } from '../../src/federation/connection.ts';
import { registerClient } from '../flow.ts';
import { sql } from '../harness.ts';
import { given, heading, isConsentPage, words } from '../interaction/kit.ts';
import { createPerson } from '../person.ts';
import { type Federated, signInUpstream, startFederated } from './kit.ts';

describe('people of a connection', () => {
  let federated: Federated;
  let clientId: string;
  let runs = 0;
  const says: { more: Partial<UpstreamIdentity>; meanwhile?: () => Promise<unknown> } = { more: {} };
  before(async () => {
    federated = await startFederated({
      adapt: (connection) => {
        const { finish } = connection;
        return {
          ...connection,
          async finish(leg: Parameters<typeof finish>[0]) {
            const said = await finish(leg);
            await says.meanwhile?.();
            return { ...said, ...says.more };
          },
        };
      },
    });
    clientId = (await registerClient(federated.consentry.issuer)).client_id;
  });
  beforeEach(() => {
    runs += 1;
    says.more = {};
    delete says.meanwhile;
    federated.alter({ provisioning: 'first_sign_in' });
    federated.upstream.behaviour.person = { sub: `person-${runs}`, email: `person-${runs}@upstream.test` };
  });
  after(() => federated?.close());

  const onlyTheDirectory = () => federated.alter({ provisioning: 'scim' }, 'contoso');
  const come = (connection = 'contoso') =>
    signInUpstream(federated, createPerson(federated.consentry.issuer), clientId, { connection });
  const rows = (text: string, values: unknown[] = []) => sql(federated.consentry, text, values);
  const people = async () => (await rows('SELECT id FROM accounts')).length;
  const findAccount = async () => {
    const [account] = await rows(
      'SELECT a.* FROM accounts a JOIN identities i ON i.account_id = a.id WHERE i.subject = $1',
      [`person-${runs}`],
    );
    return account as { id: string; disabled_by: string[]; disabled_at: Date | null } | undefined;
  };
  const disable = async (by: string) => {
    const id = String((await findAccount())?.id);
    await federated.consentry.rooms.accountStore.disable(id, new Date(Date.now() - 1_000), by as never);
  };

  it('where only the directory sends people, somebody it did not send is told so and nobody is made', async () => {
    onlyTheDirectory();
    const [earlier, before] = [await given(federated.consentry), await people()];
    const page = await come();
    assert.equal(page.status, 403, words(page));
    assert.match(heading(page), /do not have an account here yet/);
    assert.match(words(page), /The contoso directory/);
    assert.deepEqual(await given(federated.consentry), earlier);
    assert.equal(await people(), before);
    assert.equal(await findAccount(), undefined);
    assert.ok(isConsentPage(await come('fabrikam')), 'the rule is this connection’s alone');
  });

  it('somebody the directory sent comes in as the account that it made', async () => {
    onlyTheDirectory();
    const { issuer } = federated.upstream;
    await rows("INSERT INTO accounts (id, email) VALUES ($1, 'sent@contoso.test')", [`sent-${runs}`]);
    await rows("INSERT INTO identities (connection_id, issuer, subject, account_id) VALUES ('contoso', $1, $2, $3)", [
      issuer,
      `person-${runs}`,
      `sent-${runs}`,
    ]);
    assert.equal((await come()).status, 403, 'a way in is not yet somebody that the directory sent');
    await rows(
      `INSERT INTO connections (id, kind, name, settings, updated_at) VALUES ('contoso', 'oidc', 'Contoso', '{}', now())
       ON CONFLICT DO NOTHING`,
    );
    await rows(
      `INSERT INTO scim_users (id, connection_id, external_id, user_name, user_name_key, attributes, account_id, updated_at)
       VALUES ($1, 'contoso', $2, $1, $1, '{}', $1, now())`,
      [`sent-${runs}`, `person-${runs}`],
    );
    const page = await come();
    assert.ok(isConsentPage(page), words(page));
    assert.match(words(page), /Signed in as sent@contoso\.test/);
    const [identity] = await rows('SELECT last_sign_in_at FROM identities WHERE account_id = $1', [`sent-${runs}`]);
    assert.ok(identity?.last_sign_in_at);
  });

  it('an orphaned identity lets nobody in, and the person is told who can help', async () => {
    assert.ok(isConsentPage(await come()));
    await rows('UPDATE identities SET orphaned_at = now() WHERE subject = $1', [`person-${runs}`]);
    const before = await people();
    const page = await come();
    assert.deepEqual([page.status, heading(page)], [403, 'Your account has to be confirmed first']);
    assert.equal(await people(), before);
    const account = await findAccount();
    const [event] = await rows("SELECT reason FROM audit_events WHERE type = 'sign_in.failed' AND account_id = $1", [
      account?.id,
    ]);
    assert.equal(event?.reason, 'orphaned');
  });

  it('whom this connection alone shut out comes back by it, and it is on record', async () => {
    assert.ok(isConsentPage(await come()));
    await disable('upstream:contoso');
    assert.ok(isConsentPage(await come()), 'it vouches for the person again');
    const account = await findAccount();
    assert.deepEqual([account?.disabled_at, account?.disabled_by], [null, []]);
    const events = await rows("SELECT type FROM audit_events WHERE type = 'account.enabled' AND account_id = $1", [
      account?.id,
    ]);
    assert.equal(events.length, 1);
  });

  it('nobody else’s word goes: an administrator, the directory, another connection, or one of them beside it', async () => {
    for (const all of [
      ['administrator'],
      ['scim:contoso'],
      ['upstream:fabrikam'],
      ['upstream:contoso', 'scim:contoso'],
    ]) {
      runs += 1;
      federated.upstream.behaviour.person = { sub: `person-${runs}` };
      assert.ok(isConsentPage(await come()));
      for (const by of all) await disable(by);
      const page = await come();
      assert.deepEqual([page.status, heading(page)], [403, 'This account is switched off'], all.join());
      const account = await findAccount();
      assert.ok(account?.disabled_at, all.join());
      assert.deepEqual(account?.disabled_by, all);
    }
  });

  it('a sign-in that the provider answered before it shut the person out brings nobody back', async () => {
    assert.ok(isConsentPage(await come()));
    says.meanwhile = async () =>
      federated.consentry.rooms.accountStore.disable(
        String((await findAccount())?.id),
        new Date(Date.now() + 50),
        'upstream:contoso',
      );
    const page = await come();
    assert.equal(page.status, 403, words(page));
    assert.ok((await findAccount())?.disabled_at);
  });

  it('what the provider said is kept, its roles are mapped in the same step, and an earlier word is replaced', async () => {
    const { rooms } = federated.consentry;
    await rows(
      `INSERT INTO connections (id, kind, name, settings, updated_at) VALUES ('contoso', 'oidc', 'Contoso', '{}', now())
       ON CONFLICT DO NOTHING`,
    );
    await rows("INSERT INTO roles (id) VALUES ('writers') ON CONFLICT DO NOTHING");
    await rows(
      "INSERT INTO role_mappings (id, connection_id, source, value, role_id) VALUES ('m', 'contoso', 'app_role', 'Writer', 'writers')",
    );
    says.more = {
      appRoles: ['Writer'],
      objectId: 'object-1',
      tenantId: 'tenant-1',
      refreshToken: 'rt-of-the-provider',
    };
    assert.ok(isConsentPage(await come()));
    const account = await findAccount();
    const [identity] = await rows('SELECT * FROM identities WHERE subject = $1', [`person-${runs}`]);
    assert.deepEqual(identity?.app_roles, ['Writer']);
    assert.partialDeepStrictEqual(identity?.claims, { objectId: 'object-1', tenantId: 'tenant-1' });
    assert.ok(identity?.vouched_at);
    assert.ok(!Buffer.from(identity?.refresh_token as Buffer).includes('rt-of-the-provider'), 'sealed');
    assert.deepEqual(await rooms.roles.rolesOf(String(account?.id)), ['writers']);
    says.more = { appRoles: [] };
    assert.ok(isConsentPage(await come()));
    assert.deepEqual(await rooms.roles.rolesOf(String(account?.id)), []);
  });

  it('a session here knows by which session there it began', async () => {
    says.more = { sid: `sid-${runs}`, pairwiseSubject: `pairwise-${runs}` };
    const person = createPerson(federated.consentry.issuer);
    assert.ok(isConsentPage(await signInUpstream(federated, person, clientId)));
    const find = () => rows('SELECT * FROM upstream_sessions WHERE account_id = $1', [account?.id]);
    const account = await findAccount();
    const [session] = await find();
    assert.deepEqual(
      [session?.connection_id, session?.issuer, session?.sid, session?.subject],
      ['contoso', federated.upstream.issuer, `sid-${runs}`, `pairwise-${runs}`],
    );
  });
});
