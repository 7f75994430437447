/** How many pages and presses each way through them costs, with an upstream (the table of consent.md §3). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { atUpstream, type Federated, startFederated } from '../federation/kit.ts';
import { authorizationUrl, registerClient } from '../flow.ts';
import { addPerson, sql } from '../harness.ts';
import { words } from '../interaction/kit.ts';
import type { Step } from '../person.ts';
import { assertPage, type Browser, codeOf, notYou, openBrowser, type PageKind, pageKind, press } from './kit.ts';

const LETTERS: Partial<Record<PageKind, string>> = { connect: 'A', full: 'C', short: 'D', approval: 'E', wider: 'F' };

interface Walked {
  pages: string;
  presses: number;
}

describe('the way through the pages', () => {
  let federated: Federated;
  let owner: { id: string };
  let programs = 0;
  before(async () => {
    federated = await startFederated({ ids: ['contoso'] });
    owner = await addPerson(federated.consentry.rooms, 'olga@contoso.test');
    await sql(federated.consentry, "UPDATE accounts SET role = 'owner' WHERE id = $1", [owner.id]);
  });
  after(() => federated?.close());

  /** Presses on until the code. */
  async function walk(browser: Browser, first: Step): Promise<Walked> {
    const pages: string[] = [];
    let presses = 0;
    for (let step = first; pages.length < 9; ) {
      if (step.left?.origin === federated.upstream.issuer) {
        pages.push('B');
        // The test provider signs in whom it is told to, and has nobody to choose from.
        if (step.left.searchParams.get('prompt') === 'select_account') step.left.searchParams.delete('prompt');
        step = await browser.open((await atUpstream(federated, step.left)).href);
      } else if (step.left) {
        codeOf(step);
        return { pages: pages.join(' '), presses };
      } else {
        pages.push(LETTERS[pageKind(step)] ?? assert.fail(`${step.status} ${words(step)}`));
        presses += 1;
        step = await pressOn(browser, step);
      }
    }
    return assert.fail(`no end: ${pages}`);
  }

  async function pressOn(browser: Browser, step: Step): Promise<Step> {
    const kind = pageKind(step);
    if (kind === 'connect') return browser.submit(step, { connection: 'contoso' });
    if (kind !== 'approval') return press(browser, step);
    const waiting = await browser.submit(step, { decision: 'ask' });
    const { approvals } = federated.consentry.rooms;
    const current = (await approvals.list()).find(({ state }) => state === 'pending') ?? assert.fail(words(waiting));
    const decision = { id: current.id, decision: 'approve', approver: owner.id, current } as const;
    assert.equal((await approvals.decide(decision)).outcome, 'approved');
    // The page looks again by itself.
    return browser.open(waiting.url);
  }

  async function register(): Promise<string> {
    programs += 1;
    return (await registerClient(federated.consentry.issuer, { client_name: `Program ${programs}` })).client_id;
  }
  const arrive = (browser: Browser, clientId: string, scope = 'mail:read') =>
    browser.arrive(authorizationUrl(federated.consentry, clientId, { scope }).url);
  /** Signed in, with a consent of the program. */
  async function covered() {
    const browser = openBrowser(federated.consentry);
    const clientId = await register();
    await walk(browser, await arrive(browser, clientId));
    return { browser, clientId };
  }
  /** Above this an administrator is asked. */
  const askAbove = (sensitivity: string) =>
    sql(federated.consentry, "UPDATE policy_rules SET match = $1 WHERE id = 'default'", [{ above: sensitivity }]);

  const CASES: Record<string, [string, number, () => Promise<Walked>]> = {
    'first time with an upstream': [
      'A B C',
      2,
      async () => {
        const browser = openBrowser(federated.consentry);
        return walk(browser, await arrive(browser, await register()));
      },
    ],
    'live session, covered': [
      'D',
      1,
      async () => {
        const { browser, clientId } = await covered();
        return walk(browser, await arrive(browser, clientId));
      },
    ],
    'session expired, covered, same account': [
      'A B',
      1,
      async () => {
        const { browser, clientId } = await covered();
        await sql(federated.consentry, "DELETE FROM artifacts WHERE kind = 'Session'");
        return walk(browser, await arrive(browser, clientId));
      },
    ],
    'new client, live session': [
      'C',
      1,
      async () => {
        const { browser } = await covered();
        return walk(browser, await arrive(browser, await register()));
      },
    ],
    'needs administrator': [
      'E C',
      2,
      async () => {
        const { browser } = await covered();
        await askAbove('medium');
        try {
          return await walk(browser, await arrive(browser, await register(), 'mail:read mail:send'));
        } finally {
          await askAbove('high');
        }
      },
    ],
    'step-up': [
      'F',
      1,
      async () => {
        const { browser, clientId } = await covered();
        return walk(browser, await arrive(browser, clientId, 'mail:read mail:label'));
      },
    ],
    'step-up, sensitive': [
      'F B',
      1,
      async () => {
        const { browser, clientId } = await covered();
        return walk(browser, await arrive(browser, clientId, 'mail:read mail:send'));
      },
    ],
    // Beside "Not you?" itself.
    'another account': [
      'A B C',
      2,
      async () => {
        const { browser, clientId } = await covered();
        const page = await arrive(browser, clientId);
        assertPage(page, 'short');
        const connectPage = await notYou(browser, page);
        const sent = await browser.submit(await browser.open(connectPage.url), { connection: 'contoso' });
        assert.equal(sent.left?.searchParams.get('prompt'), 'select_account');
        return walk(browser, connectPage);
      },
    ],
  };
  for (const [what, [pages, presses, walked]] of Object.entries(CASES)) {
    it(`${what}: ${pages}, ${presses} ${presses === 1 ? 'press' : 'presses'}`, async () => {
      assert.deepEqual(await walked(), { pages, presses });
    });
  }

  it('and of all of them each code has its own recorded press', async () => {
    const [row] = await sql<{ codes: number; presses: number }>(
      federated.consentry,
      `SELECT count(*) FILTER (WHERE type = 'authorization.code_issued')::int AS codes,
              count(*) FILTER (WHERE type IN ('consent.approved', 'consent.continued'))::int AS presses FROM audit_events`,
    );
    assert.ok(row && row.codes > 0 && row.codes === row.presses, JSON.stringify(row));
  });
});
