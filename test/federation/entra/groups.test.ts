/** Groups of a person of Entra ID: in the token, or from Graph; what cannot be read is never "none" (F15, F16, F20). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { CONTOSO } from '../../fakes/entra/directory.ts';
import { checked, type Entra, groupsOf, outcome, refusal, signIn, startEntra } from './kit.ts';

const MAPPED = { groups: 'mapped' } as const;

describe('the groups of a person of Entra ID', () => {
  let entra: Entra;
  before(async () => {
    entra = await startEntra();
  });
  beforeEach(() => {
    entra.reset();
    entra.app.groupsClaim = true;
    entra.fake.requests.length = 0;
  });
  after(() => entra?.close());

  const asked = () => entra.fake.requests.filter((line) => line.includes('getMemberObjects'));

  it('groups are not asked for where nothing is mapped to them', async () => {
    entra.ana.groups = groupsOf(300);
    assert.equal((await signIn(entra, entra.connect())).groups, undefined);
    assert.deepEqual(asked(), []);
  });

  it('groups that the token has room for are read from it', async () => {
    entra.ana.groups = groupsOf(200);
    assert.deepEqual((await signIn(entra, entra.connect(MAPPED))).groups, entra.ana.groups);
    assert.deepEqual(asked(), []);
  });

  it('too many for the token: Graph is asked at its own address, whatever address the token names (F15)', async () => {
    entra.ana.groups = groupsOf(201);
    for (const overageAs of ['claim_names', 'hasgroups'] as const) {
      entra.fake.behaviour.overageAs = overageAs;
      entra.fake.requests.length = 0;
      assert.deepEqual((await signIn(entra, entra.connect(MAPPED))).groups, entra.ana.groups);
      assert.deepEqual(asked(), ['POST graph.microsoft.com/v1.0/me/getMemberObjects']);
    }
    // Some of them beside the sign that there are more are not all of them.
    entra.fake.behaviour.alter = (claims) => ({ ...claims, groups: groupsOf(1) });
    assert.deepEqual((await signIn(entra, entra.connect(MAPPED))).groups, entra.ana.groups);
  });

  it('absent groups are not "no groups": Graph is asked, and its empty list is the answer (F15)', async () => {
    assert.deepEqual((await signIn(entra, entra.connect(MAPPED))).groups, []);
    entra.app.groupsClaim = false;
    entra.ana.groups = groupsOf(3);
    assert.deepEqual((await signIn(entra, entra.connect(MAPPED))).groups, entra.ana.groups);
    assert.equal(asked().length, 2);
  });

  it('all pages are read, each from Graph itself (F16)', async () => {
    entra.ana.groups = groupsOf(1_234);
    entra.fake.behaviour.graph = { pageSize: 100 };
    assert.deepEqual((await signIn(entra, entra.connect(MAPPED))).groups, entra.ana.groups);
    assert.equal(asked().length, 13);
  });

  it('a next page on another host is not fetched, and one without end is given up (F16)', async () => {
    entra.ana.groups = groupsOf(300);
    for (const next of [
      'https://graph.evil.test/v1.0/me',
      'http://graph.microsoft.com/v1.0/me',
      'https://graph.microsoft.com/v1.0/me/getMemberObjects?$skiptoken=0',
    ]) {
      entra.fake.behaviour.graph = { alter: (page) => ({ ...page, '@odata.nextLink': next }) };
      assert.equal(await outcome(signIn(entra, entra.connect(MAPPED))), 'failed: misconfigured', next);
    }
    assert.ok(asked().length < 60, String(asked().length));
  });

  it('Graph that is throttled, refuses, fails or answers something else denies the sign-in (F16)', async () => {
    entra.ana.groups = groupsOf(300);
    const outcomes = {
      429: 'unavailable: throttled',
      500: 'unavailable: throttled',
      503: 'unavailable: throttled',
      403: 'failed: misconfigured',
      401: 'failed: misconfigured',
      302: 'failed: misconfigured',
    };
    for (const [status, expected] of Object.entries(outcomes)) {
      entra.fake.behaviour.graph = { status: Number(status) };
      assert.equal(await outcome(signIn(entra, entra.connect(MAPPED))), expected, status);
    }
    for (const value of [undefined, 'Admins', ['Admins'], [null], {}]) {
      entra.fake.behaviour.graph = { alter: (page) => ({ ...page, value }) };
      assert.equal(await outcome(signIn(entra, entra.connect(MAPPED))), 'failed: misconfigured', JSON.stringify(value));
    }
  });

  it('at a check too: groups that cannot be read leave it open, and are never none (F16)', async () => {
    entra.ana.groups = groupsOf(300);
    const connection = entra.connect(MAPPED);
    const said = checked(await signIn(entra, connection));
    entra.fake.behaviour.graph = { status: 429 };
    const throttled = await connection.check(said);
    assert.equal(throttled.state, 'unreachable');
    entra.fake.behaviour.graph = { status: 403 };
    const forbidden = await connection.check(said);
    assert.ok(forbidden.state === 'unreachable');
    assert.deepEqual([forbidden.alarm, forbidden.answered], ['groups_unreadable', true]);
    assert.ok(forbidden.refreshToken, 'the one before may be spent by now');
    entra.fake.behaviour.graph = {};
    entra.ana.groups = groupsOf(2);
    const alive = await connection.check(said);
    assert.ok(alive.state === 'alive');
    assert.deepEqual(alive.groups, groupsOf(2));
  });

  it('group names are not taken for groups: anybody may make one of the same name', async () => {
    for (const groups of [['Admins'], 'Admins', [groupsOf(1)[0], 'Admins'], { 0: 'Admins' }]) {
      entra.fake.behaviour.alter = (claims) => ({ ...claims, groups });
      const { failure, alarm } = await refusal(signIn(entra, entra.connect(MAPPED)));
      assert.deepEqual([failure, alarm], ['failed', 'groups_not_ids']);
    }
  });

  it('the one permission that Graph needs is asked for by its full name, and no more than that (F20)', async () => {
    entra.ana.groups = groupsOf(300);
    await signIn(entra, entra.connect(MAPPED));
    const { authorizations, tokenRequests } = entra.fake;
    const scope = 'openid profile email offline_access https://graph.microsoft.com/User.Read';
    assert.equal(authorizations.at(-1)?.get('scope'), scope);
    assert.equal(tokenRequests.at(-1)?.get('scope'), null);
    entra.app.permissions.clear();
    assert.equal(await outcome(signIn(entra, entra.connect(MAPPED))), 'denied: admin_consent');
  });

  it('each cloud has a Graph of its own (F35)', async () => {
    entra.ana.groups = groupsOf(300);
    const graphs = { usgov: 'graph.microsoft.us', china: 'microsoftgraph.chinacloudapi.cn' } as const;
    for (const [cloud, host] of Object.entries(graphs) as [keyof typeof graphs, string][]) {
      entra.fake.requests.length = 0;
      const said = await signIn(entra, entra.connect({ ...MAPPED, cloud, tenants: [CONTOSO] }));
      assert.equal(said.groups?.length, 300);
      assert.deepEqual(asked(), [`POST ${host}/v1.0/me/getMemberObjects`]);
    }
    // Where metadata names one that is not of this cloud, it is not believed.
    entra.fake.behaviour.alterMetadata = (metadata) => ({ ...metadata, msgraph_host: 'graph.evil.test' });
    entra.fake.requests.length = 0;
    assert.equal((await signIn(entra, entra.connect(MAPPED))).groups?.length, 300);
    assert.deepEqual(asked(), ['POST graph.microsoft.com/v1.0/me/getMemberObjects']);
  });
});
