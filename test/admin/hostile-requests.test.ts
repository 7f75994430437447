/** Requests to the dashboard and its API that no page of ours makes: refused in words, and never a fault. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createWorks } from '../../src/admin/frame/work.ts';
import { createLog } from '../../src/web/log.ts';
import { type Consentry, sql, startConsentry } from '../harness.ts';
import { createAdminKit } from './admin-kit.ts';
import { arrive, type Colleague } from './kit.ts';

interface Operation {
  parameters?: { name: string; in: string }[];
}

describe('hostile requests', () => {
  let consentry: Consentry;
  let owner: Colleague;
  let token: string;
  before(async () => {
    consentry = await startConsentry();
    token = (await (await createAdminKit(consentry)).token()).accessToken;
    owner = await arrive(consentry, 'owner');
  });
  after(() => consentry?.close());

  const page = (path: string, init: RequestInit = {}) =>
    owner.browser.send(`${consentry.issuer}${path}`, { ...init, headers: { accept: 'text/html', ...init.headers } });

  function call(method: string, path: string, body?: object): Promise<Response> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const sent = body && { body: JSON.stringify(body) };
    return fetch(`${consentry.issuer}/admin/api${path}`, { method, headers, ...sent });
  }

  async function operations(): Promise<[path: string, method: string, operation: Operation][]> {
    const document = (await (await call('GET', '/openapi.json')).json()) as {
      paths: Record<string, Record<string, Operation>>;
    };
    return Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, one]): [string, string, Operation] => [path, method.toUpperCase(), one]),
    );
  }

  it('a text with a character that the database does not take is bad input to every operation and page', async () => {
    for (const [path, method, { parameters = [] }] of await operations()) {
      const asked = parameters.filter((one) => one.in === 'query').map(({ name }) => `${name}=%00`);
      const address = `${path.replaceAll(/\{\w+\}/g, '%00')}?${asked.join('&')}`;
      const { status } = await call(method, address, method === 'GET' ? undefined : { id: '\0', ids: ['\0'] });
      assert.ok(status < 500, `${method} ${path}: ${status}`);
    }
    const paths = ['/admin/people/%00', '/admin/people?search=%00', '/account/apps/%00/stop', '/account?after=%00'];
    for (const path of paths) assert.match(String((await page(path)).status), /^40[04]$/, path);
  });

  it('a cursor that no list gave is said to be none, and a year that no calendar has', async () => {
    const cursors = [
      ['x', 'y'],
      [null, null],
      ['9999999-01-01', 'a'],
      ['0000-01-01T00:00:00Z', 'a'],
      [1e300, 'z'],
    ];
    const lists = (await operations()).filter(([, , { parameters }]) =>
      parameters?.some((one) => one.name === 'cursor'),
    );
    assert.ok(lists.length >= 8);
    for (const [path, method] of lists) {
      for (const values of [...cursors, [1.5], ['1.5']]) {
        const cursor = Buffer.from(JSON.stringify(values)).toString('base64url');
        const address = path.replace('{of}', 'person').replaceAll(/\{\w+\}/g, owner.id);
        const { status } = await call(method, `${address}?cursor=${cursor}`);
        assert.ok(status < 500, `${path} ${JSON.stringify(values)}: ${status}`);
      }
    }
    const mine = Buffer.from('["x","y"]').toString('base64url');
    assert.equal((await page(`/account?after=${mine}`)).status, 400);
    for (const date of ['0000-01-01', '0001-01-01T00:00:00%2B14:00', '9999-12-31'])
      for (const path of ['/audit', '/audit/export'])
        assert.equal((await call('GET', `${path}?to=${date}`)).status, 400, `${path} ${date}`);
  });

  it('an address in other letters is none of the dashboard’s', async () => {
    for (const path of ['/ADMIN/api/people', '/admin/API/people', '/admin/api/PEOPLE']) {
      const answer = await fetch(`${consentry.issuer}${path}`, { headers: { authorization: `Bearer ${token}` } });
      assert.equal(answer.status, 404, path);
      assert.ok(answer.headers.get('content-security-policy'), path);
    }
    for (const path of ['/ADMIN/people', '/Admin']) assert.equal((await page(path)).status, 404, path);
  });

  it('the way back from a refusal never leads to another site', async () => {
    const { html } = await owner.browser.open(`${consentry.issuer}/admin/people/nobody`, {
      headers: { referer: `${consentry.issuer}//evil.example/x` },
    });
    assert.match(html, /There is no such thing here/);
    assert.ok(!html.includes('//evil.example'));
  });

  it('a field that came twice is no fault of ours', async () => {
    const { html } = await owner.browser.open(`${consentry.issuer}/admin/clients/add`);
    const csrf = /name="csrf" value="([^"]+)"/.exec(html)?.[1] ?? '';
    const body = new URLSearchParams({ csrf, name: 'x', kind: 'app', authMethod: 'none' });
    for (const uri of ['https://a.example/cb', 'https://b.example/cb']) body.append('redirectUris', uri);
    assert.equal(
      (await page('/admin/clients/add', { method: 'POST', body, headers: { origin: consentry.issuer } })).status,
      400,
    );
  });

  it('a number of days that nobody typed ends no secret at once', async () => {
    const resource = await consentry.rooms.resources.findByUri(consentry.mail.uri);
    const rotate = (overlapDays?: unknown) =>
      call('POST', `/servers/${resource?.id}/rotate-secret`, overlapDays === undefined ? {} : { overlapDays });
    for (const days of ['', ' ', null, true, [0]]) assert.equal((await rotate(days)).status, 400, JSON.stringify(days));
    for (const days of ['3', 0, undefined]) assert.equal((await rotate(days)).status, 200, String(days));
  });

  it('of a call that cannot be noted nothing is kept', async () => {
    const name = 'ALTER TABLE audit_events';
    await sql(consentry, `${name} ADD CONSTRAINT no_calls CHECK (type <> 'admin.api_called') NOT VALID`);
    const refused = await call('POST', '/people', { email: 'nobody@contoso.test' });
    await sql(consentry, `${name} DROP CONSTRAINT no_calls`);
    assert.ok(refused.status >= 500);
    assert.deepEqual(await sql(consentry, "SELECT id FROM accounts WHERE email = 'nobody@contoso.test'"), []);
    assert.equal((await call('POST', '/people', { email: 'nobody@contoso.test' })).status, 200);
  });

  it('long work of an act that was rolled back never begins', async () => {
    const { artifacts, database, now } = consentry.rooms;
    const log = createLog({ level: 'silent' });
    const works = createWorks({ artifacts, database, now, log, authorityOf: consentry.rooms.authority.of });
    const begun: string[] = [];
    const start = (what: string) => {
      const step = async () => begun.push(what) * 0;
      return works.start({ accountId: owner.id, what, total: 1, back: '/admin', step });
    };
    const undone = database.unit(async () => {
      await start('undone');
      throw new Error('refused afterwards');
    });
    await assert.rejects(undone, /refused afterwards/);
    const id = await database.unit(() => start('kept'));
    while ((await works.find(id, owner.id))?.state === 'running');
    assert.deepEqual(begun, ['kept']);
  });
});
