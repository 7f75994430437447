/** `connection test`: each mistake of an administrator is said in words, against real providers. */
import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import { diagnose } from '../../src/federation/diagnosis/diagnosis.ts';
import { type ToldStep as Step, tellStep } from '../../src/federation/diagnosis/step.ts';
import type { EntraRecord } from '../../src/federation/entra/entra.ts';
import type { ConnectionSecrets } from '../../src/federation/settings.ts';
import { type ConnectionWorld, REGISTERED, startConnectionWorld } from '../cli/connection-kit.ts';
import { CONTOSO, type FakeApp } from '../fakes/entra/directory.ts';
import { type FakeEntra, startFakeEntra } from '../fakes/entra/fake.ts';
import { sql } from '../harness.ts';
import { assertionKey } from './entra/kit.ts';

const only = (steps: readonly Step[], name: string): Step => {
  const found = steps.filter(({ step }) => step === name);
  const [one] = found;
  assert.ok(one && found.length === 1, `${name} in ${JSON.stringify(steps, null, 1)}`);
  return one;
};
const failed = (steps: readonly Step[]) => steps.filter(({ result }) => result === 'failed').map(({ step }) => step);

describe('connection test of an OpenID provider', () => {
  let world: ConnectionWorld;
  before(async () => {
    world = await startConnectionWorld();
  });
  after(() => world?.close());
  beforeEach(async () => {
    Object.assign(world.upstream.behaviour, { down: false });
    await sql(world.server, 'DELETE FROM connections');
  });

  async function trial(id = REGISTERED): Promise<{ steps: Step[]; ok: boolean; code: number | null; err: string }> {
    const { code, out, err } = await world.consentry(['connection', 'test', id, '--json']);
    return { ...(JSON.parse(out) as { steps: Step[]; ok: boolean }), code, err };
  }
  const settings = () => world.upstream.record(REGISTERED).settings;

  test('walks everything, and is content where everything is right; nobody was signed in', async () => {
    await world.addOidc();
    const { steps, ok, code } = await trial();
    assert.deepEqual([ok, code, failed(steps)], [true, 0, []]);
    for (const step of ['apart', 'discovery', 'issuer', 'addresses', 'keys', 'pkce', 'clock', 'client', 'redirect'])
      assert.equal(only(steps, step).result, 'ok', step);
    assert.equal(only(steps, 'credential').result, 'warning', 'nobody knows when the secret ends');
    assert.match(only(steps, 'leavers').todo ?? '', new RegExp(`connection update ${REGISTERED} --offline-access$`));
    const { out } = await world.consentry(['connection', 'test', REGISTERED]);
    assert.match(out, /^ok {6} redirect {4}the provider sends people back to us$/m);
    const [people] = await sql<{ count: string }>(world.server, 'SELECT count(*) FROM identities');
    assert.equal(people?.count, '0');
  });

  test('exit code 1 and the redirect URI to register, where it is not', async () => {
    await world.addOidc('unregistered');
    const { steps, ok, code, err } = await trial('unregistered');
    assert.deepEqual([ok, code, failed(steps)], [false, 1, ['redirect']]);
    assert.match(only(steps, 'redirect').todo ?? '', /\/federation\/unregistered\/callback$/);
    assert.match(err, /1 of \d+ steps failed/);
  });

  test('a wrong secret is told apart from everything else, and is not printed', async () => {
    await world.addOidc(REGISTERED, { secrets: { clientSecret: 'wrong-secret-of-ours', certificates: [] } });
    const { steps } = await trial();
    assert.deepEqual(failed(steps), ['client']);
    assert.match(only(steps, 'client').what, /does not know us: invalid_client/);
    assert.ok(!JSON.stringify(steps).includes('wrong-secret-of-ours'));
  });

  for (const [what, issuer, step, words] of [
    ['away', undefined, 'discovery', /answers 503/],
    [
      'not listening',
      () => 'http://127.0.0.1:1',
      'discovery',
      /^no connection to 127\.0\.0\.1: connect ECONNREFUSED 127\.0\.0\.1:1$/,
    ],
    [
      'in a private network',
      () => 'https://10.1.2.3',
      'discovery',
      /^10\.1\.2\.3 is in a private network, into which Consentry does not go by itself$/,
    ],
    [
      'not to be resolved',
      () => 'https://nowhere.invalid',
      'discovery',
      /^no address is known for nowhere\.invalid: no name server knows that name$/,
    ],
    ['called otherwise', (url: string) => url.replace('127.0.0.1', 'localhost'), 'issuer', /calls itself http:\/\/127/],
    ['one that has no document there', (url: string) => `${url}/realms/none`, 'discovery', /answers 404/],
  ] as const) {
    test(`a provider that is ${what}`, async () => {
      const changed = issuer ? { settings: { ...settings(), issuer: issuer(world.upstream.issuer) } } : {};
      world.upstream.behaviour.down = issuer === undefined;
      await world.addOidc(REGISTERED, changed);
      const { steps, code } = await trial();
      assert.equal(code, 1);
      const told = only(steps, step);
      assert.equal(told.result, 'failed');
      assert.match(told.what, words);
      assert.ok(told.todo);
    });
  }

  test('a document that is half, keys that are none, and a clock that is wrong', async () => {
    const half = await listen((request, response) => {
      const answer = request.url?.endsWith('/keys')
        ? {}
        : {
            issuer: half.issuer,
            authorization_endpoint: `${half.issuer}/a`,
            token_endpoint: `${half.issuer}/t`,
            jwks_uri: `${half.issuer}/keys`,
          };
      response.writeHead(200, { date: new Date(Date.now() - 600_000).toUTCString() }).end(JSON.stringify(answer));
    });
    try {
      await world.addOidc(REGISTERED, { settings: { ...settings(), issuer: half.issuer } });
      const { steps } = await trial();
      assert.deepEqual(failed(steps).sort(), ['clock', 'keys']);
      assert.match(only(steps, 'clock').what, /is (599|600|601) seconds ahead/);
      assert.equal(only(steps, 'client').result, 'warning');
    } finally {
      await half.close();
    }
  });
});

describe('connection test of Entra ID', () => {
  const ISSUER = 'http://127.0.0.1:9';
  const SECRET = { value: 'only-for-tests-8Q~of-the-fake', expiresAt: Number.MAX_SAFE_INTEGER };
  let fake: FakeEntra;
  let app: FakeApp;
  before(async () => {
    fake = await startFakeEntra();
    app = fake.directory.app({ redirectUris: [`${ISSUER}/federation/entra/callback`] });
  });
  after(() => fake?.close());
  beforeEach(() => {
    fake.reset();
    Object.assign(app, { secrets: [SECRET], certificates: [], redirectUris: [`${ISSUER}/federation/entra/callback`] });
  });

  async function trial(
    settings: Partial<EntraRecord['settings']> = {},
    secrets: Partial<ConnectionSecrets> = { clientSecret: SECRET.value },
    more: Partial<EntraRecord> = {},
  ): Promise<Step[]> {
    const record = fake.record({ settings: { clientId: app.clientId, ...settings }, ...more });
    const deps = { fetch: fake.fetch, now: () => new Date(), issuer: ISSUER };
    return (await diagnose({ ...record, secrets: { certificates: [], ...secrets } }, [], deps)).map(tellStep);
  }

  test('is content where everything is right, and warns of what it cannot see: assignment (threat 84)', async () => {
    const steps = await trial({}, undefined, { credentialEndsAt: new Date('2099-01-01') });
    assert.deepEqual(failed(steps), []);
    for (const step of ['discovery', 'issuer', 'addresses', 'keys', 'pkce', 'client', 'redirect', 'credential'])
      assert.equal(only(steps, step).result, 'ok', step);
    const assignment = only(steps, 'assignment');
    assert.equal(assignment.result, 'warning');
    assert.match(assignment.todo ?? '', /Assignment required: Yes/);
  });

  test('a certificate is sent as in a sign-in; one that is not registered, or has ended, is told so', async () => {
    const { certificate } = assertionKey('a');
    app.certificates = [certificate];
    const certified = { authentication: 'certificate' } as const;
    const good = await trial(certified, { certificates: [assertionKey('a')] });
    assert.deepEqual(failed(good), []);
    assert.match(only(good, 'credential').what, /is good until 2076/);
    const unknown = await trial(certified, { certificates: [assertionKey('b')] });
    assert.deepEqual(failed(unknown), ['client']);
    assert.match(`${only(unknown, 'client').what} ${only(unknown, 'client').todo}`, /AADSTS700027.*Upload it/s);
    const ended = await trial(certified, { certificates: [assertionKey('expired')] });
    assert.deepEqual(failed(ended), ['credential', 'client']);
    assert.match(only(ended, 'credential').what, /ended on 2021-01-01/);
  });

  test('AADSTS codes are explained: secret ended or wrong, application, tenant, redirect URI', async () => {
    app.secrets = [{ value: SECRET.value, expiresAt: 1 }];
    assert.match(only(await trial(), 'client').todo ?? '', /has expired/);
    assert.match(only(await trial({}, { clientSecret: 'other' }), 'client').todo ?? '', /client secret is wrong/);
    app.secrets = [SECRET];
    app.redirectUris = ['https://elsewhere.test/callback'];
    const redirect = only(await trial(), 'redirect');
    assert.deepEqual([redirect.result, redirect.what], ['failed', 'AADSTS50011: it is not registered']);
    assert.match(redirect.todo ?? '', /http:\/\/127\.0\.0\.1:9\/federation\/entra\/callback$/);
    const stranger = await trial({ clientId: '00000000-0000-4000-8000-000000000000' });
    assert.match(only(stranger, 'redirect').what, /AADSTS700016/);
    fake.behaviour.alterMetadata = (metadata) => ({ ...metadata, issuer: 'https://login.microsoftonline.com/x/v2.0' });
    assert.equal(only(await trial(), 'issuer').result, 'failed');
  });

  test('several tenants are asked for each, and anybody is warned of', async () => {
    app.multiTenant = true;
    try {
      const several = await trial({ tenants: [CONTOSO, '0a7bdc1e-58a6-4f0e-9c5d-2f4a6f6c2002'] });
      assert.equal(several.filter(({ step }) => step === 'issuer').length, 3);
      assert.deepEqual(failed(several), []);
      assert.equal(only(await trial({ tenants: 'any' }), 'tenants').result, 'warning');
    } finally {
      app.multiTenant = false;
    }
  });

  test('endpoints outside the cloud are not asked for tokens unnoticed', async () => {
    fake.behaviour.alterMetadata = (metadata) => ({
      ...metadata,
      token_endpoint: 'https://login.microsoftonline.us/token',
    });
    assert.match(only(await trial(), 'addresses').what, /is not at login\.microsoftonline\.com/);
  });
});

async function listen(handler: RequestListener) {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { issuer, close: () => new Promise((resolve) => server.close(resolve)) };
}
