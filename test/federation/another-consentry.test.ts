/** One Consentry signs people in by another: its own people, its own consent page, a token for what the operator registered there. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { decodeJwt } from 'jose';
import { callbackUrl } from '../../src/federation/connection.ts';
import { createOidcConnection } from '../../src/federation/oidc/oidc.ts';
import { createEgress, type Egress } from '../../src/web/egress.ts';
import { newConnectionRow } from '../fakes/connection-row.ts';
import { approve, authorizationUrl, redeem, refresh, registerClient, signIn } from '../flow.ts';
import { CALENDAR, type Consentry, register, startConsentry, staticClient } from '../harness.ts';
import { isConsentPage, words } from '../interaction/kit.ts';
import { createPerson } from '../person.ts';

describe('another Consentry as identity provider', () => {
  let upstream: Consentry;
  let front: Consentry;
  let egress: Egress;
  const secrets = { clientSecret: '', certificates: [] };
  const record = {
    ...newConnectionRow(),
    ...{ id: 'head-office', kind: 'oidc', name: 'Head office', exclusive: true },
    settings: {
      issuer: '',
      clientId: '',
      authentication: 'client_secret_basic',
      offlineAccess: true,
      authContexts: [],
      checkMinutes: 10,
    },
  } as unknown as Parameters<typeof createOidcConnection>[0];
  before(async () => {
    upstream = await startConsentry();
    // With several servers it does not choose one.
    await register(upstream.rooms, CALENDAR);
    front = await startConsentry({ OUTBOUND_ALLOW: '127.0.0.1' }, undefined, (config) => {
      egress = createEgress(config);
      return [lazily(() => createOidcConnection(record, secrets, { fetch: egress.fetch, now: () => new Date() }))];
    });
    const redirectUris = [callbackUrl(front.issuer, 'head-office')];
    const made = await staticClient(upstream.rooms, {
      kind: 'app',
      name: 'Front office',
      redirectUris,
      authMethod: 'client_secret_basic',
    });
    secrets.clientSecret = String(made.clientSecret);
    Object.assign(record.settings, { issuer: upstream.issuer, clientId: made.clientId, resource: upstream.mail.uri });
  });
  after(async () => {
    egress?.close();
    await front?.close();
    await upstream?.close();
  });

  it('signs its people in here, each by a press there and a press here, and leavers are noticed', async () => {
    const { client_id: clientId } = await registerClient(front.issuer);
    const here = createPerson(front.issuer);
    const there = createPerson(upstream.issuer);
    const begun = authorizationUrl(front, clientId);
    const { left } = await here.submit(await here.open(begun.url), { connection: 'head-office' });
    assert.equal(left?.searchParams.get('resource'), upstream.mail.uri);
    const asked = await signIn(there, await there.open(String(left)), upstream.ana);
    assert.ok(isConsentPage(asked), words(asked));
    assert.match(words(asked), /Front office/);
    const back = (await approve(there, asked)).left;
    assert.equal(back?.origin, front.issuer);
    const page = await here.open(String(back));
    assert.ok(isConsentPage(page), words(page));
    const code = (await approve(here, page)).left?.searchParams.get('code');
    const { body } = await redeem(front, clientId, { ...begun, code: String(code) });
    assert.equal(decodeJwt(String(body.access_token)).aud, front.mail.uri);
    assert.notEqual(decodeJwt(String(body.access_token)).sub, upstream.ana.id);

    const [identity] = await front.rooms.database.direct.identity.findMany();
    assert.equal(identity?.subject, upstream.ana.id);
    await front.rooms.database.direct.identity.updateMany({ data: { vouchedAt: new Date(Date.now() - 660_000) } });
    const second = await refresh(front, clientId, body.refresh_token);
    assert.equal(second.status, 200, 'it vouches for the person');
    await upstream.rooms.consents.revoke({ accountId: upstream.ana.id }, 'test');
    await front.rooms.database.direct.identity.updateMany({ data: { vouchedAt: new Date(Date.now() - 660_000) } });
    assert.equal((await refresh(front, clientId, second.body.refresh_token)).body.error, 'invalid_grant');
  });
});

/** What is made of settings that are complete only later. */
function lazily(make: () => ReturnType<typeof createOidcConnection>): ReturnType<typeof createOidcConnection> {
  let made: ReturnType<typeof createOidcConnection> | undefined;
  const current = () => {
    made ??= make();
    return made;
  };
  return {
    id: 'head-office',
    kind: 'oidc',
    name: 'Head office',
    exclusive: true,
    provisioning: 'first_sign_in',
    authorizationUrl: (leg) => current().authorizationUrl(leg),
    finish: (leg) => current().finish(leg),
    check: (identity) => current().check(identity),
    authContextFor: () => undefined,
    logout: { isIssuer: () => false, verifyToken: (token) => current().logout.verifyToken(token) },
  };
}
