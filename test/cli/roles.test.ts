/** `consentry role …` and what MCP servers ask of people, on the command line. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { introspect, refresh } from '../flow.ts';
import { addConnection, addKnown, connect, owning, rolesOf, say } from '../roles/kit.ts';
import { startWithCommand } from './fixture.ts';

const GROUP = '7C1D7EA4-0c3c-4e1f-9d0b-3f8f6f4f8f10';

interface Made {
  mapping: string;
  changed: boolean;
  dry_run: boolean;
  gains_role: { account: string; roles: string[] }[];
  loses_role: { account: string; roles: string[] }[];
  loses_access: { account: string; scopes: string[]; resource: string }[];
}

describe('roles on the command line', () => {
  let world: Awaited<ReturnType<typeof startWithCommand>>;
  const uri = () => world.server.mail.uri;

  before(async () => {
    world = await startWithCommand();
    await addConnection(world.server, 'contoso', 'entra');
    await addConnection(world.server, 'fabrikam');
    for (const role of ['staff', 'sender']) assert.equal((await run('add', role)).code, 0);
  });
  after(() => world.server.close());

  const run = (...args: string[]) => world.consentry(['role', ...args]);
  const json = (...args: string[]) => world.consentry.json<Made>(['role', ...args]);

  async function refused(args: string[], code: number, words: RegExp): Promise<void> {
    const finished = await run(...args);
    assert.equal(finished.code, code, finished.out);
    assert.match(finished.err, words);
  }

  it('are added once, with names that a token can carry', async () => {
    await refused(['add', 'staff'], 1, /There is a role staff already/);
    await refused(['add', 'The Staff'], 2, /cannot be the name of a role/);
    const { out } = await run('list');
    assert.match(out, /ROLE +PEOPLE +MAY GRANT AT MOST +COMES WITH +DESCRIPTION/);
    assert.match(out, /owner .*Administers this server/);
  });

  it('close a server with their first word about it: a dry run says for whom, and changes nothing', async () => {
    const { server } = world;
    const held = await connect(server, server.ana, 'mail:read mail:send');
    const dry = await run('allow', 'staff', uri(), 'mail:read', '--dry-run');
    assert.match(dry.out, /could grant mail:read[\s\S]*1 person would lose access that they gave\.\n\nACCOUNT/);
    assert.match(dry.out, /ana@contoso\.test .*mail:read mail:send/);
    assert.equal((await refresh(server, held.clientId, held.refreshToken)).status, 200);
    assert.equal((await world.recorded('role.changed')).filter(({ reason }) => reason === 'ceiling_changed').length, 0);
    const { changed, loses_access: lost } = await json('allow', 'staff', uri(), 'mail:read');
    assert.equal(changed, true);
    assert.deepEqual(
      lost.map(({ account, scopes }) => [account, ...scopes]),
      [['ana@contoso.test', 'mail:read', 'mail:send']],
    );
    assert.equal((await introspect(server, held.accessToken)).body.active, false);
    const [event] = (await world.recorded('role.changed')).filter(({ reason }) => reason === 'ceiling_changed');
    assert.deepEqual([event?.resource, event?.scopes], [uri(), ['mail:read']]);
    assert.equal((await json('allow', 'staff', uri(), 'mail:read')).changed, false);
    await refused(['allow', 'staff', uri(), 'mail:fly'], 2, /has no scope mail:fly; it has mail:read/);
    await refused(['allow', 'staff', 'https://nowhere.example', 'mail:read'], 1, /There is no MCP server/);
    await refused(['allow', 'stuff', uri(), 'mail:read'], 1, /There is no role stuff/);
  });

  it('never open a server by being tidied up', async () => {
    await refused(['disallow', 'staff', uri(), '--all'], 1, /everybody could grant everything there\. Say --open/);
    await refused(['remove', 'staff'], 1, /everybody could grant everything there\. Say --open/);
    await refused(['disallow', 'staff', uri()], 2, /Name the scopes to take away, or say --all/);
    assert.equal((await json('disallow', 'staff', uri(), 'mail:read')).changed, true);
    const { out } = await run('show', 'staff');
    assert.match(out, /mail +nothing/, 'nothing is left, and that is what is allowed');
    assert.match((await run('disallow', 'staff', uri(), '--all', '--open', '--dry-run')).out, /would say nothing more/);
    await json('allow', 'staff', uri(), 'mail:read');
  });

  it('are given to one person and taken again', async () => {
    const { server } = world;
    await json('allow', 'sender', uri(), 'mail:send');
    const who = server.ana.email;
    assert.deepEqual((await json('give', 'sender', who)).gains_role, [{ account: who, roles: ['sender'] }]);
    assert.equal((await json('give', 'sender', server.ana.id)).changed, false);
    const held = await connect(server, server.ana, 'mail:send');
    const dry = await json('take', 'sender', who, '--dry-run');
    assert.deepEqual([dry.dry_run, dry.loses_role.length, dry.loses_access.length], [true, 1, 1]);
    assert.deepEqual(await rolesOf(server, server.ana.id), ['sender by administrator']);
    assert.match((await run('take', 'sender', who)).out, /1 person loses a role\.\n1 person loses access/);
    assert.equal((await refresh(server, held.clientId, held.refreshToken)).body.error, 'invalid_grant');
    await refused(['give', 'sender', 'nobody@contoso.test'], 1, /Nobody here signs in as nobody@contoso\.test/);
  });

  it('come with what one connection says: a role value or an object id, never a name', async () => {
    const { server } = world;
    const member = await addKnown(server, { groups: [GROUP.toLowerCase()] });
    await refused(['map', 'staff', '--connection', 'contoso', '--group', 'All Staff'], 2, /is no object id: copy it/);
    await refused(['map', 'staff', '--connection', 'contoso'], 2, /Say one of --app-role, --group and --scim-group/);
    const early = await run('map', 'nobody', '--connection', 'fabrikam', '--group', 'x');
    assert.deepEqual([early.code, /note:/.test(early.err)], [1, false], 'no advice for what is not done');
    await refused(['map', 'staff', '--connection', 'nowhere', '--app-role', 'x'], 1, /There is no connection nowhere/);
    await refused(['map', 'staff', '--connection', 'contoso', '--scim-group', 'x'], 1, /has sent no group x/);
    await refused(
      ['map', 'staff', '--connection', 'fabrikam', '--app-role', ' x'],
      2,
      /exactly as the provider sends it/,
    );
    const dry = await json('map', 'staff', '--connection', 'contoso', '--group', GROUP, '--dry-run');
    assert.deepEqual(dry.gains_role, [{ account: member.email, roles: ['staff'] }]);
    assert.deepEqual(await rolesOf(server, member.id), []);
    const unread = await run('map', 'staff', '--connection', 'fabrikam', '--app-role', 'x', '--dry-run');
    assert.match(unread.err, /note: fabrikam is not asked for that yet: .*--roles-claim/);
    const { mapping } = await json('map', 'staff', '--connection', 'contoso', '--group', GROUP);
    assert.deepEqual(await rolesOf(server, member.id), ['staff by contoso']);
    assert.equal((await json('map', 'staff', '--connection', 'contoso', '--group', GROUP)).changed, false);
    assert.match((await run('show', 'staff')).out, new RegExp(`${mapping} +contoso +group +${GROUP.toLowerCase()}`));
    await refused(['take', 'staff', member.email], 1, /has the role staff by the connection contoso/);

    const held = await connect(server, member, 'mail:read');
    const { loses_role: losing, loses_access: lost } = await json('unmap', mapping, '--dry-run');
    assert.deepEqual([losing.length, lost.length], [1, 1]);
    assert.equal((await refresh(server, held.clientId, held.refreshToken)).status, 200);
    assert.match((await run('unmap', mapping)).out, /1 person loses a role/);
    assert.deepEqual(await rolesOf(server, member.id), []);
    assert.equal((await introspect(server, held.accessToken)).body.active, false);
    await refused(['unmap', mapping], 1, /There is no mapping/);
  });

  it('make owners only where that is said, which is recorded', async () => {
    const { server } = world;
    const admin = await addKnown(server, { appRoles: ['Admin'] });
    const args = ['map', 'owner', '--connection', 'contoso', '--app-role', 'Admin'];
    await refused(args, 1, /would decide who administers this server\. Say --make-owners/);
    const { mapping } = await json(...args, '--make-owners');
    assert.equal(await owning(server, admin.id), 'owner by contoso');
    assert.deepEqual(
      (await world.recorded('role.changed')).filter(({ reason }) => reason === 'mapped_to_owner').length,
      1,
    );
    await json('give', 'owner', server.ana.email);
    await say(server, admin.id, []);
    await json('unmap', mapping);
    assert.equal(await owning(server, admin.id), 'user');
    assert.match((await run('show', 'owner')).out, new RegExp(`${server.ana.email} .*administrator`));
    await refused(['take', 'owner', server.ana.email], 1, /is the last owner/);
    await refused(['remove', 'owner'], 1, /owner is built in/);
  });

  it('are removed with all that they gave', async () => {
    const { server } = world;
    await json('give', 'sender', server.ana.email);
    const held = await connect(server, server.ana, 'mail:send');
    const { loses_role: losing, loses_access: lost } = await json('remove', 'sender');
    assert.deepEqual([losing.length, lost.length], [1, 1]);
    assert.equal((await refresh(server, held.clientId, held.refreshToken)).body.error, 'invalid_grant');
    await refused(['show', 'sender'], 1, /There is no role sender/);
  });

  it('and what a server asks of people: claims of tokens, staleness, connections', async () => {
    const resource = (...args: string[]) => world.consentry(['resource', ...args]);
    const update = (...args: string[]) => resource('update', uri(), ...args);
    const made = await update('--token-claims', 'roles,oid', '--staleness-minutes', '0', '--connection', 'contoso');
    assert.match(made.out, /Tokens say of a person: oid, roles; before: nothing more/);
    assert.match(made.out, /refresh for 0 minutes instead of 60 minutes/);
    assert.match(made.out, /It accepts contoso; before: everybody/);
    assert.match(
      (await resource('show', uri())).out,
      /token claims +oid, roles\n +staleness +0 minutes\n +people of +contoso/,
    );
    const listed = await world.consentry.json<Record<string, unknown>[]>(['resource', 'list']);
    const { token_claims, staleness_minutes, connections } = listed[0] ?? {};
    assert.deepEqual(
      { token_claims, staleness_minutes, connections },
      {
        token_claims: ['oid', 'roles'],
        staleness_minutes: 0,
        connections: ['contoso'],
      },
    );
    const [event] = (await world.recorded('resource.updated')).slice(-1);
    assert.deepEqual(event?.details, {
      ...{ tokenClaimsBefore: [], tokenClaims: ['oid', 'roles'], stalenessMinutesBefore: 60, stalenessMinutes: 0 },
      ...{ connectionIdsBefore: [], connectionIds: ['contoso'] },
    });
    assert.match((await update('--connection', 'nowhere')).err, /There is no connection nowhere/);
    assert.match((await update('--token-claims', 'sub')).err, /sub is not among oid, tid, email, roles/);
    assert.match((await update('--staleness-minutes', '1441')).err, /0 to 1440/);
    await update('--token-claims', 'none', '--staleness-minutes', '60', '--connection', 'any');
    const description = JSON.stringify({ ...listed[0], connections: ['fabrikam'] });
    const file = await world.consentry(['resource', 'update', uri(), '--from-file', '-'], description);
    assert.match(file.out, /It accepts fabrikam; before: everybody/);
  });
});
