/** Strangers cannot flood the record: what they are refused is counted by the hour, not one row each (threat 146). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { authorizationUrl, basic, registerClient } from '../flow.ts';
import { type Consentry, sql, startConsentry } from '../harness.ts';
import { createPerson, readForm } from '../person.ts';

const REQUESTS = 500;

describe('refusals of strangers', () => {
  let consentry: Consentry;
  let clientId: string;
  before(async () => {
    consentry = await startConsentry();
    clientId = (await registerClient(consentry.issuer)).client_id;
  });
  after(() => consentry?.close());

  const counts = async () => {
    await consentry.rooms.audit.flush();
    const [row] = await sql<{ events: number; kinds: number; counted: number; artifacts: number }>(
      consentry,
      `SELECT (SELECT count(*)::int FROM audit_events) AS events, (SELECT count(*)::int FROM refusal_counts) AS kinds,
              (SELECT coalesce(sum(count), 0)::int FROM refusal_counts) AS counted, (SELECT count(*)::int FROM artifacts) AS artifacts`,
    );
    if (!row) throw new Error('no row');
    return row;
  };
  const post = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
    fetch(consentry.issuer + path, { method: 'POST', body: new URLSearchParams(fields), headers });
  /** A different nonsense each time: what is counted must not grow with it. */
  const kinds: ((n: number) => Promise<Response>)[] = [
    (n) =>
      post('/token', {
        grant_type: 'authorization_code',
        client_id: clientId,
        code: `x${n}`,
        code_verifier: 'v'.repeat(43),
        redirect_uri: 'http://127.0.0.1/cb',
      }),
    (n) => post('/token', { grant_type: `nonsense${n}`, client_id: clientId }),
    (n) => post('/token', { grant_type: 'refresh_token', client_id: `nobody${n}`, refresh_token: 'x' }),
    (n) => post('/token', { grant_type: 'client_credentials' }, basic(consentry.mail.clientId, `wrong${n}`)),
    (n) => post('/introspect', { token: `x${n}` }, basic(consentry.mail.clientId, 'wrong')),
    (n) => post('/revoke', { token: `x${n}`, client_id: `nobody${n}` }),
    (n) => post('/revoke', { token: `x${n}`, client_id: clientId }),
    (n) => post('/par', { client_id: clientId, response_type: `nonsense${n}` }),
    (n) => post('/device_authorization', { client_id: clientId, scope: `x${n}` }),
    (n) =>
      fetch(`${consentry.issuer}/register`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ redirect_uris: [`javascript:alert(${n})`] }),
      }),
    (n) => fetch(`${consentry.issuer}/register/${clientId}`, { headers: { authorization: `Bearer x${n}` } }),
    (n) => fetch(authorizationUrl(consentry, clientId, { prompt: 'none', state: `s${n}` }).url, { redirect: 'manual' }),
    (n) => fetch(authorizationUrl(consentry, `nobody${n}`).url, { redirect: 'manual' }),
    (n) =>
      fetch(authorizationUrl(consentry, clientId, { scope: `s${n}`, resource: `http://127.0.0.1:9/x${n}` }).url, {
        redirect: 'manual',
      }),
    (n) => fetch(`${consentry.issuer}/interaction/x${n}`),
    (n) => post(`/interaction/x${n}`, { decision: 'approve' }),
    (n) => post('/account/password', { email: `x${n}@contoso.test`, csrf: 'x' }),
    (n) => post('/logout/confirm', { xsrf: `x${n}`, logout: 'yes' }),
    (n) => fetch(`${consentry.issuer}/nowhere${n}`),
  ];

  it(`${REQUESTS} bad requests of every kind add no row to the record and a bounded number of counters`, async () => {
    const earlier = await counts();
    for (let sent = 0; sent < REQUESTS; sent += 20) {
      const batch = Array.from({ length: 20 }, (_, index) => kinds[(sent + index) % kinds.length]?.(sent + index));
      for (const answer of await Promise.all(batch)) {
        assert.ok(answer && answer.status < 500, `${answer?.url} ${answer?.status}`);
        await answer.arrayBuffer();
      }
    }
    const later = await counts();
    assert.equal(later.events, earlier.events);
    assert.ok(later.kinds - earlier.kinds <= 30, `${later.kinds} counters`);
    assert.ok(later.counted - earlier.counted > REQUESTS / 3, `${later.counted} counted`);
    assert.equal(later.artifacts, earlier.artifacts, 'and nothing else is stored for them');
    for (const row of await sql<{ type: string; reason: string }>(
      consentry,
      'SELECT type, reason FROM refusal_counts',
    )) {
      assert.match(`${row.type} ${row.reason}`, /^[a-z_.]+ [a-z_]+$/);
    }
  });

  it('signing in as an unknown account, cancelling, and logging out as nobody add no row either', async () => {
    const { events } = await counts();
    const visitor = createPerson(consentry.issuer);
    const page = await visitor.open(authorizationUrl(consentry, clientId).url);
    for (let tries = 0; tries < 3; tries += 1)
      await visitor.submit(page, { email: 'nobody@contoso.test', password: `guess ${tries}`, decision: 'continue' });
    await visitor.submit(page, { decision: 'cancel' });
    const logout = await visitor.open(`${consentry.issuer}/logout`);
    const { action, fields } = readForm(logout.html);
    const ended = await visitor.send(action, { method: 'POST', body: new URLSearchParams(fields) });
    assert.equal(ended.status, 303);
    assert.equal((await counts()).events, events);
  });

  it('counters outlive a flush that fails', async () => {
    await counts();
    await post('/token', { grant_type: 'nonsense', client_id: clientId });
    await sql(consentry, 'ALTER TABLE refusal_counts RENAME TO refusal_counts_away');
    await assert.rejects(consentry.rooms.audit.flush());
    await sql(consentry, 'ALTER TABLE refusal_counts_away RENAME TO refusal_counts');
    const [before] = await sql<{ sum: number }>(
      consentry,
      'SELECT coalesce(sum(count), 0)::int AS sum FROM refusal_counts',
    );
    assert.equal((await counts()).counted, (before?.sum ?? 0) + 1);
  });
});
