/** From `connection add entra` to tokens, against the fake Entra ID under its real names: what an administrator goes through. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CONTOSO, type FakeApp } from '../fakes/entra/directory.ts';
import { type FakeEntra, startFakeEntra } from '../fakes/entra/fake.ts';
import { approve, authorizationUrl, redeem, registerClient } from '../flow.ts';
import { words } from '../interaction/kit.ts';
import { createPerson, type Step } from '../person.ts';
import { type ConnectionWorld, startConnectionWorld } from './connection-kit.ts';

const EXPIRED = 'a-secret-that-ran-out';

let fake: FakeEntra;
let app: FakeApp;
let world: ConnectionWorld;
let clientId = '';
let id = '';
before(async () => {
  fake = await startFakeEntra({ https: true });
  const { proxyUrl = '', caFile = '' } = fake.tls ?? {};
  world = await startConnectionWorld({ OUTBOUND_PROXY: proxyUrl, OUTBOUND_CA_FILE: caFile });
  app = fake.directory.app({ secrets: [{ value: EXPIRED, expiresAt: 1 }] });
  fake.behaviour.person = fake.directory.person({ upn: 'ana@contoso.example', name: 'Ana Lima' });
  clientId = (await registerClient(world.server.issuer)).client_id;
});
after(async () => {
  await world?.close();
  await fake?.close();
});

/** The press, Entra, and back. */
async function signIn(): Promise<Step & { begun: ReturnType<typeof authorizationUrl> }> {
  const person = createPerson(world.server.issuer);
  const begun = authorizationUrl(world.server, clientId);
  const { left, ...page } = await person.submit(await person.open(begun.url), { connection: id });
  assert.ok(left, words(page));
  const there = await fake.visit(left);
  assert.ok(there.left, there.html);
  const step = await person.open(there.left.href);
  return { ...(step.left || step.status !== 200 ? step : await approve(person, step)), begun };
}

async function assertConnects(): Promise<void> {
  const { begun, left, ...step } = await signIn();
  const code = left?.searchParams.get('code');
  assert.ok(code, left?.href ?? words(step));
  assert.ok((await redeem(world.server, clientId, { ...begun, code })).body.access_token);
}

const trial = () => world.consentry(['connection', 'test', id]);

test('added, it says what Entra lacks, and works when that is there', async () => {
  const args = [
    'connection',
    'add',
    'entra',
    '--tenant',
    CONTOSO,
    '--client-id',
    app.clientId,
    '--certificate',
    world.pem.a,
  ];
  const made = await world.consentry.json(args);
  id = made.id ?? '';
  const bare = await trial();
  assert.equal(bare.code, 1);
  assert.match(bare.out, /^failed {3}client .*AADSTS700027/m);
  assert.match(bare.out, /^failed {3}redirect .*AADSTS50011/m);
  assert.ok(bare.out.includes(made.callback_url ?? '-'), bare.out);
  app.certificates = [world.pem.certificates.a];
  app.redirectUris = [made.callback_url ?? ''];
  const { code, out } = await trial();
  assert.equal(code, 0, out);
  await assertConnects();
});

test('a certificate takes over from another without an hour in which nobody can sign in', async () => {
  // The new one is ours first, Entra's later, and only then the old one goes.
  assert.equal((await world.consentry(['connection', 'update', id, '--certificate', world.pem.b])).code, 0);
  world.reread();
  await assertConnects();
  app.certificates = [world.pem.certificates.b];
  assert.equal((await world.consentry(['connection', 'update', id, '--retire-certificate'])).code, 0);
  world.reread();
  await assertConnects();
  assert.equal((await trial()).code, 0);
});

test('a secret that ran out is seen at once where an administrator looks', async () => {
  const file = await world.file('expired.txt', EXPIRED);
  assert.equal((await world.consentry(['connection', 'update', id, '--client-secret-file', file])).code, 0);
  world.reread();
  const refused = await signIn();
  assert.ok(refused.status >= 400, words(refused));
  assert.match((await world.consentry(['connection', 'list'])).out, /failing since/);
  assert.match((await world.consentry(['connection', 'show', id])).out, /last_failure +misconfigured: .*AADSTS7000222/);
  assert.match((await trial()).out, /AADSTS7000222.*\n +→ The client secret has expired/);
  assert.ok(!(await trial()).out.includes(EXPIRED));
});
