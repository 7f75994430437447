/** What the server says of itself (RFC 7643 §5 to §7), and versions of resources (RFC 7644 §3.14). */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { ENTERPRISE, GROUP, patchOp, type Scim, startScim, USER } from './kit.ts';

let scim: Scim;
before(async () => {
  scim = await startScim();
});
after(() => scim?.close());

describe('discovery', () => {
  it('lists the schemas that are kept, each at its own address, and no password', async () => {
    const { body } = await scim.entra.expect(200, 'GET', '/Schemas');
    const ids = body.Resources.map(({ id }: { id: string }) => id);
    assert.deepEqual([body.totalResults, ids], [3, [USER, ENTERPRISE, GROUP]]);
    for (const schema of body.Resources) {
      const { pathname } = new URL(schema.meta.location);
      const one = await scim.entra.expect(200, 'GET', pathname.replace('/scim/v2', ''));
      assert.deepEqual(one.body, schema);
    }
    const names = body.Resources[0].attributes.map(({ name }: { name: string }) => name);
    assert.ok(names.includes('userName') && names.includes('emails') && !names.includes('password'));
    const [displayName] = body.Resources[2].attributes;
    assert.deepEqual([displayName.name, displayName.required, displayName.uniqueness], ['displayName', true, 'server']);
    await scim.entra.expect(404, 'GET', '/Schemas/urn:nothing');
  });

  it('lists the resource types, and what is supported', async () => {
    const { body } = await scim.entra.expect(200, 'GET', '/ResourceTypes');
    assert.deepEqual(
      body.Resources.map(({ id, endpoint, schema }: Record<string, string>) => [id, endpoint, schema]),
      [
        ['User', '/Users', USER],
        ['Group', '/Groups', GROUP],
      ],
    );
    assert.deepEqual(body.Resources[0].schemaExtensions, [{ schema: ENTERPRISE, required: false }]);
    assert.deepEqual((await scim.entra.expect(200, 'GET', '/ResourceTypes/User')).body, body.Resources[0]);
    const { body: config } = await scim.entra.expect(200, 'GET', '/ServiceProviderConfig');
    const { patch, bulk, filter, sort, etag } = config;
    assert.deepEqual(
      [patch.supported, bulk.supported, filter.supported, sort.supported, etag.supported],
      [true, false, true, false, true],
    );
  });

  it('methods that are not for an address are 405 and say which are', async () => {
    const { headers, body } = await scim.entra.expect(405, 'DELETE', '/Users');
    assert.equal(headers.get('allow'), 'GET, POST');
    assert.equal(body.status, '405');
    await scim.entra.expect(405, 'POST', '/Schemas', {});
    await scim.entra.expect(404, 'POST', '/Bulk', {});
    await scim.entra.expect(404, 'GET', '/Users/a/b');
  });
});

describe('a version', () => {
  it('is told, and whoever knows an older one changes nothing: 412', async () => {
    const user = await scim.entra.addUser(randomUUID());
    const path = `/Users/${user}`;
    const first = await scim.entra.expect(200, 'GET', path);
    const version = first.headers.get('etag') ?? '';
    assert.equal(first.body.meta.version, version);
    assert.equal((await scim.entra.send('GET', path, undefined, { 'if-none-match': version })).status, 304);
    const title = (value: string) => patchOp({ op: 'Replace', path: 'title', value });
    const changed = await scim.entra.expect(200, 'PATCH', path, title('A'), { 'if-match': version });
    assert.notEqual(changed.headers.get('etag'), version);
    await scim.entra.expect(412, 'PATCH', path, title('B'), { 'if-match': version });
    await scim.entra.expect(412, 'DELETE', path, undefined, { 'if-match': 'nonsense' });
    await scim.entra.expect(200, 'PATCH', path, title('C'), { 'if-match': '*' });
    const group = `/Groups/${await scim.entra.addGroup(`Versions ${user}`)}`;
    const tag = (await scim.entra.expect(200, 'GET', group)).headers.get('etag') ?? '';
    const named = (value: string) => patchOp({ op: 'Replace', path: 'displayName', value });
    await scim.entra.expect(204, 'PATCH', group, named(`A ${user}`), { 'if-match': tag });
    await scim.entra.expect(412, 'PATCH', group, named(`B ${user}`), { 'if-match': tag });
  });

  it('stays where nothing changes', async () => {
    const user = await scim.entra.addUser(randomUUID());
    const before = await scim.entra.expect(200, 'GET', `/Users/${user}`);
    const { status, headers } = await scim.entra.patch(`/Users/${user}`, {
      op: 'Replace',
      path: 'active',
      value: 'True',
    });
    assert.deepEqual([status, headers.get('etag')], [200, before.headers.get('etag')]);
  });
});
