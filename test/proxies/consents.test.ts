/** A consent is for account × gateway × client × redirect × server, and its end is the end of that (threat 122). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { commandOn } from '../cli/command.ts';
import { introspect, redeem, registerClient } from '../flow.ts';
import { CALENDAR, type Consentry, type Registered, register, sql } from '../harness.ts';
import { isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person, type Step } from '../person.ts';
import {
  agree,
  ask,
  begin,
  CLAUDE,
  connect,
  DESK,
  type Gateway,
  isShortPage,
  type Named,
  type Params,
  type Proxies,
  reach,
  refreshWith,
  startProxies,
  TERMINAL,
  type Tokens,
} from './kit.ts';

/** Who asks for what: alone or through a gateway. */
interface Way {
  name: string;
  by: Gateway;
  named?: Named;
  params?: Params;
  server?: Registered;
}

describe('what a person agreed to with a gateway', () => {
  let world: Proxies;
  let consentry: Consentry;
  let ana: Person;
  let ways: Way[];
  const OTHER = { ...CLAUDE, redirectUri: 'https://claude.example/other' };
  const claude: Gateway = { ...CLAUDE, headers: {} };
  before(async () => {
    world = await startProxies();
    ({ consentry } = world);
    await world.publish(CLAUDE, { client_name: 'Claude', redirect_uris: [CLAUDE.redirectUri, OTHER.redirectUri] });
    const calendar = await register(consentry.rooms, CALENDAR);
    const by = world.gateway;
    const other = await world.addClient('Other gateway', 'https://other.example/callback');
    ways = [
      { name: 'Claude itself', by: claude },
      { name: 'Claude through the gateway', by, named: CLAUDE },
      { name: 'Claude through another gateway', by: other, named: CLAUDE },
      { name: 'Claude through the gateway, sent elsewhere', by, named: OTHER },
      { name: 'another client through the gateway', by, named: DESK },
      { name: 'nobody through the gateway', by },
      {
        name: 'Claude through the gateway, for another server',
        by,
        named: CLAUDE,
        params: { resource: calendar.uri, scope: 'calendar:read' },
        server: calendar,
      },
    ];
    ana = createPerson(consentry.issuer, { 'sec-fetch-site': 'none' });
    await reach(consentry, begin(consentry, claude).url, ana);
  });
  after(() => world?.close());

  const options = ({ params = {} }: Way) => ({ person: ana, params });
  const open = async (way: Way): Promise<Step> =>
    way.named
      ? (await ask(consentry, way.by, way.named, options(way))).page
      : reach(consentry, begin(consentry, way.by, way.params).url, ana);

  async function connectAll(): Promise<Map<Way, Tokens>> {
    const all = new Map<Way, Tokens>();
    for (const way of ways) all.set(way, (await connectWay(way)).tokens);
    return all;
  }
  const connectWay = (way: Way) => connect(consentry, way.by, way.named, options(way));
  const endAll = () => consentry.rooms.consents.revoke({ accountId: consentry.ana.id }, 'test');
  const isAlive = async ({ server }: Way, { access_token: token }: Tokens) =>
    (await introspect(consentry, token, server ?? consentry.mail)).body.active === true;

  /** Exactly these have ended: their tokens here and now, and their refresh. */
  async function assertEnded(all: Map<Way, Tokens>, ended: (way: Way) => boolean): Promise<void> {
    for (const [way, tokens] of all) {
      assert.equal(await isAlive(way, tokens), !ended(way), way.name);
      if (!tokens.refresh_token) continue;
      const client = way.by.headers.authorization ? {} : { client_id: way.by.clientId };
      const { status, body } = await refreshWith(consentry, way.by, tokens.refresh_token, client);
      const answer = String(body.error ?? status);
      const expected = ended(way) ? ['invalid_grant', 'invalid_client'] : ['200'];
      assert.ok(expected.includes(answer), `${way.name} ${JSON.stringify(body)}`);
      if (body.refresh_token) all.set(way, body as unknown as Tokens);
    }
  }

  async function run(...args: string[]): Promise<string> {
    const { code, out, err } = await commandOn(consentry)(args);
    assert.equal(code, 0, err);
    return out;
  }

  it('covers that and nothing beside it', async () => {
    for (const agreed of ways) {
      await endAll();
      await connectWay(agreed);
      for (const way of ways) {
        const page = await open(way);
        const covered = way === agreed && way.name !== 'nobody through the gateway';
        assert.equal(isShortPage(page), covered, `${agreed.name}, then ${way.name}: ${words(page)}`);
        assert.equal(isConsentPage(page), !covered, `${agreed.name}, then ${way.name}`);
      }
    }
  });

  it('ends alone, with its tokens, when it is revoked', async () => {
    await endAll();
    const all = await connectAll();
    await assertEnded(all, () => false);
    const ended = new Set<Way>();
    for (const way of ways) {
      const { by, named, server } = way;
      const resource = await consentry.rooms.resources.findRegistered(server?.uri ?? consentry.mail.uri);
      const living = await consentry.rooms.consents.list({ clientId: by.clientId }, { living: true });
      const same = living.filter(
        ({ downstream, resourceId }) =>
          downstream?.clientId === named?.clientId &&
          downstream?.redirectUri === named?.redirectUri &&
          resourceId === resource?.id,
      );
      assert.equal(same.length, 1, way.name);
      await run('consent', 'revoke', '--', String(same[0]?.id));
      ended.add(way);
      await assertEnded(all, (one) => ended.has(one));
    }
  });

  it('ends for a client through every gateway, or through one, as the command says', async () => {
    await endAll();
    const [, gateway] = ways;
    const all = await connectAll();
    const filters = ['--client', gateway?.by.clientId ?? '', '--for', CLAUDE.clientId];
    const out = await run('consent', 'revoke', ...filters);
    assert.match(out, /claude\.example\/client\.json through Gateway/);
    const through = ({ by, named }: Way) => by === gateway?.by && named?.clientId === CLAUDE.clientId;
    await assertEnded(all, through);
    await run('consent', 'revoke', '--for', CLAUDE.clientId);
    await assertEnded(all, ({ named }) => named?.clientId === CLAUDE.clientId);
  });

  it('ends with "Stop this app" on the short page, wherever the client is sent, and nothing beside it', async () => {
    await endAll();
    const all = await connectAll();
    const through = ways.find(({ name }) => name === 'Claude through the gateway') as Way;
    const page = await open(through);
    assert.ok(isShortPage(page));
    await ana.submit(page, { decision: 'stop' });
    const { by, named } = through;
    await assertEnded(all, (way) => way.by === by && way.named?.clientId === named?.clientId && !way.server);
  });

  it('ends with the client that the gateway acts for, as with the gateway (threat 123)', async () => {
    await endAll();
    const { client_id: clientId } = await registerClient(consentry.issuer);
    const named = { clientId, redirectUri: 'http://127.0.0.1/callback' };
    const own = { by: world.gateway, named, name: 'a registration through the gateway' };
    const all = await connectAll();
    all.set(own, (await connectWay(own)).tokens);
    await run('client', 'revoke', clientId);
    await assertEnded(all, (way) => way === own);
    const other = ways.find(({ name }) => name === 'Claude through another gateway') as Way;
    await run('client', 'revoke', other.by.clientId);
    await assertEnded(all, (way) => way === own || way === other);
    await run('client', 'revoke', DESK.clientId);
    await assertEnded(all, (way) => way === own || way === other || way.named === DESK);
    const rows = await sql(
      consentry,
      'SELECT id FROM consents WHERE downstream_client_id = $1 AND revoked_at IS NULL',
      [DESK.clientId],
    );
    assert.deepEqual(rows, []);
  });

  it('ends between the press and the token too (threat 58)', async () => {
    const { client_id: clientId } = await registerClient(consentry.issuer);
    const named = { clientId, redirectUri: 'http://127.0.0.1/callback' };
    const begun = await ask(consentry, world.gateway, named, { person: ana });
    const code = await agree(ana, begun.page);
    await run('client', 'revoke', clientId);
    const { headers } = world.gateway;
    const { status, body } = await redeem(consentry, world.gateway.clientId, { ...begun, code }, {}, headers);
    assert.deepEqual([status, body.error, body.access_token], [400, 'invalid_grant', undefined]);
  });

  it('ends with a registration that its own client deletes (RFC 7592 §2.3)', async () => {
    const registration = await registerClient(consentry.issuer);
    const named = { clientId: registration.client_id, redirectUri: 'http://127.0.0.1/callback' };
    const { tokens } = await connect(consentry, world.gateway, named, { person: ana });
    assert.equal((await introspect(consentry, tokens.access_token)).body.active, true);
    const authorization = `Bearer ${registration.registration_access_token}`;
    const { status } = await fetch(registration.registration_client_uri, {
      method: 'DELETE',
      headers: { authorization },
    });
    assert.equal(status, 204);
    assert.deepEqual((await introspect(consentry, tokens.access_token)).body, { active: false });
    const { body } = await refreshWith(consentry, world.gateway, tokens.refresh_token);
    assert.equal(body.error, 'invalid_grant');
  });

  it('holds for a program on a computer whichever port it takes', async () => {
    const port = (number: number) => ({ ...TERMINAL, redirectUri: `http://127.0.0.1:${number}/callback` });
    await connect(consentry, world.gateway, port(40_404), { person: ana });
    const { page, ...again } = await ask(consentry, world.gateway, port(51_515), { person: ana });
    assert.ok(isShortPage(page), words(page));
    await agree(again.person, page);
    const rows = await sql(
      consentry,
      'SELECT id FROM consents WHERE downstream_client_id = $1 AND revoked_at IS NULL',
      [TERMINAL.clientId],
    );
    assert.equal(rows.length, 1);
  });

  it('is recorded with the client it is for', async () => {
    await connect(consentry, world.gateway, TERMINAL, { person: ana });
    const [event] = await sql<{ details: Record<string, unknown> }>(
      consentry,
      `SELECT details FROM audit_events WHERE type LIKE 'consent.%' AND client_id = $1 ORDER BY seq DESC LIMIT 1`,
      [world.gateway.clientId],
    );
    assert.equal(event?.details.actingFor, TERMINAL.clientId);
  });
});
