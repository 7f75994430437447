/** Connections in the dashboard: how each does in words, a trial, and what an owner changes, adds and ends. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { changeConnection } from '../../src/connections.ts';
import {
  CLIENT,
  type ConnectionWorld,
  pemFiles,
  REGISTERED,
  startConnectionWorld,
  TENANT,
} from '../cli/connection-kit.ts';
import { addPerson, type Consentry, sql } from '../harness.ts';
import type { Step } from '../person.ts';
import { arrive, type Colleague, recorded, watch } from './kit.ts';

const XSS = '<img src=x onerror=alert(1)>';
const SECRET = 'a-secret-8Q~that-nobody-shows';

describe('the pages of connections', () => {
  let world: ConnectionWorld;
  let consentry: Consentry;
  let owner: Colleague;
  let pem: Awaited<ReturnType<typeof pemFiles>>;
  before(async () => {
    world = await startConnectionWorld();
    consentry = world.server;
    await world.addOidc();
    pem = await pemFiles(world);
    owner = await arrive(consentry, 'owner');
    // Passwords go off below, and this one goes on.
    await sql(consentry, 'UPDATE accounts SET break_glass = true WHERE id = $1', [owner.id]);
  });
  after(() => world?.close());

  const at = (path = '') => `${consentry.issuer}/admin/connections${path}`;
  const open = (path = '', who = owner) => who.browser.open(at(path));
  const press = (page: Step, path: string, fields: Record<string, string | string[]> = {}, who = owner) =>
    who.browser.submit(page, fields, { action: `/admin/connections${path}` });
  const stored = (id: string) => consentry.rooms.connectionStore.find(id);
  const idIn = ({ url }: Step) => url.split('/').at(-1) ?? '';

  async function addEntra(name: string): Promise<string> {
    const form = await open('/add/entra');
    const fields = { name, tenants: TENANT, clientId: CLIENT, clientSecret: SECRET, secretExpires: '2099-01-01' };
    const done = await press(form, '/add/entra', fields);
    assert.match(done.html, /The connection is made/);
    return idIn(done);
  }

  /** Somebody who has come by it. */
  async function addTo(connectionId: string, email: string): Promise<string> {
    const { id } = await addPerson(consentry.rooms, email);
    const text = `INSERT INTO identities (connection_id, issuer, subject, account_id, last_sign_in_at) VALUES ($1, 'i', $2, $2, now())`;
    await sql(consentry, text, [connectionId, id]);
    return id;
  }

  it('tell how each does, and what the provider’s code means', async () => {
    const id = await addEntra('Contoso AD');
    const words =
      'misconfigured: token (401): invalid_client: AADSTS7000222: The provided client secret keys are expired';
    await consentry.rooms.connectionStore.noteOutcome(id, `${words} ${XSS}`);
    const list = await open();
    assert.match(list.html, /Contoso AD[\s\S]*Fails/);
    const page = await open(`/${id}`);
    assert.match(page.html, /The client secret has expired\. Make a new one under Certificates/);
    assert.match(page.html, /The provider does not know us, or not as we are set up here/);
    assert.match(page.html, /The provider said: <bdi>“token \(401\): invalid_client: AADSTS7000222/);
    assert.doesNotMatch(page.html, /<img src=x/);
    assert.match(page.html, /days left/);
    assert.ok(page.html.includes(`${consentry.issuer}/federation/${id}/callback`));
    assert.ok(!page.html.includes(SECRET));
    const japanese = await owner.browser.open(at(`/${id}`), { headers: { 'accept-language': 'ja' } });
    assert.match(japanese.html, /シークレットの期限が切れています/);
  });

  for (const role of ['admin', 'auditor'] as const) {
    it(`are read by an ${role}, who changes nothing`, async () => {
      const colleague = await arrive(consentry, role);
      const page = await open(`/${REGISTERED}`, colleague);
      assert.equal(page.status, 200);
      assert.doesNotMatch(page.html, /\/(change|remove|tokens)"/);
      assert.equal(page.html.includes(`/admin/connections/${REGISTERED}/test`), role === 'admin');
      for (const path of [
        '/add',
        '/add/oidc',
        `/${REGISTERED}/change`,
        `/${REGISTERED}/remove`,
        `/${REGISTERED}/tokens`,
      ])
        assert.equal((await open(path, colleague)).status, 403, path);
      const csrf = /name="csrf" value="([^"]+)"/.exec(page.html)?.[1] ?? '';
      const headers = { origin: consentry.issuer, 'content-type': 'application/x-www-form-urlencoded' };
      const acts = [
        `/${REGISTERED}/change`,
        `/${REGISTERED}/remove`,
        `/${REGISTERED}/tokens`,
        `/${REGISTERED}/confirm`,
      ];
      if (role === 'auditor') acts.push(`/${REGISTERED}/test`);
      for (const path of acts) {
        const body = new URLSearchParams({ csrf, name: 'Taken', expected: '0' });
        assert.equal((await colleague.browser.send(at(path), { method: 'POST', headers, body })).status, 403, path);
      }
      assert.notEqual((await stored(REGISTERED))?.name, 'Taken');
    });
  }

  it('test one step by step, in words, and leave nothing but a line in the record', async () => {
    const page = await open(`/${REGISTERED}`);
    const tested = await watch(owner, press(page, `/${REGISTERED}/test`));
    assert.equal(tested.status, 200);
    assert.match(tested.html, /Whether the provider knows us[\s\S]*the provider accepts client ID and credential/);
    assert.match(tested.html, /Whether it sends people back to us/);
    const [event] = await recorded(consentry, 'connection.tested');
    assert.deepEqual(
      [event?.actor, event?.details.connection, event?.details.failed],
      [`account:${owner.id}`, REGISTERED, []],
    );
    const { settings, ...rest } = world.upstream.record('unknown-there');
    await world.addOidc('unknown-there', { ...rest, name: 'Unknown', settings: { ...settings, clientId: 'nobody' } });
    const failed = await watch(owner, press(await open('/unknown-there'), '/unknown-there/test'));
    assert.match(failed.html, /Something is wrong: 1 of \d+ steps/);
    assert.match(failed.html, /the provider does not know us/);
    const inJapanese = await owner.browser.open(failed.url, { headers: { 'accept-language': 'ja' } });
    assert.match(inJapanese.html, /プロバイダーはこのサーバーを認識していません：<bdi>「invalid_client/);
    assert.match(inJapanese.html, /照らし合わせてください/);
    assert.doesNotMatch(inJapanese.html, /the provider|Compare client ID|answers</);
    await consentry.rooms.connectionStore.remove('unknown-there');
  });

  it('change name, who may come, and the way in, with what was before in the record', async () => {
    const id = await addEntra('Fabrikam');
    const form = await open(`/${id}/change`);
    const wanted = { name: 'Fabrikam AG', provisioning: 'scim', exclusive: 'yes' };
    const risky = await press(form, `/${id}/change`, wanted);
    assert.equal(risky.status, 409);
    assert.match(risky.html, /nobody has signed in by this connection yet/);
    assert.equal((await stored(id))?.exclusive, false);
    const done = await press(risky, `/${id}/change`, { ...wanted, despiteRisks: 'yes' });
    assert.match(done.html, /The connection is changed/);
    assert.match(done.html, /there may be no way in/);
    assert.doesNotMatch(done.html, /No owner could sign in/);
    const after = await stored(id);
    assert.deepEqual([after?.name, after?.provisioning, after?.exclusive], ['Fabrikam AG', 'scim', true]);
    assert.equal(
      (await consentry.rooms.connectionStore.findSecrets(id)).clientSecret,
      SECRET,
      'what was left empty stays',
    );
    const [event] = await recorded(consentry, 'connection.updated');
    assert.equal(event?.actor, `account:${owner.id}`);
    assert.deepEqual(event?.details.changed, ['name', 'exclusive', 'provisioning']);
    assert.deepEqual([event?.details.nameBefore, event?.details.name], ['Fabrikam', 'Fabrikam AG']);
    await press(await open(`/${id}/change`), `/${id}/change`, { exclusive: [] });
    assert.equal((await stored(id))?.exclusive, false);
    await addTo(id, 'first@contoso.test');
    await sql(consentry, 'UPDATE accounts SET break_glass = false');
    const shutOut = await press(await open(`/${id}/change`), `/${id}/change`, { exclusive: 'yes' });
    assert.equal(shutOut.status, 409, 'no owner could get in while the provider is away');
    await sql(consentry, 'UPDATE accounts SET break_glass = true WHERE id = $1', [owner.id]);
    assert.equal((await press(shutOut, `/${id}/change`, { exclusive: 'yes' })).status, 200);
    assert.equal((await stored(id))?.exclusive, true);
    await press(await open(`/${id}/change`), `/${id}/change`, { exclusive: [] });
    const taken = await press(await open(`/${id}/change`), `/${id}/change`, { name: 'contoso' });
    assert.equal(taken.status, 409);
    assert.match(taken.html, /There is a connection of this name already/);
  });

  it('say after a test what to do in the form that does it, and it does', async () => {
    const { settings, ...rest } = world.upstream.record('leavers-there');
    await world.addOidc('leavers-there', { ...rest, name: 'Leavers', settings });
    const tested = await watch(owner, press(await open('/leavers-there'), '/leavers-there/test'));
    assert.match(tested.html, /Could be better[\s\S]*tick “Notice leavers by a refresh token” under “Change…”/);
    assert.doesNotMatch(tested.html, /&lt;id&gt;|connection update/);
    await press(await open('/leavers-there/change'), '/leavers-there/change', { offlineAccess: 'yes' });
    const [event] = await recorded(consentry, 'connection.updated');
    assert.deepEqual(event?.details.changed, ['offlineAccess']);
    const again = await watch(owner, press(await open('/leavers-there'), '/leavers-there/test'));
    assert.doesNotMatch(again.html, /Notice leavers/);
    await press(await open('/leavers-there/change'), '/leavers-there/change', { name: 'Leavers of ours' });
    assert.equal((await open('/leavers-there/change')).html.includes('name="offlineAccess" value="yes" checked'), true);
    await consentry.rooms.connectionStore.remove('leavers-there');
  });

  it('take a new secret or certificate, and show none again', async () => {
    const id = await addEntra('Northwind');
    const form = await open(`/${id}/change`);
    const late = await press(form, `/${id}/change`, { clientSecret: 'another-8Q~secret', secretExpires: '2020-01-01' });
    assert.equal(late.status, 400);
    assert.match(late.html, /a day to come/);
    assert.ok(!late.html.includes('another-8Q~secret'));
    const done = await press(form, `/${id}/change`, { clientSecret: 'another-8Q~secret', secretExpires: '2031-05-01' });
    assert.equal(done.status, 200, /<main[\s\S]*?<form/.exec(done.html)?.[0]);
    assert.equal((await consentry.rooms.connectionStore.findSecrets(id)).clientSecret, 'another-8Q~secret');
    assert.equal((await stored(id))?.credentialEndsAt?.toISOString().slice(0, 10), '2031-05-01');
    const certificate = await readFile(pem.a, 'utf8');
    const certified = await press(form, `/${id}/change`, { pem: certificate });
    assert.equal(certified.status, 200);
    assert.match(certified.html, /Thumbprint/);
    assert.equal((await stored(id))?.settings.authentication, 'certificate');
    const shared = await open('/add/entra');
    const fields = { name: 'Copy', tenants: TENANT, clientId: CLIENT, pem: certificate };
    const collided = await press(shared, '/add/entra', fields);
    assert.equal(collided.status, 409);
    assert.match(collided.html, /Each connection needs a key of its own/);
    assert.ok(!collided.html.includes('PRIVATE KEY'));
  });

  it('add an OpenID provider under its own name alone, and say what is wrong beside what was typed', async () => {
    const { settings } = world.upstream.record('x');
    assert.ok('issuer' in settings);
    const form = await open('/add/oidc');
    for (const [fields, words] of [
      [{ issuer: 'ftp://x' }, /Issuer<\/strong><\/a>: Write the https address/],
      [{ clientSecret: '' }, /Proof of who we are is missing/],
      [{ name: '' }, /Name<\/strong><\/a>: Write what people will read/],
      [{ issuer: `${settings.issuer}/elsewhere` }, /./],
    ] as const) {
      const all = {
        name: XSS,
        issuer: settings.issuer,
        clientId: 'consentry',
        clientSecret: 'typed-secret',
        ...fields,
      };
      const page = await press(form, '/add/oidc', all);
      if (page.status === 200) continue;
      assert.match(page.html, words);
      assert.doesNotMatch(page.html, /<img src=x|typed-secret/);
      assert.match(page.html, /value="consentry"/);
    }
    const done = await press(form, '/add/oidc', {
      ...{ name: 'Keycloak', issuer: settings.issuer, clientId: settings.clientId },
      clientSecret: String(world.upstream.secrets.clientSecret),
    });
    assert.match(done.html, /The connection is made/);
    assert.match(done.html, /backchannel-logout/);
    const [event] = await recorded(consentry, 'connection.added');
    assert.deepEqual([event?.actor, event?.details.issuer], [`account:${owner.id}`, settings.issuer]);
  });

  it('remove one for good, after the number of people was seen that still holds', async () => {
    const id = await addEntra('Leavers');
    const accountId = await addTo(id, 'leaver@contoso.test');
    const page = await open(`/${id}/remove`);
    assert.match(page.html, /<strong>1<\/strong> person signs in by it/);
    await addTo(id, 'second@contoso.test');
    const stale = await press(page, `/${id}/remove`);
    assert.equal(stale.status, 409);
    assert.match(stale.html, /<strong>2<\/strong> people sign in by it/);
    assert.equal((await stored(id))?.removedAt, undefined);
    const done = await press(stale, `/${id}/remove`);
    assert.match(done.html, /what 2 people had here ended/);
    assert.ok((await stored(id))?.removedAt);
    assert.equal((await open(`/${id}`)).status, 404);
    const [event] = await recorded(consentry, 'connection.removed');
    assert.deepEqual([event?.details.connection, event?.details.people], [id, 2]);
    const ended = await recorded(consentry, 'account.access_ended');
    assert.ok(ended.some((one) => one.account_id === accountId));
  });

  it('let people come again once somebody confirms that the directory is the same', async () => {
    const id = await addEntra('Moved');
    await addTo(id, 'moved@contoso.test');
    const before = (await stored(id)) ?? assert.fail();
    const settings = { ...before.settings, cloud: 'usgov' } as typeof before.settings;
    await changeConnection(consentry.rooms, before, { settings } as never);
    const page = await open(`/${id}`);
    assert.match(page.html, /1 known person cannot come by it/);
    const done = await press(page, `/${id}/confirm`);
    assert.match(done.html, /may come again/);
  });

  it('show a directory token once, two at most, and end one at once', async () => {
    const id = await addEntra('Directory');
    const form = await open(`/${id}/tokens`);
    const made = await press(form, `/${id}/tokens`, { days: '30' });
    const token = /consentry_scim_[\w-]+/.exec(made.html)?.[0] ?? assert.fail(made.html);
    const ask = async () =>
      (await fetch(`${consentry.issuer}/scim/v2/Users`, { headers: { authorization: `Bearer ${token}` } })).status;
    assert.equal(await ask(), 200);
    const page = await open(`/${id}`);
    assert.ok(!page.html.includes(token));
    await press(form, `/${id}/tokens`, { days: '' });
    const third = await press(form, `/${id}/tokens`);
    assert.equal(third.status, 409);
    assert.match(third.html, /Two tokens are valid already/);
    const [oldest] = (await consentry.rooms.scimTokens.list(id)).slice(-1);
    const wrong = await press(await open(`/${REGISTERED}/tokens/${oldest?.id}`), `/${REGISTERED}/tokens/${oldest?.id}`);
    assert.equal(wrong.status, 404);
    assert.equal(await ask(), 200);
    const done = await press(await open(`/${id}/tokens/${oldest?.id}`), `/${id}/tokens/${oldest?.id}`);
    assert.match(done.html, /The token ended/);
    assert.equal(await ask(), 401);
    assert.equal((await recorded(consentry, 'scim.token_revoked'))[0]?.actor, `account:${owner.id}`);
  });

  it('leave what comes from a file as it is, and say why', async () => {
    await world.addOidc('from-a-file', { origin: 'configuration', name: 'From a file' });
    const page = await open('/from-a-file');
    assert.match(page.html, /change it there, and start again/);
    assert.doesNotMatch(page.html, /\/(change|remove)"/);
    const form = await open(`/${REGISTERED}/change`);
    const changed = await press(form, '/from-a-file/change', { name: 'Mine' }).catch(() => undefined);
    assert.notEqual(changed?.status, 200);
    assert.equal((await stored('from-a-file'))?.name, 'From a file');
    const removed = await owner.browser.send(at('/from-a-file/remove'), {
      method: 'POST',
      headers: { origin: consentry.issuer, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ expected: '0', csrf: /name="csrf" value="([^"]+)"/.exec(form.html)?.[1] ?? '' }),
    });
    assert.equal(removed.status, 409);
    assert.equal((await stored('from-a-file'))?.removedAt, undefined);
  });
});
