/** Registrations that nobody uses go, and never one that somebody relies on (interop rows 16 and 17). */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import pg from 'pg';
import { createReaping } from '../../src/clients/reaping.ts';
import { createReapingStore } from '../../src/clients/reaping-store.ts';
import { revokeConsents } from '../../src/consents/revocation.ts';
import { approve, authorizationUrl, authorize, redeem, refresh, registerClient, signIn } from '../flow.ts';
import { type Consentry, sql, startConsentry, staticClient } from '../harness.ts';
import { createPerson, type Person } from '../person.ts';

const NOTHING = { neverUsed: 0, unused: 0 };

describe('reaping of registrations', () => {
  let consentry: Consentry;
  let ana: Person;
  let holder: pg.Client;
  before(async () => {
    consentry = await startConsentry();
    ana = createPerson(consentry.issuer);
    holder = new pg.Client({ connectionString: consentry.databaseUrl });
    await holder.connect();
  });
  beforeEach(() =>
    sql(
      consentry,
      'DELETE FROM clients WHERE id NOT IN (SELECT client_id FROM resources UNION SELECT client_id FROM consents)',
    ),
  );
  afterEach(() => holder.query('ROLLBACK'));
  after(async () => {
    await holder?.end();
    await consentry?.close();
  });

  /** As each process has it. */
  function run() {
    const { rooms } = consentry;
    const endConsents = (clientId: string) => revokeConsents(rooms, [{ clientId }], 'client_unused');
    return createReaping({ ...rooms, store: createReapingStore(rooms.database), endConsents }).run();
  }
  const register = async () => (await registerClient(consentry.issuer)).client_id;
  /** Moves all that there is of a client into the past. */
  async function age(id: string, past: string): Promise<void> {
    await sql(
      consentry,
      `UPDATE clients SET created_at = created_at - interval '${past}', last_used_at = last_used_at - interval '${past}' WHERE id = $1`,
      [id],
    );
    await sql(consentry, `UPDATE consents SET approved_at = approved_at - interval '${past}' WHERE client_id = $1`, [
      id,
    ]);
  }
  async function registerAgo(past: string): Promise<string> {
    const id = await register();
    await age(id, past);
    return id;
  }
  /** Used once, so long ago; with a refresh token that still works. */
  async function connectAgo(past: string) {
    const id = await register();
    const { body } = await redeem(consentry, id, await authorize(consentry, id, { person: ana }));
    await age(id, past);
    return { id, refreshToken: body.refresh_token };
  }
  const endGrants = (id: string) =>
    sql(
      consentry,
      "UPDATE grants SET expires_at = now() - interval '1 second' WHERE consent_id IN (SELECT id FROM consents WHERE client_id = $1)",
      [id],
    );
  const find = (id: string) => consentry.rooms.clients.find(id);
  const events = (type: string) =>
    sql<{ details: object; actor: string }>(consentry, 'SELECT * FROM audit_events WHERE type = $1 ORDER BY seq', [
      type,
    ]);

  it('a registration that nobody connected with goes after a day, with its registration token, and is counted', async () => {
    const [gone, young] = [await registerAgo('25 hours'), await registerAgo('23 hours')];
    const earlier = (await events('client.reaped')).length;
    assert.deepEqual(await run(), { neverUsed: 1, unused: 0 });
    assert.equal(await find(gone), undefined);
    assert.ok(await find(young));
    const artifacts = await sql(consentry, 'SELECT client_id FROM artifacts WHERE client_id = ANY($1)', [
      [gone, young],
    ]);
    assert.deepEqual(artifacts, [{ client_id: young }]);
    assert.deepEqual(await run(), NOTHING);
    const recorded = (await events('client.reaped')).slice(earlier);
    assert.deepEqual(
      recorded.map(({ details }) => details),
      [{ neverUsed: 1, unused: 0 }],
    );
  });

  it('only clients that registered themselves are reaped', async () => {
    const { clientId } = await staticClient(consentry.rooms, { kind: 'app', authMethod: 'none' });
    const document = 'https://app.example.com/client.json';
    await consentry.rooms.clients.recordDocument(document, { client_id: document });
    await sql(consentry, "UPDATE clients SET created_at = now() - interval '1 year'");
    assert.deepEqual(await run(), NOTHING);
    for (const id of [clientId, document, consentry.mail.clientId]) assert.ok(await find(id));
  });

  it('a registration that somebody is connecting with at the moment stays', async () => {
    for (const kind of ['Interaction', 'PushedAuthorizationRequest', 'DeviceCode']) {
      const id = await registerAgo('25 hours');
      const row = [kind, `${kind} of ${id}`, id];
      await sql(
        consentry,
        "INSERT INTO artifacts (kind, id, payload, client_id, expires_at) VALUES ($1, $2, '', $3, now() + interval '1 minute')",
        row,
      );
      assert.deepEqual(await run(), NOTHING, kind);
      await sql(consentry, "UPDATE artifacts SET expires_at = now() - interval '1 second' WHERE id = $1", [row[1]]);
      assert.deepEqual(await run(), { neverUsed: 1, unused: 0 }, kind);
    }
  });

  it('a registration that waits for an administrator, or was given to somebody, stays', async () => {
    const id = await registerAgo('25 hours');
    const resource = await consentry.rooms.resources.findByUri(consentry.mail.uri);
    await sql(
      consentry,
      `INSERT INTO approval_requests (id, account_id, client_id, redirect_uri, resource_id, client_fingerprint, stated, scope_digests, browser_id, state, open_key)
       VALUES ('a', $1, $2, 'x', $3, 'x', '{}', '{}', 'x', 'pending', 'x')`,
      [consentry.ana.id, id, resource?.id],
    );
    assert.deepEqual(await run(), NOTHING);
    const decide = (how: string) => sql(consentry, `UPDATE approval_requests SET open_key = NULL, ${how}`);
    await decide("state = 'approved', audience = 'person', expires_at = now() + interval '1 day'");
    assert.deepEqual(await run(), NOTHING);
    await decide("expires_at = now() - interval '1 day'");
    assert.deepEqual(await run(), { neverUsed: 1, unused: 0 });
  });

  it('a living grant keeps its client, however long ago it was used', async () => {
    const { id, refreshToken } = await connectAgo('80 days');
    assert.deepEqual(await run(), NOTHING);
    const refreshed = await refresh(consentry, id, refreshToken);
    assert.equal(refreshed.status, 200, JSON.stringify(refreshed.body));
  });

  it('a registration whose grants have ended stays for 30 days, and then as a tombstone with its consents', async () => {
    const [recent, old] = [await connectAgo('29 days'), await connectAgo('31 days')];
    for (const { id } of [recent, old]) await endGrants(id);
    assert.deepEqual(await run(), { neverUsed: 0, unused: 1 });
    assert.equal((await find(recent.id))?.revokedAt, undefined);
    assert.ok((await find(old.id))?.revokedAt);
    assert.equal((await find(old.id))?.removed, true, 'nobody blocked it');
    const [consent] = await consentry.rooms.consents.list({ clientId: old.id }, { living: false });
    assert.equal(consent?.revokedReason, 'client_unused');
    const ended = (await events('consent.revoked')).map((event) => event as unknown as Record<string, unknown>);
    assert.deepEqual([ended.at(-1)?.client_id, ended.at(-1)?.reason], [old.id, 'client_unused']);
    assert.deepEqual(await sql(consentry, 'SELECT 1 FROM artifacts WHERE client_id = $1', [old.id]), []);
    assert.equal((await refresh(consentry, old.id, old.refreshToken)).body.error, 'invalid_client');
    await age(old.id, '1 year');
    assert.deepEqual(await run(), NOTHING);
  });

  it('a registration is not reaped while a proxy acts for it', async () => {
    const id = await registerAgo('40 days');
    const { id: other } = await connectAgo('1 day');
    await sql(
      consentry,
      "UPDATE consents SET downstream_client_id = $1, downstream_redirect_uri = 'https://x.example/cb' WHERE client_id = $2",
      [id, other],
    );
    assert.deepEqual(await run(), NOTHING);
    await consentry.rooms.consents.revoke({ clientId: other }, 'test');
    assert.deepEqual(await run(), { neverUsed: 0, unused: 1 });
    assert.ok((await find(id))?.revokedAt, 'stays for the history of that consent');
  });

  it('revoked registrations without a history go too', async () => {
    const id = await register();
    await consentry.rooms.clients.revoke(id);
    await age(id, '25 hours');
    assert.deepEqual(await run(), NOTHING);
    await sql(consentry, "UPDATE clients SET revoked_at = now() - interval '25 hours' WHERE id = $1", [id]);
    assert.deepEqual(await run(), { neverUsed: 1, unused: 0 });
  });

  it('thousands go in batches, each recorded, counted once by processes that reap together', async () => {
    await sql(
      consentry,
      `INSERT INTO clients (id, origin, kind, metadata, created_at)
       SELECT 'flood' || n, 'dynamic', 'app', '{}', now() - interval '2 days' FROM generate_series(1, 1200) n`,
    );
    const earlier = (await events('client.reaped')).length;
    const reaped = await Promise.all([run(), run(), run()]);
    const rest = await run();
    const total = [...reaped, rest].reduce((sum, { neverUsed }) => sum + neverUsed, 0);
    assert.equal(total, 1200);
    const counted = (await events('client.reaped'))
      .slice(earlier)
      .map(({ details }) => (details as { neverUsed: number }).neverUsed);
    assert.equal(
      counted.reduce((sum, count) => sum + count, 0),
      1200,
    );
    assert.ok(counted.every((count) => count <= 500));
  });

  it('what cannot be recorded is not reaped', async () => {
    const id = await registerAgo('25 hours');
    await sql(consentry, "ALTER TABLE audit_events ADD CONSTRAINT forced CHECK (type <> 'client.reaped') NOT VALID");
    await assert.rejects(run());
    assert.ok(await find(id));
    await sql(consentry, 'ALTER TABLE audit_events DROP CONSTRAINT forced');
  });

  it('a client that is used at the very moment keeps living', async () => {
    const fresh = await registerAgo('25 hours');
    const old = await connectAgo('31 days');
    await endGrants(old.id);
    const { account_id: accountId, resource_id: resourceId } =
      (await sql(consentry, 'SELECT * FROM consents LIMIT 1'))[0] ?? {};
    const uses: [string, string, unknown[]][] = [
      ['its token is counted', 'UPDATE clients SET last_used_at = now() WHERE id = ANY($1)', [[fresh, old.id]]],
      [
        'a consent is given',
        `INSERT INTO consents (id, account_id, client_id, resource_id, redirect_uri, client_fingerprint, scope_digests, browser_id, approved_at, expires_at, living_key)
         SELECT id, $2, id, $3, 'x', 'x', '{}', 'x', now(), now() + interval '1 day', id FROM clients WHERE id = ANY($1)`,
        [[fresh, old.id], accountId, resourceId],
      ],
    ];
    for (const [what, statement, values] of uses) {
      await holder.query('BEGIN');
      await holder.query(statement, values);
      assert.deepEqual(await run(), NOTHING, `while ${what}`);
      await holder.query('ROLLBACK');
    }
    // Under a consent that it has, nothing of the client itself is locked.
    await sql(consentry, 'UPDATE clients SET last_used_at = now() WHERE id = $1', [fresh]);
    await holder.query('BEGIN');
    await holder.query('SELECT id FROM consents WHERE client_id = $1 FOR UPDATE', [old.id]);
    await holder.query(
      "UPDATE grants SET expires_at = now() + interval '1 day' WHERE consent_id IN (SELECT id FROM consents WHERE client_id = $1)",
      [old.id],
    );
    assert.deepEqual(await run(), NOTHING);
    await holder.query('COMMIT');
    assert.deepEqual(await run(), NOTHING);
    assert.equal((await refresh(consentry, old.id, old.refreshToken)).status, 200);
  });

  it('a sign-in that ends between looking and acting keeps its client', async () => {
    const { id, refreshToken } = await connectAgo('31 days');
    await endGrants(id);
    const { database, now } = consentry.rooms;
    let writes = 0;
    const store = createReapingStore({
      ...database,
      async write(work) {
        writes += 1;
        if (writes === 2)
          await sql(
            consentry,
            "UPDATE grants SET expires_at = now() + interval '1 day' WHERE consent_id IN (SELECT id FROM consents WHERE client_id = $1)",
            [id],
          );
        return database.write(work);
      },
    });
    const cutoff = { now: now(), before: new Date(now().getTime() - 30 * 86_400_000) };
    assert.deepEqual(await database.unit(() => store.endUnused(cutoff, 10)), { deleted: 0, revoked: [] });
    assert.ok(writes >= 2);
    assert.equal((await refresh(consentry, id, refreshToken)).status, 200);
  });

  it('people who are on our pages while it runs all get their tokens', async () => {
    const begun = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const id = await register();
        const person = createPerson(consentry.issuer);
        const request = authorizationUrl(consentry, id);
        const page = await person.open(request.url);
        await age(id, '25 hours');
        return { id, person, request, page };
      }),
    );
    const unwanted = await registerAgo('25 hours');
    let done = false;
    const reaper = (async () => {
      while (!done) await run();
    })();
    const answers = await Promise.all(
      begun.map(async ({ id, person, request, page }) => {
        const { left } = await approve(person, await signIn(person, page, consentry.ana));
        const code = left?.searchParams.get('code');
        return code ? (await redeem(consentry, id, { ...request, code })).status : left;
      }),
    );
    done = true;
    await reaper;
    assert.equal(await find(unwanted), undefined);
    assert.deepEqual(
      answers,
      begun.map(() => 200),
    );
  });
});
