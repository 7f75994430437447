/** Whether a person of Entra ID is still welcome: only Entra's own refusal is a refusal (F31). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { CheckedIdentity, Connection } from '../../../src/federation/connection.ts';
import { FetchFailed } from '../../../src/web/fetch-failed.ts';
import { CONTOSO, EVIL, FABRIKAM } from '../../fakes/entra/directory.ts';
import { Aadsts } from '../../fakes/entra/errors.ts';
import { checked, type Entra, signIn, startEntra } from './kit.ts';

describe('the liveness check at Entra ID', () => {
  let entra: Entra;
  let connection: Connection;
  let known: CheckedIdentity;
  before(async () => {
    entra = await startEntra();
  });
  beforeEach(async () => {
    entra.reset();
    connection = entra.connect();
    known = checked(await signIn(entra, connection));
  });
  after(() => entra?.close());

  /** In one word, or `ended person AADSTS…`. */
  async function state(identity = known, by = connection): Promise<string> {
    const liveness = await by.check(identity);
    if (liveness.state === 'ended') return `ended ${liveness.what} ${liveness.code}`;
    return liveness.state === 'unreachable' && liveness.alarm ? `unreachable ${liveness.alarm}` : liveness.state;
  }

  it('alive: with the token that took the place of the old one, which stays good, and the roles of now (F31)', async () => {
    entra.ana.roles = ['Mail.User'];
    const liveness = await connection.check(known);
    assert.ok(liveness.state === 'alive');
    assert.deepEqual(liveness.appRoles, ['Mail.User']);
    assert.ok(liveness.refreshToken && liveness.refreshToken !== known.refreshToken);
    assert.equal(await state({ ...known, refreshToken: liveness.refreshToken }), 'alive');
    assert.equal(await state(), 'alive');
    assert.equal(entra.fake.tokenRequests.at(-1)?.get('scope'), 'openid profile email offline_access');
  });

  it('a role that was taken away is gone, though the claim is only left out', async () => {
    entra.ana.roles = ['Mail.Admin'];
    await connection.check(known);
    delete entra.ana.roles;
    const liveness = await connection.check(known);
    assert.ok(liveness.state === 'alive');
    assert.deepEqual(liveness.appRoles, []);
  });

  it('disabled, unassigned, deleted: the person is out (F31)', async () => {
    entra.ana.disabled = true;
    assert.equal(await state(), 'ended person AADSTS50057');
    Object.assign(entra.ana, { disabled: false, assigned: false });
    assert.equal(await state(), 'ended person AADSTS50105');
    const { people } = entra.fake.directory;
    people.splice(people.indexOf(entra.ana), 1);
    assert.equal(await state(), 'ended person AADSTS50034');
    people.push(entra.ana);
  });

  it('revoked, sign-in frequency, unknown token: only the token is dead, and a sign-in mends it (F31)', async () => {
    entra.ana.revokedAt = Math.floor(Date.now() / 1000) + 1;
    assert.equal(await state(), 'ended token AADSTS50173');
    Object.assign(entra.ana, { revokedAt: 0, overdue: true });
    assert.equal(await state(), 'ended token AADSTS70043');
    entra.ana.overdue = false;
    assert.equal(await state({ ...known, refreshToken: 'unknown' }), 'ended token AADSTS70000');
  });

  it('each known code ends the person, or the token, or says nothing of the person', async () => {
    const expected: Record<string, number[]> = {
      'ended person': [50020, 50034, 50057, 50105, 53011, 500212, 500213],
      'ended token': [50173, 70043, 700082, 700084, 50089, 70008, 50076, 50079, 53003, 65001, 54005, 999999],
      unreachable: [90024, 50033, 90006],
      'unreachable aadsts_': [7000215, 7000222, 700027, 7000218, 700016, 90002, 90038, 50194, 50196, 9010010],
    };
    for (const [state_, codes] of Object.entries(expected)) {
      for (const code of codes) {
        entra.fake.behaviour.tokenError = new Aadsts(code);
        assert.ok((await state()).startsWith(state_), `${code}: ${await state()}`);
        assert.equal((await state()).includes(`aadsts_${code}`), state_.endsWith('_'), String(code));
      }
    }
  });

  it('a dead token is one without a code too; an unknown error is none', async () => {
    const answer = (error: string) => ({ status: 400, type: 'application/json', body: JSON.stringify({ error }) });
    entra.fake.behaviour.tokenError = answer('invalid_grant');
    assert.equal(await state(), 'ended token invalid_grant');
    entra.fake.behaviour.tokenError = answer('invalid_client');
    assert.equal(await state(), 'unreachable invalid_client');
    entra.fake.behaviour.tokenError = answer('something_new');
    assert.equal(await state(), 'unreachable');
  });

  it('throttling, failures, pages, timeouts and no answer end nobody, also where a refusal is written in them', async () => {
    const refusal = JSON.stringify(new Aadsts(50057).body);
    for (const status of [429, 500, 502, 503, 504]) {
      entra.fake.behaviour.tokenError = { status, type: 'application/json', body: refusal };
      assert.equal(await state(), 'unreachable', String(status));
    }
    for (const status of [200, 302, 400, 403, 404]) {
      entra.fake.behaviour.tokenError = { status, body: `<html>${refusal}</html>` };
      assert.equal(await state(), 'unreachable', String(status));
    }
    for (const reason of ['timeout', 'connection', 'unresolved', 'too_large', 'busy'] as const) {
      const broken = entra.connect({}, {}, async () => {
        throw new FetchFailed(reason, 'x');
      });
      assert.equal(await state(known, broken), 'unreachable', reason);
    }
    entra.fake.behaviour.discovery = 'down';
    entra.fake.behaviour.tokenError = undefined;
    assert.equal(await state(known, entra.connect()), 'unreachable');
  });

  it('a token that is another person’s, another tenant’s or not genuine is not "alive"', async () => {
    entra.fake.behaviour.alter = (claims) => ({ ...claims, oid: '11111111-1111-4111-8111-111111111111' });
    assert.equal(await state(), 'ended token another_person');
    entra.fake.behaviour.alter = (claims) => ({ ...claims, tid: EVIL });
    assert.equal(await state(), 'unreachable');
    entra.fake.behaviour.alter = (claims) => claims;
    entra.fake.behaviour.signer = 'stranger';
    assert.equal(await state(), 'unreachable');
    entra.fake.behaviour.signer = 'own';
    entra.fake.behaviour.refreshes = 'without_id_token';
    assert.equal(await state(), 'unreachable');
  });

  it('a tenant that is no longer on the list, and a guest where none are let in any more, end their way in', async () => {
    assert.equal(await state(known, entra.connect({ tenants: [FABRIKAM] })), 'ended token tenant_not_allowed');
    assert.equal(await state(known, entra.connect({ cloud: 'usgov' })), 'ended token tenant_not_allowed');
    entra.ana.homeTenant = FABRIKAM;
    assert.equal(await state(), 'ended token guest');
    delete entra.ana.homeTenant;
  });

  it('without a new token the old one is kept', async () => {
    entra.fake.behaviour.refreshes = 'none';
    const liveness = await connection.check(known);
    assert.deepEqual([liveness.state, 'refreshToken' in liveness && liveness.refreshToken], ['alive', undefined]);
  });

  it('logout: its own issuers alone, letter for letter, and no logout token (F33)', async () => {
    const { logout } = entra.connect({ tenants: [CONTOSO, FABRIKAM] });
    for (const tenant of [CONTOSO, FABRIKAM]) {
      assert.equal(logout.isIssuer(`https://login.microsoftonline.com/${tenant}/v2.0`), true);
    }
    for (const issuer of [
      `https://login.microsoftonline.com/${EVIL}/v2.0`,
      `https://login.microsoftonline.com/${CONTOSO}/v2.0/`,
      `https://login.microsoftonline.com/${CONTOSO.toUpperCase()}/v2.0`,
      `https://login.microsoftonline.us/${CONTOSO}/v2.0`,
      `https://evil.test/${CONTOSO}/v2.0`,
      `https://sts.windows.net/${CONTOSO}/`,
      'https://login.microsoftonline.com/{tenantid}/v2.0',
      'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0',
      '',
    ]) {
      assert.equal(logout.isIssuer(issuer), false, issuer);
      assert.equal(entra.connect({ tenants: 'any' }).logout.isIssuer(issuer), issuer.includes('/e0000000'), issuer);
    }
    await assert.rejects(logout.verifyToken('eyJ.eyJ.x'), /could not be completed/);
  });
});
