/** Access reviews: what is asked, who may answer, and what becomes of access that nobody answered for. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Reviewer } from '../../src/reviews/campaign.ts';
import { inRequest } from '../../src/web/request-context.ts';
import { addPerson, type Consentry, sql, startConsentry } from '../harness.ts';
import { type Access, addReviewer, connect, giveRole, mailId, plant, recorded } from './kit.ts';

const DAY = 86_400_000;
const refused = (code: string) => (error: unknown) => (error as { code?: string }).code === code;

describe('an access review', () => {
  let consentry: Consentry;
  let ahead = 0;
  let bea: Reviewer;
  before(async () => {
    consentry = await startConsentry({}, () => new Date(Date.now() + ahead));
    bea = await addReviewer(consentry, 'bea@contoso.test', 'admin');
  });
  after(() => consentry?.close());

  const reviews = () => consentry.rooms.reviews;
  const startOver = (clientId: string, days = 7) =>
    reviews().start(bea, { subject: 'client', subjectId: clientId, name: 'Spring review', days });
  async function review(access: Access, days = 7) {
    const campaign = await startOver(access.clientId, days);
    const { items } = await reviews().listItems(bea, { campaignId: campaign.id });
    assert.equal(items.length, 1);
    return { campaignId: campaign.id, ids: items.map(({ id }) => id) };
  }
  const decisionsOf = async (campaignId: string) =>
    (await reviews().listItems(bea, { campaignId })).items.map(({ decision }) => decision);
  const countsOf = async (id: string) => (await reviews().find(id, bea)).counts;

  it('asks once for each consent that lives when it begins, and says who, by which client, from where, what and since when', async () => {
    const [one, ended] = [await connect(consentry, 'Claude'), await connect(consentry, 'Ended')];
    await consentry.rooms.consents.revoke({ id: ended.consentId }, 'test');
    const resource = { subject: 'resource', subjectId: await mailId(consentry) } as const;
    const planted = await plant(consentry, 3);
    assert.equal(await reviews().countLiving(resource), 4);
    const { id, items } = await reviews().start(bea, { ...resource, name: ' Who  reads\u202e mail? ', days: 30 });
    assert.equal(items, 4);
    const campaign = await reviews().find(id, bea);
    assert.deepEqual(
      [campaign.name, campaign.subjectName, campaign.subjectAddress, campaign.createdByEmail],
      ['Who reads mail?', 'Mail', consentry.mail.uri, 'bea@contoso.test'],
    );
    assert.equal(campaign.dueAt.getTime() - campaign.createdAt.getTime(), 30 * DAY);
    const found = (await reviews().listItems(bea, { campaignId: id })).items;
    assert.deepEqual(
      found.map(({ email }) => email),
      ['ana@contoso.test', 'person1@contoso.test', 'person2@contoso.test', 'person3@contoso.test'],
    );
    const [first] = found;
    assert.deepEqual(
      [first?.consentId, first?.clientName, first?.clientHost, first?.resourceUri, first?.decision],
      [one.consentId, 'Claude', '127.0.0.1', consentry.mail.uri, 'pending'],
    );
    assert.deepEqual(first?.scopes, ['mail:read']);
    assert.ok(first?.lastUsedAt && first.since <= first.lastUsedAt);
    // What the client is called later changes nothing of what was asked.
    await sql(consentry, `UPDATE clients SET metadata = metadata || '{"client_name":"Renamed"}' WHERE id = $1`, [
      one.clientId,
    ]);
    assert.equal((await reviews().listItems(bea, { campaignId: id })).items[0]?.clientName, 'Claude');
    const [started] = await recorded(consentry, 'review.started');
    assert.deepEqual([started?.details.review, started?.details.items], [id, 4]);
    await reviews().close(bea, id);
    assert.notEqual(planted, '');
  });

  it('is one at a time over the same thing, over something that is there and that somebody may use, for 1 to 90 days', async () => {
    const { clientId } = await connect(consentry);
    const wanted = { subject: 'client', subjectId: clientId, name: 'Twice', days: 7 } as const;
    const both = await Promise.allSettled([reviews().start(bea, wanted), reviews().start(bea, wanted)]);
    assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    await assert.rejects(reviews().start(bea, wanted), refused('review_open'));
    await assert.rejects(reviews().start(bea, { ...wanted, subjectId: 'nobody' }), refused('unknown_subject'));
    await assert.rejects(reviews().start(bea, { ...wanted, name: ' \u200b' }), refused('invalid_text'));
    for (const days of [0, 91, 1.5])
      await assert.rejects(startOver(clientId, days), refused('bad_review_days'), `${days}`);
    const unused = await connect(consentry);
    await consentry.rooms.consents.revoke({ clientId: unused.clientId }, 'test');
    await assert.rejects(startOver(unused.clientId), refused('nothing_to_review'));
  });

  it('over a client also asks for what a proxy got for it', async () => {
    const [app, proxy] = [await connect(consentry, 'App'), await connect(consentry, 'Gateway')];
    await sql(consentry, "UPDATE consents SET downstream_client_id = $1, downstream_redirect_uri = 'x' WHERE id = $2", [
      app.clientId,
      proxy.consentId,
    ]);
    const { id } = await startOver(app.clientId);
    const { items } = await reviews().listItems(bea, { campaignId: id });
    assert.deepEqual(
      items.map(({ consentId, actingFor }) => [consentId, actingFor]).sort(),
      [
        [app.consentId, undefined],
        [proxy.consentId, app.clientId],
      ].sort(),
    );
  });

  it('that attests leaves everything as it is; the answer can be taken back while it is open', async () => {
    const access = await connect(consentry);
    const item = await review(access);
    const kept = await inRequest('account:bea', () => reviews().keep(bea, { ...item, note: 'Works with\nit daily' }));
    assert.deepEqual(kept, { changed: 1, own: 0, gone: 0, answered: 0 });
    assert.ok(await access.works());
    const [said] = (await reviews().listItems(bea, item)).items;
    assert.deepEqual(
      [said?.decision, said?.decidedByEmail, said?.note],
      ['kept', 'bea@contoso.test', 'Works with it daily'],
    );
    assert.equal((await reviews().keep(bea, item)).answered, 1);
    assert.equal((await reviews().undo(bea, item)).changed, 1);
    assert.deepEqual(await decisionsOf(item.campaignId), ['pending']);
    const said2 = (await recorded(consentry, 'review.answered')).filter(
      ({ consent_id }) => consent_id === access.consentId,
    );
    assert.deepEqual(
      said2.map(({ reason, actor, details }) => [reason, actor, details.before, details.after]),
      [
        ['kept', 'account:bea', 'pending', 'kept'],
        ['undone', 'system', 'kept', 'pending'],
      ],
    );
    await assert.rejects(reviews().keep(bea, { ...item, note: 'x'.repeat(501) }), refused('review_note_too_long'));
  });

  it('that revokes ends the access with its tokens at once, also what was kept before, and nothing brings it back', async () => {
    const access = await connect(consentry);
    const item = await review(access);
    await reviews().keep(bea, item);
    assert.deepEqual(await reviews().revoke(bea, { ...item, note: 'Left the team' }), {
      ...{ changed: 1, own: 0, gone: 0, answered: 0 },
    });
    assert.equal(await access.works(), false);
    const [consent] = await consentry.rooms.consents.list({ id: access.consentId }, { living: false });
    assert.equal(consent?.revokedReason, 'review_revoked');
    assert.deepEqual(await reviews().undo(bea, item), { changed: 0, own: 0, gone: 0, answered: 1 });
    assert.deepEqual(await decisionsOf(item.campaignId), ['revoked']);
  });

  it('nobody attests their own access while another reviewer exists; their own to end is always theirs', async () => {
    const own: Reviewer = { accountId: consentry.ana.id, reach: undefined };
    const [access, other] = [await connect(consentry), await connect(consentry)];
    const item = await review(access);
    await assert.rejects(reviews().keep(own, item), refused('own_access'));
    assert.deepEqual(await decisionsOf(item.campaignId), ['pending']);
    await sql(consentry, "UPDATE accounts SET disabled_at = now(), disabled_by = '{administrator}' WHERE id = $1", [
      bea.accountId,
    ]);
    assert.equal((await reviews().keep(own, item)).changed, 1, 'nobody else is left');
    await reviews().undo(own, item);
    await sql(consentry, "UPDATE accounts SET disabled_at = NULL, disabled_by = '{}' WHERE id = $1", [bea.accountId]);
    await assert.rejects(reviews().keep(own, item), refused('own_access'));
    const others = await review(other);
    assert.equal((await reviews().revoke(own, others)).changed, 1);
  });

  it('of several chosen at once attests all but the reviewer’s own, and leaves those alone that were answered', async () => {
    const clientId = await plant(consentry, 4);
    const carl = await addPerson(consentry.rooms, 'carl@contoso.test');
    await giveRole(consentry, carl.id, 'admin');
    await sql(consentry, 'UPDATE consents SET account_id = $1 WHERE id = $2', [carl.id, `c${clientId}1`]);
    const { id } = await startOver(clientId);
    const { items } = await reviews().listItems(bea, { campaignId: id });
    const ids = items.map((item) => item.id);
    await reviews().revoke(bea, { campaignId: id, ids: ids.slice(3) });
    const outcome = await reviews().keep({ accountId: carl.id, reach: undefined }, { campaignId: id, ids });
    assert.deepEqual(outcome, { changed: 2, own: 1, gone: 0, answered: 1 });
    assert.deepEqual(await countsOf(id), { pending: 1, kept: 2, revoked: 1, expired: 0, gone: 0 });
    await assert.rejects(reviews().keep(bea, { campaignId: id, ids: ['x'] }), refused('unknown_review_item'));
    await assert.rejects(reviews().keep(bea, { campaignId: id, ids: [] }), refused('bad_selection'));
    const many = Array.from({ length: 201 }, (_, index) => `${index}`);
    await assert.rejects(reviews().keep(bea, { campaignId: id, ids: many }), refused('bad_selection'));
  });

  it('an item of another review is none of this one', async () => {
    const [one, other] = [await review(await connect(consentry)), await review(await connect(consentry))];
    await assert.rejects(reviews().revoke(bea, { ...one, ids: other.ids }), refused('unknown_review_item'));
    assert.deepEqual(await decisionsOf(other.campaignId), ['pending']);
  });

  it('what ended meanwhile by itself is gone: nobody is asked about it and nobody is said to have ended it', async () => {
    const [revoked, expired] = [await connect(consentry), await connect(consentry)];
    const [one, other] = [await review(revoked), await review(expired)];
    await consentry.rooms.consents.revoke({ id: revoked.consentId }, 'person');
    assert.deepEqual(await decisionsOf(one.campaignId), ['gone']);
    assert.equal((await countsOf(one.campaignId)).gone, 1);
    assert.deepEqual(await reviews().keep(bea, one), { changed: 0, own: 0, gone: 1, answered: 0 });
    await sql(consentry, "UPDATE consents SET expires_at = now() - interval '1 second' WHERE id = $1", [
      expired.consentId,
    ]);
    assert.equal((await reviews().close(bea, other.campaignId)).closed, true);
    assert.deepEqual(await decisionsOf(other.campaignId), ['gone']);
  });

  it('a resource owner sees and answers only reviews of their own MCP servers, and starts no other', async () => {
    const access = await connect(consentry);
    const server = await mailId(consentry);
    const rita = await addPerson(consentry.rooms, 'rita@contoso.test');
    const [theirs, elsewhere]: Reviewer[] = [
      { accountId: rita.id, reach: [server] },
      { accountId: rita.id, reach: ['another'] },
    ];
    assert.ok(theirs && elsewhere);
    const own = { subject: 'resource', subjectId: server, name: 'Mine', days: 3 } as const;
    await assert.rejects(reviews().start(elsewhere, own), refused('unknown_subject'));
    await assert.rejects(
      reviews().start(theirs, { ...own, subject: 'client', subjectId: access.clientId }),
      refused('unknown_subject'),
    );
    const { id } = await reviews().start(theirs, own);
    const { items } = await reviews().listItems(theirs, { campaignId: id });
    const wanted = { campaignId: id, ids: items.slice(0, 1).map((item) => item.id) };
    for (const act of [
      () => reviews().find(id, elsewhere),
      () => reviews().listItems(elsewhere, { campaignId: id }),
      () => reviews().keep(elsewhere, wanted),
      () => reviews().revoke(elsewhere, wanted),
      () => reviews().undo(elsewhere, wanted),
      () => reviews().close(elsewhere, id),
      () => consentry.rooms.reviewEvidence.csv(elsewhere, id),
      () => consentry.rooms.reviewEvidence.signed(elsewhere, id),
    ]) {
      await assert.rejects(act, refused('unknown_review'));
    }
    assert.ok(!(await reviews().list(elsewhere)).items.some((campaign) => campaign.id === id));
    assert.deepEqual(
      (await reviews().list(theirs)).items.map(({ subjectId }) => subjectId).filter((one) => one !== server),
      [],
    );
    assert.equal((await reviews().revoke(theirs, wanted)).changed, 1);
    await reviews().close(theirs, id);
  });

  it('on its date ends what nobody answered for, with its tokens, keeps what was kept, and is closed', async () => {
    const [kept, forgotten] = [await connect(consentry), await connect(consentry)];
    const [one, other] = [await review(kept, 2), await review(forgotten, 2)];
    await reviews().keep(bea, one);
    await reviews().expire();
    assert.deepEqual(await decisionsOf(other.campaignId), ['pending'], 'not before');
    ahead += 2 * DAY + 1_000;
    try {
      await assert.rejects(
        reviews().keep(bea, other),
        refused('review_closed'),
        'its date counts, not when it is tidied',
      );
      await inRequest('system', () => reviews().expire());
      assert.deepEqual(await decisionsOf(one.campaignId), ['kept']);
      assert.deepEqual(await decisionsOf(other.campaignId), ['expired']);
      assert.ok((await reviews().find(other.campaignId, bea)).closedAt);
      for (const act of [reviews().keep, reviews().revoke, reviews().undo]) {
        await assert.rejects(act(bea, one), refused('review_closed'));
      }
      await assert.rejects(reviews().close(bea, one.campaignId), refused('review_closed'));
    } finally {
      ahead = 0;
    }
    assert.deepEqual([await kept.works(), await forgotten.works()], [true, false]);
    const ended = (await recorded(consentry, 'consent.revoked')).find(
      ({ consent_id }) => consent_id === forgotten.consentId,
    );
    assert.deepEqual([ended?.reason, ended?.actor], ['review_unanswered', 'system']);
    const closed = (await recorded(consentry, 'review.closed')).filter(
      ({ details }) => details.review === other.campaignId,
    );
    assert.deepEqual(
      closed.map(({ details }) => [details.expired, details.kept]),
      [[1, 0]],
    );
  });

  it('closed before its date says how many had no answer, and ends these as its date would have', async () => {
    const access = await connect(consentry);
    const item = await review(access);
    assert.deepEqual(await reviews().close(bea, item.campaignId), { undecided: 1, closed: true });
    assert.equal(await access.works(), false);
    assert.deepEqual(await decisionsOf(item.campaignId), ['expired']);
    const early = (await recorded(consentry, 'review.ended_early')).at(-1);
    assert.deepEqual([early?.details.review, early?.details.undecided], [item.campaignId, 1]);
  });

  it('of a thousand ends in short units, each consent once, however many processes do so together', async () => {
    const clientId = await plant(consentry, 1_000);
    const { id } = await startOver(clientId);
    const { items } = await reviews().listItems(bea, { campaignId: id });
    await reviews().keep(bea, { campaignId: id, ids: items.slice(0, 10).map((item) => item.id) });
    const first = await reviews().close(bea, id);
    assert.deepEqual(first, { undecided: 990, closed: false });
    await assert.rejects(
      reviews().revoke(bea, { campaignId: id, ids: [items[20]?.id ?? ''] }),
      refused('review_closed'),
    );
    await Promise.all([reviews().expire(), reviews().expire(), reviews().expire()]);
    await reviews().expire();
    assert.deepEqual(await countsOf(id), { pending: 0, kept: 10, revoked: 0, expired: 990, gone: 0 });
    const [living] = await sql<{ count: number }>(
      consentry,
      'SELECT count(*)::int AS count FROM consents WHERE client_id = $1 AND revoked_at IS NULL',
      [clientId],
    );
    assert.equal(living?.count, 10);
    const [events] = await sql<{ count: number; once: number }>(
      consentry,
      "SELECT count(*)::int AS count, count(DISTINCT consent_id)::int AS once FROM audit_events WHERE type = 'consent.revoked' AND client_id = $1",
      [clientId],
    );
    assert.deepEqual(events, { count: 990, once: 990 });
    const closed = (await recorded(consentry, 'review.closed')).filter(({ details }) => details.review === id);
    assert.equal(closed.length, 1);
  });

  it('is read in pages, whole or by decision, without one item twice or missing', async () => {
    const clientId = await plant(consentry, 120);
    const { id } = await startOver(clientId);
    const all: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await reviews().listItems(bea, {
        campaignId: id,
        decision: 'pending',
        ...(cursor ? { cursor } : {}),
      });
      all.push(...page.items.map((item) => item.id));
      cursor = page.next;
    } while (cursor);
    assert.deepEqual([all.length, new Set(all).size], [120, 120]);
    await reviews().keep(bea, { campaignId: id, ids: all.slice(0, 1) });
    assert.equal((await reviews().listItems(bea, { campaignId: id, decision: 'kept' })).items.length, 1);
    await assert.rejects(reviews().listItems(bea, { campaignId: id, cursor: 'x' }), refused('bad_cursor'));
  });

  it('what cannot be recorded is not decided', async () => {
    const access = await connect(consentry);
    const item = await review(access);
    await sql(consentry, "ALTER TABLE audit_events ADD CONSTRAINT forced CHECK (type <> 'review.answered') NOT VALID");
    await assert.rejects(reviews().revoke(bea, item));
    await sql(consentry, 'ALTER TABLE audit_events DROP CONSTRAINT forced');
    assert.deepEqual(await decisionsOf(item.campaignId), ['pending']);
    assert.ok(await access.works());
  });
});
