/** Approvals and consents through the API: the same operations, with what their schemas name and no more. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { authorize } from '../flow.ts';
import { type Consentry, startConsentry } from '../harness.ts';
import { createPerson } from '../person.ts';
import { createAdminKit } from './admin-kit.ts';
import { ask, publish, register, rename, stateOf } from './approval-kit.ts';

interface Answer {
  items: { id: string }[];
  client: { provenance: string };
  may: { decide: boolean };
  parties: { agreed: { name: string } }[];
  wanted: { agreed: { descriptionJa: string } }[];
  consent: { given_from: string };
  [member: string]: unknown;
}

describe('approvals and consents through the API', () => {
  let consentry: Consentry;
  let accessToken: string;
  before(async () => {
    consentry = await startConsentry();
    const kit = await createAdminKit(consentry);
    await kit.addRole('otto@contoso.test', 'owner');
    ({ accessToken } = await kit.token());
  });
  after(() => consentry?.close());

  async function call(method: 'GET' | 'POST', path: string, sent?: object): Promise<{ status: number; body: Answer }> {
    const response = await fetch(`${consentry.issuer}/admin/api${path}`, {
      method,
      headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
      ...(sent ? { body: JSON.stringify(sent) } : {}),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? ({} as Answer) : JSON.parse(text) };
  }

  it('a request is listed, shown, and approved as it was seen; a change is told and approves nothing', async () => {
    const client = await publish(consentry, 'app.example', 'Mail desk');
    const request = await ask(consentry, client);
    const { body: listed } = await call('GET', '/approvals');
    assert.deepEqual(
      listed.items.map(({ id }) => id),
      [request.id],
    );
    const { status, body } = await call('GET', `/approvals/${request.id}`);
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.client.provenance, 'proven-host');
    assert.equal(body.may.decide, true);
    const path = `/approvals/${request.id}/approve`;
    assert.equal((await call('POST', path, { audience: 'everyone' })).status, 400, 'not without what was seen');
    await rename(consentry, client, 'Bank');
    const late = await call('POST', path, { seen: body.seen });
    assert.deepEqual([late.status, late.body.outcome], [200, 'changed']);
    assert.equal(await stateOf(consentry, request), 'pending');
    const { seen } = (await call('GET', `/approvals/${request.id}`)).body;
    assert.equal((await call('POST', path, { seen, audience: 'everyone', days: 10 })).body.outcome, 'approved');
    assert.equal((await call('GET', `/approvals/${request.id}/reliance`)).body.people, 0);
    const trial = await call('GET', `/approvals/${request.id}/rule?where=all`);
    assert.deepEqual([trial.body.host, trial.body.resource, trial.body.effect], ['app.example', null, 'allow']);
    const made = await call('POST', `/approvals/${request.id}/rule`, { where: 'all', plan: trial.body.plan });
    assert.equal(typeof made.body.rule, 'string', JSON.stringify(made.body));
    assert.equal((await call('POST', `/approvals/${request.id}/revoke`)).status, 204);
    assert.equal((await call('POST', `/approvals/${request.id}/deny`, {})).status, 409);
  });

  it('consents are listed, counted by their ids, shown, receipted and ended', async () => {
    const client = await register(consentry, 'Mail desk');
    const agent = 'Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/153.0.0.0 Safari/537.36 Edg/153.0.0.0';
    await authorize(consentry, client, { person: createPerson(consentry.issuer, { 'user-agent': agent }) });
    const { body: listed } = await call('GET', `/consents?client=${client}`);
    const id = String(listed.items[0]?.id);
    const { status, body } = await call('GET', `/consents/${id}`);
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.parties[0]?.agreed.name, 'Mail desk');
    assert.deepEqual([body.browserLabel, body.wanted[0]?.agreed.descriptionJa], ['Edge on Windows', 'メールを読む']);
    for (const query of [`ids=${id}`, `ids=${id}&ids=unknown`]) {
      const { body: counted } = await call('GET', `/consents/affected?${query}`);
      assert.deepEqual(counted, { consents: 1, people: 1, clients: 1, servers: 1, names: ['ana@contoso.test'] });
    }
    const receipt = await call('GET', `/consents/${id}/receipt`);
    assert.equal(receipt.body.format, 'urn:consentry:consent-receipt:1');
    assert.equal(receipt.body.consent.given_from, 'Edge on Windows');
    assert.deepEqual((await call('POST', '/consents/revoke', { ids: [id] })).body, { revoked: 1 });
    assert.equal((await call('GET', `/consents/${id}`)).body.reason, 'administrator');
  });
});
