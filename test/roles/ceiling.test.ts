/** The most that people may grant: their roles' scopes together, on the page and at every mint. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { allow } from '../../src/roles/changes.ts';
import { giveRole } from '../../src/roles/membership-changes.ts';
import { approve, redeem, refresh, signIn, tokenRequest } from '../flow.ts';
import { CALENDAR, type Consentry, register, sql, startConsentry, staticClient } from '../harness.ts';
import { words } from '../interaction/kit.ts';
import { createPerson } from '../person.ts';
import { addConnection, addKnown, claimsIn, connect, pageFor, tokensIn } from './kit.ts';

describe('a ceiling', () => {
  let consentry: Consentry;
  let staff: Awaited<ReturnType<typeof addKnown>>;
  let nobody: Awaited<ReturnType<typeof addKnown>>;

  before(async () => {
    consentry = await startConsentry();
    await addConnection(consentry, 'contoso');
    const { rooms, mail } = consentry;
    await register(rooms, CALENDAR);
    const resource = (await rooms.resources.findByUri(mail.uri)) ?? assert.fail('no mail');
    for (const role of ['reader', 'labeller', 'sender']) await rooms.roleStore.create(role, undefined, new Date());
    await allow(rooms, 'reader', resource, ['mail:read']);
    await allow(rooms, 'labeller', resource, ['mail:label']);
    await allow(rooms, 'sender', resource, ['mail:send']);
    staff = await addKnown(consentry);
    nobody = await addKnown(consentry);
    for (const role of ['reader', 'labeller']) await giveRole(rooms, role, staff);
  });
  after(() => consentry.close());

  async function takeWithoutAWord(accountId: string, role: string): Promise<void> {
    await sql(consentry, 'DELETE FROM account_roles WHERE account_id = $1 AND role_id = $2', [accountId, role]);
  }

  async function member(...roles: string[]) {
    const account = await addKnown(consentry);
    for (const role of roles) await giveRole(consentry.rooms, role, account);
    return account;
  }

  it('is what all roles of a person allow together: the page offers no more, and a press brings no more', async () => {
    const { clientId, person, begun, page } = await pageFor(consentry, staff, 'mail:read mail:label mail:send');
    assert.match(page.html, /value="mail:read"/);
    assert.match(page.html, /value="mail:label"/);
    assert.doesNotMatch(page.html, /value="mail:send"/);
    const done = await approve(person, page, { scope: ['mail:read', 'mail:send'] });
    const code = done.left?.searchParams.get('code') ?? assert.fail(words(done));
    const { body } = await redeem(consentry, clientId, { ...begun, code });
    assert.equal(body.scope, 'mail:read');
  });

  it('tells a person without a role that their role does not allow this, in English and in Japanese', async () => {
    const { page, person } = await pageFor(consentry, nobody, 'mail:read');
    assert.equal(page.status, 403);
    assert.match(words(page), /Your role does not allow this/);
    const japanese = await pageFor(consentry, nobody, 'mail:read', { ui_locales: 'ja' });
    assert.match(words(japanese.page), /あなたの役割では許可できません/);
    const { pathname } = new URL(page.url);
    const other = await person.submit(page, {}, { action: `${pathname}/switch-account` });
    assert.match(other.html, /name="password"/, 'another account of theirs may do');
  });

  it('is asked for before the rules send anybody to an administrator: nobody waits for what their role forbids', async () => {
    await consentry.rooms.database.direct.policyRule.update({
      where: { id: 'default' },
      data: { match: { above: 'none' } },
    });
    try {
      const { page } = await pageFor(consentry, nobody, 'mail:read');
      assert.match(words(page), /Your role does not allow this/);
    } finally {
      await consentry.rooms.database.direct.policyRule.update({
        where: { id: 'default' },
        data: { match: { above: 'high' } },
      });
    }
  });

  it('is none where no role says anything of the server, and takes nothing of who somebody is', async () => {
    const { scope } = await connect(consentry, nobody, 'calendar:read', { resource: CALENDAR.uri });
    assert.equal(scope, 'calendar:read');
    const { idToken } = await connect(consentry, staff, 'openid email mail:read');
    assert.equal(claimsIn(idToken).email, staff.email);
  });

  it('holds between the press and the code', async () => {
    const account = await member('reader');
    const { clientId, person, begun, page } = await pageFor(consentry, account, 'mail:read');
    const done = await approve(person, page);
    await takeWithoutAWord(account.id, 'reader');
    const code = done.left?.searchParams.get('code') ?? assert.fail(words(done));
    const { status, body } = await redeem(consentry, clientId, { ...begun, code });
    assert.equal(status, 400);
    assert.equal(body.error, 'invalid_grant');
  });

  it('holds between the press and what a device gets', async () => {
    const television = {
      kind: 'app',
      name: 'Television',
      redirectUris: [],
      authMethod: 'none',
      deviceFlow: true,
    } as const;
    const { clientId } = await staticClient(consentry.rooms, television);
    const account = await member('reader');
    const body = new URLSearchParams({
      client_id: clientId,
      resource: consentry.mail.uri,
      scope: 'mail:read mail:send',
    });
    const begun = await fetch(`${consentry.issuer}/device_authorization`, { method: 'POST', body });
    const codes = (await begun.json()) as Record<string, string>;
    const person = createPerson(consentry.issuer);
    const entered = await person.submit(await person.open(`${consentry.issuer}/device`), {
      user_code: String(codes.user_code),
    });
    const page = await signIn(person, await person.submit(entered), account);
    assert.match(page.html, /value="mail:read"/);
    assert.doesNotMatch(page.html, /value="mail:send"/);
    await approve(person, page);
    await takeWithoutAWord(account.id, 'reader');
    const grant = 'urn:ietf:params:oauth:grant-type:device_code';
    const fields = { grant_type: grant, client_id: clientId, device_code: codes.device_code };
    assert.equal((await tokenRequest(consentry.issuer, fields)).body.error, 'invalid_grant');
  });

  it('holds at the next refresh, before anybody went over the roles: narrower, then not at all', async () => {
    const account = await member('reader', 'sender');
    const { clientId, refreshToken } = await connect(consentry, account, 'mail:read mail:send');
    await takeWithoutAWord(account.id, 'sender');
    const narrower = await refresh(consentry, clientId, refreshToken);
    assert.equal(narrower.status, 200, JSON.stringify(narrower.body));
    assert.equal(narrower.body.scope, 'mail:read');
    await takeWithoutAWord(account.id, 'reader');
    const none = await refresh(consentry, clientId, tokensIn(narrower.body).refreshToken);
    assert.equal(none.status, 400);
    assert.equal(none.body.error, 'invalid_grant');
  });

  it('has room for an owner only where the role owner is named', async () => {
    const owner = await addKnown(consentry);
    await giveRole(consentry.rooms, 'owner', owner);
    const { rooms, mail } = consentry;
    const resource = (await rooms.resources.findByUri(mail.uri)) ?? assert.fail('no mail');
    assert.deepEqual(await rooms.roles.ceiling(owner.id, resource.id), []);
    await allow(rooms, 'owner', resource, ['mail:send']);
    assert.deepEqual(await rooms.roles.ceiling(owner.id, resource.id), ['mail:send']);
    assert.deepEqual(await rooms.roles.ceiling(staff.id, resource.id), ['mail:label', 'mail:read']);
  });

  it('lets nobody grant anything at a server that is not there', async () => {
    assert.deepEqual(await consentry.rooms.roles.ceiling(staff.id, 'unknown'), []);
  });
});
