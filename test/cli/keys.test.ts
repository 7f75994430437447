/** `consentry key`: signing keys listed, rotated and retired, whether or not a server runs. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { basic, introspect, tokenRequest } from '../flow.ts';
import { staticClient } from '../harness.ts';
import { startWithCommand } from './fixture.ts';

type Key = { kid: string; state: string; active_from: string; published_until: string | null };

let kit: Awaited<ReturnType<typeof startWithCommand>>;
before(async () => {
  kit = await startWithCommand();
});
after(() => kit?.server.close());

const list = () => kit.consentry.json<Key[]>(['key', 'list']);

test('a planned rotation says when, and a second one says what is in its way', async () => {
  const [current] = await list();
  assert.equal(current?.state, 'current');
  const begun = Date.now();
  const next = await kit.consentry.json<Key>(['key', 'rotate', '--in-seconds', '86400']);
  assert.equal(next.state, 'next');
  assert.ok(Math.abs(Date.parse(next.active_from) - begun - 86_400_000) < 60_000);
  const second = await kit.consentry(['key', 'rotate']);
  assert.equal(second.code, 1);
  assert.match(second.err, /A next key is published already/);
  const { out } = await kit.consentry(['key', 'list']);
  assert.match(out, new RegExp(`${next.kid} +ES256 +next`));
  assert.match(out, new RegExp(`${current?.kid} +ES256 +current`));
});

test('what is written wrongly changes nothing', async () => {
  const before = await list();
  for (const args of [
    ['--in-seconds', '10'],
    ['--in-seconds', 'soon'],
    ['--in-seconds', '900', '--now'],
  ]) {
    assert.equal((await kit.consentry(['key', 'rotate', ...args])).code, 2, args.join(' '));
  }
  assert.equal((await kit.consentry(['key', 'retire', 'nobody'])).code, 1);
  assert.deepEqual(await list(), before);
});

test('a stolen key is taken out of use in one command, and the running server follows', async () => {
  const { server } = kit;
  const access = { [server.mail.uri]: ['mail:read'] };
  const job = await staticClient(server.rooms, { kind: 'service', name: 'Job', redirectUris: [], access });
  const fields = { grant_type: 'client_credentials', resource: server.mail.uri, scope: 'mail:read' };
  const mint = async () =>
    (await tokenRequest(server.issuer, fields, basic(job.clientId, job.clientSecret))).body.access_token;
  const stolen = await mint();
  const kid = (await list()).find(({ state }) => state === 'current')?.kid ?? '';
  const { code, out } = await kit.consentry(['key', 'retire', kid]);
  assert.equal(code, 0);
  const now = (await list()).find(({ state }) => state === 'current')?.kid;
  assert.notEqual(now, kid);
  assert.match(out, new RegExp(`${kid} is published no more; what it signed is refused. ${now} signs.`));
  while ((await introspect(server, stolen)).body.active) await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal((await introspect(server, await mint())).body.active, true);
  const events = await kit.recorded();
  assert.deepEqual(
    events.map(({ type }) => type),
    ['key.created', 'key.activated', 'key.retired'],
  );
});
