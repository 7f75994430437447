/** Connections as they are stored: read anew, and nobody comes by what one was before. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type ConnectionWorld, startConnectionWorld } from '../cli/connection-kit.ts';
import { startUpstream, type Upstream } from '../fakes/upstream.ts';
import { refresh, registerClient } from '../flow.ts';
import { sql } from '../harness.ts';
import { isConnectPage, isConsentPage, words } from '../interaction/kit.ts';
import { createPerson } from '../person.ts';
import { atUpstream, begin, connectUpstream, type Federated, press, signInUpstream } from './kit.ts';

let world: ConnectionWorld;
let federated: Federated;
let clientId = '';
before(async () => {
  world = await startConnectionWorld();
  clientId = (await registerClient(world.server.issuer)).client_id;
  federated = { consentry: world.server, upstream: world.upstream, clock: { ahead: 0 } } as Federated;
});
after(async () => {
  await world?.close();
});
beforeEach(async () => {
  world.upstream.behaviour.down = false;
  await sql(world.server, 'DELETE FROM identities');
  await sql(world.server, 'DELETE FROM connections');
  world.reread();
});

const newPerson = () => createPerson(world.server.issuer);
const accountsOf = async () =>
  (await sql<{ account_id: string }>(world.server, 'SELECT account_id FROM identities')).map((row) => row.account_id);

describe('a stored connection', () => {
  it('signs people in as soon as it is there, and notes that it works', async () => {
    await world.addOidc();
    await connectUpstream(federated, newPerson(), clientId);
    const record = await world.server.rooms.connectionStore.find('contoso');
    assert.ok(record?.lastSuccessAt);
    assert.equal(record.lastFailure, undefined);
  });

  it('whose provider is away at the start and at the press keeps nobody else from anything, and says why', async () => {
    world.upstream.behaviour.down = true;
    await world.addOidc();
    assert.equal((await fetch(`${world.server.issuer}/jwks`)).status, 200);
    const person = newPerson();
    const page = await begin(federated, person, clientId);
    const failed = await person.submit(page, { connection: 'contoso' });
    assert.equal(failed.status, 503, words(failed));
    const record = await world.server.rooms.connectionStore.find('contoso');
    assert.match(record?.lastFailure ?? '', /^unavailable: .*503/);
    const { consentry } = world;
    assert.match((await consentry(['connection', 'list'])).out, /failing since/);
  });

  it('that was removed lets nobody in, also whoever is at the provider just then; what came by it ends', async () => {
    await world.addOidc();
    const tokens = await connectUpstream(federated, newPerson(), clientId);
    const late = newPerson();
    const back = await atUpstream(federated, await press(late, await begin(federated, late, clientId)));
    assert.match(
      (await world.consentry(['connection', 'remove', 'contoso', '--dry-run'])).out,
      /by which 1 person signs in/,
    );
    const { body } = await refresh(world.server, clientId, tokens.refreshToken);
    assert.ok(body.refresh_token);
    const { out, code } = await world.consentry(['connection', 'remove', 'contoso']);
    assert.equal(code, 0);
    assert.match(out, /1 person signs in: what they had here has ended/);
    const refused = await late.open(back.href);
    assert.ok(refused.status >= 400 && !isConsentPage(refused), `${refused.status} ${words(refused)}`);
    assert.equal((await refresh(world.server, clientId, body.refresh_token)).body.error, 'invalid_grant');
    const events = (await world.recorded('connection.removed')).map(({ details }) => details);
    assert.deepEqual(events.at(-1), { connection: 'contoso', kind: 'oidc', name: 'Contoso', people: 1 });
    const [row] = await world.prisma.connection.findMany();
    assert.equal(row?.secrets, null);
    assert.equal(await world.addOidc(), false, 'the id was used again');
  });

  it('that is removed again forgets also what a sign-in left that raced the first time, and what it said of people', async () => {
    await world.addOidc();
    await connectUpstream(federated, newPerson(), clientId);
    assert.equal((await world.consentry(['connection', 'remove', 'contoso'])).code, 0);
    await sql(
      world.server,
      "UPDATE identities SET refresh_token = 'late', app_roles = ARRAY['Staff'], groups = ARRAY['one']",
    );
    const { code, out } = await world.consentry(['connection', 'remove', 'contoso']);
    assert.equal(code, 0);
    assert.match(out, /was removed before/);
    assert.deepEqual(await sql(world.server, 'SELECT refresh_token, app_roles, groups FROM identities'), [
      { refresh_token: null, app_roles: [], groups: [] },
    ]);
  });

  it('that was changed while somebody was at the provider takes their answer no more', async () => {
    await world.addOidc();
    const person = newPerson();
    const back = await atUpstream(federated, await press(person, await begin(federated, person, clientId)));
    assert.equal((await world.consentry(['connection', 'update', 'contoso', '--provisioning', 'scim'])).code, 0);
    const refused = await person.open(back.href);
    assert.ok(refused.status >= 400, words(refused));
    assert.deepEqual(await accountsOf(), []);
  });
});

describe('another issuer (threat 81)', () => {
  let other: Upstream;
  before(async () => {
    other = await startUpstream(['/federation/contoso/callback']);
  });
  after(() => other?.close());

  async function moveTo({ issuer, secrets }: Upstream) {
    const secret = await world.file('moved.txt', secrets.clientSecret ?? '');
    const moved = await world.consentry([
      'connection',
      'update',
      'contoso',
      '--issuer',
      issuer,
      '--client-secret-file',
      secret,
    ]);
    assert.equal(moved.code, 0, moved.err);
    world.reread();
    return moved.out;
  }

  it('names nobody that the first one named: the same subject is somebody else, and the first comes back only confirmed', async () => {
    await world.addOidc();
    const tokens = await connectUpstream(federated, newPerson(), clientId);
    const [ana] = await accountsOf();
    assert.match(
      await moveTo(other),
      /1 known person cannot come by it until confirmed, and what 1 of them had here has ended/,
    );
    assert.equal((await refresh(world.server, clientId, tokens.refreshToken)).body.error, 'invalid_grant');
    assert.ok(isConsentPage(await signInUpstream({ ...federated, upstream: other }, newPerson(), clientId)));
    assert.equal(new Set(await accountsOf()).size, 2);

    await moveTo(world.upstream);
    const refused = await signInUpstream(federated, newPerson(), clientId);
    assert.ok(refused.status >= 400 && !isConsentPage(refused), words(refused));
    assert.match(
      (await world.consentry(['connection', 'confirm-identities', 'contoso', '--dry-run'])).out,
      /2 identities/,
    );
    // Of the two that claim the subject, the one that this provider named stays itself.
    assert.match((await world.consentry(['connection', 'confirm-identities', 'contoso'])).out, /^1 of 2 count again/);
    const page = await signInUpstream(federated, newPerson(), clientId);
    assert.ok(isConsentPage(page) || page.left, words(page));
    const living = await sql(world.server, 'SELECT account_id FROM identities WHERE orphaned_at IS NULL');
    assert.deepEqual(living, [{ account_id: ana }]);
  });

  it('of the same people: confirmed, they are who they were', async () => {
    await world.addOidc();
    await connectUpstream(federated, newPerson(), clientId);
    const [ana] = await accountsOf();
    await moveTo(other);
    assert.match((await world.consentry(['connection', 'confirm-identities', 'contoso'])).out, /^1 of 1 count again/);
    const [event] = (await world.recorded('connection.identities_confirmed')).slice(-1);
    assert.deepEqual(event?.details, { connection: 'contoso', name: 'Contoso', confirmed: 1 });
    await signInUpstream({ ...federated, upstream: other }, newPerson(), clientId);
    assert.deepEqual(await accountsOf(), [ana]);
  });
});

it('the button stands on the page only for connections that can be used', async () => {
  await world.addOidc();
  const person = newPerson();
  const page = await begin(federated, person, clientId);
  assert.ok(isConnectPage(page) && page.html.includes('value="contoso"'), words(page));
});
