/** Attacks on what an operator set up: connections that break, go and come back (threats 81, 85, 95). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { removeConnection } from '../../src/connections.ts';
import { type ConnectionWorld, startConnectionWorld } from '../cli/connection-kit.ts';
import { type Federated, signInUpstream } from '../federation/kit.ts';
import { authorizationUrl, registerClient } from '../flow.ts';
import { addPerson, sql } from '../harness.ts';
import { createPerson } from '../person.ts';
import { createDirectory } from '../scim/kit.ts';

describe('a connection', () => {
  let world: ConnectionWorld;
  let clientId: string;
  before(async () => {
    world = await startConnectionWorld();
    clientId = (await registerClient(world.server.issuer)).client_id;
  });
  beforeEach(async () => {
    await sql(world.server, 'DELETE FROM scim_tokens');
    await sql(world.server, 'DELETE FROM connections');
  });
  after(() => world?.close());

  it('that is exclusive and cannot be used any more does not bring passwords back', async () => {
    const { email, password } = await addPerson(world.server.rooms, 'local@contoso.test');
    await world.addOidc('contoso', { exclusive: true });
    await sql(world.server, "UPDATE connections SET secrets = '\\x00'");
    world.reread();
    const person = createPerson(world.server.issuer);
    const open = () => person.open(authorizationUrl(world.server, clientId).url);
    const pageA = await open();
    assert.doesNotMatch(pageA.html, /name="password"/);
    const emergency = await person.open(`${pageA.url}?step=emergency`);
    assert.equal((await person.submit(emergency, { email, password })).status, 401);
    const ways = await person.open(`${world.server.issuer}/account/ways-in`);
    assert.doesNotMatch(ways.html, /name="password"/);
    await sql(world.server, "UPDATE connections SET settings = '{}'");
    world.reread();
    assert.doesNotMatch((await open()).html, /name="password"/, 'nor where its settings cannot be read');
  });

  it('whose person calls themselves by somebody else’s address is named to whoever decides what they may do', async () => {
    const { server, upstream, consentry } = world;
    await sql(server, `UPDATE policy_rules SET match = '{"above": "medium"}' WHERE id = 'default'`);
    await addPerson(server.rooms, 'olga@contoso.test');
    await sql(server, "UPDATE accounts SET role = 'owner' WHERE email = 'olga@contoso.test'");
    await world.addOidc();
    world.reread();
    upstream.behaviour.person = { sub: 'mallory', email: server.ana.email, name: 'Ana' };
    const mallory = createPerson(server.issuer);
    const params = { scope: 'mail:read mail:send' };
    const federated = { consentry: server, upstream } as Federated;
    const page = await signInUpstream(federated, mallory, clientId, { params });
    assert.match((await mallory.submit(page, { decision: 'ask', reason: 'for the report' })).html, /administrator/i);
    assert.match((await consentry(['approvals', 'list'])).out, /ana@contoso\.test \(by Contoso\)/);
    const [request] = await consentry.json<{ id: string }[]>(['approvals', 'list']);
    const shown = await consentry(['approvals', 'show', String(request?.id)]);
    assert.match(shown.out, /^ana@contoso\.test \(by Contoso\) asks for/m);
  });

  it('that was removed and comes back is not open to the directory tokens of before', async () => {
    await world.addOidc('contoso', { origin: 'configuration' });
    const { scimTokens, connectionStore } = world.server.rooms;
    const { token = '' } = (await scimTokens.create('contoso')) ?? {};
    const directory = createDirectory(world.server, token);
    await directory.expect(200, 'GET', '/Users');
    await removeConnection(world.server.rooms, { id: 'contoso', kind: 'oidc', name: 'Contoso' });
    await connectionStore.revive('contoso', { secrets: world.upstream.secrets });
    await directory.expect(401, 'GET', '/Users');
  });
});
