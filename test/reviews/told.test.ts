/** People whose access others ended hear of it: once for each review, and once for each act of an administrator. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { revokeForAdministrator } from '../../src/access-ended.ts';
import { addResource } from '../../src/registrations.ts';
import type { Reviewer } from '../../src/reviews/campaign.ts';
import { addPerson, type Consentry, MAIL, sql, startConsentry } from '../harness.ts';
import { addReviewer, mailId } from './kit.ts';

const FILES = 'http://127.0.0.1:9/files';
const DAY = 86_400_000;

interface Told {
  to?: string;
  subject?: string;
  text?: string;
  event: { type: string; data: { account: { id: string }; why: string; review?: string; ended: unknown[] } };
}

describe('access that others end', () => {
  let consentry: Consentry;
  let bea: Reviewer;
  let ahead = 0;
  before(async () => {
    // Nothing listens there: what is told stays in the outbox.
    consentry = await startConsentry(
      {
        ...{ WEBHOOK_URL: 'http://127.0.0.1:9/hook', WEBHOOK_SECRET: `whsec_${randomBytes(32).toString('base64')}` },
        ...{ SMTP_URL: 'smtp://127.0.0.1:9', MAIL_FROM: 'consentry@contoso.test' },
      },
      () => new Date(Date.now() + ahead),
    );
    await addResource(consentry.rooms, { ...MAIL, uri: FILES, name: 'Files' });
    bea = await addReviewer(consentry, 'bea@contoso.test', 'admin');
  });
  after(() => consentry?.close());
  beforeEach(async () => {
    await sql(consentry, 'DELETE FROM outbox_messages');
    await sql(consentry, 'DELETE FROM review_items');
    await sql(consentry, 'DELETE FROM review_campaigns');
    await sql(consentry, 'DELETE FROM consents');
  });

  let people = 0;
  async function join(locale?: 'en' | 'ja') {
    people += 1;
    const person = await addPerson(consentry.rooms, `person${people}@contoso.test`);
    if (locale) await sql(consentry, 'UPDATE accounts SET locale = $2 WHERE id = $1', [person.id, locale]);
    return person;
  }
  /** A consent of this person's to a client of this name. @returns its id */
  async function allow({ id }: { id: string }, name: string, uri = consentry.mail.uri): Promise<string> {
    const key = randomBytes(8).toString('hex');
    await sql(
      consentry,
      `WITH k AS (INSERT INTO clients (id, origin, kind, metadata) VALUES ($1, 'dynamic', 'app', jsonb_build_object('client_name', $3::text)) RETURNING id)
       INSERT INTO consents (id, account_id, client_id, resource_id, redirect_uri, client_fingerprint, stated, scope_digests, browser_id, scopes, approved_at, expires_at, living_key)
       SELECT $1, $2, k.id, (SELECT id FROM resources WHERE uri = $4), 'https://app.example/cb', 'x',
         jsonb_build_object('client', jsonb_build_object('name', $3::text)), '{}', 'x', '{mail:read}', now(), now() + interval '90 days', $1 FROM k`,
      [key, id, name, uri],
    );
    return key;
  }
  async function told(sink: 'webhook' | 'smtp' = 'webhook'): Promise<Told[]> {
    const rows = await sql<{ id: string; payload: Uint8Array }>(
      consentry,
      "SELECT id, payload FROM outbox_messages WHERE kind = 'access.ended' AND sink = $1",
      [sink],
    );
    const { sealing } = consentry.rooms;
    return rows.map(({ id, payload }) => JSON.parse(sealing.open('outbox-payload', id, payload).toString('utf8')));
  }
  const accounts = (all: Told[]) => all.map(({ event }) => event.data.account.id).sort();

  const reviews = () => consentry.rooms.reviews;
  async function review() {
    const subject = { subject: 'resource', subjectId: await mailId(consentry) } as const;
    const { id } = await reviews().start(bea, { ...subject, name: 'Spring review', days: 7 });
    const { items } = await reviews().listItems(bea, { campaignId: id });
    const of = (...consents: string[]) =>
      consents.map((consent) => items.find(({ consentId }) => consentId === consent)?.id ?? '');
    return {
      id,
      revoke: (...some: string[]) => reviews().revoke(bea, { campaignId: id, ids: of(...some) }),
      keep: (...some: string[]) => reviews().keep(bea, { campaignId: id, ids: of(...some) }),
      undo: (...some: string[]) => reviews().undo(bea, { campaignId: id, ids: of(...some) }),
    };
  }

  it('in a review is told once to each person, when nothing of theirs waits for an answer in it any more', async () => {
    const [ana, bo] = [await join('en'), await join('ja')];
    const [claude, cursor, desk] = [await allow(ana, 'Claude'), await allow(ana, 'Cursor'), await allow(ana, 'Desk')];
    const bos = await allow(bo, 'Claude');
    const { id, revoke, keep, undo } = await review();
    await revoke(claude);
    assert.deepEqual(await told(), [], 'two of hers have no answer yet');
    await revoke(bos, cursor);
    assert.deepEqual(accounts(await told()), [bo.id]);
    await keep(desk);
    assert.deepEqual(accounts(await told()), [ana.id, bo.id].sort());
    const hers = (await told()).find(({ event }) => event.data.account.id === ana.id)?.event.data;
    assert.deepEqual([hers?.why, hers?.review, hers?.ended.length], ['review', id, 2]);
    await undo(desk);
    await keep(desk);
    assert.equal((await told()).length, 2, 'what was told is not told again');
    const mails = await told('smtp');
    const english = mails.find(({ to }) => to === ana.email);
    assert.match(String(english?.subject), /2 apps that you allowed no longer have access$/);
    for (const part of ['“Claude” at Mail', '“Cursor” at Mail', 'In a review', 'connect again from the app']) {
      assert.ok(english?.text?.includes(part), `${part} is missing in\n${english?.text}`);
    }
    assert.ok(!english?.text?.includes('Desk'), 'what was kept is not among it');
    const japanese = mails.find(({ to }) => to === bo.email);
    assert.match(String(japanese?.subject), /「Claude」はMailを利用できなくなりました$/);
    assert.match(String(japanese?.text), /「Claude」（Mail）/);
    assert.doesNotMatch(String(japanese?.text), /In a review/);
    await revoke(desk);
    const again = (await told()).filter(({ event }) => event.data.account.id === ana.id);
    assert.deepEqual(
      again.map(({ event }) => event.data.ended.length).sort(),
      [1, 2],
      'what was kept first and ended later is news',
    );
  });

  it('by a review that ran out is told with what was revoked in it, once', async () => {
    const [ana, bo, cleo] = [await join(), await join(), await join()];
    const first = await allow(ana, 'Claude');
    await allow(ana, 'Cursor');
    await allow(bo, 'Claude');
    const gone = await allow(cleo, 'Claude');
    const { revoke } = await review();
    await revoke(first);
    await consentry.rooms.consents.revoke({ id: gone }, 'stopped_by_person');
    assert.deepEqual(await told(), []);
    ahead += 8 * DAY;
    await reviews().expire();
    assert.deepEqual(accounts(await told()), [ana.id, bo.id].sort(), 'who stopped it herself is not told');
    const hers = (await told()).find(({ event }) => event.data.account.id === ana.id);
    assert.equal(hers?.event.data.ended.length, 2);
    await reviews().expire();
    assert.equal((await told()).length, 2);
  });

  it('of two reviewers who end the last of one person’s at the same time, exactly one notice comes', async () => {
    const ana = await join();
    const [claude, cursor] = [await allow(ana, 'Claude'), await allow(ana, 'Cursor')];
    const { revoke } = await review();
    let settled = false;
    /** Until the second has come as far as it gets while the first is under way. */
    const cameToWait = async () => {
      const waiting =
        "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
      while (!settled && (await sql(consentry, waiting)).length === 0) await setTimeout(10);
    };
    const go = Promise.withResolvers<void>();
    const first = consentry.rooms.database.unit(async () => {
      await revoke(claude);
      go.resolve();
      await cameToWait();
    });
    await go.promise;
    const second = revoke(cursor).finally(() => {
      settled = true;
    });
    await Promise.all([first, second]);
    const found = await told();
    assert.deepEqual(
      found.map(({ event }) => event.data.ended.length),
      [2],
    );
  });

  it('by an administrator is told once for each act, however many consents of however many people it ends', async () => {
    const [ana, bo] = [await join('en'), await join('ja')];
    const hers = [await allow(ana, 'Claude'), await allow(ana, 'Cursor', FILES)];
    const his = await allow(bo, 'Claude');
    await revokeForAdministrator(consentry.rooms, [{ id: { in: [...hers, his] } }]);
    assert.deepEqual(accounts(await told()), [ana.id, bo.id].sort());
    const mails = await told('smtp');
    const english = mails.find(({ to }) => to === ana.email)?.text ?? '';
    for (const part of ['An administrator took back', '“Claude” at Mail', '“Cursor” at Files']) {
      assert.ok(english.includes(part), `${part} is missing in\n${english}`);
    }
    await revokeForAdministrator(consentry.rooms, [{ id: his }]);
    assert.equal((await told()).length, 2, 'what had ended already is no news');
    await consentry.rooms.database.unit(
      async () => revokeForAdministrator(consentry.rooms, [{ id: await allow(bo, 'Zed') }]),
      () => false,
    );
    assert.equal((await told()).length, 2, 'of what was rolled back nobody hears');
  });

  it('many at a time is ended with all of each person’s, so that a batch boundary makes no second notice', async () => {
    const [ana, bo] = [await join(), await join()];
    const [first, second, other] = [await allow(ana, 'Claude'), await allow(ana, 'Cursor'), await allow(bo, 'Claude')];
    const elsewhere = await allow(ana, 'Claude', FILES);
    const query = { resourceId: await mailId(consentry) };
    const { consentListing } = consentry.rooms;
    assert.deepEqual(await consentListing.withPeople(query, [first]), [first, second].sort());
    assert.deepEqual(await consentListing.withPeople(query, [other]), [other]);
    assert.deepEqual(await consentListing.withPeople(query, [elsewhere]), [first, second].sort());
    await consentry.rooms.consents.revoke({ id: second }, 'test');
    assert.deepEqual(await consentListing.withPeople(query, [first]), [first]);
  });
});
