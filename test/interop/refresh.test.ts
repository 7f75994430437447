/** How real clients refresh: twice at once, with the wrong resource, and without saying what for. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { authorize, introspect, redeem, refresh, registerClient, type TokenAnswer } from '../flow.ts';
import { CALENDAR, type Consentry, register, startConsentry } from '../harness.ts';
import { createPerson, type Person } from '../person.ts';
import { audienceOf, scopesOf } from './kit.ts';

let consentry: Consentry;
let ana: Person;
let id: string;

async function start(env: Record<string, string>, now?: () => Date): Promise<void> {
  consentry = await startConsentry(env, now);
  ana = createPerson(consentry.issuer);
  id = (await registerClient(consentry.issuer)).client_id;
}

async function connect(scope = 'mail:read'): Promise<string> {
  const tokens = await redeem(consentry, id, await authorize(consentry, id, { person: ana, params: { scope } }));
  assert.ok(tokens.body.refresh_token, JSON.stringify(tokens.body));
  return tokens.body.refresh_token;
}

function assertRefused({ status, body }: TokenAnswer, error = 'invalid_grant'): void {
  assert.equal(status, 400, JSON.stringify(body));
  assert.equal(body.error, error);
}

// No grace: it would let a burnt token pass for a while.
describe('refreshes of real clients', () => {
  before(async () => {
    await start({ REFRESH_GRACE_SECONDS: '0' });
    await register(consentry.rooms, CALENDAR);
  });
  after(() => consentry?.close());

  const wrongs: [string, Record<string, string>, string][] = [
    ['another resource', { resource: CALENDAR.uri }, 'invalid_target'],
    ['an unknown resource', { resource: 'https://nowhere.example.test/mcp' }, 'invalid_target'],
    ['a scope that was not granted', { scope: 'mail:read mail:send' }, 'invalid_scope'],
    ['an unknown scope', { scope: 'mail:everything' }, 'invalid_scope'],
  ];
  for (const [what, change, error] of wrongs) {
    it(`row 7: a refresh that fails for ${what} burns nothing`, async () => {
      const token = await connect();
      assertRefused(await refresh(consentry, id, token, change), error);
      const retried = await refresh(consentry, id, token);
      assert.equal(retried.status, 200, JSON.stringify(retried.body));
      assert.equal(audienceOf(retried), consentry.mail.uri);
      assert.notEqual(retried.body.refresh_token, token);
    });
  }

  it('row 7: a refresh in the name of another client burns nothing', async () => {
    const token = await connect();
    const { client_id: other } = await registerClient(consentry.issuer);
    assertRefused(await refresh(consentry, other, token));
    assert.equal((await refresh(consentry, id, token)).status, 200);
  });

  it('row 30: a refresh without scope gives the scopes of the grant, also after one that asked for fewer', async () => {
    const token = await connect('mail:read mail:label openid');
    const granted = ['mail:label', 'mail:read'];
    const own = (answer: TokenAnswer) => scopesOf(answer).filter((scope) => scope.startsWith('mail:'));
    const same = await refresh(consentry, id, token);
    assert.deepEqual(own(same), granted);
    const fewer = await refresh(consentry, id, same.body.refresh_token, { scope: 'mail:read' });
    assert.deepEqual(own(fewer), ['mail:read']);
    assert.deepEqual(own(await refresh(consentry, id, fewer.body.refresh_token)), granted);
  });
});

describe('the grace of a refresh token', () => {
  let ahead = 0;
  before(() => start({ REFRESH_GRACE_SECONDS: '20' }, () => new Date(Date.now() + ahead)));
  after(() => consentry?.close());

  it('row 8: parallel refreshes get the same successor, and it works', async () => {
    const token = await connect();
    const answers = await Promise.all(Array.from({ length: 5 }, () => refresh(consentry, id, token)));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200], JSON.stringify(answers));
    const successors = [...new Set(answers.map(({ body }) => String(body.refresh_token)))];
    assert.equal(successors.length, 1);
    assert.notEqual(successors[0], token);
    const late = await refresh(consentry, id, token);
    assert.equal(late.body.refresh_token, successors[0], 'also one that comes a moment later');
    assert.equal((await refresh(consentry, id, successors[0])).status, 200);
  });

  it('row 8: the grace ends when the successor is used, and then reuse ends the whole family', async () => {
    const token = await connect();
    const second = await refresh(consentry, id, token);
    const third = await refresh(consentry, id, second.body.refresh_token);
    assert.equal(third.status, 200);
    assert.equal((await introspect(consentry, third.body.access_token)).body.active, true);
    assertRefused(await refresh(consentry, id, token));
    assertRefused(await refresh(consentry, id, third.body.refresh_token));
    assert.equal((await introspect(consentry, third.body.access_token)).body.active, false);
  });

  it('row 8: the grace lasts as configured, counted from the first use, and then reuse ends the whole family', async () => {
    const token = await connect();
    const first = await refresh(consentry, id, token);
    ahead += 15_000;
    assert.equal((await refresh(consentry, id, token)).body.refresh_token, first.body.refresh_token);
    ahead += 10_000;
    assertRefused(await refresh(consentry, id, token));
    assertRefused(await refresh(consentry, id, first.body.refresh_token));
  });
});
