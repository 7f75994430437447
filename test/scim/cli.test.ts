/** `consentry scim token`: shown once, two at a time, ended at once. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { commandOn } from '../cli/command.ts';
import { createDirectory, type Scim, startScim, TENANT } from './kit.ts';

let scim: Scim;
let consentry: ReturnType<typeof commandOn>;
before(async () => {
  scim = await startScim();
  consentry = commandOn(scim.consentry);
});
after(() => scim?.close());

const status = async (token: string) =>
  (await createDirectory(scim.consentry, token).send('GET', '/Users?count=0')).status;

describe('consentry scim token', () => {
  it('create shows a token that works once, list never again, revoke ends it', async () => {
    const made = await consentry(['scim', 'token', 'create', 'contoso', '--expires-days', '30', '--json']);
    assert.equal(made.code, 0, made.err);
    const { id, token, url, expires_at } = JSON.parse(made.out);
    assert.equal(url, `${scim.consentry.issuer}/scim/v2`);
    assert.ok(Math.abs(new Date(expires_at).getTime() - Date.now() - 30 * 86_400_000) < 60_000);
    assert.equal(await status(token), 200);
    const third = await consentry(['scim', 'token', 'create', 'contoso']);
    assert.equal(third.code, 1);
    assert.match(third.err, /two valid tokens already/);
    const listed = await consentry(['scim', 'token', 'list', 'contoso']);
    assert.ok(listed.out.includes(id) && !listed.out.includes(token));
    assert.match(listed.out, /LAST USED/);
    assert.equal(JSON.parse((await consentry(['scim', 'token', 'list', '--json'])).out).length, 3);
    const revoked = await consentry(['scim', 'token', 'revoke', id]);
    assert.deepEqual([revoked.code, await status(token)], [0, 401]);
    assert.match((await consentry(['scim', 'token', 'revoke', id])).out, /already/);
    const events = await scim.consentry.rooms.database.direct.auditEvent.findMany({
      where: { type: { startsWith: 'scim.token' } },
      orderBy: { seq: 'asc' },
    });
    assert.deepEqual(
      events.map(({ type, actor, details }) => [type, actor, Object(details).connection, Object(details).scimToken]),
      ['scim.token_created', 'scim.token_revoked'].map((type) => [type, 'cli', 'contoso', id]),
    );
  });

  it('beside it, groups lists what roles are mapped by', async () => {
    const user = await scim.entra.addUser(randomUUID());
    const id = await scim.entra.addGroup('Sales', [user]);
    const listed = await consentry(['scim', 'groups', 'contoso', '--json']);
    assert.deepEqual(JSON.parse(listed.out), [{ id, display_name: 'Sales', members: 1 }]);
    assert.match((await consentry(['scim', 'groups', 'contoso'])).out, new RegExp(`${id} +Sales +1`));
    assert.match((await consentry(['scim', 'groups', 'fabrikam'])).out, /No groups/);
  });

  it('create says what is wrong', async () => {
    const { connectionStore } = scim.consentry.rooms;
    const known = await connectionStore.find('contoso');
    assert.ok(known?.kind === 'entra');
    const { name, exclusive, provisioning, origin, kind, settings } = known;
    const several = { ...settings, tenants: [TENANT, randomUUID()] };
    const shared = { name, exclusive, provisioning, origin, kind, secrets: { certificates: [] } };
    await connectionStore.create({ ...shared, id: 'several', settings: several });
    await connectionStore.create({ ...shared, id: 'any', settings: { ...settings, tenants: 'any' } });
    const tries: [string[], number, RegExp][] = [
      [['nobody'], 1, /no connection nobody/],
      [['several'], 1, /a connection for each tenant/],
      [['any'], 1, /a connection for each tenant/],
      [['contoso', '--expires-days', 'soon'], 2, /whole number/],
      [['contoso', '--expires-days', '0'], 2, /whole number/],
    ];
    for (const [args, code, words] of tries) {
      const { code: got, err } = await consentry(['scim', 'token', 'create', ...args]);
      assert.equal(got, code, err);
      assert.match(err, words);
    }
    assert.equal((await consentry(['scim', 'token', 'revoke', 'nothing'])).code, 1);
  });
});
