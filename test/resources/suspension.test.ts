/** A scope whose wording or tools change is in no token until its owner accepts (threat 60). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { createResourceIndicators } from '../../src/oauth/resource-indicators.ts';
import { acceptScopes, rejectScopes, setResourceDisabled, updateResource } from '../../src/resources/changes.ts';
import type { Resource, ScopeDescription } from '../../src/resources/resource.ts';
import { scopeDigest } from '../../src/resources/scopes.ts';
import { authorize, basic, redeem, refresh, registerClient, tokenRequest } from '../flow.ts';
import { type Consentry, MAIL, sql, startConsentry, staticClient } from '../harness.ts';
import { scopesOf } from '../interop/kit.ts';
import { createPerson, type Person } from '../person.ts';

describe('a scope that changes', () => {
  let consentry: Consentry;
  let ana: Person;
  let clientId: string;
  let resource: Resource;
  before(async () => {
    // No window in which a refresh token that was used up would still be taken.
    consentry = await startConsentry({ REFRESH_GRACE_SECONDS: '0' });
    ana = createPerson(consentry.issuer);
    clientId = (await registerClient(consentry.issuer)).client_id;
    resource = await mail();
  });
  after(() => consentry?.close());
  beforeEach(async () => {
    const { rooms } = consentry;
    await updateResource(rooms, resource.id, { scopes: { described: MAIL.scopes, removed: 'rest' } }, { accept: true });
    assert.deepEqual(
      (await mail()).scopes.filter(({ suspended }) => suspended),
      [],
    );
  });

  async function mail(): Promise<Resource> {
    return (await consentry.rooms.resources.findByUri(consentry.mail.uri)) ?? assert.fail('mail is registered');
  }

  const scope = (name: string): ScopeDescription =>
    MAIL.scopes.find((one) => one.name === name) ?? assert.fail(`no ${name}`);
  const more = (name: string, tool = 'delete_everything') => ({ ...scope(name), tools: [...scope(name).tools, tool] });

  const propose = (...described: ScopeDescription[]) =>
    updateResource(consentry.rooms, resource.id, { scopes: { described, removed: [] } }, { accept: false });
  const accept = (...names: string[]) => acceptScopes(consentry.rooms, resource.id, names);
  const reject = (...names: string[]) => rejectScopes(consentry.rooms, resource.id, names);
  const remove = (...removed: string[]) =>
    updateResource(consentry.rooms, resource.id, { scopes: { described: [], removed } }, { accept: false });

  const press = (asked: string) => authorize(consentry, clientId, { person: ana, params: { scope: asked } });
  async function connect(asked: string) {
    const tokens = await redeem(consentry, clientId, await press(asked));
    assert.equal(tokens.status, 200, JSON.stringify(tokens.body));
    return tokens;
  }
  async function push(asked: string | undefined) {
    const body = new URLSearchParams({
      client_id: clientId,
      response_type: 'code',
      redirect_uri: 'http://127.0.0.1/callback',
      resource: consentry.mail.uri,
      code_challenge: 'x'.repeat(43),
      code_challenge_method: 'S256',
      ...(asked === undefined ? {} : { scope: asked }),
    });
    const response = await fetch(`${consentry.issuer}/par`, { method: 'POST', body });
    return { status: response.status, body: (await response.json()) as Record<string, string> };
  }

  it('with a tool more behind it is in no new token; the other scopes go on, and the client is told (threat 60)', async () => {
    const tokens = await connect('mail:read mail:label');
    assert.deepEqual(scopesOf(tokens), ['mail:label', 'mail:read']);
    await propose(more('mail:label'));
    const refreshed = await refresh(consentry, clientId, tokens.body.refresh_token);
    assert.deepEqual(scopesOf(refreshed), ['mail:read']);
    // RFC 6749 §3.3: where it is not what was asked for, the answer says what it is.
    assert.equal(refreshed.body.scope, 'mail:read');
    assert.deepEqual(scopesOf(await connect('mail:read mail:label')), ['mail:read']);
  });

  it('between the press and the token is not in the token', async () => {
    const begun = await press('mail:read mail:label');
    await propose(more('mail:label'));
    const tokens = await redeem(consentry, clientId, begun);
    assert.deepEqual(scopesOf(tokens), ['mail:read']);
    const alone = await press('mail:read');
    await propose(more('mail:read'));
    const { status, body } = await redeem(consentry, clientId, alone);
    assert.deepEqual([status, body.error, body.access_token], [400, 'invalid_grant', undefined]);
  });

  it('asked for alone is refused in plain words, and nothing else is given instead', async () => {
    await propose(more('mail:label'));
    for (const asked of ['mail:label', 'openid mail:label']) {
      const { status, body } = await push(asked);
      assert.deepEqual([status, body.error], [400, 'invalid_scope'], asked);
      assert.equal(
        body.error_description,
        'mail:label is being changed by the owner of this resource; try again later',
      );
    }
    assert.equal((await push('mail:label mail:read')).status, 201);
    await propose(more('mail:read'));
    assert.match(String((await push(undefined)).body.error_description), /^mail:read is being changed/);
    assert.match(String((await push('mail:label mail:read')).body.error_description), /^mail:label, mail:read are/);
  });

  it('leaves no refresh an empty scope: refused without using the refresh token up', async () => {
    const tokens = await connect('mail:read mail:label');
    await propose(more('mail:label'));
    const narrow = await refresh(consentry, clientId, tokens.body.refresh_token, { scope: 'mail:label' });
    assert.deepEqual([narrow.status, narrow.body.error], [400, 'invalid_scope']);
    await propose(more('mail:read'));
    const { status, body } = await refresh(consentry, clientId, tokens.body.refresh_token);
    assert.deepEqual([status, body.error, body.access_token], [400, 'invalid_grant', undefined]);
    await reject('mail:read', 'mail:label');
    const again = await refresh(consentry, clientId, tokens.body.refresh_token);
    assert.deepEqual(scopesOf(again), ['mail:label', 'mail:read']);
  });

  it('rejected is again what it was, without a trace but in the record', async () => {
    const rows = () =>
      sql(consentry, 'SELECT * FROM resource_scopes WHERE resource_id = $1 ORDER BY name', [resource.id]);
    const before = await rows();
    const tokens = await connect('mail:read mail:label');
    await propose(more('mail:label'), { ...scope('mail:read'), description: 'Read all mail' });
    await propose({ ...scope('mail:label'), sensitivity: 'low' }, { ...scope('mail:read'), name: 'mail:new' });
    assert.notDeepEqual(await rows(), before);
    await rejectScopes(consentry.rooms, resource.id);
    assert.deepEqual(await rows(), before);
    const refreshed = await refresh(consentry, clientId, tokens.body.refresh_token);
    assert.deepEqual(scopesOf(refreshed), ['mail:label', 'mail:read']);
    const text =
      "SELECT type, scopes[1] AS scope FROM audit_events WHERE type = 'resource.scope_rejected' ORDER BY seq DESC LIMIT 3";
    const rejected = await sql<{ scope: string }>(consentry, text);
    assert.deepEqual(rejected.map((row) => row.scope).sort(), ['mail:label', 'mail:new', 'mail:read']);
  });

  it('described again as it was accepted lives on by itself', async () => {
    await propose(more('mail:label'));
    await propose(scope('mail:label'));
    assert.deepEqual(scopesOf(await connect('mail:label')), ['mail:label']);
  });

  it('accepted has another digest than the one that people agreed to, and the tools that they will read', async () => {
    const digest = async () =>
      scopeDigest((await mail()).scopes.find(({ name }) => name === 'mail:label') ?? assert.fail());
    const before = await digest();
    await propose(more('mail:label'));
    assert.equal(await digest(), before, 'accepted words stand until others are accepted');
    await accept('mail:label');
    assert.notEqual(await digest(), before);
    const [event] = await sql<{ details: { digest: string; toolsAdded: string[] } }>(
      consentry,
      "SELECT details FROM audit_events WHERE type = 'resource.scope_accepted' ORDER BY seq DESC LIMIT 1",
    );
    assert.deepEqual([event?.details.digest, event?.details.toolsAdded], [await digest(), ['delete_everything']]);
    assert.deepEqual(scopesOf(await connect('mail:label')), ['mail:label']);
  });

  it('accepted stays out of a refresh until the person pressed on a page again; the other scopes go on', async () => {
    const tokens = await connect('mail:read mail:label');
    await propose(more('mail:label'));
    await accept('mail:label');
    const refreshed = await refresh(consentry, clientId, tokens.body.refresh_token);
    assert.deepEqual(scopesOf(refreshed), ['mail:read']);
    assert.deepEqual(scopesOf(await connect('mail:read mail:label')), ['mail:label', 'mail:read']);
    const again = await refresh(consentry, clientId, refreshed.body.refresh_token);
    assert.deepEqual(scopesOf(again), ['mail:label', 'mail:read']);
  });

  it('is in no token of a service either, nor may a service ask for it', async () => {
    const access = { [consentry.mail.uri]: ['mail:read', 'mail:label'] };
    const service = await staticClient(consentry.rooms, { kind: 'service', redirectUris: [], access });
    const ask = (asked?: string) =>
      tokenRequest(
        consentry.issuer,
        { grant_type: 'client_credentials', resource: consentry.mail.uri, scope: asked },
        basic(service.clientId, service.clientSecret),
      );
    assert.deepEqual(scopesOf(await ask('mail:read mail:label')), ['mail:label', 'mail:read']);
    await propose(more('mail:label'));
    assert.deepEqual(scopesOf(await ask('mail:read mail:label')), ['mail:read']);
    const { status, body } = await ask('mail:label');
    assert.deepEqual([status, body.error, body.access_token], [400, 'invalid_scope', undefined]);
    assert.match(String(body.error_description), /mail:label is being changed/);
    await propose(more('mail:read'));
    assert.equal((await ask()).body.error, 'invalid_scope');
    await accept('mail:label');
    assert.deepEqual(scopesOf(await ask('mail:label')), ['mail:label']);
  });

  it('removed and added anew with other tools waits like any other change', async () => {
    const access = { [consentry.mail.uri]: ['mail:label'] };
    const service = await staticClient(consentry.rooms, { kind: 'service', redirectUris: [], access });
    const ask = () =>
      tokenRequest(
        consentry.issuer,
        { grant_type: 'client_credentials', resource: consentry.mail.uri, scope: 'mail:label' },
        basic(service.clientId, service.clientSecret),
      );
    const tokens = await connect('mail:read mail:label');
    await remove('mail:label');
    const refreshed = await refresh(consentry, clientId, tokens.body.refresh_token);
    assert.deepEqual(scopesOf(refreshed), ['mail:read'], 'a removed scope is gone at once');
    await propose(more('mail:label'));
    assert.deepEqual(scopesOf(await refresh(consentry, clientId, refreshed.body.refresh_token)), ['mail:read']);
    assert.deepEqual([(await ask()).body.error, (await ask()).body.access_token], ['invalid_scope', undefined]);
    assert.equal((await push('mail:label')).status, 201, 'as every unknown scope: the low ones instead');
    await accept('mail:label');
    assert.deepEqual(scopesOf(await ask()), ['mail:label']);
  });

  it('added and decided by many at once is there once or not at all, as the record says', async () => {
    const added = { ...scope('mail:label'), name: 'mail:new' };
    const [{ seen } = { seen: 0 }] = await sql<{ seen: number }>(
      consentry,
      'SELECT max(seq) AS seen FROM audit_events',
    );
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, () => [propose(added), accept('mail:new'), reject('mail:new')]).flat(),
    );
    for (const result of results) {
      if (result.status === 'rejected') assert.equal(result.reason.code, 'not_proposed', String(result.reason));
    }
    const count = async (type: string) => {
      const text = "SELECT 1 FROM audit_events WHERE type = $1 AND 'mail:new' = ANY(scopes) AND seq > $2";
      return (await sql(consentry, text, [type, seen])).length;
    };
    const found = (await mail()).scopes.filter(({ name }) => name === 'mail:new');
    const accepted = await count('resource.scope_accepted');
    assert.ok(accepted <= 1, 'accepted, it is described as it was accepted from then on');
    const open = (await count('resource.scope_proposed')) - accepted - (await count('resource.scope_rejected'));
    assert.equal(found.length, accepted + open);
  });

  it('left out for one request alone is left out of that token alone', async () => {
    const indicators = createResourceIndicators(consentry.rooms);
    const info = async (withheld?: string[]) => {
      const state = withheld ? { withheldScopes: new Set(withheld) } : {};
      const ctx = { state, oidc: { route: 'token', params: {}, entities: {} } } as unknown as KoaContextWithOIDC;
      return (await indicators.getResourceServerInfo(ctx, consentry.mail.uri, {} as never)).scope;
    };
    assert.equal(await info(['mail:send', 'mail:label']), 'mail:read');
    assert.equal(await info(), 'mail:read mail:send mail:label');
  });

  it('gets no token for a server that is disabled, and is back when it is enabled', async () => {
    const tokens = await connect('mail:read');
    assert.equal(await setResourceDisabled(consentry.rooms, resource.id, true), true);
    const { body } = await refresh(consentry, clientId, tokens.body.refresh_token);
    assert.equal(body.error, 'invalid_grant');
    assert.equal((await push('mail:read')).body.error, 'invalid_target');
    assert.equal(await setResourceDisabled(consentry.rooms, resource.id, false), true);
    assert.equal(await setResourceDisabled(consentry.rooms, resource.id, false), false);
    assert.deepEqual(scopesOf(await refresh(consentry, clientId, tokens.body.refresh_token)), ['mail:read']);
  });
});
