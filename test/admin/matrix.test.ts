/** Every role at every route of the dashboard and its API, and one resource owner at what is another's. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { adminSections } from '../../src/admin/routes.ts';
import { type DemoWorld, startDemoWorld } from '../browser/demo-world.ts';
import { sql } from '../harness.ts';
import { createPerson, type Person } from '../person.ts';
import { createAdminKit } from './admin-kit.ts';
import { matrix, WORKERS, type Worker } from './matrix.ts';

const LEADERS: Record<Worker, string> = {
  owner: 'owner',
  admin: 'admin',
  auditor: 'auditor',
  'resource-owner': 'steward',
};
/** Like every identifier here, and nobody's. */
const NOBODY = 'zzzzzzzzzzzzzzzzzzzzzz';

interface Entered {
  id: string;
  browser: Person;
  csrf: string;
  token: string;
}

describe('who gets where', () => {
  let world: DemoWorld;
  const entered = new Map<Worker, Entered>();
  before(async () => {
    world = await startDemoWorld({ people: 60, clients: 40, consents: 200, tokens: 60 });
    const kit = await createAdminKit(world.consentry);
    for (const worker of WORKERS) {
      const leader = world.leaders.find(({ email }) => email.startsWith(LEADERS[worker]));
      assert.ok(leader);
      const browser = createPerson(world.consentry.issuer);
      const first = await browser.open(`${world.consentry.issuer}/admin`);
      const page = await browser.submit(first, { email: leader.email, password: leader.password });
      const csrf =
        /action="\/admin\/sign-out"><input type="hidden" name="csrf" value="([^"]+)"/.exec(page.html)?.[1] ?? '';
      const { accessToken: token } = await kit.token(leader);
      entered.set(worker, { id: leader.id, browser, csrf, token });
    }
  });
  after(() => world?.consentry.close());

  const visitor = (worker: Worker): Entered => {
    const found = entered.get(worker);
    assert.ok(found);
    return found;
  };

  async function ask(worker: Worker, route: string, id = NOBODY, follow = false): Promise<number> {
    const [kind, method = '', pattern = ''] = route.split(' ');
    const { browser, csrf, token } = visitor(worker);
    const path = pattern.replace(/:\w+/g, id);
    const { issuer } = world.consentry;
    if (kind === 'page') {
      const body = new URLSearchParams({ csrf });
      const headers = { origin: issuer };
      const init = method === 'POST' ? { method, body, headers } : {};
      const response = await browser.send(`${issuer}/admin${path}`, init);
      // Else its connection stays open.
      await response.arrayBuffer();
      // Back to the form it came from, and what is there counts.
      return response.status === 303 && follow
        ? (await browser.open(new URL(response.headers.get('location') ?? '', issuer).href)).status
        : response.status;
    }
    const body = method === 'GET' || method === 'DELETE' ? {} : { body: '{}' };
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const response = await fetch(`${issuer}/admin/api${path}`, { method, headers, ...body });
    await response.arrayBuffer();
    return response.status;
  }

  it('is written down for every route there is', () => {
    // Made without anything to work on: only the tables are read.
    const nothing: unknown = new Proxy(() => nothing, { get: () => nothing });
    const sections = adminSections(nothing as Parameters<typeof adminSections>[0]);
    const routes = sections.flatMap(({ operations, pages }) => [
      ...operations.map(({ method, path }) => `api ${method} ${path}`),
      ...pages.map(({ method, path }) => `page ${method} ${path}`),
    ]);
    assert.deepEqual(matrix.flatMap((group) => group.routes).sort(), routes.sort());
  });

  for (const worker of WORKERS) {
    it(`holds for ${worker}`, async () => {
      const wrong: string[] = [];
      for (const { roles, routes } of matrix) {
        for (const route of routes) {
          const status = await ask(worker, route);
          const expected = roles.includes(worker) ? status < 500 && status !== 403 && status !== 401 : status === 403;
          if (!expected) wrong.push(`${route}: ${status}`);
        }
      }
      assert.deepEqual(wrong, []);
    });
  }

  it('a resource owner finds nothing of another’s, by page or API, and changes nothing', async () => {
    const { id } = visitor('resource-owner');
    const foreign = async (text: string) => String((await sql<{ id: string }>(world.consentry, text, [id]))[0]?.id);
    const others = 'resource_id NOT IN (SELECT resource_id FROM resource_owners WHERE account_id = $1)';
    const ids: Record<string, string> = {
      servers: await foreign(
        `SELECT id FROM resources WHERE NOT built_in AND ${others.replace('resource_id', 'id')} LIMIT 1`,
      ),
      consents: await foreign(`SELECT id FROM consents WHERE revoked_at IS NULL AND ${others} LIMIT 1`),
      approvals: await foreign(`SELECT id FROM approval_requests WHERE state = 'pending' AND ${others} LIMIT 1`),
      reviews: await foreign(
        `SELECT id FROM review_campaigns WHERE subject = 'resource' AND ${others.replace('resource_id', 'subject_id')} LIMIT 1`,
      ),
    };
    assert.ok(
      Object.values(ids).every((one) => one !== 'undefined'),
      JSON.stringify(ids),
    );
    const wrong: string[] = [];
    for (const { roles, routes } of matrix.filter((group) => group.roles.includes('resource-owner'))) {
      assert.ok(roles.length > 0);
      for (const route of routes) {
        const noun = /\/(\w+)\/:id/.exec(route)?.[1] ?? '';
        const known = ids[noun];
        if (known === undefined) continue;
        const status = await ask('resource-owner', route, known, true);
        // What does not fit is refused before anything is looked for.
        if (status !== 404 && status !== 400) wrong.push(`${route}: ${status}`);
        if (status === 400 && route.includes(' GET ')) wrong.push(`${route}: ${status}`);
      }
    }
    assert.deepEqual(wrong, []);
    const changed = await sql(
      world.consentry,
      "SELECT type FROM audit_events WHERE actor = 'account:' || $1 AND type <> 'admin.api_called'",
      [id],
    );
    assert.deepEqual(changed, []);
  });
});
