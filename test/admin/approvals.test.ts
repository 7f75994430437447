/** The queue of the administrators in the dashboard: what it shows, who decides, and on what (threats 71, 115, 116). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { addResource } from '../../src/registrations.ts';
import { type Consentry, MAIL, sql, startConsentry } from '../harness.ts';
import type { Step } from '../person.ts';
import { ask, publish, register, rename, stateOf } from './approval-kit.ts';
import { addColleague, arrive, type Colleague, enter, giveServer, recorded } from './kit.ts';

const HOME = '/admin/approvals';
const FILES = 'http://127.0.0.1:9/files';

describe('approvals in the dashboard', () => {
  let consentry: Consentry;
  let owner: Colleague;
  let admin: Colleague;
  let auditor: Colleague;
  let keeper: Colleague;
  let clock = Date.now();

  before(async () => {
    // Nothing listens there: mails stay in the outbox.
    const mail = { SMTP_URL: 'smtp://127.0.0.1:9', MAIL_FROM: 'consentry@contoso.test' };
    consentry = await startConsentry({ TWO_PERSON_APPROVALS: 'everyone', ...mail }, () => new Date(clock));
    await sql(consentry, `UPDATE policy_rules SET match = '{"above": "low"}' WHERE id = 'default'`);
    await addResource(consentry.rooms, { ...MAIL, uri: FILES, name: 'Files' });
    owner = await arrive(consentry, 'owner');
    admin = await arrive(consentry, 'admin');
    auditor = await arrive(consentry, 'auditor');
    keeper = await arrive(consentry, 'resource-owner');
    await giveServer(consentry, keeper, consentry.mail.uri);
  });
  after(() => consentry?.close());
  beforeEach(() => sql(consentry, 'DELETE FROM approval_requests'));

  const open = (who: Colleague, path: string, headers: Record<string, string> = {}) =>
    who.browser.open(`${consentry.issuer}${path}`, { headers });
  const card = (who: Colleague, { id }: { id: string }) => open(who, `${HOME}/${id}`);
  const press = (who: Colleague, page: Step, act: string, fields: Record<string, string> = {}) =>
    who.browser.submit(page, fields, {
      action: `${new URL(page.url).pathname.split('/').slice(0, 4).join('/')}/${act}`,
    });
  /** As somebody would who makes the form up: with a token that is good. */
  async function forge(who: Colleague, path: string, fields: Record<string, string>): Promise<Response> {
    const csrf = /name="csrf" value="([^"]+)"/.exec((await open(who, HOME)).html)?.[1] ?? '';
    const body = new URLSearchParams({ csrf, ...fields });
    return who.browser.send(`${consentry.issuer}${path}`, {
      method: 'POST',
      body,
      headers: { origin: consentry.issuer },
    });
  }
  const words = ({ html }: Step) =>
    html
      .replace(/<[^>]+>/g, ' ')
      .replace(/&quot;/g, '"')
      .replace(/&#39;/g, "'")
      .replace(/\s+/g, ' ');

  describe('the queue', () => {
    it('has what waits oldest first and what is decided newest first, and says so where it is empty', async () => {
      const client = await register(consentry, 'Desk');
      assert.match(words(await open(auditor, HOME)), /Nobody is waiting/);
      const asked = [];
      for (const step of [1, 2, 3]) {
        clock += step * 1000;
        asked.push(await ask(consentry, client));
      }
      const order = ({ html }: Step) => [...html.matchAll(/\/admin\/approvals\/([\da-f]{32})"/g)].map(([, id]) => id);
      assert.deepEqual(
        order(await open(auditor, HOME)),
        asked.map(({ id }) => id),
      );
      for (const request of asked.slice(0, 2)) {
        clock += 1000;
        await press(admin, await card(admin, request), 'deny', { note: 'No.' });
      }
      assert.deepEqual(order(await open(auditor, `${HOME}?state=decided`)), [asked[1]?.id, asked[0]?.id]);
      assert.match(words(await open(auditor, `${HOME}?state=approved`)), /No request matches/);
    });

    it('is paged by cursor, found by person and client, and filtered by server', async () => {
      const client = await register(consentry, 'Unusual name');
      const { person } = await ask(consentry, client);
      await ask(consentry, client, { resourceUri: FILES });
      const other = await register(consentry, 'Plain');
      await sql(
        consentry,
        `INSERT INTO approval_requests (id, account_id, client_id, redirect_uri, resource_id, scopes, client_fingerprint, stated, scope_digests, browser_id, open_key)
         SELECT md5(n::text), account_id, $2, redirect_uri, resource_id, scopes, client_fingerprint, '{"client":{"name":"Other"}}', scope_digests, browser_id, md5(n::text)
         FROM (SELECT * FROM approval_requests WHERE account_id = $1 LIMIT 1) one, generate_series(1, 60) n`,
        [person.id, other],
      );
      const rows = ({ html }: Step) => html.match(/<tr>\s*<th scope="row">/g)?.length ?? 0;
      const first = await open(auditor, HOME);
      assert.equal(rows(first), 50);
      const next = /rel="next" href="([^"]+)"/.exec(first.html)?.[1]?.replaceAll('&amp;', '&') ?? '';
      assert.equal(rows(await open(auditor, next)), 12);
      const made = Buffer.from(JSON.stringify(['yesterday', 'x'])).toString('base64url');
      assert.equal((await open(auditor, `${HOME}?cursor=${made}`)).status, 400);
      assert.equal(rows(await open(auditor, `${HOME}?search=unusual`)), 2);
      assert.equal(rows(await open(auditor, `${HOME}?search=unusual&client=${client}`)), 2);
      const files = await consentry.rooms.resources.findByUri(FILES);
      assert.equal(rows(await open(auditor, `${HOME}?server=${files?.id}`)), 1);
      assert.equal(rows(await open(keeper, `${HOME}?server=${files?.id}`)), 0);
    });
  });

  describe('the card', () => {
    it('says all that is known of the client, apart from what it says of itself', async () => {
      const client = await publish(consentry, 'app.example', 'Mail desk');
      const earlier = await ask(consentry, client);
      await press(admin, await card(admin, earlier), 'deny', { note: 'Not this one.' });
      const request = await ask(consentry, client, { reason: 'for the report' });
      const said = words(await card(auditor, request));
      for (const expected of [
        /“ ?Mail desk ?”/,
        /proved its domain/,
        /app\.example proved this address is its own/,
        /https:\/\/app\.example\/callback/,
        /nothing \(a public client\)/,
        /First seen/,
        /nobody so far/,
        /mail:send : waits for an administrator by the default rule/,
        /Send mail as you sensitive/,
        /tools: send_mail/,
        /“ ?for the report ?”/,
        /Denied .*asker\d+@contoso\.test at Mail.*Not this one\./,
        /You may look at this and not decide it/,
      ])
        assert.match(said, expected);
    });

    it('a program that registered itself proved nothing, and how many look the same is told', async () => {
      const clients = [await register(consentry, 'Twin'), await register(consentry, 'Twin')];
      const said = words(await card(auditor, await ask(consentry, clients[0] ?? '')));
      assert.match(said, /not proven A program on the person’s device/);
      assert.match(said, /1 other registration looks the same/);
    });

    it('says whose computer a program is on, what more waits for the client, and what was decided', async () => {
      const client = await register(consentry, 'Lantern');
      const request = await ask(consentry, client);
      const alone = await card(admin, request);
      assert.match(words(alone), /“Lantern” asks/);
      assert.doesNotMatch(words(alone), /wait for this client|waits for this client|looks? the same/);
      assert.match(words(alone), /a program on the person’s computer \( ?127\.0\.0\.1 ?\)/);
      const other = await ask(consentry, client);
      await ask(consentry, client, { resourceUri: FILES });
      await ask(consentry, await register(consentry, 'Other'));
      const page = await card(admin, request);
      assert.match(words(page), /2 more wait for this client/);
      assert.match(words(page), /4 waiting.* Next request/);
      assert.match(words(await card(keeper, request)), /1 more waits for this client/, 'as far as one may see');
      const link = /class="more"><a href="([^"]+)"/.exec(page.html)?.[1]?.replaceAll('&amp;', '&') ?? '';
      assert.ok((await open(admin, link)).html.includes(other.id));
      const japanese = await open(admin, `${HOME}/${request.id}`, { 'accept-language': 'ja' });
      assert.match(words(japanese), /「Lantern」からの申請/);
      assert.match(words(japanese), /申請者のコンピューター上のプログラム/);
      const denied = await press(admin, page, 'deny', { note: 'No.' });
      assert.match(/<h1>([^<]*)/.exec(denied.html)?.[1] ?? '', /^“Lantern” asked: denied$/);
      assert.match(words(denied), /2 more wait for this client/);
    });

    it('shows what clients and people write as text, in both languages', async () => {
      const evil = '<img src=x onerror=alert(1)>';
      const client = await publish(consentry, 'xss.example', evil);
      const request = await ask(consentry, client, { reason: `${evil}"'` });
      for (const language of ['en', 'ja']) {
        for (const path of [`${HOME}/${request.id}`, HOME]) {
          const page = await open(admin, path, { 'accept-language': language });
          assert.equal(page.status, 200);
          assert.ok(!page.html.includes('<img src=x'), path);
          assert.match(page.html, /(&lt;|&#60;)img/);
          assert.match(page.html, new RegExp(`<html lang="${language}"`));
        }
      }
    });

    it('names the proxy and the client behind it, and says whose word that is', async () => {
      const app = await publish(consentry, 'app.example', 'Mail desk');
      const proxy = await publish(consentry, 'gateway.example', 'Gateway');
      const at = new Date(clock + 3_600_000);
      const body = JSON.stringify((await consentry.rooms.clients.find(app))?.metadata);
      const dates = { fetchedAt: new Date(clock), freshUntil: at, staleUntil: at, importedAt: null };
      await consentry.rooms.documents.save({ url: app, body, ...dates });
      const request = await ask(consentry, proxy);
      await sql(
        consentry,
        `UPDATE approval_requests SET downstream_client_id = $2, downstream_redirect_uri = 'https://app.example/callback' WHERE id = $1`,
        [request.id, app],
      );
      const said = words(await card(admin, request));
      assert.match(said, /The proxy through which it asks Whom it acts for is only its word/);
      assert.match(said, /“ ?Gateway ?”/);
      assert.match(said, /“ ?Mail desk ?”/);
    });
  });

  describe('deciding', () => {
    it('approves for the person, until when was said, with who and what was before on record', async () => {
      const request = await ask(consentry, await register(consentry, 'Desk'));
      const page = await card(admin, request);
      const done = await press(admin, page, 'approve', { days: '30', note: 'For the audit.' });
      assert.match(words(done), /Approved\. The person still has to press Approve/);
      const found = await consentry.rooms.approvals.find(request.id);
      assert.deepEqual(
        [found?.state, found?.audience, found?.decidedBy, found?.note],
        ['approved', 'person', admin.id, 'For the audit.'],
      );
      const [event] = await recorded(consentry, 'approval.decided');
      assert.deepEqual(
        [event?.actor, event?.account_id, event?.details.before, event?.details.decision, event?.details.audience],
        [`account:${admin.id}`, request.person.id, 'pending', 'approved', 'person'],
      );
    });

    it('denies with a reason, and a request is decided once', async () => {
      const request = await ask(consentry, await register(consentry, 'Desk'));
      const page = await card(owner, request);
      assert.match(
        words(await press(owner, page, 'deny', { note: 'Use the other one.' })),
        /Denied\. The person gets a mail with your reason/,
      );
      assert.equal((await consentry.rooms.approvals.find(request.id))?.note, 'Use the other one.');
      const again = await press(owner, page, 'approve');
      assert.equal(again.status, 409);
      assert.match(words(again), /decided already/);
    });

    it('denies nothing without a reason, which it asks for beside the field; programs may leave it out', async () => {
      const request = await ask(consentry, await register(consentry, 'Desk'));
      const page = await card(admin, request);
      assert.match(page.html, /<textarea id="field-reason"[^>]* required/);
      for (const note of ['', '  ', '\u200b']) {
        const refused = await press(admin, page, 'deny', { note });
        assert.equal(refused.status, 400);
        assert.match(
          refused.html,
          /<textarea id="field-reason"[^>]*aria-invalid="true" aria-describedby="error-reason /,
        );
        assert.match(refused.html, /id="error-reason">Say why: the person reads it\.</);
        assert.match(refused.html, /<a href="#field-reason">/);
        assert.equal(await stateOf(consentry, request), 'pending');
      }
      const long = await press(admin, page, 'deny', { note: 'x'.repeat(501) });
      assert.match(long.html, /id="error-reason">This is too long/);
      assert.doesNotMatch(long.html, /id="error-note"/);
      await press(admin, page, 'deny', { note: 'No.' });
      assert.equal(await stateOf(consentry, request), 'denied');
    });

    it('shows again what was typed where it does not fit', async () => {
      const request = await ask(consentry, await register(consentry, 'Desk'));
      const page = await press(admin, await card(admin, request), 'approve', { days: '9999', note: 'typed this' });
      assert.equal(page.status, 400);
      assert.match(page.html, /value="9999"/);
      assert.match(page.html, />typed this<\/textarea>/);
      assert.equal(await stateOf(consentry, request), 'pending');
    });

    it('on a client that changed since it was seen approves nothing and shows the difference (threat 115)', async () => {
      const client = await publish(consentry, 'changing.example', 'Mail desk');
      const request = await ask(consentry, client);
      const page = await card(admin, request);
      await rename(consentry, client, 'Bank');
      const late = await press(admin, page, 'approve');
      assert.equal(late.status, 409);
      assert.match(words(late), /Nothing was approved/);
      assert.match(words(late), /calls itself “ ?Bank ?” now; before “ ?Mail desk ?”/);
      assert.equal(await stateOf(consentry, request), 'pending');
      await press(admin, late, 'approve');
      assert.equal(await stateOf(consentry, request), 'approved');
    });

    it('what somebody else was shown meanwhile is not approved by who saw the older (threat 115)', async () => {
      const client = await publish(consentry, 'changing.example', 'Mail desk');
      const request = await ask(consentry, client);
      const page = await card(admin, request);
      await rename(consentry, client, 'Bank');
      await card(owner, request);
      const late = await press(admin, page, 'approve');
      assert.deepEqual([late.status, await stateOf(consentry, request)], [409, 'pending']);
      assert.match(words(late), /newer than what you saw/);
    });

    it('an auditor’s look keeps nothing, so that the next approver is told what changed', async () => {
      const client = await publish(consentry, 'changing.example', 'Mail desk');
      const request = await ask(consentry, client);
      await rename(consentry, client, 'Bank');
      await card(auditor, request);
      assert.match(words(await card(admin, request)), /not what somebody last saw/);
    });

    it('of one’s own request is offered to nobody and refused while somebody else could (threat 116)', async () => {
      const client = await register(consentry, 'Desk');
      for (const who of [owner, admin, keeper]) {
        const request = await ask(consentry, client, { accountId: who.id });
        const page = await card(who, request);
        assert.match(words(page), /This is your own request/);
        assert.doesNotMatch(page.html, new RegExp(`${request.id}/(approve|deny)"`));
        const seen = 'x'.repeat(16);
        const made = await forge(who, `${HOME}/${request.id}/approve`, { audience: 'person', days: '1', seen });
        assert.equal(made.status, 403);
        assert.equal((await forge(who, `${HOME}/${request.id}/deny`, {})).status, 403);
        assert.equal(await stateOf(consentry, request), 'pending');
      }
    });

    it('a denial stays possible where nothing is known of the client any more', async () => {
      const request = await ask(consentry, await publish(consentry, 'gateway.example', 'Gateway'));
      await sql(
        consentry,
        `UPDATE approval_requests SET downstream_client_id = 'https://gone.example/c', downstream_redirect_uri = 'https://gone.example/cb' WHERE id = $1`,
        [request.id],
      );
      const page = await card(admin, request);
      assert.match(words(page), /Nothing is known of this client any more/);
      await press(admin, page, 'deny', { note: 'Gone.' });
      assert.equal(await stateOf(consentry, request), 'denied');
    });
  });

  describe('for everyone, where two have to approve', () => {
    it('the first approves nothing, the second sees who and confirms; both are on record', async () => {
      const request = await ask(consentry, await register(consentry, 'Desk'));
      const first = await press(admin, await card(admin, request), 'approve', { audience: 'everyone', days: '60' });
      assert.match(words(first), /Nothing is approved until a second person confirms/);
      assert.equal(await stateOf(consentry, request), 'pending');
      const page = await card(owner, request);
      assert.match(words(page), /admin@contoso\.test approved this for everyone, for 60 days/);
      assert.match(page.html, /name="days"[^>]*value="60"/);
      await press(owner, page, 'approve', { audience: 'everyone' });
      assert.equal(await stateOf(consentry, request), 'approved');
      const [event] = await recorded(consentry, 'approval.decided');
      assert.equal(event?.details.firstApprover, admin.id);
      const [before] = await recorded(consentry, 'approval.first');
      assert.deepEqual([before?.actor, before?.details.days], [`account:${admin.id}`, 60]);
    });

    it('other terms start anew and say so; the first may withdraw', async () => {
      const request = await ask(consentry, await register(consentry, 'Desk'));
      await press(admin, await card(admin, request), 'approve', { audience: 'everyone', days: '60' });
      const other = await press(owner, await card(owner, request), 'approve', { audience: 'everyone', days: '90' });
      assert.match(words(other), /on other terms and no longer counts/);
      assert.equal(await stateOf(consentry, request), 'pending');
      assert.match(words(await press(owner, other, 'withdraw-first')), /Your approval is withdrawn/);
      assert.equal((await consentry.rooms.approvals.find(request.id))?.firstApproval, undefined);
      assert.equal((await recorded(consentry, 'approval.first_withdrawn'))[0]?.details.daysBefore, 90);
    });

    it('a client that changed in between is not confirmed', async () => {
      const client = await publish(consentry, 'changing.example', 'Mail desk');
      const request = await ask(consentry, client);
      await press(admin, await card(admin, request), 'approve', { audience: 'everyone', days: '60' });
      const page = await card(owner, request);
      await rename(consentry, client, 'Bank');
      assert.equal((await press(owner, page, 'approve', { audience: 'everyone' })).status, 409);
      const again = await press(owner, await card(owner, request), 'approve', { audience: 'everyone', days: '60' });
      assert.match(words(again), /Nothing is approved until a second person/);
      assert.equal(await stateOf(consentry, request), 'pending');
    });
  });

  describe('who looks after an MCP server', () => {
    it('decides for one person at their own server, and sees nothing of another', async () => {
      const client = await register(consentry, 'Desk');
      const [here, there] = [await ask(consentry, client), await ask(consentry, client, { resourceUri: FILES })];
      const list = await open(keeper, HOME);
      assert.ok(list.html.includes(here.id) && !list.html.includes(there.id));
      assert.equal((await card(keeper, there)).status, 404);
      for (const act of ['approve', 'deny', 'revoke', 'withdraw-first']) {
        const made = await forge(keeper, `${HOME}/${there.id}/${act}`, { seen: 'x' });
        assert.equal(made.status, 404, act);
      }
      assert.equal(await stateOf(consentry, there), 'pending');
      const page = await card(keeper, here);
      assert.doesNotMatch(page.html, /value="everyone"/);
      await press(keeper, page, 'approve', { days: '10' });
      assert.equal(await stateOf(consentry, here), 'approved');
    });

    it('never approves for everyone, nor makes a rule of it (threat 116)', async () => {
      const request = await ask(consentry, await publish(consentry, 'app.example', 'Mail desk'));
      const page = await card(keeper, request);
      const wide = await press(keeper, page, 'approve', { audience: 'everyone', days: '10' });
      assert.deepEqual([wide.status, await stateOf(consentry, request)], [403, 'pending']);
      await press(keeper, page, 'approve', { audience: 'person', days: '10' });
      assert.doesNotMatch((await card(keeper, request)).html, /\/rule"/);
      assert.equal((await open(keeper, `${HOME}/${request.id}/rule`)).status, 403);
      assert.equal((await forge(keeper, `${HOME}/${request.id}/rule`, { where: 'all', plan: 'x' })).status, 403);
    });
  });

  it('auditors look and decide nothing, others do not come in', async () => {
    const request = await ask(consentry, await register(consentry, 'Desk'));
    for (const act of ['approve', 'deny', 'revoke', 'withdraw-first', 'rule']) {
      assert.equal((await forge(auditor, `${HOME}/${request.id}/${act}`, { seen: 'x' })).status, 403, act);
    }
    const user = await addColleague(consentry, 'user');
    assert.equal((await enter(consentry, user, `${HOME}/${request.id}`)).status, 403);
    assert.equal(await stateOf(consentry, request), 'pending');
    assert.equal((await card(admin, { id: 'f'.repeat(32) })).status, 404);
  });

  it('taking an approval back says how many rely on it, and what was approved is on record', async () => {
    const client = await register(consentry, 'Desk');
    const request = await ask(consentry, client);
    await press(admin, await card(admin, request), 'approve');
    const { id } = (await consentry.rooms.resources.findByUri(consentry.mail.uri)) ?? {};
    await sql(
      consentry,
      `INSERT INTO consents (id, account_id, client_id, resource_id, redirect_uri, client_fingerprint, scope_digests, browser_id, scopes, approved_at, expires_at, living_key)
       VALUES ('relying', $1, $2, $3, 'http://127.0.0.1/callback', 'x', '{}', 'x', '{mail:send}', now(), now() + interval '90 days', 'relying')`,
      [request.person.id, client, id],
    );
    const page = await open(keeper, `${HOME}/${request.id}/revoke`);
    assert.match(words(page), /1 person relies on it now/);
    assert.match(words(await press(keeper, page, 'revoke')), /The approval is taken back/);
    assert.equal(await stateOf(consentry, request), 'withdrawn');
    const [event] = await recorded(consentry, 'approval.revoked');
    assert.deepEqual(
      [event?.actor, event?.details.audienceBefore, event?.details.approvedBy],
      [`account:${keeper.id}`, 'person', admin.id],
    );
  });

  describe('always for this host', () => {
    const decided = async (act: 'approve' | 'deny', host: string) => {
      const request = await ask(consentry, await publish(consentry, host, 'Mail desk'));
      await press(admin, await card(admin, request), act, { note: 'As agreed.' });
      return request;
    };
    /** The second form of its page: the first only shows another rule. */
    function add(page: Step, changes: Record<string, string> = {}): Promise<Step> {
      const form = page.html.slice(page.html.lastIndexOf('<form'));
      return admin.browser.submit({ ...page, html: form }, changes);
    }
    const rules = () => consentry.rooms.policyStore.list();

    it('shows the exact rule and what it would do, and adds that one', async () => {
      const request = await decided('approve', 'proven.example');
      await ask(consentry, request.clientId);
      const before = await rules();
      const shown = await card(admin, request);
      assert.match(words(shown), /Always for proven\.example/);
      const page = await open(admin, `${HOME}/${request.id}/rule`);
      assert.match(
        words(page),
        /Client host proven\.example MCP server http:\/\/127\.0\.0\.1:9\/mail Sensitivity sensitive/,
      );
      assert.match(words(page), /Nobody would lose access\. 1 request/);
      assert.deepEqual(await rules(), before, 'a trial changes nothing');
      assert.match(words(await add(page)), /The rule [\da-f]{12} was added/);
      const added = (await rules()).find(({ id }) => !before.some((one) => one.id === id));
      assert.deepEqual(added?.kind === 'match' && [added.effect, added.match], [
        'allow',
        { clientHost: { kind: 'host', host: 'proven.example' }, resource: consentry.mail.uri, sensitivity: ['high'] },
      ]);
      const [event] = await recorded(consentry, 'policy.changed');
      assert.deepEqual([event?.actor, event?.details.approval], [`account:${admin.id}`, request.id]);
      assert.match(words(await card(admin, await ask(consentry, request.clientId))), /people approve it themselves/);
    });

    it('of a denial closes that host', async () => {
      const request = await decided('deny', 'denied.example');
      const page = await open(admin, `${HOME}/${request.id}/rule?where=all`);
      assert.match(words(page), /Deny: nobody can approve it Client host denied\.example MCP server every one/);
      await add(page);
      assert.match(words(await card(admin, await ask(consentry, request.clientId))), /mail:send : denied/);
    });

    it('a rule that would be another by now is not added', async () => {
      const request = await decided('approve', 'late.example');
      const page = await open(admin, `${HOME}/${request.id}/rule`);
      const late = await add(page, { where: 'all' });
      assert.equal(late.status, 409);
      assert.match(words(late), /it would be another rule/);
    });

    it('is offered for no shared host, no unproven client and nothing undecided (threat 71)', async () => {
      const shared = await decided('approve', 'someone.github.io');
      const registered = await ask(consentry, await register(consentry, 'Desk'));
      await press(admin, await card(admin, registered), 'approve');
      const waiting = await ask(consentry, await publish(consentry, 'waits.example', 'Mail desk'));
      const before = await rules();
      for (const request of [shared, registered, waiting]) {
        assert.doesNotMatch((await card(admin, request)).html, /\/rule"/);
        assert.equal((await open(admin, `${HOME}/${request.id}/rule`)).status, 409);
        assert.equal((await forge(admin, `${HOME}/${request.id}/rule`, { where: 'all', plan: 'x' })).status, 409);
      }
      assert.deepEqual(await rules(), before);
    });

    it('asks who makes it to show once more that it is them', async () => {
      const request = await decided('approve', 'fresh.example');
      clock += 301_000;
      assert.match((await open(admin, `${HOME}/${request.id}/rule`)).url, /\/account\/prove/);
    });
  });
});
