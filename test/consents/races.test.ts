/** Many presses at the same instant: one agreement, and exactly the codes that were earned. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import pg from 'pg';
import { revokeConsents } from '../../src/consents/revocation.ts';
import { type Begun, redeem, refresh } from '../flow.ts';
import { sql } from '../harness.ts';
import { words } from '../interaction/kit.ts';
import { atOnce, tally } from '../oauth/kit.ts';
import { readForm, type Step } from '../person.ts';
import {
  ask,
  assertPage,
  type Browser,
  codeOf,
  connect,
  consentRows,
  openBrowser,
  press,
  recordOf,
  startWorld,
  type World,
} from './kit.ts';

interface Open {
  browser: Browser;
  begun: Begun;
  page: Step;
}

describe('presses at the same instant', () => {
  let world: World;
  let browsers: Browser[];
  let clientId: string;
  before(async () => {
    world = await startWorld();
    // A browser answers a dozen requests at once; a person has several.
    browsers = Array.from({ length: 5 }, () => openBrowser(world.consentry));
    const other = await world.register(world.newName());
    for (const browser of browsers) await connect(world, browser, other);
  });
  after(() => world?.close());
  beforeEach(async () => {
    clientId = await world.register(world.newName());
  });

  /** Requests of one client, as many in each browser, all waiting for a press. */
  async function openMany(kind: 'full' | 'short', each: number): Promise<Open[]> {
    const opened = await Promise.all(
      browsers.map(async (browser) => {
        const pages: Open[] = [];
        for (let count = 0; count < each; count += 1) pages.push({ browser, ...(await ask(world, browser, clientId)) });
        return pages;
      }),
    );
    for (const { page } of opened.flat()) assertPage(page, kind);
    return opened.flat();
  }
  const pressAll = (pages: readonly Open[]) => Promise.all(pages.map(({ browser, page }) => press(browser, page)));
  /** Ten at a time: all of one agreement wait for each other, and on a slow machine the last of fifty would be sent away. */
  async function redeemAll(pages: readonly Open[], answers: readonly Step[]) {
    const authorized = pages.map(({ begun }, index) => {
      const code = answers[index]?.left?.searchParams.get('code') ?? '';
      return { ...begun, code };
    });
    const redeemed = [];
    for (let at = 0; at < authorized.length; at += 10) {
      const ten = authorized.slice(at, at + 10).map((one) => redeem(world.consentry, clientId, one));
      redeemed.push(...(await Promise.all(ten)));
    }
    return redeemed;
  }
  function assertNoFault(answers: readonly Step[]): void {
    for (const answer of answers) assert.ok(answer.status < 500, words(answer));
  }
  async function codes(): Promise<number> {
    const text =
      "SELECT count(*)::int AS codes FROM audit_events WHERE type = 'authorization.code_issued' AND client_id = $1";
    return (await sql<{ codes: number }>(world.consentry, text, [clientId]))[0]?.codes ?? 0;
  }

  it('fifty approvals of fifty requests make one agreement, and fifty codes that are all good', async () => {
    const pages = await openMany('full', 10);
    const answers = await pressAll(pages);
    assertNoFault(answers);
    const rows = await consentRows(world, clientId);
    assert.deepEqual(
      rows.map(({ version, scopes }) => [version, scopes]),
      [[50, ['mail:read']]],
    );
    assert.equal(new Set(answers.map(codeOf)).size, 50);
    assert.deepEqual(tally(await redeemAll(pages, answers)), { '200': 50 });
    assert.equal((await recordOf(world, clientId, 'consent.approved')).length, 50);
  });

  it('twenty times Continue go on under one agreement, and prolong it by nothing', async () => {
    for (const browser of browsers) await connect(world, browser, clientId);
    const [before] = await consentRows(world, clientId);
    const pages = await openMany('short', 4);
    const answers = await pressAll(pages);
    assertNoFault(answers);
    const rows = await consentRows(world, clientId);
    assert.deepEqual(
      rows.map((row) => [row.version, row.expires_at, row.full_page_at]),
      [[(before?.version ?? 0) + 20, before?.expires_at, before?.full_page_at]],
    );
    assert.deepEqual(tally(await redeemAll(pages, answers)), { '200': 20 });
  });

  for (const kind of ['full', 'short'] as const) {
    it(`fifty presses of one ${kind} page make one agreement and one code`, async () => {
      const [browser] = browsers as [Browser];
      if (kind === 'short') await connect(world, browser, clientId);
      const earlier = await codes();
      const { begun, page } = await ask(world, browser, clientId);
      assertPage(page, kind);
      const answers = await atOnce(50, () => press(browser, page));
      assertNoFault(answers);
      assert.equal((await consentRows(world, clientId)).length, 1);
      assert.equal(await codes(), earlier + 1);
      const earned = new Set(answers.flatMap(({ left }) => left?.searchParams.get('code') ?? []));
      assert.equal(earned.size, 1);
      const [code = ''] = earned;
      assert.equal((await redeem(world.consentry, clientId, { ...begun, code })).status, 200);
    });
  }

  it('presses amid revocations leave no token that the last of them did not leave', async () => {
    const pages = await openMany('full', 4);
    const revoke = () => world.consentry.rooms.consents.revoke({ clientId }, 'test');
    const [answers] = await Promise.all([pressAll(pages), ...Array.from({ length: 5 }, revoke)]);
    assertNoFault(answers);
    const tokens = await redeemAll(pages, answers);
    for (const { status, body } of tokens) {
      assert.ok(
        status === 200 || ['invalid_grant', 'invalid_request'].includes(String(body.error)),
        JSON.stringify(body),
      );
    }
    const living = (await consentRows(world, clientId)).filter((row) => row.revoked_at === null);
    assert.ok(living.length <= 1);
    const loose = `SELECT a.kind FROM artifacts a LEFT JOIN grants g ON g.id = a.grant_id
                   LEFT JOIN consents c ON c.id = g.consent_id AND c.revoked_at IS NULL
                   WHERE a.client_id = $1 AND a.kind IN ('AuthorizationCode', 'RefreshToken') AND c.id IS NULL`;
    assert.deepEqual(await sql(world.consentry, loose, [clientId]), []);
    await revoke();
    for (const { body } of tokens.slice(0, 10)) {
      if (body.refresh_token) {
        assert.equal((await refresh(world.consentry, clientId, body.refresh_token)).body.error, 'invalid_grant');
      }
    }
  });

  it('what is taken back in the moment in which its code is made gives none, and is nobody’s fault', async () => {
    const [browser] = browsers as [Browser];
    const { begun, page } = await ask(world, browser, clientId);
    const body = new URLSearchParams([
      ...readForm(page.html, new URL(page.url).pathname).fields,
      ['decision', 'approve'],
    ]);
    const pressed = await browser.send(page.url, { method: 'POST', body });
    assert.equal(pressed.status, 302);
    const holder = new pg.Client({ connectionString: world.consentry.databaseUrl });
    await holder.connect();
    try {
      await holder.query('BEGIN');
      const text = 'DELETE FROM grants WHERE consent_id IN (SELECT id FROM consents WHERE client_id = $1)';
      assert.equal((await holder.query(text, [clientId])).rowCount, 1);
      const answering = browser.open(String(pressed.headers.get('location')));
      await waitsForLock(world.consentry);
      await holder.query('COMMIT');
      const { left, ...answer } = await answering;
      assert.ok(left, `${answer.status} ${words(answer)}`);
      const { searchParams } = left;
      assert.deepEqual(
        [searchParams.get('error'), searchParams.get('state'), searchParams.get('code')],
        ['access_denied', begun.state, null],
      );
    } finally {
      await holder.end();
    }
  });

  it('of two who revoke the same at once one did: one event, and the other is told that nothing was left', async () => {
    const [browser] = browsers as [Browser];
    await connect(world, browser, clientId);
    const { consentry } = world;
    const { rooms } = consentry;
    const held = Promise.withResolvers<void>();
    const first = rooms.database.unit(async () => {
      const { length } = await revokeConsents(rooms, [{ clientId }]);
      held.resolve();
      await waitsForLock(consentry);
      return length;
    });
    await held.promise;
    const second = await revokeConsents(rooms, [{ clientId }], 'client_revoked');
    assert.deepEqual([await first, second.length], [1, 0]);
    const text = "SELECT reason FROM audit_events WHERE type = 'consent.revoked' AND client_id = $1";
    assert.deepEqual(await sql(consentry, text, [clientId]), [{ reason: 'administrator' }]);
  });
});

/** Until somebody waits for what another transaction holds. */
async function waitsForLock(consentry: World['consentry']): Promise<void> {
  const text = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
  while ((await sql(consentry, text)).length === 0);
}
