/** The contract is asked at every mint: what ends after the press, ends the code, the device code and the refresh token (threat 58). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { addRule, removeRule } from '../../src/policy/changes.ts';
import { introspect, redeem, refresh, signIn, tokenRequest } from '../flow.ts';
import { sql, staticClient } from '../harness.ts';
import type { Step } from '../person.ts';
import { ask, type Browser, codeOf, connect, openBrowser, press, startWorld, type World } from './kit.ts';

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';

describe('what ended between the press and the token', () => {
  let world: World;
  let ana: Browser;
  before(async () => {
    world = await startWorld();
    ana = openBrowser(world.consentry);
    await connect(world, ana, await world.register(world.newName()));
  });
  after(() => world?.close());

  const update = (set: string) => async (clientId: string) => {
    await sql(world.consentry, `UPDATE consents SET ${set} WHERE client_id = $1`, [clientId]);
  };
  const disable = (table: 'accounts' | 'resources', disabledAt: string) => () =>
    sql(
      world.consentry,
      `UPDATE ${table} SET disabled_at = ${disabledAt}
       ${table === 'accounts' ? `, disabled_by = '{${disabledAt === 'NULL' ? '' : 'administrator'}}'` : ''}`,
    );

  /** How it ends, and how the world is put right again for the next. */
  const ENDS: Record<string, [(clientId: string) => Promise<unknown>, (() => Promise<unknown>)?]> = {
    'a consent that is revoked': [(clientId) => world.consentry.rooms.consents.revoke({ clientId }, 'test')],
    'a consent that is suspended': [update("suspended_at = now(), suspended_reason = 'test'")],
    'a consent that expires': [update("expires_at = now() - interval '1 second'")],
    'a scope that ends before its consent': [
      update(`scope_words = jsonb_set(scope_words, '{mail:read,until}', '"2020-01-01T00:00:00.000Z"')`),
    ],
    'a scope that is unticked elsewhere': [update("scopes = '{}'")],
    'words behind the scope that changed': [update(`scope_digests = '{"mail:read": "other"}'`)],
    'a client that no longer proves itself as it did': [
      update(`client_fingerprint = 'x.x', stated = jsonb_set(stated, '{client,authMethod}', '"private_key_jwt"')`),
    ],
    'a rule that denies': [
      () => {
        const match = { resource: world.consentry.mail.uri };
        const rule = { kind: 'match', id: 'nobody', effect: 'deny', match, note: undefined } as const;
        return world.consentry.rooms.policyStore.change(addRule(rule));
      },
      () => world.consentry.rooms.policyStore.change(removeRule('nobody')),
    ],
    'an account that is disabled': [disable('accounts', 'now()'), disable('accounts', 'NULL')],
    'a server that is disabled': [disable('resources', 'now()'), disable('resources', 'NULL')],
  };

  interface Pending {
    clientId: string;
    /** Asks for the token: the status and error. */
    mint: () => Promise<{ status: number; body: Record<string, unknown> }>;
    /** Of a token that was given before. */
    accessToken?: string;
  }
  const MINTS: Record<string, () => Promise<Pending>> = {
    'between the code and the token': async () => {
      const clientId = await world.register(world.newName());
      const { begun, page } = await ask(world, ana, clientId);
      const code = codeOf(await press(ana, page));
      return { clientId, mint: () => redeem(world.consentry, clientId, { ...begun, code }) };
    },
    'between the approval of a device and its poll': async () => {
      const { clientId, deviceCode } = await approveDevice();
      const fields = { grant_type: DEVICE, client_id: clientId, device_code: deviceCode };
      return { clientId, mint: () => tokenRequest(world.consentry.issuer, fields) };
    },
    'inside the grace window of a refresh': async () => {
      const clientId = await world.register(world.newName());
      const { refreshToken, accessToken } = await connect(world, ana, clientId);
      assert.equal((await refresh(world.consentry, clientId, refreshToken)).status, 200);
      return { clientId, accessToken, mint: () => refresh(world.consentry, clientId, refreshToken) };
    },
  };

  async function approveDevice() {
    const name = world.newName();
    const { issuer, rooms } = world.consentry;
    const client = { kind: 'app', name, redirectUris: [], authMethod: 'none', deviceFlow: true } as const;
    const { clientId } = await staticClient(rooms, client);
    const body = new URLSearchParams({ client_id: clientId, resource: world.consentry.mail.uri });
    const begun = (await (await fetch(`${issuer}/device_authorization`, { method: 'POST', body })).json()) as {
      device_code: string;
      user_code: string;
    };
    const entered = await ana.submit(await ana.open(`${issuer}/device`), { user_code: begun.user_code });
    const page: Step = await signIn(ana, await ana.submit(entered), world.consentry.ana);
    assert.match((await press(ana, page)).html, /connected/);
    return { clientId, deviceCode: begun.device_code };
  }
  const minted = async (clientId: string) =>
    (
      await sql(world.consentry, "SELECT 1 FROM audit_events WHERE type = 'token.issued' AND client_id = $1", [
        clientId,
      ])
    ).length;

  for (const [when, begin] of Object.entries(MINTS)) {
    it(`${when}: nothing ended, and there is one`, async () => {
      const { mint } = await begin();
      const { status, body } = await mint();
      assert.equal(status, 200, JSON.stringify(body));
    });

    for (const [what, [end, mend = async () => {}]] of Object.entries(ENDS)) {
      it(`${when}: ${what} gives none`, async () => {
        const { clientId, mint, accessToken } = await begin();
        const earlier = await minted(clientId);
        try {
          await end(clientId);
          const { status, body } = await mint();
          assert.equal(status, 400, JSON.stringify(body));
          // RFC 8707 §2: a server that is away has an error of its own.
          assert.ok(['invalid_grant', 'invalid_target'].includes(String(body.error)), String(body.error));
          assert.ok(what.includes('server') || body.error === 'invalid_grant', String(body.error));
          assert.equal(body.access_token, undefined);
          assert.equal(await minted(clientId), earlier);
          const ended = /revoked|suspended|expires|account|server/.test(what);
          if (accessToken && ended) {
            assert.deepEqual((await introspect(world.consentry, accessToken)).body, { active: false });
          }
        } finally {
          await mend();
        }
      });
    }
  }
});
