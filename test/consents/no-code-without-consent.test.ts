/** Whatever kind of client asks: no code and no refresh token without a consent that somebody pressed (threat 45). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { authorizationUrl, type Begun, signIn, tokenRequest } from '../flow.ts';
import { type Consentry, sql, startConsentry } from '../harness.ts';
import { type HttpsStub, startHttpsStub, testCaFile } from '../https-stub.ts';
import { isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person, type Step } from '../person.ts';
import { assertHeld } from './invariants.ts';
import { makeParties, type Party } from './parties.ts';

describe('no code and no refresh token without a consent', () => {
  let consentry: Consentry;
  let stub: HttpsStub;
  let ana: Person;
  let parties: Party[];
  before(async () => {
    stub = await startHttpsStub((request, response) => {
      const document = {
        client_id: `${stub.url}${request.url}`,
        client_name: 'Paper',
        redirect_uris: ['http://127.0.0.1/callback'],
      };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document));
    });
    consentry = await startConsentry({ OUTBOUND_ALLOW: 'localhost', OUTBOUND_CA_FILE: testCaFile });
    parties = await makeParties(consentry, `${stub.url}/client.json`);
    ana = createPerson(consentry.issuer);
    await signIn(ana, await ana.open(authorizationUrl(consentry, String(parties[0]?.clientId)).url), consentry.ana);
  });
  after(async () => {
    await consentry?.close();
    await stub?.close();
  });

  const begin = (party: Party, params: Record<string, string> = {}) =>
    authorizationUrl(consentry, party.clientId, {
      redirect_uri: party.redirectUri,
      scope: 'mail:read mail:send',
      ...params,
    });
  const press = async (page: Step, changes: Record<string, string | string[]>) => ana.submit(page, changes);
  const redeem = (party: Party, begun: Begun, code: string | undefined) =>
    tokenRequest(
      consentry.issuer,
      {
        grant_type: 'authorization_code',
        client_id: party.clientId,
        code,
        code_verifier: begun.verifier,
        redirect_uri: begun.redirectUri,
      },
      party.headers,
    );

  it('every kind of client gets a page first, a code after the press, and a refresh token only where it may', async () => {
    for (const party of parties) {
      const begun = begin(party);
      const page = await ana.open(begun.url);
      await assertHeld(consentry, `${party.kind} asked`);
      assert.equal(isConsentPage(page), party.mayAuthorize, `${party.kind} ${words(page)}`);
      if (!party.mayAuthorize) continue;
      const code = (await press(page, { decision: 'approve' })).left?.searchParams.get('code') ?? undefined;
      assert.ok(code, party.kind);
      await assertHeld(consentry, `${party.kind} approved`);
      const tokens = await redeem(party, begun, code);
      assert.equal(tokens.status, 200, `${party.kind} ${JSON.stringify(tokens.body)}`);
      assert.equal(tokens.body.refresh_token !== undefined, party.mayRefresh, party.kind);
      await assertHeld(consentry, `${party.kind} redeemed`);
    }
  });

  it('a client that may stand for others gets no refresh token however it asks (threat 125)', async () => {
    for (const party of parties.filter(({ kind }) => /proxy|undeclared/.test(kind))) {
      for (const params of [
        { scope: 'openid offline_access mail:read', prompt: 'consent' },
        { access_type: 'offline', scope: 'offline_access mail:read' },
      ]) {
        const begun = begin(party, params);
        const code =
          (await press(await ana.open(begun.url), { decision: 'approve', expiry: 'max' })).left?.searchParams.get(
            'code',
          ) ?? undefined;
        assert.ok(code, party.kind);
        const tokens = await redeem(party, begun, code);
        assert.equal(tokens.status, 200);
        assert.equal(tokens.body.refresh_token, undefined, party.kind);
      }
      const [row] = await sql<{ count: number }>(
        consentry,
        "SELECT count(*)::int AS count FROM artifacts WHERE kind = 'RefreshToken' AND client_id = $1",
        [party.clientId],
      );
      assert.equal(row?.count, 0, party.kind);
    }
  });

  it('the database itself refuses a code, a refresh token or a grant that hangs from nothing', async () => {
    const insert = (kind: string, grant: string | null) =>
      sql(consentry, "INSERT INTO artifacts (kind, id, payload, grant_id) VALUES ($1, 'forged', '\\x00', $2)", [
        kind,
        grant,
      ]);
    for (const kind of ['AuthorizationCode', 'RefreshToken']) {
      await assert.rejects(insert(kind, null), /artifacts_grant_required/);
      await assert.rejects(insert(kind, 'no-such-grant'), /artifacts_grant_id_fkey/);
    }
    const grant = (consent: string | null) =>
      sql(consentry, "INSERT INTO grants (id, consent_id, payload, expires_at) VALUES ('forged', $1, '\\x00', now())", [
        consent,
      ]);
    await assert.rejects(grant('no-such-consent'), /grants_consent_id_fkey/);
    await assert.rejects(grant(null), /not-null/);
    const party = parties[0] as Party;
    const begun = begin(party);
    await press(await ana.open(begun.url), { decision: 'approve' });
    await assert.rejects(
      sql(consentry, "UPDATE artifacts SET grant_id = NULL WHERE kind = 'AuthorizationCode'"),
      /artifacts_grant_required/,
    );
    await assert.rejects(sql(consentry, 'UPDATE grants SET consent_id = NULL'), /not-null/);
  });

  it('codes and refresh tokens go with their consent', async () => {
    const party = parties[0] as Party;
    const begun = begin(party);
    const code =
      (await press(await ana.open(begun.url), { decision: 'approve' })).left?.searchParams.get('code') ?? undefined;
    await redeem(party, begun, code);
    await press(await ana.open(begin(party).url), { decision: 'approve' });
    await consentry.rooms.consents.revoke({ clientId: party.clientId }, 'test');
    const rows = await sql(
      consentry,
      "SELECT kind FROM artifacts WHERE client_id = $1 AND kind IN ('AuthorizationCode', 'RefreshToken')",
      [party.clientId],
    );
    assert.deepEqual(rows, []);
  });
});
