/**
 * Whoever asks, and in whatever order people, clients and administrators act: no code, refresh token or access token of a
 * person without a covering, living consent that goes back to a press on a full page (threat 45).
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeJwt } from 'jose';
import { addRule, removeRule } from '../../src/policy/changes.ts';
import { authorizationUrl, type Begun, introspect, registerClient, tokenRequest } from '../flow.ts';
import { addPerson, sql } from '../harness.ts';
import type { Step } from '../person.ts';
import { details } from '../proxies/kit.ts';
import { assertCovered, assertHeld } from './invariants.ts';
import { type Browser, CLAUDE, openBrowser, pageKind, startWorld, type World } from './kit.ts';
import { makeParties, type Party } from './parties.ts';
import { type AnyStep, anyStep, type Kind, type StepOf } from './steps.ts';

/** Another seed, a longer run, or one failure again: `FUZZ_SEED`, `FUZZ_RUNS` and `FUZZ_PATH`. */
const { FUZZ_SEED, FUZZ_RUNS, FUZZ_PATH } = process.env;
const SEED = Number(FUZZ_SEED ?? 20_261_123);
const RUNS = Number(FUZZ_RUNS ?? 15);
const STEPS = 12;
const DENY = { kind: 'match', id: 'nobody', effect: 'deny', match: {}, note: undefined } as const;

interface Asker extends Party {
  /** Whom a proxy names. */
  named?: typeof CLAUDE;
}
type Account = { id: string; email: string; password: string };
interface Open {
  asker: Asker;
  begun: Begun;
  page: Step;
}

/** Everything that somebody has in hand, and that may be used at any time. */
interface Hands {
  account: Account;
  other: Account;
  browser: Browser;
  pages: Open[];
  codes: { asker: Asker; begun: Begun; code: string }[];
  refreshTokens: { asker: Asker; token: string }[];
  accessTokens: string[];
}

describe('in whatever order', () => {
  let world: World;
  let askers: Asker[];
  let documentName: string;
  before(async () => {
    world = await startWorld();
    await world.know(CLAUDE);
    documentName = world.newName();
    const { consentry } = world;
    const parties = await makeParties(consentry, await world.publish(documentName, {}));
    const find = (kind: string) => parties.find((one) => one.kind === kind) ?? assert.fail(`no ${kind}`);
    askers = [
      ...parties.filter(({ mayAuthorize }) => mayAuthorize),
      // The same program again, a client that proves itself, and a proxy that says for whom it asks.
      { ...find('dynamic public'), clientId: (await registerClient(consentry.issuer)).client_id },
      { ...find('document'), kind: 'proven document', ...CLAUDE },
      { ...find('static proxy'), kind: 'proxy for Claude', named: CLAUDE, mayRefresh: true },
    ];
  });
  after(() => world?.close());

  const choose = <T>(list: readonly T[], index: number): T | undefined => list[index % Math.max(1, list.length)];
  const asker = (index: number) => choose(askers, index) as Asker;
  const signInAs = ({ email, password }: Account) => ({ email, password, decision: 'continue' });

  async function begin(from: Asker, params: Record<string, string>): Promise<Begun> {
    const begun = authorizationUrl(world.consentry, from.clientId, { redirect_uri: from.redirectUri, ...params });
    if (!from.named) return begun;
    const { issuer } = world.consentry;
    const body = new URL(begun.url).searchParams;
    body.set('authorization_details', details(from.named));
    const answer = await fetch(`${issuer}/par`, { method: 'POST', body, headers: from.headers });
    const { request_uri: uri = '' } = (await answer.json()) as { request_uri?: string };
    return {
      ...begun,
      url: `${issuer}/authorize?${new URLSearchParams({ client_id: from.clientId, request_uri: uri })}`,
    };
  }

  /** Where the browser is by now; a code on the way is kept. */
  function keep(hands: Hands, at: Open): Open {
    const { left, html } = at.page;
    const code = left?.searchParams.get('code');
    if (code) hands.codes.push({ ...at, code });
    else if (!left && html.includes('name="csrf"')) hands.pages.push(at);
    return at;
  }
  async function submit(hands: Hands, at: Open, fields: Record<string, string>): Promise<Open> {
    return keep(hands, { ...at, page: await hands.browser.submit(at.page, fields) });
  }

  const redeem = (hands: Hands, { begun, code }: Hands['codes'][number], from: Asker) =>
    mint(hands, from, {
      grant_type: 'authorization_code',
      code,
      code_verifier: begun.verifier,
      redirect_uri: begun.redirectUri,
    });

  /** Asks for a token, and looks whether it was due. */
  async function mint(hands: Hands, from: Asker, fields: Record<string, string | undefined>): Promise<void> {
    const request = { client_id: from.clientId, ...fields };
    const { status, body } = await tokenRequest(world.consentry.issuer, request, from.headers);
    assert.ok(status < 500, JSON.stringify(body));
    if (status !== 200) return;
    const token = String(body.access_token);
    const now = new Date(Date.now() + world.clock.ahead);
    await assertCovered(world.consentry, token, { now, downstream: from.named?.clientId });
    hands.accessTokens.push(token);
    if (!body.refresh_token) return;
    assert.ok(from.mayRefresh, `${from.kind} has a refresh token`);
    hands.refreshTokens.push({ asker: from, token: body.refresh_token });
  }

  const acts: { [K in Kind]: (hands: Hands, step: StepOf<K>) => Promise<unknown> } = {
    async connect(hands, { who, site, scope, expiry }) {
      const from = asker(who);
      const begun = await begin(from, { scope });
      let at: Open = { asker: from, begun, page: await hands.browser.arrive(begun.url, site) };
      if (pageKind(at.page) === 'connect') at = await submit(hands, at, signInAs(hands.account));
      const kind = pageKind(at.page);
      const { password } = hands.account;
      if (kind === 'short') at = await submit(hands, at, { decision: 'continue' });
      if (kind === 'full' || kind === 'wider') at = await submit(hands, at, { decision: 'approve', expiry, password });
      const code = at.page.left?.searchParams.get('code');
      if (code) await redeem(hands, { ...at, code }, from);
    },
    async begin(hands, { who, site, scope }) {
      const begun = await begin(asker(who), { scope });
      keep(hands, { asker: asker(who), begun, page: await hands.browser.arrive(begun.url, site) });
    },
    async press(hands, { which, decision }) {
      const at = choose(hands.pages, which);
      if (at) await submit(hands, at, pageKind(at.page) === 'connect' ? signInAs(hands.account) : { decision });
    },
    async load(hands, { which }) {
      const at = choose(hands.pages, which);
      if (at) keep(hands, { ...at, page: await hands.browser.open(at.page.url) });
    },
    async notYou(hands, { which, asAnother }) {
      const at = choose(hands.pages, which);
      if (!at?.page.html.includes('/switch-account')) return;
      const action = `${new URL(at.page.url).pathname}/switch-account`;
      const page = await hands.browser.submit(at.page, {}, { action });
      const account = asAnother ? hands.other : hands.account;
      if (pageKind(page) === 'connect') await submit(hands, { ...at, page }, signInAs(account));
    },
    async redeem(hands, { which, by }) {
      const held = choose(hands.codes, which);
      if (held) await redeem(hands, held, by % 4 === 0 ? asker(by) : held.asker);
    },
    async refresh(hands, { which, scope }) {
      const held = choose(hands.refreshTokens, which);
      if (held) await mint(hands, held.asker, { grant_type: 'refresh_token', refresh_token: held.token, scope });
    },
    revoke: (_hands, { who }) => world.consentry.rooms.consents.revoke({ clientId: asker(who).clientId }, 'test'),
    suspend: (_hands, { who }) =>
      sql(world.consentry, "UPDATE consents SET suspended_at = now(), suspended_reason = 'test' WHERE client_id = $1", [
        asker(who).clientId,
      ]),
    document: (_hands, { change }) => {
      const proof = { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: `${world.stub.url}/keys` };
      const redirect = { redirect_uris: ['http://localhost/callback'] };
      const members = { none: {}, name: { client_name: 'Other' }, redirect, proof, gone: undefined };
      return world.publish(documentName, members[change]);
    },
    disable: ({ account }, { on }) =>
      sql(world.consentry, 'UPDATE accounts SET disabled_at = $1, disabled_by = $2 WHERE id = $3', [
        on ? new Date() : null,
        on ? ['administrator'] : [],
        account.id,
      ]),
    deny: (_hands, { on }) => denyAll(on),
    wait: async (_hands, { minutes }) => {
      world.clock.ahead += minutes * 60_000;
    },
  };

  const denyAll = (on: boolean) =>
    world.consentry.rooms.policyStore.change((rules) => {
      const left = rules.some(({ id }) => id === DENY.id) ? removeRule(DENY.id)(rules) : [...rules];
      return on ? addRule(DENY)(left) : left;
    });

  async function assertEnded({ accessTokens }: Hands): Promise<void> {
    for (const token of accessTokens.slice(-2)) {
      const { status, body } = await introspect(world.consentry, token);
      assert.equal(status, 200, JSON.stringify(body));
      const grant = await world.consentry.rooms.grants.find(String(decodeJwt(token).gid));
      assert.ok(grant || !body.active, 'an access token is active without a living grant');
    }
  }

  it(`every code and token hangs from a press, after each of ${STEPS} steps`, async (t) => {
    t.diagnostic(`FUZZ_SEED=${SEED} FUZZ_RUNS=${RUNS}`);
    let run = 0;
    let given = 0;
    const property = fc.asyncProperty(fc.array(anyStep, { minLength: STEPS, maxLength: STEPS }), async (steps) => {
      run += 1;
      const { rooms } = world.consentry;
      const account = await addPerson(rooms, `ana${run}@contoso.test`);
      const other = await addPerson(rooms, `bob${run}@contoso.test`);
      const browser = openBrowser(world.consentry);
      const hands: Hands = { account, other, browser, pages: [], codes: [], refreshTokens: [], accessTokens: [] };
      await denyAll(false);
      await world.publish(documentName, {});
      for (const [index, step] of steps.entries()) {
        const what = `run ${run}, step ${index + 1}, ${JSON.stringify(step)}`;
        const act = acts[step.kind] as (hands: Hands, step: AnyStep) => Promise<unknown>;
        await act(hands, step).catch((cause: unknown) => assert.fail(`${what}: ${String(cause)}`));
        await assertHeld(world.consentry, what);
        await assertEnded(hands);
      }
      given += hands.accessTokens.length;
    });
    const again = FUZZ_PATH ? { path: FUZZ_PATH } : {};
    await fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: true, ...again });
    t.diagnostic(`${given} tokens`);
    assert.ok(FUZZ_PATH || given > 2 * RUNS, `only ${given} tokens were ever given: this tests little`);
  });
});
