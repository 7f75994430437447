/** Cookies: on https nobody beside us can set or read them; on http loopback they work at all. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { authorizationUrl, registerClient } from '../flow.ts';
import { type Consentry, startConsentry, staticClient } from '../harness.ts';
import { createPerson } from '../person.ts';
import { raw } from './raw.ts';

const ISSUER = 'https://consentry.example.test';

describe('cookies', () => {
  let secure: Consentry;
  let loopback: Consentry;
  before(async () => {
    [secure, loopback] = await Promise.all([startConsentry({ ISSUER }), startConsentry()]);
  });
  after(async () => {
    await Promise.all([secure?.close(), loopback?.close()]);
  });

  /** Name → attributes, as the Set-Cookie lines of an answer say. */
  function parse(lines: string[]): Map<string, string> {
    return new Map(
      lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf(';') + 1).toLowerCase()]),
    );
  }
  async function behindProxy(path: string): Promise<Map<string, string>> {
    const answer = await raw(
      `http://127.0.0.1:${secure.config.port}`,
      `GET ${path} HTTP/1.1`,
      'Host: consentry.example.test',
      'Accept: text/html',
    );
    assert.doesNotMatch(answer, /^HTTP\/1\.1 [45]/, answer.slice(0, 300));
    return parse([...answer.matchAll(/^set-cookie: (.*)\r$/gim)].map(([, line = '']) => line));
  }

  it('on https each is Secure, HttpOnly and SameSite=Lax; `__Host-` where its path allows, `__Secure-` elsewhere; none names a domain', async () => {
    const { clientId } = await staticClient(secure.rooms, { kind: 'app' });
    const { search } = new URL(
      authorizationUrl({ issuer: ISSUER, mail: secure.mail }, clientId, { redirect_uri: 'http://127.0.0.1/callback' })
        .url,
    );
    const all = new Map([
      ...(await behindProxy(`/authorize${search}`)),
      ...(await behindProxy('/account/password')),
      ...(await behindProxy('/device')),
    ]);
    const names = [...all.keys()].filter((name) => !name.endsWith('.sig')).sort();
    assert.deepEqual(names.map(kindOf), [
      '__Host-consentry_at_',
      '__Host-consentry_browser',
      '__Host-consentry_session',
      '__Secure-consentry_interaction',
      '__Secure-consentry_resume',
    ]);
    for (const [name, attributes] of all) {
      assert.match(attributes, /;? ?secure/, name);
      assert.match(attributes, /httponly/, name);
      assert.match(attributes, /samesite=lax/, name);
      assert.doesNotMatch(attributes, /domain=/, name);
      if (name.startsWith('__Host-')) assert.match(attributes, /path=\/(?:;|$)/, name);
      else assert.match(attributes, /path=\/(?:interaction|authorize)\/[\w-]{20,}(?:;|$)/, name);
    }
    for (const name of names) {
      assert.ok(all.has(`${name}.sig`) || kindOf(name).endsWith('_at_'), `${name} is signed, or a MAC itself`);
    }
  });

  it('on http loopback they carry neither Secure nor a prefix, which Safari would drop there', async () => {
    const { client_id: clientId } = await registerClient(loopback.issuer);
    const person = createPerson(loopback.issuer);
    const answers = [
      await person.send(authorizationUrl(loopback, clientId).url),
      await person.send(`${loopback.issuer}/account/password`),
      await person.send(`${loopback.issuer}/device`),
    ];
    const all = parse(answers.flatMap((answer) => answer.headers.getSetCookie()));
    const names = [...all.keys()].filter((name) => !name.endsWith('.sig'));
    assert.deepEqual(names.map(kindOf).sort(), [
      'consentry_at_',
      'consentry_browser',
      'consentry_interaction',
      'consentry_resume',
      'consentry_session',
    ]);
    for (const [name, attributes] of all) {
      assert.doesNotMatch(attributes, /secure|domain=/, name);
      assert.match(attributes, /httponly/, name);
      assert.match(attributes, /samesite=lax/, name);
    }
  });
});

/** Each request of a browser has a cookie of its own. */
function kindOf(name: string): string {
  return name.replace(/(_at_)[\w-]{8}$/, '$1');
}
