/** What a gateway's tokens say of who acts, and that nothing later makes them say anything else (threat 124). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { decodeJwt } from 'jose';
import { createVerifier, personOf } from '../../src/guard/index.ts';
import { commandOn } from '../cli/command.ts';
import { basic, introspect, redeem, registerClient, tokenRequest } from '../flow.ts';
import { CALENDAR, type Consentry, register, sql, staticClient } from '../harness.ts';
import { createPerson, type Person } from '../person.ts';
import {
  agree,
  ask,
  assertNotNamed,
  CLAUDE,
  connect,
  DESK,
  details,
  entry,
  type Gateway,
  type Named,
  type Params,
  type Proxies,
  push,
  refreshWith,
  startProxies,
  TERMINAL,
  type Tokens,
} from './kit.ts';

describe('the tokens of a gateway', () => {
  let world: Proxies;
  let consentry: Consentry;
  let gateway: Gateway;
  let ana: Person;
  before(async () => {
    world = await startProxies();
    ({ consentry, gateway } = world);
    // With a second server nobody may leave out for which one a token is, unless the token says it.
    await register(consentry.rooms, CALENDAR);
    ana = createPerson(consentry.issuer);
  });
  after(() => world?.close());

  const through = async (named?: Named) => (await connect(consentry, gateway, named, { person: ana })).tokens;
  const acts = ({ clientId }: Named) => ({ sub: gateway.clientId, act: { sub: clientId } });

  async function verify({ access_token: token }: Tokens) {
    const verifier = createVerifier({
      issuer: consentry.issuer,
      resource: consentry.mail.uri,
      scopes: { 'mail:read': { tools: ['read_mail'], sensitivity: 'low' } },
      error: (code, description) => new Error(`${code}: ${description}`),
    });
    return verifier.verifyAccessToken(token);
  }

  async function usedUp(): Promise<number> {
    const used = "SELECT id FROM artifacts WHERE kind = 'RefreshToken' AND consumed_at IS NOT NULL";
    return (await sql(consentry, used)).length;
  }

  async function assertSays(tokens: Tokens, named: Named): Promise<void> {
    const granted = [entry(named)];
    const { client_id: clientId, sub, aud, act, authorization_details: said } = decodeJwt(tokens.access_token);
    const expected = [gateway.clientId, consentry.ana.id, consentry.mail.uri, acts(named), granted];
    assert.deepEqual([clientId, sub, aud, act, said], expected);
    assert.deepEqual(tokens.authorization_details, granted);
    const { body } = await introspect(consentry, tokens.access_token);
    const told = [body.active, body.client_id, body.sub, body.aud, body.act, body.authorization_details];
    assert.deepEqual(told, [true, ...expected]);
    const auth = await verify(tokens);
    assert.deepEqual([auth.clientId, personOf(auth)], [gateway.clientId, consentry.ana.id]);
    assert.deepEqual([auth.extra.act, auth.extra.authorizationDetails], [acts(named), granted]);
  }

  it('name the gateway that presents them, and inside it the client it acts for: signed, introspected, at the guard', async () => {
    for (const named of [CLAUDE, TERMINAL]) {
      const tokens = await through(named);
      await assertSays(tokens, named);
      const { status, body } = await refreshWith(consentry, gateway, tokens.refresh_token);
      assert.equal(status, 200);
      await assertSays(body as unknown as Tokens, named);
    }
  });

  it('name the gateway alone where it named nobody', async () => {
    const tokens = await through();
    const { body } = await introspect(consentry, tokens.access_token);
    const auth = await verify(tokens);
    for (const act of [decodeJwt(tokens.access_token).act, body.act, auth.extra.act]) {
      assert.deepEqual(act, { sub: gateway.clientId });
    }
    assert.deepEqual([body.authorization_details, auth.extra.authorizationDetails], [undefined, undefined]);
  });

  it('are no person’s where a service gets them, and no client is called like a person (threat 77)', async () => {
    const access = { [consentry.mail.uri]: ['mail:read'] };
    const service = await staticClient(consentry.rooms, { kind: 'service', redirectUris: [], access });
    const fields = { grant_type: 'client_credentials', resource: consentry.mail.uri };
    const answer = await tokenRequest(consentry.issuer, fields, basic(service.clientId, service.clientSecret));
    const auth = await verify(answer.body as unknown as Tokens);
    assert.deepEqual([personOf(auth), auth.extra.sub, auth.extra.act], [undefined, service.clientId, undefined]);
    const { client_id: registered } = await registerClient(consentry.issuer, { client_id: consentry.ana.id });
    assert.notEqual(registered, consentry.ana.id);
    const named = details({ clientId: consentry.ana.id, redirectUri: CLAUDE.redirectUri });
    await assertNotNamed(
      push(consentry, gateway, { authorization_details: named }),
      'invalid_authorization_details',
      'a person',
    );
  });

  it('go on for the client they are for, also where the refresh repeats it', async () => {
    let { refresh_token: token } = await through(CLAUDE);
    const repeats: Params[] = [{}, { authorization_details: details(CLAUDE) }, { authorization_details: '[]' }];
    for (const more of repeats) {
      const { status, body } = await refreshWith(consentry, gateway, token, more);
      assert.equal(status, 200, JSON.stringify(body));
      await assertSays(body as unknown as Tokens, CLAUDE);
      token = body.refresh_token;
    }
  });

  it('are refused where a refresh names another client or another redirect, and nothing is burned', async () => {
    const { refresh_token: token } = await through(CLAUDE);
    const before = await usedUp();
    const others: Named[] = [
      DESK,
      { ...CLAUDE, redirectUri: DESK.redirectUri },
      { clientId: DESK.clientId, redirectUri: CLAUDE.redirectUri },
      { clientId: gateway.clientId, redirectUri: gateway.redirectUri },
    ];
    const stated = [
      ...others.map(details),
      JSON.stringify([entry(CLAUDE), entry(DESK)]),
      JSON.stringify([entry(CLAUDE, { more: 1 })]),
    ];
    for (const value of stated) {
      const { status, body } = await refreshWith(consentry, gateway, token, { authorization_details: value });
      assert.deepEqual([status, body.error, body.access_token], [400, 'invalid_grant', undefined], value);
    }
    for (const value of ['Claude', JSON.stringify([entry(CLAUDE, { type: 'x' })])]) {
      const { status, body } = await refreshWith(consentry, gateway, token, { authorization_details: value });
      assert.deepEqual([status, body.error], [400, 'invalid_authorization_details'], value);
    }
    assert.equal(await usedUp(), before);
    const { status, body } = await refreshWith(consentry, gateway, token);
    assert.equal(status, 200);
    await assertSays(body as unknown as Tokens, CLAUDE);
  });

  it('are refused where the code is redeemed for somebody else than the page named', async () => {
    const pages: [Named | undefined, Named][] = [
      [CLAUDE, DESK],
      [undefined, CLAUDE],
    ];
    for (const [asked, redeemed] of pages) {
      const begun = await ask(consentry, gateway, asked, { person: ana });
      const code = await agree(ana, begun.page);
      const more = { authorization_details: details(redeemed) };
      const { status, body } = await redeem(consentry, gateway.clientId, { ...begun, code }, more, gateway.headers);
      assert.deepEqual([status, body.error, body.access_token], [400, 'invalid_grant', undefined]);
    }
    const begun = await ask(consentry, gateway, CLAUDE, { person: ana });
    const code = await agree(ana, begun.page);
    const repeated = { authorization_details: details(CLAUDE) };
    const { status, body } = await redeem(consentry, gateway.clientId, { ...begun, code }, repeated, gateway.headers);
    assert.equal(status, 200, JSON.stringify(body));
    await assertSays(body as unknown as Tokens, CLAUDE);
  });

  it('of an app name nobody either, whatever its token request says', async () => {
    const app = await world.addClient('App', 'https://app.example/callback', 'app');
    const { tokens } = await connect(consentry, app, undefined, { person: ana });
    const { body } = await refreshWith(consentry, app, tokens.refresh_token, {
      authorization_details: details(CLAUDE),
    });
    assert.deepEqual([body.error, body.access_token], ['invalid_authorization_details', undefined]);
    await sql(
      consentry,
      "UPDATE clients SET metadata = jsonb_set(metadata, '{authorization_details_types}', $2::jsonb) WHERE id = $1",
      [app.clientId, JSON.stringify([entry(CLAUDE).type])],
    );
    const again = await refreshWith(consentry, app, tokens.refresh_token, { authorization_details: details(CLAUDE) });
    assert.deepEqual([again.body.error, again.body.access_token], ['invalid_grant', undefined]);
  });

  it('stay with each client when several are asked for in one browser at once', async () => {
    const asked = [];
    for (const named of [CLAUDE, DESK, TERMINAL]) {
      asked.push({ named, ...(await ask(consentry, gateway, named, { person: ana })) });
    }
    for (const { named, page, ...begun } of asked.toReversed()) {
      const code = await agree(ana, page);
      const { status, body } = await redeem(consentry, gateway.clientId, { ...begun, code }, {}, gateway.headers);
      assert.equal(status, 200, JSON.stringify(body));
      await assertSays(body as unknown as Tokens, named);
    }
  });

  describe('on a device', () => {
    const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
    const begin = async (client: Gateway, more: Record<string, string> = {}) => {
      const body = new URLSearchParams({ resource: consentry.mail.uri, scope: 'mail:read', ...more });
      const url = `${consentry.issuer}/device_authorization`;
      const response = await fetch(url, { method: 'POST', body, headers: client.headers });
      return { status: response.status, body: (await response.json()) as Record<string, string> };
    };
    /** As an older release, or a slip of the hand, may have stored it. */
    const allowDevices = ({ clientId }: Gateway) =>
      sql(
        consentry,
        `UPDATE clients SET metadata = jsonb_set(metadata, '{grant_types}', metadata->'grant_types' || $2::jsonb)
         WHERE id = $1`,
        [clientId, JSON.stringify([GRANT])],
      );

    it('there are none: no proxy is made with the device flow', async () => {
      const client = { kind: 'proxy', redirectUris: [gateway.redirectUri], deviceFlow: true } as const;
      await assert.rejects(staticClient(consentry.rooms, client), { code: 'bad_client', status: 400 });
      const add = ['client', 'add', '--name', 'Hub', '--redirect-uri', 'https://hub.example/callback', '--device-flow'];
      const command = commandOn(consentry);
      const { code, err, out } = await command([...add, '--kind', 'proxy']);
      assert.deepEqual([code, out], [2, '']);
      assert.match(err, /A proxy has no device flow[\s\S]*client add --help/);
      assert.equal((await command([...add, '--kind', 'app'])).code, 0);
    });

    it('there are none for a proxy that was stored with it, nor for a client whose kind nobody declared', async () => {
      const app = await world.addClient('App', 'https://app.example/callback', 'app');
      await allowDevices(app);
      assert.equal((await begin(app)).status, 200, 'an app gets a code');
      const proxy = await world.addClient('Gateway', 'https://gw.example/callback');
      const undeclared = await world.addUndeclared('Old', 'https://old.example/callback');
      for (const client of [proxy, undeclared]) {
        await allowDevices(client);
        for (const more of [{}, { authorization_details: details(CLAUDE) }]) {
          const { status, body } = await begin(client, more);
          assert.deepEqual([status, body.error, body.device_code], [400, 'unauthorized_client', undefined]);
        }
        const polled = await tokenRequest(consentry.issuer, { grant_type: GRANT, device_code: 'x' }, client.headers);
        assert.equal(polled.body.error, 'unauthorized_client');
      }
    });
  });
});
