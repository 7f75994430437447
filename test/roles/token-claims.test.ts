/** What an MCP server learns of a person: only what an administrator named for it, alike in the token and at introspection. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createVerifier } from '../../src/guard/index.ts';
import { giveRole } from '../../src/roles/membership-changes.ts';
import { introspect } from '../flow.ts';
import { CALENDAR, type Consentry, type Registered, register, sql, startConsentry } from '../harness.ts';
import { addConnection, addKnown, claimsIn, connect, identify } from './kit.ts';

const CLAIMS = {
  tenantId: '11111111-1111-4111-8111-111111111111',
  objectId: '22222222-2222-4222-8222-222222222222',
  email: 'ana@fabrikam.test',
  name: 'Ana',
  pairwiseSubject: 'never told',
};
const NAMES = ['oid', 'tid', 'email', 'roles'];

describe('claims of a person', () => {
  let consentry: Consentry;
  let ana: Awaited<ReturnType<typeof addKnown>>;
  let calendar: Registered;

  before(async () => {
    consentry = await startConsentry();
    for (const id of ['contoso', 'fabrikam']) await addConnection(consentry, id);
    const { rooms } = consentry;
    for (const role of ['staff', 'analyst']) await rooms.roleStore.create(role, undefined, new Date());
    ana = await addKnown(consentry, { claims: CLAIMS });
    for (const role of ['staff', 'analyst', 'owner']) await giveRole(rooms, role, ana);
    const people = { tokenClaims: ['roles', 'oid'] };
    calendar = await register(rooms, { ...CALENDAR, people });
  });
  after(() => consentry.close());

  async function tell(tokenClaims: string[], connectionIds: string[] = []): Promise<void> {
    const text = 'UPDATE resources SET token_claims = $1, connection_ids = $2 WHERE uri = $3';
    await sql(consentry, text, [tokenClaims, connectionIds, consentry.mail.uri]);
  }

  const told = (claims: Record<string, unknown>) =>
    Object.fromEntries(NAMES.filter((name) => name in claims).map((name) => [name, claims[name]]));

  /** In the token, and the same where the server asks about it. */
  async function known(who = ana, { uri, ...credentials }: Registered = consentry.mail, scope = 'mail:read') {
    const { accessToken } = await connect(consentry, who, scope, { resource: uri });
    const inToken = told(claimsIn(accessToken));
    const { body } = await introspect(consentry, accessToken, credentials);
    assert.equal(body.active, true);
    assert.deepEqual(told(body), inToken, 'introspection tells what the token tells');
    assert.doesNotMatch(JSON.stringify(body), /never told/);
    return { inToken, accessToken };
  }

  it('are none unless an administrator names them', async () => {
    assert.deepEqual((await known()).inToken, {});
  });

  it('are those named for the very server; owning this server is no role elsewhere', async () => {
    await tell(['oid', 'tid', 'email', 'roles']);
    const all = { oid: CLAIMS.objectId, tid: CLAIMS.tenantId, email: CLAIMS.email, roles: ['analyst', 'staff'] };
    assert.deepEqual((await known()).inToken, all);
    const { oid, roles } = all;
    assert.deepEqual((await known(ana, calendar, 'calendar:read')).inToken, { oid, roles });
    await tell([]);
    assert.deepEqual((await known()).inToken, {});
  });

  it('reach a tool through the guard', async () => {
    await tell(['oid', 'roles']);
    const { accessToken } = await known();
    const resource = consentry.mail.uri;
    const error = (code: string, description: string) => new Error(`${code}: ${description}`);
    const guard = createVerifier({ issuer: consentry.issuer, resource, scopes: { 'mail:read': {} }, error });
    const { extra } = await guard.verifyAccessToken(accessToken);
    assert.deepEqual([extra.oid, extra.roles, 'tid' in extra], [CLAIMS.objectId, ['analyst', 'staff'], false]);
  });

  it('are those of the connection that the server accepts, whatever else the person came by', async () => {
    await tell(['oid', 'email'], ['fabrikam']);
    await identify(consentry, ana.id, {
      connection: 'fabrikam',
      claims: { objectId: 'other', email: 'ana@other.test' },
    });
    assert.deepEqual((await known()).inToken, { oid: 'other', email: 'ana@other.test' });
    await tell(['oid', 'email'], ['contoso']);
    assert.deepEqual((await known()).inToken, { oid: CLAIMS.objectId, email: CLAIMS.email });
  });

  it('leave out what the provider does not say, and of people without one know the address', async () => {
    await tell(['oid', 'tid', 'email', 'roles']);
    const plain = await addKnown(consentry, { claims: { name: 'Bo' } });
    assert.deepEqual((await known(plain)).inToken, { roles: [] });
    assert.deepEqual((await known(consentry.ana)).inToken, { email: consentry.ana.email, roles: [] });
  });
});
