/** What has expired goes, in every table, and nothing that somebody still holds. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sweep } from '../../src/storage/sweep.ts';
import { authorize, redeem, refresh, registerClient } from '../flow.ts';
import { type Consentry, sql, startConsentry } from '../harness.ts';

const DAY_MS = 86_400_000;

let consentry: Consentry;
before(async () => {
  consentry = await startConsentry();
});
after(() => consentry?.close());

const count = async (table: string) => Number((await sql(consentry, `SELECT count(*) AS n FROM ${table}`))[0]?.n);

test('a living sign-in is left alone, and everything of it goes when it has expired; the consent stays on record', async () => {
  const client = await registerClient(consentry.issuer);
  const tokens = await redeem(consentry, client.client_id, await authorize(consentry, client.client_id));
  const { direct } = consentry.rooms.database;
  await sweep({ direct }, new Date());
  const refreshed = await refresh(consentry, client.client_id, tokens.body.refresh_token);
  assert.equal(refreshed.status, 200);
  assert.equal(await count('grants'), 1);

  const swept = await sweep({ direct }, new Date(Date.now() + 91 * DAY_MS));
  assert.ok(Number(swept.artifacts) >= 2, JSON.stringify(swept));
  assert.equal(await count('grants'), 0);
  // Its registration access token has no end.
  assert.deepEqual(await sql(consentry, 'SELECT DISTINCT kind FROM artifacts'), [{ kind: 'RegistrationAccessToken' }]);
  assert.equal(await count('consents'), 1);
});

test('every table with an end is emptied of what is past it, in more than one batch', async () => {
  const past = "now() - interval '1 second'";
  const future = "now() + interval '1 hour'";
  await sql(
    consentry,
    `INSERT INTO revoked_tokens SELECT 'gone' || n, ${past} FROM generate_series(1, 2500) n
     UNION ALL SELECT 'kept', ${future}`,
  );
  await sql(
    consentry,
    `INSERT INTO sign_in_throttles VALUES ('gone', 1, now(), ${past}), ('kept', 1, now(), ${future})`,
  );
  await sql(
    consentry,
    `INSERT INTO metadata_documents (url, body, fetched_at, fresh_until, stale_until)
     VALUES ('https://gone.example/', '{}', now(), now(), ${past}), ('https://kept.example/', '{}', now(), now(), ${future})`,
  );
  const swept = await sweep(consentry.rooms.database, new Date());
  assert.equal(swept.revoked_tokens, 2500);
  const left = [await count('revoked_tokens'), await count("sign_in_throttles WHERE key IN ('gone', 'kept')")];
  assert.deepEqual([...left, await count('metadata_documents')], [1, 1, 1]);
});

test('of a metadata document that answers no more, what an operator brought and what a known client said last are kept', async () => {
  const urls = ['nobody', 'imported', 'known', 'downstream'].map((name) => `https://${name}.example/client.json`);
  const [, imported, known, downstream] = urls;
  await sql(
    consentry,
    `INSERT INTO metadata_documents (url, body, fetched_at, fresh_until, stale_until, imported_at)
     SELECT url, '{}', now(), now(), now() - interval '1 second', CASE WHEN url = $2 THEN now() END FROM unnest($1::text[]) url`,
    [urls, imported],
  );
  await consentry.rooms.clients.recordDocument(String(known), { client_id: String(known) });
  const client = await registerClient(consentry.issuer);
  await authorize(consentry, client.client_id);
  const behind = 'UPDATE consents SET downstream_client_id = $1, downstream_redirect_uri = $1 WHERE client_id = $2';
  await sql(consentry, behind, [downstream, client.client_id]);
  await sweep(consentry.rooms.database, new Date());
  const kept = await sql(consentry, 'SELECT url FROM metadata_documents WHERE url = ANY($1) ORDER BY url', [urls]);
  assert.deepEqual(
    kept.map(({ url }) => url),
    [downstream, imported, known],
  );
});
