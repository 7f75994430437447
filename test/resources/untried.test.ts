/** A live check calls nothing fine that it did not see: a refusal counts only where the server gave one (threat 105). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createChecks } from '../../src/resources/checks/checks.ts';
import { healthOf } from '../../src/resources/checks/last-check.ts';
import { type Step, summarize } from '../../src/resources/checks/look.ts';
import type { Resource } from '../../src/resources/resource.ts';
import { createEgress, type Egress, type EgressResponse } from '../../src/web/egress.ts';
import { FetchFailed } from '../../src/web/fetch-failed.ts';
import { type Consentry, register, startConsentry } from '../harness.ts';
import { type Faults, startMcpServer } from './mcp-server-kit.ts';

const BAD_TOKENS = ['audience', 'expiry', 'signature'];
const ACCEPTS_ALL: Partial<Faults> = {
  ignoreAudience: true,
  ignoreExpiry: true,
  ignoreSignature: true,
  ignoreScope: true,
};

/** What a request meets instead of an answer. */
type Instead = () => Promise<EgressResponse>;

const answers = (status: number, body: unknown = '', type = 'application/json'): Instead => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const headers = new Headers({ 'content-type': type, location: 'https://elsewhere.example/' });
  return async () => ({ status, headers, body: Buffer.from(text) });
};
const failsAs = (reason: 'timeout' | 'connection' | 'too_large'): Instead => {
  return async () => {
    throw new FetchFailed(reason, 'of the test');
  };
};
const rpcError = (code: number): Instead =>
  answers(200, { jsonrpc: '2.0', id: 0, error: { code, message: 'of the test' } });

describe('the live check of a server that gives no usable answer', () => {
  let consentry: Consentry;
  let egress: Egress;
  let kit: Awaited<ReturnType<typeof startMcpServer>>;
  let resource: Resource;

  before(async () => {
    consentry = await startConsentry({ OUTBOUND_ALLOW: '127.0.0.1' });
    egress = createEgress(consentry.config);
    kit = await startMcpServer(consentry.issuer);
    const read = { name: 'notes:read', description: 'Read notes', sensitivity: 'low', effect: 'read' } as const;
    const scopes = [{ ...read, tools: ['list_notes', 'delete_note'] }];
    await register(consentry.rooms, { uri: kit.uri, name: 'Notes', scopes });
    resource = (await consentry.rooms.resources.findByUri(kit.uri)) ?? assert.fail();
  });
  after(async () => {
    await kit.close();
    egress.close();
    await consentry.close();
  });

  function depsOf(fetch: Egress['fetch']) {
    const { database, revokedTokens, signAccessToken: sign, issuer, now } = consentry.rooms;
    const revoke = (made: Parameters<typeof revokedTokens.revoke>[0]) =>
      database.apart(() => revokedTokens.revoke(made));
    return { fetch, database, sign, revoke, issuer, now };
  }

  /** @param instead of every answer, once the good token has got its list of tools */
  async function checkWith(instead: Instead): Promise<readonly Step[]> {
    kit.behave(ACCEPTS_ALL);
    const listed = () => kit.seen.some(({ rpc, token }) => rpc === 'tools/list' && token !== undefined);
    const fetch: Egress['fetch'] = (address, request) => (listed() ? instead() : egress.fetch(address, request));
    return (await createChecks(depsOf(fetch)).check(resource, [])).steps;
  }

  const found = (steps: readonly Step[], names = ['scope', ...BAD_TOKENS]) =>
    steps
      .filter(({ step }) => names.includes(step))
      .map(({ result, findings }) => [result, ...findings.map(({ code }) => code)]);

  for (const [what, instead] of [
    ['answers too late', failsAs('timeout')],
    ['breaks off', failsAs('connection')],
    ['says too much', failsAs('too_large')],
    ['is out of order', answers(500)],
    ['is being restarted', answers(503)],
    ['wants to be left alone', answers(429)],
    ['redirects', answers(302)],
    ['answers with a page', answers(200, '<h1>Hello</h1>', 'text/html')],
    ['answers with nothing', answers(204)],
    ['fails inside a success', rpcError(-32603)],
  ] as const) {
    it(`a server that ${what} when a bad token comes has not refused it: not tried, never fine`, async () => {
      const steps = await checkWith(instead);
      assert.deepEqual(found(steps), Array(4).fill(['skipped', 'refusal_unseen']));
      assert.deepEqual(summarize(steps), { findings: 0, failed: 0, untried: 4, unseen: 4 });
      assert.equal(healthOf({ steps }), 'skipped');
    });
  }

  it('a refusal of a bad token by anything else than 401 is one, and could be better', async () => {
    for (const instead of [answers(403), answers(400), answers(404), rpcError(-32001)]) {
      const steps = await checkWith(instead);
      assert.deepEqual(found(steps, BAD_TOKENS), Array(3).fill(['warning', 'refused_otherwise']));
      assert.equal(healthOf({ steps }), 'warning');
    }
  });

  for (const [what, answerMs, bad] of [
    ['slow', 2_500, ['failed', 'failed', 'failed']],
    ['slower still', 3_500, ['failed', 'skipped', 'skipped']],
  ] as const) {
    it(`a ${what} server that takes every token is caught as far as there is time, and the rest is not tried`, async () => {
      kit.behave(ACCEPTS_ALL);
      let elapsed = 0;
      const fetch: Egress['fetch'] = (address, request) => {
        elapsed += answerMs;
        return egress.fetch(address, request);
      };
      const { steps } = await createChecks({ ...depsOf(fetch), clock: () => elapsed }).check(resource, []);
      assert.deepEqual(
        found(steps, BAD_TOKENS).map(([result]) => result),
        bad,
      );
    });
  }

  it('a real 401 is fine', async () => {
    const steps = await checkWith(answers(401));
    assert.deepEqual(found(steps, BAD_TOKENS), Array(3).fill(['ok']));
  });

  it('whether scopes are checked is not tried where no tool may be tried, which is explained and no alarm', async () => {
    kit.behave({ tools: [{ name: 'list_notes', annotations: { destructiveHint: true } }] });
    const { steps } = await createChecks(depsOf(egress.fetch)).check(resource, []);
    assert.deepEqual(found(steps, ['scope']), [['skipped', 'scope_untried']]);
    const { untried, unseen } = summarize(steps);
    assert.deepEqual([untried, unseen], [1, 0]);
  });
});
