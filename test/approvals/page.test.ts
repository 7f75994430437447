/** Page E: asking, waiting, and what comes of it only in the browser that asked (threats 115, 116, 118). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { expireApprovals } from '../../src/approval-acts.ts';
import type { ApprovalRequest } from '../../src/approvals/request.ts';
import { approve, authorizationUrl, redeem, registerClient, signIn } from '../flow.ts';
import { addPerson, type Consentry, sql, startConsentry } from '../harness.ts';
import { given, heading, isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person, type Step } from '../person.ts';

const SCOPES = 'mail:read mail:send';

describe('what waits for an administrator', () => {
  let consentry: Consentry;
  let olga: { id: string };
  let people = 0;
  before(async () => {
    consentry = await startConsentry();
    olga = await addPerson(consentry.rooms, 'olga@contoso.test');
    await sql(consentry, "UPDATE accounts SET role = 'owner' WHERE id = $1", [olga.id]);
    // As every installation begins: what is above waits.
    await sql(consentry, `UPDATE policy_rules SET match = '{"above": "medium"}' WHERE id = 'default'`);
  });
  after(() => consentry?.close());

  /** Somebody new with a client of their own, in front of page E. */
  async function begin(params: Record<string, string> = {}) {
    people += 1;
    const who = await addPerson(consentry.rooms, `person${people}@contoso.test`);
    const clientId = (await registerClient(consentry.issuer)).client_id;
    const begun = authorizationUrl(consentry, clientId, { scope: SCOPES, ...params });
    const person = createPerson(consentry.issuer);
    const page = await signIn(person, await person.open(begun.url), who);
    return { who, clientId, begun, person, page };
  }
  const isAskPage = (page: Step) => page.status === 200 && page.html.includes('value="ask"');
  const isWaiting = (page: Step) => heading(page) === 'Waiting for an administrator';
  const requests = async (accountId: string) =>
    (await consentry.rooms.approvals.list()).filter((one) => one.accountId === accountId);
  async function requestOf(accountId: string): Promise<ApprovalRequest> {
    const [request] = await requests(accountId);
    assert.ok(request);
    return request;
  }
  const decide = (current: ApprovalRequest, decision: 'approve' | 'deny', note?: string) =>
    consentry.rooms.approvals.decide({ id: current.id, decision, approver: olga.id, note, current });
  const ask = (person: Person, page: Step, reason = '') => person.submit(page, { decision: 'ask', reason });
  const endInteractions = () => sql(consentry, "DELETE FROM artifacts WHERE kind = 'Interaction'");

  it('is asked for once, waits in its own page, and after the approval still costs the press', async () => {
    const { who, clientId, begun, person, page } = await begin();
    assert.ok(isAskPage(page), words(page));
    const waiting = await ask(person, page, ' for the\u202e report ');
    assert.ok(isWaiting(waiting), words(waiting));
    const request = await requestOf(who.id);
    assert.deepEqual([request.scopes, request.reason, request.state], [['mail:send'], 'for the report', 'pending']);
    assert.equal(new URL(waiting.url).pathname, `/approval/${request.id}`);
    assert.match(waiting.html, /http-equiv="refresh" content="15"/);
    assert.ok(isWaiting(await person.open(begun.url)), 'also for another request of the same client');
    assert.equal((await requests(who.id)).length, 1);
    assert.ok(isWaiting(await person.open(waiting.url)));

    await decide(request, 'approve');
    const earlier = await given(consentry);
    const consent = await person.open(waiting.url);
    assert.match(new URL(consent.url).pathname, /^\/interaction\//);
    assert.ok(isConsentPage(consent), words(consent));
    assert.deepEqual(await given(consentry), earlier, 'an approval gives nothing by itself');
    const done = await approve(person, consent);
    const code = done.left?.searchParams.get('code');
    assert.ok(code, words(done));
    const { body } = await redeem(consentry, clientId, { ...begun, code });
    assert.deepEqual(body.scope?.split(' ').sort(), SCOPES.split(' '));
  });

  it('that nobody decided in time is over: page E says so, the record too, and it may be asked again', async () => {
    const { who, begun, person, page } = await begin();
    const waiting = await ask(person, page);
    const request = await requestOf(who.id);
    const longAgo = "UPDATE approval_requests SET created_at = now() - interval '30 days' WHERE id = $1";
    await sql(consentry, longAgo, [request.id]);
    await expireApprovals(consentry.rooms);
    const [event] = await sql(
      consentry,
      "SELECT * FROM audit_events WHERE type = 'approval.expired' AND account_id = $1",
      [who.id],
    );
    assert.equal((event?.details as { approval: string } | undefined)?.approval, request.id);
    const over = await person.open(waiting.url);
    assert.ok(isAskPage(over), words(over));
    assert.match(words(over), /Nobody decided within 30 days, so that request is over\. You may ask again\./);
    const later = await person.open(begun.url);
    assert.match(words(later), /Nobody decided within 30 days/, 'whoever connects again reads it too');
    assert.ok(isWaiting(await ask(person, over)));
    const anew = (await requests(who.id)).filter(({ state }) => state === 'pending');
    assert.equal(anew.length, 1);
    assert.notEqual(anew[0]?.id, request.id);
    assert.doesNotMatch(words(await person.open(begun.url)), /Nobody decided/);

    await sql(consentry, longAgo, [anew[0]?.id]);
    await endInteractions();
    const late = await person.open(`${consentry.issuer}/approval/${anew[0]?.id}`);
    assert.match(words(late), /Nobody decided within 30 days/, 'also before the sweep, and with nothing to press');
    assert.ok(!late.html.includes('value="ask"'));
  });

  it('the record says who asked for what', async () => {
    const { who, clientId, person, page } = await begin();
    await ask(person, page);
    const rows = await sql(consentry, 'SELECT * FROM audit_events WHERE type = $1 AND account_id = $2', [
      'approval.requested',
      who.id,
    ]);
    assert.equal(rows.length, 1);
    const { client_id: client, resource, scopes, details } = rows[0] ?? {};
    assert.deepEqual([client, resource, scopes], [clientId, consentry.mail.uri, ['mail:send']]);
    assert.equal((details as { approval: string }).approval, (await requestOf(who.id)).id);
  });

  it('the rest can be agreed to without it, and then the token does not carry it', async () => {
    const { who, clientId, begun, person, page } = await begin();
    const consent = await person.submit(page, { decision: 'without' });
    assert.ok(isConsentPage(consent), words(consent));
    assert.ok(!consent.html.includes('value="mail:send"'));
    const done = await approve(person, consent, { scope: ['mail:read', 'mail:send'] });
    const code = done.left?.searchParams.get('code') ?? '';
    const { body } = await redeem(consentry, clientId, { ...begun, code });
    assert.equal(body.scope, 'mail:read');
    assert.deepEqual(await requests(who.id), []);
  });

  it('where nothing is left without it, "without" gets nobody any further', async () => {
    const { person, page } = await begin({ scope: 'mail:send' });
    assert.ok(!page.html.includes('value="without"'));
    assert.ok(isAskPage(await person.submit(page, { decision: 'without' })));
    assert.ok(isAskPage(await person.submit(page, { decision: 'approve', scope: 'mail:send' })));
  });

  it('going back tells the client that access was denied', async () => {
    const { who, person, page } = await begin();
    const back = await person.submit(page, { decision: 'cancel' });
    assert.equal(back.left?.searchParams.get('error'), 'access_denied');
    assert.deepEqual(await requests(who.id), []);
  });

  it('a form that is not of this page asks nobody', async () => {
    const { who, person, page } = await begin();
    const refused = await person.submit(page, { decision: 'ask', csrf: 'x'.repeat(43) });
    assert.equal(refused.status, 403);
    assert.ok(refused.html.includes('value="ask"'));
    assert.deepEqual(await requests(who.id), []);
  });

  it('a reason that is too long comes back as it was typed, and nobody is asked', async () => {
    const { who, person, page } = await begin();
    const refused = await ask(person, page, `${'x'.repeat(500)}&end`);
    assert.equal(refused.status, 400);
    assert.match(refused.html, /x{500}&amp;end/);
    assert.deepEqual(await requests(who.id), []);
    assert.ok(isWaiting(await ask(person, refused, 'x'.repeat(500))));
  });

  it('a denial is told with the note, in this page and later, and asking again on it asks nobody', async () => {
    const { who, person, page } = await begin();
    const waiting = await ask(person, page);
    await decide(await requestOf(who.id), 'deny', 'Use the desktop app.');
    const denied = await person.open(waiting.url);
    assert.match(words(denied), /An administrator said no.*Use the desktop app\./);
    const again = await person.submit(denied, { decision: 'ask' });
    assert.equal(heading(again), 'An administrator said no');
    assert.equal((await requests(who.id)).length, 1);
    await endInteractions();
    assert.match(words(await person.open(waiting.url)), /An administrator said no.*Use the desktop app\./);
  });

  it('a denial is told with its reason to who connects again, for what was denied alone, and may be asked again', async () => {
    const { who, clientId, begun, person, page } = await begin();
    await ask(person, page);
    await decide(await requestOf(who.id), 'deny', 'Use <b>the</b> desktop app.');
    await endInteractions();
    const later = await person.open(begun.url);
    assert.ok(isAskPage(later), words(later));
    assert.match(
      words(later),
      /An administrator said no on \w+ \d+, \d{4} : “Use <b>the<\/b> desktop app\.” You may ask again\./,
    );
    assert.ok(!later.html.includes('<b>the'), 'as text');
    const japanese = await person.open(later.url, { headers: { 'accept-language': 'ja' } });
    assert.match(words(japanese), /\d+年\d+月\d+日 ?に、管理者に承認されませんでした。理由： ?「Use/);

    const elsewhere = createPerson(consentry.issuer);
    const other = await signIn(elsewhere, await elsewhere.open(begun.url), who);
    assert.match(words(other), /An administrator said no on/, 'in any browser of theirs');
    const label = authorizationUrl(consentry, (await registerClient(consentry.issuer)).client_id, { scope: SCOPES });
    assert.doesNotMatch(words(await person.open(label.url)), /said no/, 'not for another client');
    const stranger = createPerson(consentry.issuer);
    const theirs = await addPerson(consentry.rooms, `not-${who.id}@contoso.test`);
    const foreign = await signIn(stranger, await stranger.open(begun.url), theirs);
    assert.doesNotMatch(words(foreign), /said no/, 'nor to anybody else');
    await sql(consentry, "UPDATE approval_requests SET scopes = '{mail:other}' WHERE client_id = $1", [clientId]);
    assert.doesNotMatch(words(await person.open(begun.url)), /said no/, 'nor for other scopes');
    await sql(
      consentry,
      "UPDATE approval_requests SET scopes = '{mail:send,mail:other}', note = NULL WHERE client_id = $1",
      [clientId],
    );
    const bare = await person.open(begun.url);
    assert.match(words(bare), /An administrator said no on \w+ \d+, \d{4} ?, without a reason\. You may ask again\./);

    assert.ok(isWaiting(await ask(person, bare)));
    assert.doesNotMatch(words(await person.open(begun.url)), /said no/, 'a new request stands for itself');
    const open = (await requests(who.id)).find(({ state }) => state === 'pending');
    await consentry.rooms.approvals.withdraw(open?.id ?? '');
    assert.doesNotMatch(words(await person.open(begun.url)), /said no/, 'the last one counts');
  });

  it('is listed on one’s own page with what came of it, the newest first, and on nobody else’s', async () => {
    const { who, clientId, person, page } = await begin();
    const own = `${consentry.issuer}/account`;
    assert.doesNotMatch(words(await person.open(own)), /What you asked administrators for/);
    await ask(person, page);
    assert.match(words(await person.open(own)), /“Claude Code” for Mail Asked on .* Waiting for an administrator/);
    await decide(await requestOf(who.id), 'deny', '<i>No.</i>');
    const again = await person.open(authorizationUrl(consentry, clientId, { scope: SCOPES }).url);
    await ask(person, again);
    const open = (await requests(who.id)).find(({ state }) => state === 'pending');
    assert.ok(open);
    // Both may be of the same millisecond.
    await sql(consentry, "UPDATE approval_requests SET created_at = created_at - interval '1 hour' WHERE id <> $1", [
      open.id,
    ]);
    await decide(open, 'approve', 'As agreed.');
    const both = await person.open(own);
    assert.match(
      words(both),
      /Approved until .* you press Approve yourself .*wrote: “As agreed\.”.* Denied on .*wrote: “<i>No\.<\/i>”/,
    );
    assert.ok(!both.html.includes('<i>No'), 'as text');
    await consentry.rooms.approvals.revoke({ id: open.id, approver: olga.id });
    assert.match(words(await person.open(own)), /Approved, and taken back by an administrator on/);
    const japanese = await person.open(own, { headers: { 'accept-language': 'ja' } });
    assert.match(words(japanese), /管理者への申請.*拒否されました.*管理者からの説明：/);
    const stranger = createPerson(consentry.issuer);
    await signIn(stranger, await stranger.open(own), await addPerson(consentry.rooms, `own-${who.id}@contoso.test`));
    assert.doesNotMatch(words(await stranger.open(own)), /What you asked administrators for/);
  });

  it('approved hours later, the page sends nobody anywhere and no code exists', async () => {
    const { who, person, page } = await begin();
    const waiting = await ask(person, page);
    await endInteractions();
    assert.ok(isWaiting(await person.open(waiting.url)));
    await decide(await requestOf(who.id), 'approve');
    const earlier = await given(consentry);
    const late = await person.open(waiting.url);
    assert.equal(late.status, 200);
    assert.equal(late.url, waiting.url);
    assert.match(heading(late), /^Approved\. Go back to “Claude Code” and connect again\.$/);
    assert.ok(!/http-equiv="refresh"|<form[^>]*action="\/interaction\/[^o]/.test(late.html));
    assert.deepEqual(await given(consentry), earlier);
  });

  it('only the browser that asked sees the page, whoever is signed in elsewhere', async () => {
    const { who, person, page, begun } = await begin();
    const waiting = await ask(person, page);
    const stranger = createPerson(consentry.issuer);
    assert.equal((await stranger.open(waiting.url)).status, 403);
    const elsewhere = createPerson(consentry.issuer);
    const other = await signIn(elsewhere, await elsewhere.open(begun.url), who);
    assert.equal((await elsewhere.open(waiting.url)).status, 403);
    // The same person joins their own request: that browser waits in its own interaction.
    assert.ok(isWaiting(other), words(other));
    assert.match(new URL(other.url).pathname, /^\/interaction\//);
    assert.equal((await requests(who.id)).length, 1);
    await decide(await requestOf(who.id), 'approve');
    for (const url of [waiting.url, `${waiting.url}&x`]) assert.equal((await elsewhere.open(url)).status, 403);
    assert.ok(isConsentPage(await elsewhere.open(other.url)));
  });

  it('nobody who is signed in as somebody else in that browser sees it', async () => {
    const { person, page } = await begin();
    const waiting = await ask(person, page);
    const second = await begin();
    const other = await person.open(second.begun.url);
    const connect = await person.submit(other, {}, { action: `${new URL(other.url).pathname}/switch-account` });
    await signIn(person, connect, second.who);
    const refused = await person.open(waiting.url);
    assert.equal(refused.status, 403);
    assert.ok(!refused.html.includes('Claude Code'));
  });

  it('an unknown request, a withdrawn one and another interaction lead nowhere', async () => {
    const { who, person, page } = await begin();
    const waiting = await ask(person, page);
    const { id } = await requestOf(who.id);
    const unknown = await person.open(`${consentry.issuer}/approval/${'a'.repeat(32)}`);
    assert.equal(unknown.status, 403);
    const stray = await begin();
    const uid = new URL(stray.page.url).pathname.split('/').pop();
    const foreign = await person.open(`${consentry.issuer}/approval/${id}?interaction=${uid}`);
    assert.equal(foreign.url, `${consentry.issuer}/approval/${id}?interaction=${uid}`);
    assert.ok(isWaiting(foreign));
    await consentry.rooms.approvals.withdraw(id);
    assert.ok(isAskPage(await person.open(waiting.url)), 'may be asked anew');
    await endInteractions();
    assert.equal((await person.open(waiting.url)).status, 404);
  });
});
