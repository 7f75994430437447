/** Whatever kind of client asks, and in whatever order things happen: no code and no refresh token without a consent (threat 45). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { authorizationUrl, type Begun, signIn, tokenRequest } from '../flow.ts';
import { type Consentry, sql, startConsentry } from '../harness.ts';
import { type HttpsStub, startHttpsStub, testCaFile } from '../https-stub.ts';
import { isConnectPage, isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person, readForm, type Step } from '../person.ts';
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

  /** Codes and refresh tokens that no living chain of rows leads from to what this person agreed to with this client. */
  async function assertHeld(what: string): Promise<void> {
    const loose = await sql(
      consentry,
      `SELECT a.kind, a.client_id FROM artifacts a
       LEFT JOIN grants g ON g.id = a.grant_id
       LEFT JOIN consents c ON c.id = g.consent_id AND c.client_id = a.client_id AND c.account_id = a.account_id
       WHERE a.kind IN ('AuthorizationCode', 'RefreshToken') AND c.id IS NULL`,
    );
    assert.deepEqual(loose, [], what);
    const [counted] = await sql<{ presses: number; codes: number; unpressed: number }>(
      consentry,
      `SELECT (SELECT count(*)::int FROM audit_events WHERE type = 'consent.approved') AS presses,
              (SELECT count(*)::int FROM audit_events WHERE type = 'authorization.code_issued') AS codes,
              (SELECT count(*)::int FROM consents c WHERE NOT EXISTS (SELECT 1 FROM audit_events e WHERE e.type = 'consent.approved' AND e.consent_id = c.id)) AS unpressed`,
    );
    assert.ok(counted && counted.codes <= counted.presses, `${what}: ${JSON.stringify(counted)}`);
    assert.equal(counted.unpressed, 0, what);
  }

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
      await assertHeld(`${party.kind} asked`);
      assert.equal(isConsentPage(page), party.mayAuthorize, `${party.kind} ${words(page)}`);
      if (!party.mayAuthorize) continue;
      const code = (await press(page, { decision: 'approve' })).left?.searchParams.get('code') ?? undefined;
      assert.ok(code, party.kind);
      await assertHeld(`${party.kind} approved`);
      const tokens = await redeem(party, begun, code);
      assert.equal(tokens.status, 200, `${party.kind} ${JSON.stringify(tokens.body)}`);
      assert.equal(tokens.body.refresh_token !== undefined, party.mayRefresh, party.kind);
      await assertHeld(`${party.kind} redeemed`);
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

  /** The same numbers for the same seed, so that a failure can be repeated. */
  function random(seed: number): (below: number) => number {
    let state = seed;
    return (below) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
  }

  /** One thing that a client or a person does next; codes and tokens seen so far may come back at any time. */
  function actions(
    seen: { party: Party; begun: Begun; code: string | undefined }[],
    tokens: { party: Party; token: string | undefined }[],
    pick: (below: number) => number,
  ) {
    const any = <T>(list: readonly T[]): T => list[pick(list.length)] as T;
    const open = async (params: Record<string, string> = {}) => {
      const party = any(parties);
      const begun = begin(party, params);
      return { party, begun, page: await ana.open(begun.url) };
    };
    return {
      approve: async () => {
        const { party, begun, page } = await open();
        if (!isConsentPage(page)) return;
        const scope = any([['mail:read'], ['mail:read', 'mail:send'], ['mail:send'], []]);
        const answer = await press(page, {
          decision: 'approve',
          expiry: any(['once', '30d', 'max']),
          ...(scope.length > 0 ? { scope } : {}),
        });
        seen.push({ party, begun, code: answer.left?.searchParams.get('code') ?? undefined });
      },
      deny: async () => {
        const { page } = await open();
        if (isConsentPage(page)) await press(page, { decision: 'deny' });
      },
      leave: async () => {
        await open();
      },
      'prompt=none': async () => {
        const { page } = await open({ prompt: 'none' });
        assert.equal(page.left?.searchParams.get('code') ?? null, null);
      },
      'forged press': async () => {
        const { page } = await open();
        if (isConsentPage(page)) assert.equal((await press(page, { csrf: 'x', decision: 'approve' })).left, undefined);
      },
      'press without resuming': async () => {
        const { page } = await open();
        if (!isConsentPage(page)) return;
        const { fields } = readForm(page.html, new URL(page.url).pathname);
        await ana.send(page.url, { method: 'POST', body: new URLSearchParams([...fields, ['decision', 'approve']]) });
      },
      'sign in elsewhere': async () => {
        const visitor = createPerson(consentry.issuer);
        const page = await visitor.open(begin(any(parties)).url);
        if (isConnectPage(page))
          assert.equal(
            (await visitor.submit(page, { decision: 'cancel' })).left?.searchParams.get('code') ?? null,
            null,
          );
      },
      redeem: async () => {
        if (seen.length === 0) return;
        const { party, begun, code } = any(seen);
        const { body } = await redeem(party, begun, code);
        if (body.refresh_token) tokens.push({ party, token: body.refresh_token });
      },
      'redeem as another': async () => {
        if (seen.length === 0) return;
        const { party, begun, code } = any(seen);
        const other = any(parties);
        if (other !== party) assert.notEqual((await redeem(other, begun, code)).status, 200);
      },
      refresh: async () => {
        if (tokens.length === 0) return;
        const { party, token } = any(tokens);
        const { body } = await tokenRequest(
          consentry.issuer,
          { grant_type: 'refresh_token', client_id: party.clientId, refresh_token: token },
          party.headers,
        );
        if (body.refresh_token) tokens.push({ party, token: body.refresh_token });
      },
      'revoke consent': async () => {
        await consentry.rooms.consents.revoke({ clientId: any(parties).clientId }, 'test');
      },
    };
  }

  for (const seed of [1, 20_261_123]) {
    it(`holds after each of 40 random steps (seed ${seed})`, async () => {
      const pick = random(seed);
      const possible = Object.entries(actions([], [], pick));
      for (let step = 0; step < 40; step += 1) {
        const [name, act] = possible[pick(possible.length)] as (typeof possible)[number];
        await act();
        await assertHeld(`step ${step}: ${name}`);
      }
    });
  }

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
