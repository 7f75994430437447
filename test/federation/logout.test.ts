/** Somebody signs out at their provider: what began there ends here, and nothing else (Back-Channel and Front-Channel Logout 1.0). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { sweep } from '../../src/storage/sweep.ts';
import { authorizationUrl, refresh, registerClient } from '../flow.ts';
import { sql } from '../harness.ts';
import { isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person } from '../person.ts';
import { connectUpstream, type Federated, startFederated } from './kit.ts';

const ANA = { sub: 'ana', email: 'ana@upstream.test', email_verified: true, name: 'Ana Lima' };
const BO = { sub: 'bo', email: 'bo@upstream.test', email_verified: true, name: 'Bo Berg' };

describe('logout at the provider', () => {
  let federated: Federated;
  let clientId: string;
  before(async () => {
    federated = await startFederated();
    clientId = (await registerClient(federated.consentry.issuer)).client_id;
  });
  beforeEach(() => {
    Object.assign(federated.upstream.behaviour, { person: ANA, down: false });
  });
  after(() => federated?.close());

  const newPerson = () => createPerson(federated.consentry.issuer);

  async function signedIn({ as = ANA, connection = 'contoso', person = newPerson() } = {}) {
    federated.upstream.behaviour.person = as;
    const tokens = await connectUpstream(federated, person, clientId, { connection });
    return { person, tokens, sid: await newestSid() };
  }

  /** What the provider calls the session that began last. */
  async function newestSid(): Promise<string> {
    const [row] = await sql<{ sid: string }>(
      federated.consentry,
      'SELECT sid FROM upstream_sessions ORDER BY created_at DESC LIMIT 1',
    );
    return String(row?.sid);
  }

  async function isIn(person: Person): Promise<boolean> {
    return isConsentPage(await person.open(authorizationUrl(federated.consentry, clientId).url));
  }

  const front = (params: Record<string, string>, connection = 'contoso') =>
    fetch(`${federated.consentry.issuer}/federation/${connection}/frontchannel-logout?${new URLSearchParams(params)}`);
  async function back(token: string | undefined, connection = 'contoso') {
    const response = await fetch(`${federated.consentry.issuer}/federation/${connection}/backchannel-logout`, {
      method: 'POST',
      body: new URLSearchParams(token === undefined ? {} : { logout_token: token }),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  it('by the front: the session that began by that one there ends, in whatever browser the address is opened', async () => {
    const { person, sid } = await signedIn();
    const other = await signedIn();
    assert.notEqual(other.sid, sid);
    assert.ok(await isIn(person));
    const answer = await front({ iss: federated.upstream.issuer, sid });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    assert.equal(answer.headers.getSetCookie().length, 0);
    assert.equal(await answer.text(), '');
    assert.ok(!(await isIn(person)));
    assert.ok(await isIn(other.person), 'another session of the same person is another session');
    const events = await sql<{ details: Record<string, unknown> }>(
      federated.consentry,
      "SELECT details FROM audit_events WHERE type = 'session.ended' AND details ->> 'why' = 'upstream_logout'",
    );
    assert.deepEqual(events.at(-1)?.details, { why: 'upstream_logout', connection: 'contoso', sessions: 1 });
  });

  it('by the front: a session nobody knows, the same once more, another issuer, another connection: the same answer, and nothing ends', async () => {
    const { person, sid } = await signedIn();
    const iss = federated.upstream.issuer;
    const gone = await signedIn();
    await front({ iss, sid: gone.sid });
    const bodies = new Set<string>();
    for (const [params, connection] of [
      [{ iss, sid: 'unknown' }, 'contoso'],
      [{ iss, sid: gone.sid }, 'contoso'],
      [{ iss: 'https://login.other.test', sid }, 'contoso'],
      [{ iss: `${iss}/other-tenant`, sid }, 'contoso'],
      [{ iss, sid }, 'fabrikam'],
      [{ sid }, 'contoso'],
      [{ iss }, 'contoso'],
      [{ iss, sid: '' }, 'contoso'],
      [{ iss, sid: 'x'.repeat(5_000) }, 'contoso'],
      [{}, 'contoso'],
    ] as [Record<string, string>, string][]) {
      const answer = await front(params, connection);
      assert.equal(answer.status, 200, JSON.stringify(params));
      bodies.add(await answer.text());
    }
    assert.deepEqual([...bodies], ['']);
    const twice = await fetch(
      `${federated.consentry.issuer}/federation/contoso/frontchannel-logout?sid=${sid}&sid=${sid}&iss=${iss}`,
    );
    assert.equal(twice.status, 200);
    assert.ok(await isIn(person));
    assert.equal((await front({ iss, sid }, 'nowhere')).status, 404);
  });

  it('by the front: for a session nobody knows no transaction opens', async () => {
    const { sid } = await signedIn();
    const { database, upstreamLogouts } = federated.consentry.rooms;
    const opens = (of: string) =>
      database.unit(async () => {
        await upstreamLogouts.end({ connectionId: 'contoso', issuer: federated.upstream.issuer, sid: of });
        return database.isOpen();
      });
    assert.equal(await opens('unknown'), false);
    assert.equal(await opens(sid), true);
  });

  it('by the front: only the provider may frame the empty page, and only where it names itself', async () => {
    const ancestors = (answer: Response) =>
      /frame-ancestors ([^;]+)/.exec(String(answer.headers.get('content-security-policy')))?.[1];
    const named = await front({ iss: federated.upstream.issuer, sid: 'x' });
    assert.equal(ancestors(named), federated.upstream.issuer);
    assert.equal(named.headers.get('x-frame-options'), null);
    for (const params of [{ sid: 'x' }, { iss: 'https://evil.test', sid: 'x' }] as Record<string, string>[]) {
      const answer = await front(params);
      assert.equal(ancestors(answer), "'none'");
      assert.equal(answer.headers.get('x-frame-options'), 'DENY');
    }
  });

  it('by the back: the session ends, what clients were granted stays', async () => {
    const { person, sid, tokens } = await signedIn();
    const other = await signedIn();
    const { status, headers } = await back(await federated.upstream.logoutToken({ sid, sub: 'ana' }));
    assert.equal(status, 200);
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.ok(!(await isIn(person)));
    assert.ok(await isIn(other.person));
    assert.equal((await refresh(federated.consentry, clientId, tokens.refreshToken)).status, 200);
  });

  it("by the back, with `sub` alone: every session of the person ends, also in other browsers, and nobody else's", async () => {
    const first = await signedIn();
    const second = await signedIn();
    const bo = await signedIn({ as: BO });
    assert.equal((await back(await federated.upstream.logoutToken({ sub: 'ana' }))).status, 200);
    assert.ok(!(await isIn(first.person)));
    assert.ok(!(await isIn(second.person)));
    assert.ok(await isIn(bo.person));
  });

  it('by the back: each token counts once', async () => {
    const token = await federated.upstream.logoutToken({ sub: 'ana' });
    assert.equal((await back(token)).status, 200);
    const { person } = await signedIn();
    const again = await back(token);
    assert.equal(again.status, 400);
    assert.equal((JSON.parse(again.text) as { error: string }).error, 'invalid_request');
    assert.ok(await isIn(person));
  });

  it('by the back: what is no logout token of this provider is 400 and ends nothing; what cannot be checked is 503', async () => {
    const { person, sid } = await signedIn();
    const foreign = { iss: 'https://login.other.test', sid };
    for (const token of [
      undefined,
      '',
      'x.y.z',
      await federated.upstream.logoutToken({ sid, nonce: 'n' }),
      await federated.upstream.logoutToken({ sid, aud: 'somebody-else' }),
      await federated.upstream.logoutToken(foreign),
      await federated.upstream.logoutToken({ sid }, { alg: 'HS256' }),
      await federated.upstream.logoutToken({}),
    ]) {
      const { status, headers, text } = await back(token);
      assert.equal(status, 400, `${token} ${text}`);
      assert.match(String(headers.get('content-type')), /json/);
      assert.doesNotMatch(text, /nonce|aud|HS256/, 'why is for the log');
    }
    assert.equal((await back(await federated.upstream.logoutToken({ sid }), 'nowhere')).status, 404);
    // A connection whose keys nobody has asked for yet.
    federated.upstream.behaviour.down = true;
    assert.equal((await back(await federated.upstream.logoutToken({ sid }), 'fabrikam')).status, 503);
    federated.upstream.behaviour.down = false;
    federated.clock.ahead += 3_000;
    assert.ok(await isIn(person));
    const get = await fetch(`${federated.consentry.issuer}/federation/contoso/backchannel-logout`);
    assert.equal(get.status, 404);
  });

  it('by the back: a token for one connection ends nothing that began by another', async () => {
    const { person, sid } = await signedIn();
    assert.equal((await back(await federated.upstream.logoutToken({ sid }), 'fabrikam')).status, 200);
    assert.ok(await isIn(person));
  });

  it("a session whose person changed is no longer the first one's: a late logout of theirs does not end it", async () => {
    const { person, sid } = await signedIn();
    federated.upstream.behaviour.person = BO;
    await connectUpstream(federated, person, clientId, { params: { prompt: 'login' } });
    const iss = federated.upstream.issuer;
    await front({ iss, sid });
    assert.ok(await isIn(person));
    const page = await person.open(`${federated.consentry.issuer}/account/password`);
    assert.doesNotMatch(words(page), /ana@upstream\.test/);
    await front({ iss, sid: await newestSid() });
    assert.ok(!(await isIn(person)));
  });

  it("a session whose person came back by a new one there is that one's from then on", async () => {
    const { person, sid } = await signedIn();
    await connectUpstream(federated, person, clientId, { params: { prompt: 'login' } });
    const newer = await newestSid();
    assert.notEqual(newer, sid);
    const iss = federated.upstream.issuer;
    await front({ iss, sid });
    assert.ok(await isIn(person));
    await front({ iss, sid: newer });
    assert.ok(!(await isIn(person)));
  });

  it('what the provider calls its sessions goes with ours', async () => {
    await signedIn();
    const count = async () =>
      Number((await sql(federated.consentry, 'SELECT count(*) AS n FROM upstream_sessions'))[0]?.n);
    assert.ok((await count()) > 0);
    await sweep(federated.consentry.rooms.database, new Date(Date.now() + 13 * 3_600_000));
    assert.equal(await count(), 0);
  });
});
