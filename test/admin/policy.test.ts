/** `/admin/policy`: rules are tried before they are made, and say whom they concern. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Consentry, startConsentry } from '../harness.ts';
import { arrive, type Colleague, recorded } from './kit.ts';

describe('rules at the dashboard', () => {
  let consentry: Consentry;
  let admin: Colleague;
  let clock = Date.now();
  before(async () => {
    consentry = await startConsentry({}, () => new Date(clock));
    admin = await arrive(consentry, 'admin');
  });
  after(() => consentry?.close());
  const at = (path: string) => `${consentry.issuer}/admin/policy${path}`;
  const rules = async () => (await consentry.rooms.policyStore.list()).map(({ id }) => id);

  async function add(fields: Record<string, string | string[]>) {
    const trial = await admin.browser.submit(await admin.browser.open(at('/add')), fields);
    return { trial, confirm: () => admin.browser.submit(trial, {}, { action: '/admin/policy/add' }) };
  }

  it('a rule is first tried, and made only by the second press', async () => {
    const { trial, confirm } = await add({
      effect: 'deny',
      redirectHost: '*.evil.example',
      note: 'No "evil" <i>here</i>',
    });
    assert.equal(trial.status, 200);
    assert.match(trial.html, /Nobody would lose access/);
    assert.deepEqual(await rules(), ['default']);
    const list = await confirm();
    assert.match(list.html, /The rule was added/);
    assert.match(list.html, /\*\.evil\.example/);
    assert.doesNotMatch(list.html, /<i>here/);
    const [event] = await recorded(consentry, 'policy.changed');
    assert.equal(event?.actor, `account:${admin.id}`);
    assert.equal(event?.reason, 'rule_added');
  });

  it('what cannot be a rule is said beside what was typed', async () => {
    const { trial } = await add({ effect: 'allow', clientHost: 'github.io', note: 'kept' });
    assert.equal(trial.status, 400);
    assert.match(trial.html, /role="alert"/);
    assert.match(trial.html, /value="github\.io"/);
    assert.match(trial.html, /value="kept"/);
  });

  it('a removal and a new default are tried first too, and the record says what was before', async () => {
    const [first = ''] = await rules();
    const list = await admin.browser.open(at(''));
    const trial = await admin.browser.submit(list, {}, { action: `/admin/policy/rules/${first}/remove` });
    assert.match(trial.html, /Remove this rule\?/);
    assert.equal((await rules()).length, 2);
    await admin.browser.submit(trial, {}, { action: `/admin/policy/rules/${first}/remove` });
    assert.deepEqual(await rules(), ['default']);
    const tried = await admin.browser.submit(
      await admin.browser.open(at('')),
      { peopleApprove: 'none' },
      { action: '/admin/policy/default' },
    );
    assert.match(tried.html, /Until now<\/dt><dd>People approve everything themselves/);
    assert.match(tried.html, /From then on<\/dt><dd>Everything waits for an administrator/);
    await admin.browser.submit(tried, {}, { action: '/admin/policy/default' });
    const [event] = await recorded(consentry, 'policy.changed');
    assert.deepEqual(event?.details.saidBefore, ['people approve high']);
  });

  it('after five minutes a change asks for a new proof first, and comes back to the form', async () => {
    clock += 301_000;
    const page = await admin.browser.open(at('/add'));
    assert.match(page.url, /\/account\/prove/);
    const form = await admin.browser.submit(page, { password: admin.password });
    assert.equal(form.url, at('/add'));
  });

  it('an auditor reads the rules and changes none', async () => {
    const auditor = await arrive(consentry, 'auditor');
    const list = await auditor.browser.open(at(''));
    assert.equal(list.status, 200);
    assert.doesNotMatch(list.html, /action="\/admin\/policy/);
    assert.equal((await auditor.browser.open(at('/add'))).status, 403);
    const keeper = await arrive(consentry, 'resource-owner');
    assert.equal((await keeper.browser.open(at(''))).status, 403);
  });

  it('both languages have every word of it', async () => {
    for (const path of ['', '/add']) {
      const response = await admin.browser.send(at(path), { headers: { 'accept-language': 'ja' } });
      assert.equal(response.status, 200, path);
      assert.match(await response.text(), /lang="ja"/);
    }
  });
});
