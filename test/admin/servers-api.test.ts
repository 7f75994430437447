/** `/admin/api/servers`: the same acts as the pages, and another's server is not there (threat 106). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CALENDAR, type Consentry, MAIL, register, sql, startConsentry } from '../harness.ts';
import { startMcpServer } from '../resources/mcp-server-kit.ts';
import { type AdminKit, type AdminPerson, createAdminKit } from './admin-kit.ts';

describe('MCP servers at the administration API', () => {
  let consentry: Consentry;
  let kit: AdminKit;
  let server: Awaited<ReturnType<typeof startMcpServer>>;
  let keeper: AdminPerson;
  const tokens = new Map<AdminPerson, string>();
  before(async () => {
    consentry = await startConsentry({ OUTBOUND_ALLOW: '127.0.0.1' });
    await register(consentry.rooms, CALENDAR);
    server = await startMcpServer(consentry.issuer);
    kit = await createAdminKit(consentry);
    keeper = await kit.addRole('kim@contoso.test', 'resource-owner');
    await consentry.rooms.ownerStore.add(await idOf(CALENDAR.uri), keeper.id, new Date());
    for (const person of [keeper, kit.owner]) tokens.set(person, (await kit.token(person)).accessToken);
  });
  after(async () => {
    await server?.close();
    await consentry?.close();
  });

  const idOf = async (uri: string) =>
    (await consentry.rooms.resources.findRegistered(uri))?.id ?? assert.fail(`${uri} is not registered`);

  async function call(who: AdminPerson, method: string, path: string, body?: object) {
    const response = await fetch(`${kit.uri}/servers${path}`, {
      method,
      headers: { authorization: `Bearer ${tokens.get(who)}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
  }

  const scope = {
    name: 'notes:read',
    description: 'Read notes',
    sensitivity: 'low',
    effect: 'read',
    tools: ['list_notes'],
  };

  it('a resource owner reaches their own servers, and no other is there in any operation', async () => {
    const { body } = await call(keeper, 'GET', '');
    assert.deepEqual(
      body.items.map(({ uri }: { uri: string }) => uri),
      [CALENDAR.uri],
    );
    const [mine, other] = [await idOf(CALENDAR.uri), await idOf(MAIL.uri)];
    const acts: [string, string, object?][] = [
      ['GET', ''],
      ['GET', '/affected'],
      ['PATCH', '', { name: 'Mine' }],
      ['PUT', '/scopes', { described: [scope] }],
      ['POST', '/accept', {}],
      ['POST', '/reject', {}],
      ['POST', '/tools', { place: [] }],
      ['POST', '/check', {}],
      ['POST', '/disable', {}],
      ['POST', '/enable', {}],
      ['POST', '/rotate-secret', {}],
    ];
    for (const [method, path, sent] of acts) {
      const answer = await call(keeper, method, `/${other}${path}`, sent);
      assert.equal(answer.status, 404, `${method} ${path}`);
      const nowhere = await call(keeper, method, `/nowhere${path}`, sent);
      assert.deepEqual(nowhere, answer, 'as if it did not exist');
    }
    for (const [method, path, sent] of [
      ['PATCH', '/people', { tokenClaims: ['email'] }],
      ['POST', '/owners', { person: keeper.id }],
      ['POST', '/owners/remove', { person: keeper.id }],
    ] as const)
      assert.equal((await call(keeper, method, `/${mine}${path}`, sent)).status, 403, path);
    assert.equal((await call(keeper, 'GET', `/${mine}`)).status, 200);
    assert.equal((await call(keeper, 'PATCH', `/${mine}`, { tokenSeconds: 300 })).body.changed, true);
  });

  it('the administration API itself is among no servers', async () => {
    const { body } = await call(kit.owner, 'GET', '?search=admin');
    assert.deepEqual(body.items, []);
    const [{ id } = { id: '' }] = await sql<{ id: string }>(consentry, 'SELECT id FROM resources WHERE built_in');
    assert.notEqual(id, '');
    assert.equal((await call(kit.owner, 'GET', `/${id}`)).status, 404);
    assert.equal((await call(kit.owner, 'POST', `/${id}/disable`, {})).status, 404);
    assert.equal((await call(kit.owner, 'POST', '/inspect', { url: kit.uri })).status, 400);
  });

  it('registers what was looked at, tells the secret, checks it, and says what it found', async () => {
    const { body: looked } = await call(keeper, 'POST', '/inspect', { url: server.uri });
    assert.deepEqual([looked.ours, looked.warnings, looked.scopes[0]?.name], [true, [], 'notes:read']);
    const { status, body } = await call(keeper, 'POST', '', { uri: looked.uri, name: 'Notes', scopes: [scope] });
    assert.equal(status, 200, JSON.stringify(body));
    assert.match(body.clientSecret, /^[\w-]{64}$/);
    server.behave({ ignoreExpiry: true });
    const { body: checked } = await call(keeper, 'POST', `/${body.id}/check`, {});
    const failed = checked.steps.filter(({ result }: { result: string }) => result === 'failed');
    assert.deepEqual(
      failed.map(({ step }: { step: string }) => step),
      ['expiry'],
    );
    assert.deepEqual(checked.unplaced, [{ tool: 'delete_note', declared: null }]);
    const { body: shown } = await call(keeper, 'GET', `/${body.id}`);
    assert.deepEqual(shown.check, checked);
    assert.deepEqual(
      shown.owners.map(({ accountId }: { accountId: string }) => accountId),
      [keeper.id],
    );
    assert.ok(!JSON.stringify(shown).includes(body.clientSecret));
  });
});
