/** Addresses, identifiers and cookies that an attacker chooses lead nobody away. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startConnected } from '../connected.ts';
import { approve, authorizationUrl, authorize, registerClient } from '../flow.ts';
import { type Consentry, staticClient } from '../harness.ts';
import { given, heading, isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person } from '../person.ts';
import { FORM } from './raw.ts';

describe('addresses that lead away', () => {
  let consentry: Consentry;
  let ana: Person;
  let clientId: string;
  before(async () => {
    ({ consentry, ana, clientId } = await startConnected());
  });
  after(() => consentry?.close());

  it('logging out leads only to an address that its client has registered', async () => {
    const away = 'https://app.example.test/bye';
    const client = await staticClient(consentry.rooms, { kind: 'app', postLogoutRedirectUris: [away] });
    const self = await registerClient(consentry.issuer, { post_logout_redirect_uris: ['https://evil.example/'] });
    for (const query of [
      { post_logout_redirect_uri: 'https://evil.example/' },
      { post_logout_redirect_uri: 'https://evil.example/', client_id: client.clientId },
      { post_logout_redirect_uri: `${away}/more`, client_id: client.clientId },
      { post_logout_redirect_uri: 'https://evil.example/', client_id: self.client_id },
      { post_logout_redirect_uri: 'javascript:alert(1)' },
      { post_logout_redirect_uri: 'https://evil.example/', client_id: 'unknown' },
    ]) {
      const person = createPerson(consentry.issuer);
      const page = await person.open(
        `${consentry.issuer}/logout?${new URLSearchParams(query as Record<string, string>)}`,
      );
      assert.equal(page.left, undefined, JSON.stringify(query));
      if (page.status !== 200) continue;
      const done = await person.submit(page, { logout: 'yes' });
      assert.equal(done.left, undefined, JSON.stringify(query));
      assert.doesNotMatch(done.html, /evil|javascript/);
    }
    const person = createPerson(consentry.issuer);
    const page = await person.open(
      `${consentry.issuer}/logout?${new URLSearchParams({ post_logout_redirect_uri: away, client_id: client.clientId, state: 's' })}`,
    );
    assert.equal((await person.submit(page, { logout: 'yes' })).left?.href, `${away}?state=s`);
  });

  it('nobody is logged out without a press of their own', async () => {
    const person = createPerson(consentry.issuer);
    await authorize(consentry, clientId, { person });
    await person.open(`${consentry.issuer}/logout?${new URLSearchParams({ client_id: clientId })}`);
    for (const body of ['logout=yes', 'logout=yes&xsrf=x', 'logout=yes&xsrf=', 'logout=yes&xsrf[]=x']) {
      const answer = await person.open(`${consentry.issuer}/logout/confirm`, { method: 'POST', body, headers: FORM });
      assert.equal(answer.status, 400, body);
    }
    assert.ok(isConsentPage(await person.open(authorizationUrl(consentry, clientId).url)));
  });

  it('a resource is one server in one spelling: nothing that a parser forgives names it', async () => {
    const { mail } = consentry;
    for (const resource of [
      `${mail.uri}\u0000`,
      ` ${mail.uri}`,
      `${mail.uri}\n`,
      mail.uri.replace('mail', 'ma\til'),
      mail.uri.replaceAll('/', '\\'),
      `${mail.uri}#`,
      `${mail.uri}/`,
      `${mail.uri}?`,
      `${mail.uri}/..`,
      mail.uri.toUpperCase(),
      mail.uri.replace('mail', 'm\u0430il'),
      mail.uri.replace('mail', '%6dail'),
      mail.uri.replace('//', '//user@'),
      mail.uri.replace('127.0.0.1', 'localhost'),
      mail.uri.replace('http:', 'https:'),
      '*',
      'null',
      mail.clientId,
    ]) {
      const page = await ana.open(authorizationUrl(consentry, clientId, { resource }).url);
      assert.equal(page.left?.searchParams.get('error'), 'invalid_target', JSON.stringify(resource));
    }
    const twice = await ana.open(
      `${authorizationUrl(consentry, clientId).url}&resource=${encodeURIComponent('http://127.0.0.1:9/other')}`,
    );
    assert.equal(twice.left?.searchParams.get('error'), 'invalid_target');
  });

  it('scopes and client identifiers are compared letter by letter', async () => {
    const page = await ana.open(
      authorizationUrl(consentry, clientId, { scope: 'MAIL:SEND Mail:send mail:send\u200B mail:label' }).url,
    );
    if (page.left) assert.equal(page.left.searchParams.get('error'), 'invalid_scope');
    else assert.doesNotMatch(words(page), /Send mail as you/);
    for (const id of [clientId.toUpperCase(), ` ${clientId}`, `${clientId} `, `${clientId}\u0000`, `${clientId}/`]) {
      const stranger = await ana.open(authorizationUrl(consentry, id).url);
      assert.equal(stranger.left, undefined, JSON.stringify(id));
      assert.match(heading(stranger), /do not know this app/, JSON.stringify(id));
    }
  });

  it('names of pages are too long to guess, and never repeat', async () => {
    const uids = new Set<string>();
    for (let opened = 0; opened < 20; opened += 1)
      uids.add(
        new URL((await ana.open(authorizationUrl(consentry, clientId).url)).url).pathname.split('/').at(-1) as string,
      );
    assert.equal(uids.size, 20);
    for (const uid of uids) assert.ok(Buffer.from(uid, 'base64url').length >= 16, uid);
  });

  it('a page that an attacker began and planted as a cookie still names its client and still needs the press (cookie tossing)', async () => {
    const attacker = createPerson(consentry.issuer);
    const planted = await attacker.open(authorizationUrl(consentry, clientId).url);
    const victim = createPerson(consentry.issuer);
    await authorize(consentry, clientId, { person: victim });
    const earlier = await given(consentry);
    victim.jar.push(...attacker.jar.map((cookie) => ({ ...cookie })));
    const page = await victim.open(planted.url);
    assert.equal(page.left, undefined);
    const resumed = await victim.open(planted.url.replace('/interaction/', '/authorize/'));
    assert.equal(resumed.left, undefined);
    assert.deepEqual(await given(consentry), earlier);
    assert.ok(isConsentPage(resumed), words(resumed));
    assert.match(heading(resumed), /Claude Code/);
    assert.ok((await approve(victim, resumed)).left?.searchParams.get('code'));
  });
});
