/** Registering an MCP server by its URL: what a resource owner may, and what the server has to say for it (threat 106). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { NewResource } from '../../src/registrations.ts';
import { inspectForRegistration, registerInspected } from '../../src/resource-registration.ts';
import { assertFreeFor, neighboursOf } from '../../src/resources/addresses.ts';
import { createChecks } from '../../src/resources/checks/checks.ts';
import { addOwner, removeOwner } from '../../src/resources/owners.ts';
import { giveRole } from '../../src/roles/membership-changes.ts';
import { createEgress, type Egress } from '../../src/web/egress.ts';
import { addPerson, type Consentry, register, sql, startConsentry } from '../harness.ts';
import { NOTES, startMcpServer } from './mcp-server-kit.ts';

describe('the address of an MCP server', () => {
  const taken = [
    { uri: 'https://tools.example/mcp', ownerIds: ['bo'] },
    { uri: 'https://tools.example/ana', ownerIds: ['ana'] },
    { uri: 'https://tools.example:8443/mcp', ownerIds: [] },
  ];

  for (const uri of [
    'https://tools.example/mcp',
    'https://tools.example/mcp/',
    'https://tools.example/mcp/mine',
    'https://tools.example/MCP/mine',
    'https://tools.example/%6dcp/mine',
    'https://tools.example//mcp/mine',
    'https://tools.example/mcp;v=1/mine',
    'https://tools.example/mcp%2Fmine',
    'https://tools.example/mcp%5Cmine',
    'https://tools.example/mcp?mine',
    'https://tools.example/ａｎｙ/../ｍｃｐ',
    'https://tools.example',
    'https://tools.example:8443/mcp/mine',
  ]) {
    it(`is refused where somebody else has it, or one above or below: ${uri} (threat 106)`, () => {
      assert.throws(() => assertFreeFor('ana', new URL(uri).href, taken), { code: 'address_taken', status: 403 });
    });
  }

  for (const uri of [
    'https://tools.example/mcp2',
    'https://tools.example/mc',
    'https://tools.example/other/mcp',
    'https://tools.example/ana/two',
    'https://other.example/mcp',
    'https://tools.example:9443/mcp',
  ]) {
    it(`is free where nothing of somebody else's is above or below: ${uri}`, () => {
      assert.doesNotThrow(() => assertFreeFor('ana', uri, taken));
    });
  }

  it('tells an administrator what is around it', () => {
    const { same, around } = neighboursOf('https://tools.example/mcp/mine', taken);
    assert.equal(same, false);
    assert.deepEqual(
      around.map(({ uri }) => uri),
      ['https://tools.example/mcp'],
    );
    assert.equal(neighboursOf('https://tools.example/mcp', taken).same, true);
  });
});

describe('an MCP server that is registered by its URL', () => {
  let consentry: Consentry;
  let egress: Egress;
  let kit: Awaited<ReturnType<typeof startMcpServer>>;
  let bo: { id: string; email: string };
  let deps: Parameters<typeof inspectForRegistration>[0];

  before(async () => {
    consentry = await startConsentry({ OUTBOUND_ALLOW: '127.0.0.1' });
    egress = createEgress(consentry.config);
    kit = await startMcpServer(consentry.issuer, '/team/mcp');
    bo = await addPerson(consentry.rooms, 'bo@contoso.test');
    const { database, revokedTokens, signAccessToken, issuer, now } = consentry.rooms;
    const revoke = (tokens: Parameters<typeof revokedTokens.revoke>[0]) =>
      database.apart(() => revokedTokens.revoke(tokens));
    const checks = createChecks({ fetch: egress.fetch, database, sign: signAccessToken, revoke, issuer, now });
    deps = { ...consentry.rooms, checks };
  });
  after(async () => {
    await kit.close();
    egress.close();
    await consentry.close();
  });
  beforeEach(() => kit.behave());

  const ana = () => ({ accountId: consentry.ana.id, administrator: false });
  const administrator = () => ({ accountId: bo.id, administrator: true });
  const notes = (uri = kit.uri): NewResource => {
    const words = { description: 'Read notes', sensitivity: 'low', effect: 'read' } as const;
    return { uri, name: 'Team notes', scopes: [{ name: 'notes:read', ...words, tools: ['list_notes'] }] };
  };
  const forget = () => sql(consentry, "DELETE FROM resources WHERE name = 'Team notes'");

  it('says its name, its scopes and its tools, with a weight for each to begin from', async () => {
    const scopes = ['notes:read', 'notes:delete'];
    const declaring = NOTES.map((tool, index) => ({
      ...tool,
      securitySchemes: [{ type: 'oauth2', scopes: [scopes[index]] }],
    }));
    kit.behave({ document: { resource_name: 'Team\u202e notes' }, tools: [...declaring, { name: 'export_all' }] });
    const { inspection, warnings } = await inspectForRegistration(deps, ` ${kit.uri} `, ana());
    assert.deepEqual(warnings, []);
    assert.equal(inspection.ours, true);
    assert.equal(inspection.name, 'Team notes');
    assert.deepEqual(inspection.scopes, [
      { name: 'notes:read', description: 'List notes', sensitivity: 'low', effect: 'read', tools: ['list_notes'] },
      {
        name: 'notes:delete',
        description: 'Delete a note',
        sensitivity: 'high',
        effect: 'act',
        tools: ['delete_note'],
      },
    ]);
    assert.deepEqual(inspection.unplaced, ['export_all']);
    const [event] = await sql(consentry, "SELECT * FROM audit_events WHERE type = 'resource.inspected'");
    assert.equal(event?.resource, kit.uri);
  });

  it('gets a token only if it names us for this very URL', async () => {
    for (const document of [{ authorization_servers: ['https://other.example'] }, { resource: `${kit.uri}/` }]) {
      kit.behave({ document });
      const { inspection, warnings } = await inspectForRegistration(deps, kit.uri, administrator());
      assert.deepEqual([inspection.ours, warnings], [false, ['not_ours']]);
      assert.ok(kit.seen.length > 0 && kit.seen.every(({ authorization }) => authorization === undefined));
    }
  });

  it('its tools are read without a token where it shows them to everybody', async () => {
    kit.behave({ open: true });
    const { inspection } = await inspectForRegistration(deps, kit.uri, administrator());
    assert.deepEqual(inspection.scopes[0]?.tools, ['list_notes'], 'the one that says it only reads');
    assert.deepEqual(inspection.unplaced, ['delete_note']);
    assert.ok(kit.seen.every(({ authorization }) => authorization === undefined));
  });

  it('is registered by a resource owner, who looks after it from then on', async () => {
    const { resource, clientSecret } = await registerInspected(deps, notes(), ana());
    assert.equal(resource.uri, kit.uri);
    assert.ok(clientSecret.length > 40);
    const owners = await consentry.rooms.ownerStore.list(resource.id);
    assert.deepEqual(
      owners.map(({ accountId }) => accountId),
      [consentry.ana.id],
    );
    const [event] = await sql(consentry, "SELECT * FROM audit_events WHERE type = 'resource.created'");
    assert.deepEqual(event?.details, { name: 'Team notes', byUrl: true });
    await assert.rejects(registerInspected(deps, notes(), ana()), { code: 'resource_exists' });
    await forget();
  });

  it('is refused to a resource owner whose server does not name us, whatever was looked at before (threat 106)', async () => {
    await inspectForRegistration(deps, kit.uri, ana());
    for (const document of [
      { authorization_servers: [`${consentry.issuer}/`] },
      { resource: 'https://x.example' },
      '',
    ]) {
      kit.behave({ document });
      await assert.rejects(registerInspected(deps, notes(), ana()), { code: 'not_ours', status: 403 });
    }
    kit.behave({ redirectTo: kit.uri });
    await assert.rejects(registerInspected(deps, notes(), ana()), { code: 'not_ours' });
    assert.deepEqual(await sql(consentry, "SELECT 1 FROM resources WHERE name = 'Team notes'"), []);
    kit.behave({ document: { authorization_servers: [] } });
    assert.ok(await registerInspected(deps, notes(), administrator()), 'an administrator knows better');
    await forget();
  });

  it('is refused to a resource owner above, below or at what another has, before anything is asked there (threat 106)', async () => {
    const others = await register(consentry.rooms, { ...notes(`${kit.uri}/sub`), name: 'Another' });
    for (const uri of [kit.uri, `${kit.uri}/sub`, `${kit.uri}/sub/one`, kit.origin]) {
      await assert.rejects(inspectForRegistration(deps, uri, ana()), { code: 'address_taken' }, uri);
      await assert.rejects(registerInspected(deps, notes(uri), ana()), { code: 'address_taken' }, uri);
    }
    assert.deepEqual(kit.seen, []);
    const { warnings } = await inspectForRegistration(deps, kit.uri, administrator());
    assert.deepEqual(warnings, ['around']);
    await sql(consentry, 'DELETE FROM resources WHERE uri = $1', [others.uri]);
  });

  it('of two that overlap and are registered at once one is refused (threat 106)', async () => {
    const second = await startMcpServer(consentry.issuer, '/team');
    const inside = { ...notes(`${second.origin}/team/mcp`) };
    // Both servers' words are good for the moment; only the addresses overlap.
    const isOurs = async () => true;
    let reading = 0;
    // Whoever read waits for the other to have read too, as far as the other can.
    const addressesAt: typeof deps.ownerStore.addressesAt = async (host) => {
      const found = await deps.ownerStore.addressesAt(host);
      if (!deps.database.inUnit()) return found;
      reading += 1;
      for (let tries = 0; reading < 2 && tries < 30; tries += 1) await setTimeout(10);
      return found;
    };
    const ownerStore = { ...deps.ownerStore, addressesAt };
    const trusting = { ...deps, ownerStore, checks: { ...deps.checks, isOurs } };
    const both = await Promise.allSettled([
      registerInspected(trusting, notes(second.uri), ana()),
      registerInspected(trusting, inside, { accountId: bo.id, administrator: false }),
    ]);
    assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    await second.close();
    await forget();
  });

  it('is never this authorization server itself, nor an address that would get tokens in the clear', async () => {
    for (const uri of [
      consentry.issuer,
      `${consentry.issuer}/admin/api`,
      'http://tools.example/mcp',
      'ftp://x.example',
    ])
      await assert.rejects(inspectForRegistration(deps, uri, administrator()), { code: 'invalid_resource' }, uri);
  });

  it('has owners, who become resource owners by it; each change is on record', async () => {
    const { resource } = await registerInspected(deps, notes(), administrator());
    const { rooms } = consentry;
    const owning = {
      ...rooms,
      findAccount: rooms.accountStore.findById,
      authorityOf: rooms.authority.of,
      giveOwnerRole: (account: { id: string; email: string }) => giveRole(rooms, 'resource-owner', account),
    };
    assert.equal(await addOwner(owning, resource, bo.id), true);
    assert.equal(await addOwner(owning, resource, bo.id), false);
    const { resourceOwner, resourceIds } = await rooms.authority.of(bo.id);
    assert.deepEqual([resourceOwner, resourceIds], [true, [resource.id]]);
    await assert.rejects(addOwner(owning, resource, 'nobody'), { code: 'unknown_person' });
    assert.equal(await removeOwner(owning, resource, bo.id), true);
    assert.equal(await removeOwner(owning, resource, bo.id), false);
    assert.deepEqual((await rooms.authority.of(bo.id)).resourceIds, []);
    const types = "('resource.owner_added', 'resource.owner_removed', 'role.gained')";
    const recorded = await sql(
      consentry,
      `SELECT type FROM audit_events WHERE account_id = $1 AND type IN ${types} ORDER BY seq`,
      [bo.id],
    );
    assert.deepEqual(
      recorded.map(({ type }) => type),
      ['role.gained', 'resource.owner_added', 'resource.owner_removed'],
    );
    await forget();
  });
});
