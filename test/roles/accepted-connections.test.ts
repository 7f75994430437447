/** Which connections an MCP server accepts is its operator's: a person who came by none of them gets nothing for it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { approve, authorizationUrl, redeem, refresh, registerClient, signIn } from '../flow.ts';
import { type Consentry, sql, startConsentry } from '../harness.ts';
import { words } from '../interaction/kit.ts';
import { createPerson } from '../person.ts';
import { addConnection, addKnown, connect, identify, pageFor, removeConnection, tokensIn } from './kit.ts';

describe('connections that a server accepts', () => {
  let consentry: Consentry;
  let insider: Awaited<ReturnType<typeof addKnown>>;
  let outsider: Awaited<ReturnType<typeof addKnown>>;

  before(async () => {
    consentry = await startConsentry();
    await addConnection(consentry, 'contoso', 'entra', 'Contoso staff');
    await addConnection(consentry, 'fabrikam', 'oidc', 'Fabrikam guests');
    insider = await addKnown(consentry);
    outsider = await addKnown(consentry, { connection: 'fabrikam' });
  });
  after(() => consentry.close());

  const accept = (...ids: string[]) => sql(consentry, 'UPDATE resources SET connection_ids = $1', [ids]);

  it('are all unless an operator names some', async () => {
    await accept();
    for (const who of [insider, outsider, consentry.ana]) await connect(consentry, who, 'mail:read');
  });

  it('are named to whoever came by another, with a way to be somebody else, in English and in Japanese', async () => {
    await accept('contoso');
    for (const who of [outsider, consentry.ana]) {
      const { page, person } = await pageFor(consentry, who, 'mail:read');
      assert.equal(page.status, 403);
      assert.match(words(page), /This needs another way to sign in.*Sign in with: Contoso staff/);
      assert.doesNotMatch(words(page), /Fabrikam guests/);
      const other = await person.submit(page, {}, { action: `${new URL(page.url).pathname}/switch-account` });
      assert.match(other.html, /name="password"/);
    }
    const { page } = await pageFor(consentry, outsider, 'mail:read', { ui_locales: 'ja' });
    assert.match(words(page), /別の方法でのサインインが必要です.*Contoso staff/);
    await connect(consentry, insider, 'mail:read');
  });

  it('are not opened by a password, also of somebody whom an accepted one knows', async () => {
    await accept('contoso');
    const { client_id: clientId } = await registerClient(consentry.issuer);
    const person = createPerson(consentry.issuer);
    const { url } = authorizationUrl(consentry, clientId, { scope: 'mail:read' });
    const page = await signIn(person, await person.open(url), insider);
    assert.equal(page.status, 403);
    assert.match(words(page), /This needs another way to sign in.*Contoso staff/);
  });

  it('are not chosen by anything that a client says (threat 85)', async () => {
    await accept('contoso');
    for (const params of [
      { connection: 'fabrikam' },
      { idp: 'fabrikam', kc_idp_hint: 'fabrikam' },
      {
        scope: 'openid mail:read',
        acr_values: 'urn:connection:fabrikam',
        login_hint: 'x@fabrikam.test',
        domain_hint: 'fabrikam',
      },
    ]) {
      const { page } = await pageFor(consentry, outsider, 'mail:read', params as Record<string, string>);
      assert.match(words(page), /This needs another way to sign in/);
    }
  });

  it('hold between the press and the code, and at every refresh', async () => {
    await accept();
    const pressed = await pageFor(consentry, outsider, 'mail:read');
    const done = await approve(pressed.person, pressed.page);
    const held = await connect(consentry, outsider, 'mail:read');
    const kept = await connect(consentry, insider, 'mail:read');
    await accept('contoso');
    const code = done.left?.searchParams.get('code') ?? assert.fail(words(done));
    const redeemed = await redeem(consentry, pressed.clientId, { ...pressed.begun, code });
    assert.equal(redeemed.body.error, 'invalid_grant');
    assert.equal((await refresh(consentry, held.clientId, held.refreshToken)).body.error, 'invalid_grant');
    const goesOn = await refresh(consentry, kept.clientId, kept.refreshToken);
    assert.equal(goesOn.status, 200, JSON.stringify(goesOn.body));
    assert.match(tokensIn(goesOn.body).scope, /mail:read/);
  });

  it('count for whoever came by them: not an identity that was only announced, waits to be confirmed, or whose connection is gone', async () => {
    await accept('contoso');
    await identify(consentry, outsider.id, { connection: 'contoso', neverCame: true });
    const refused = async () => assert.equal((await pageFor(consentry, outsider, 'mail:read')).page.status, 403);
    await refused();
    await sql(consentry, 'UPDATE identities SET last_sign_in_at = now(), vouched_at = now() WHERE account_id = $1', [
      outsider.id,
    ]);
    await connect(consentry, outsider, 'mail:read');
    await sql(consentry, 'UPDATE identities SET orphaned_at = now() WHERE account_id = $1', [outsider.id]);
    await refused();
    await accept('fabrikam');
    await sql(consentry, 'UPDATE identities SET orphaned_at = NULL WHERE account_id = $1', [outsider.id]);
    await connect(consentry, outsider, 'mail:read');
    await removeConnection(consentry, 'fabrikam');
    await refused();
  });
});
