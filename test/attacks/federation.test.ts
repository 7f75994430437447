/** Attacks on people who come by a connection: second ways in, leavers, what a provider may write (threats 81 to 89). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { UpstreamPerson } from '../fakes/upstream.ts';
import {
  atUpstream,
  connectUpstream,
  type Federated,
  press,
  signInUpstream,
  startFederated,
} from '../federation/kit.ts';
import { approve, authorizationUrl, refresh, registerClient } from '../flow.ts';
import { addPerson, sql } from '../harness.ts';
import { heading, isConsentPage, words } from '../interaction/kit.ts';
import { createPerson } from '../person.ts';

const MINUTE_MS = 60_000;

let federated: Federated;
let clientId: string;
let runs = 0;
before(async () => {
  federated = await startFederated({
    settings: { offlineAccess: true, rolesClaim: 'roles' },
  });
  clientId = (await registerClient(federated.consentry.issuer)).client_id;
});
beforeEach(() => {
  runs += 1;
  federated.clock.ahead = 0;
  federated.alter({ exclusive: false, provisioning: 'first_sign_in' });
  comes(`person-${runs}`);
});
after(() => federated?.close());

const rows = (text: string, values: unknown[] = []) => sql(federated.consentry, text, values);
const comes = (sub: string, more: Partial<UpstreamPerson> = {}) =>
  Object.assign(federated.upstream.behaviour, {
    person: { sub, email: 'somebody@upstream.test', email_verified: true, ...more },
    refreshTokens: true,
    refusal: undefined,
  });
const later = (minutes: number) => {
  federated.clock.ahead += minutes * MINUTE_MS;
};
const newPerson = () => createPerson(federated.consentry.issuer);
const come = () => signInUpstream(federated, newPerson(), clientId);
const again = (token: unknown) => refresh(federated.consentry, clientId, String(token));
const asked = () => federated.upstream.redemptions.length;
const page = (path: string) => `${federated.consentry.issuer}/${path}`;

describe('a second way in', () => {
  it('by the same connection is none: two trips at once for two people there link one of them', async () => {
    const local = await addPerson(federated.consentry.rooms, `two-${runs}@contoso.test`);
    const person = newPerson();
    const { email, password } = local;
    const ways = await person.submit(await person.open(page('account/ways-in')), { email, password });
    const outward = [
      (await person.submit(ways, { add: 'contoso' })).left,
      (await person.submit(ways, { add: 'contoso' })).left,
    ];
    const back: URL[] = [];
    for (const [index, url] of outward.entries()) {
      comes(`${index === 0 ? 'at-work' : 'at-home'}-${runs}`);
      back.push(await atUpstream(federated, url ?? assert.fail('not sent away')));
    }
    assert.equal((await person.open(back[0]?.href ?? '')).status, 200);
    const second = await person.open(back[1]?.href ?? '');
    assert.equal(second.status, 409, words(second));
    assert.deepEqual(await rows('SELECT subject FROM identities WHERE account_id = $1', [local.id]), [
      { subject: `at-work-${runs}` },
    ]);
    // Whom the one is taken from, the other would have given back.
    const refused = { accountId: local.id, connectionId: 'contoso', code: 'access_denied', what: 'person' } as const;
    await federated.consentry.rooms.leavers.endUpstream(refused);
    later(1);
    await come();
    assert.deepEqual(await rows('SELECT disabled_by FROM accounts WHERE id = $1', [local.id]), [
      { disabled_by: ['upstream:contoso'] },
    ]);
  });
});

describe('a way in that is taken away', () => {
  it('takes the sessions along that began by it elsewhere, and leaves the one that it was taken away in', async () => {
    const local = await addPerson(federated.consentry.rooms, `taken-${runs}@contoso.test`);
    const person = newPerson();
    const { email, password } = local;
    const ways = await person.submit(await person.open(page('account/ways-in')), { email, password });
    const { left } = await person.submit(ways, { add: 'contoso' });
    const added = await person.open((await atUpstream(federated, left ?? assert.fail('not sent away'))).href);
    const elsewhere = newPerson();
    const isIn = async () => isConsentPage(await elsewhere.open(authorizationUrl(federated.consentry, clientId).url));
    assert.ok(isConsentPage(await signInUpstream(federated, elsewhere, clientId)));
    assert.ok(await isIn());
    const remove = /name="remove" value="([^"]*)"/.exec(added.html)?.[1] ?? assert.fail(words(added));
    const removed = await person.submit(added, { remove });
    assert.match(words(removed), /no longer|removed/i);
    assert.ok(!(await isIn()));
    assert.equal(heading(await person.open(page('account/ways-in'))), 'Ways to sign in');
  });

  it('takes along what clients were given: nobody whom it let in refreshes, and nobody would be looked for any more', async () => {
    const local = await addPerson(federated.consentry.rooms, `kept-${runs}@contoso.test`);
    const person = newPerson();
    const { email, password } = local;
    const ways = await person.submit(await person.open(page('account/ways-in')), { email, password });
    const { left } = await person.submit(ways, { add: 'contoso' });
    const added = await person.open((await atUpstream(federated, left ?? assert.fail('not sent away'))).href);
    const { refreshToken } = await connectUpstream(federated, newPerson(), clientId);
    const first = await again(refreshToken);
    assert.equal(first.status, 200);
    const remove = /name="remove" value="([^"]*)"/.exec(added.html)?.[1] ?? assert.fail(words(added));
    assert.match(words(await person.submit(added, { remove })), /removed/);
    assert.equal((await again(first.body.refresh_token)).body.error, 'invalid_grant');
    const [ended] = await rows(
      "SELECT reason FROM audit_events WHERE type = 'account.access_ended' AND account_id = $1",
      [local.id],
    );
    assert.equal(ended?.reason, 'identity_unlinked');
  });
});

describe('a server that accepts one connection', () => {
  it('is not opened by another that the same person has: they are told by which, and come by it', async () => {
    assert.ok(isConsentPage(await come()));
    const [known] = await rows('SELECT account_id FROM identities WHERE subject = $1', [`person-${runs}`]);
    await rows("UPDATE resources SET connection_ids = '{contoso}' WHERE uri = $1", [federated.consentry.mail.uri]);
    await rows(
      `INSERT INTO identities (connection_id, issuer, subject, account_id, last_sign_in_at)
       VALUES ('fabrikam', $1, $2, $3, now())`,
      [federated.upstream.issuer, `person-${runs}`, known?.account_id],
    );
    try {
      const person = newPerson();
      const there = await person.submit(await person.open(page('account/ways-in')), { connection: 'fabrikam' });
      const signedIn = await person.open((await atUpstream(federated, there.left ?? assert.fail(words(there)))).href);
      assert.equal(heading(signedIn), 'Ways to sign in');
      const refused = await person.open(authorizationUrl(federated.consentry, clientId).url);
      assert.equal(refused.status, 403, words(refused));
      assert.match(words(refused), /This needs another way to sign in.*The contoso directory/);
      const switched = `${new URL(refused.url).pathname}/switch-account`;
      const pageA = await person.submit(refused, {}, { action: switched });
      assert.doesNotMatch(pageA.html, /value="fabrikam"/);
      const outward = await press(person, pageA);
      // The test provider has no page on which to choose.
      outward.searchParams.delete('prompt');
      const back = await atUpstream(federated, outward);
      const final = await person.open(back.href);
      assert.ok(isConsentPage(final), words(final));
    } finally {
      await rows("UPDATE resources SET connection_ids = '{}'");
    }
  });

  it('takes the proof that somebody is here from that one, whichever else they had before', async () => {
    const local = await addPerson(federated.consentry.rooms, `present-${runs}@contoso.test`);
    for (const [index, id] of ['fabrikam', 'contoso'].entries())
      await rows(
        `INSERT INTO identities (connection_id, issuer, subject, account_id, last_sign_in_at, created_at)
         VALUES ($1, $2, $3, $4, now(), now() + $5 * interval '1 second')`,
        [id, federated.upstream.issuer, `present-${runs}`, local.id, index],
      );
    await rows("UPDATE resources SET connection_ids = '{contoso}' WHERE uri = $1", [federated.consentry.mail.uri]);
    try {
      const person = newPerson();
      const urlFor = (scope: string) => authorizationUrl(federated.consentry, clientId, { scope }).url;
      const { email, password } = local;
      await approve(person, await person.submit(await person.open(urlFor('mail:read')), { email, password }));
      later(6);
      const asks = words(await person.open(urlFor('mail:read mail:send')));
      assert.match(asks, /The contoso directory/);
      assert.doesNotMatch(asks, /The fabrikam directory/);
    } finally {
      await rows("UPDATE resources SET connection_ids = '{}'");
    }
  });
});

describe('where only the directory says who may come', () => {
  it('whoever came before it did, and was never sent, comes no more', async () => {
    assert.ok(isConsentPage(await come()));
    federated.alter({ provisioning: 'scim' }, 'contoso');
    const refused = await come();
    assert.equal(refused.status, 403, words(refused));
    assert.match(heading(refused), /do not have an account here yet/);
  });
});

describe('the word of a provider at a refresh', () => {
  it('that cannot be read costs nobody their place: the token that came with it is kept', async () => {
    const { refreshToken } = await connectUpstream(federated, newPerson(), clientId);
    later(11);
    comes(`person-${runs}`, { roles: { admin: true } });
    const unread = await again(refreshToken);
    assert.equal(unread.status, 200, 'it is no refusal');
    comes(`person-${runs}`, { roles: ['staff'] });
    later(11);
    assert.equal((await again(unread.body.refresh_token)).status, 200, 'nor is that a used token is refused');
    const [identity] = await rows('SELECT app_roles FROM identities WHERE subject = $1', [`person-${runs}`]);
    assert.deepEqual(identity?.app_roles, ['staff']);
  });

  it('about one person that cannot be read keeps nobody from being asked for another', async () => {
    const leaver = await connectUpstream(federated, newPerson(), clientId);
    comes(`odd-${runs}`);
    const odd = await connectUpstream(federated, newPerson(), clientId);
    later(11);
    comes(`odd-${runs}`, { roles: { admin: true } });
    assert.equal((await again(odd.refreshToken)).status, 200);
    federated.upstream.behaviour.refusal = { status: 400, error: 'access_denied' };
    const before = asked();
    assert.equal((await again(leaver.refreshToken)).body.error, 'invalid_grant');
    assert.equal(asked(), before + 1);
  });

  it('from a time that has not come yet is none: a clock that went back does not stop the asking', async () => {
    const { refreshToken } = await connectUpstream(federated, newPerson(), clientId);
    const ahead = "UPDATE identities SET vouched_at = now() + interval '400 days' WHERE subject = $1";
    await rows(ahead, [`person-${runs}`]);
    const before = asked();
    const { body } = await again(refreshToken);
    assert.equal(asked(), before + 1);
    await rows(ahead, [`person-${runs}`]);
    federated.upstream.behaviour.refusal = { status: 503, error: 'temporarily_unavailable' };
    assert.equal((await again(body.refresh_token)).status, 503, 'nor does it stand in for one that does not answer');
  });
});

describe('what Postgres cannot hold', () => {
  const odd = ['a\0b', 'a\ud800'];

  it('in a subject or a role is no sign-in, told in words; in a name nothing is left of it', async () => {
    for (const text of odd) {
      comes(`person-${runs}`, { roles: [text] });
      const refused = await come();
      assert.ok(refused.status < 500 || refused.status === 502, `${refused.status} ${words(refused)}`);
      assert.ok(!isConsentPage(refused));
    }
    comes('a\0b');
    const refused = await come();
    assert.ok((refused.status < 500 || refused.status === 502) && !isConsentPage(refused), words(refused));
    comes(`person-${runs}`, { name: 'A\0na' });
    assert.ok(isConsentPage(await come()));
  });

  it('in a role at a refresh is no answer, and no failure of ours', async () => {
    const { refreshToken } = await connectUpstream(federated, newPerson(), clientId);
    later(11);
    comes(`person-${runs}`, { roles: ['a\0b'] });
    assert.equal((await again(refreshToken)).status, 200);
  });

  it('in an order to sign out ends nothing, and is answered as what nobody knows', async () => {
    const { issuer } = federated.upstream;
    for (const text of odd) {
      const front = await fetch(
        page(`federation/contoso/frontchannel-logout?${new URLSearchParams({ iss: issuer, sid: text })}`),
      );
      assert.equal(front.status, 200);
      for (const claims of [{ sid: text }, { sub: text }, { sid: 'known', jti: text }]) {
        const body = new URLSearchParams({ logout_token: await federated.upstream.logoutToken(claims) });
        const back = await fetch(page('federation/contoso/backchannel-logout'), { method: 'POST', body });
        assert.ok([200, 400].includes(back.status), `${JSON.stringify(claims)} ${back.status}`);
      }
    }
  });
});
