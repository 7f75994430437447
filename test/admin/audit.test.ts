/** The record in the dashboard: read in words, filtered, told as a story, and taken along. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { Difference } from '../../src/consents/differences.ts';
import { type Consentry, sql, startConsentry } from '../harness.ts';
import type { Step } from '../person.ts';
import { connect, recorded } from '../reviews/kit.ts';
import { arrive, type Colleague } from './kit.ts';

describe('the pages of the record', () => {
  let consentry: Consentry;
  let auditor: Colleague;
  before(async () => {
    consentry = await startConsentry();
    auditor = await arrive(consentry, 'auditor');
  });
  after(() => consentry?.close());

  const at = (path: string) => `${consentry.issuer}/admin/audit${path}`;
  const text = ({ html }: Pick<Step, 'html'>) => html.replaceAll(/<[^>]+>/g, ' ').replaceAll(/\s+/g, ' ');
  const open = (path: string, language = 'en') =>
    auditor.browser.open(at(path), { headers: { 'accept-language': language } });
  const sentences = ({ html }: Step) =>
    [...html.matchAll(/<th scope="row" class="wraps">([\s\S]*?)<details>/g)].map(([, cell = '']) =>
      text({ html: cell }).trim(),
    );

  it('an auditor reads what happened in words, newest first, in the language of the browser', async () => {
    const { clientId } = await connect(consentry);
    const page = await open(`?client=${clientId}`);
    assert.equal(page.status, 200);
    const said = sentences(page);
    assert.ok(
      said.includes('ana@contoso.test approved “ Claude ” for Mail') ||
        said.includes('ana@contoso.test approved “Claude” for Mail'),
      said.join('|'),
    );
    assert.match(said.at(-1) ?? '', /registered itself/);
    assert.match(text(await open(`?client=${clientId}`, 'ja')), /「Claude」 に Mail の利用を許可しました/);
  });

  it('what it knows besides is in words too; codes stay where one searches by them', async () => {
    const { clientId } = await connect(consentry);
    const { html } = await open(`?client=${clientId}&type=consent.approved`, 'ja');
    const [details = ''] = /<details>[\s\S]*?<\/details>/.exec(html.slice(html.indexOf('class="wraps"'))) ?? [];
    assert.match(text({ html: details }), /種類 同意 consent\.approved/);
    assert.match(text({ html: details }), /実行者 ana@contoso\.test client/);
    assert.doesNotMatch(details, /<dt>(<code>)?[a-zA-Z_]+(<\/code>)?<\/dt>/);
    assert.doesNotMatch(text({ html: details }), /T[\d:.]+Z/, 'moments as people write them');
    assert.match(
      html,
      /<option value="consent\.approved" selected>[^<]*利用を許可しました \(consent\.approved\)<\/option>/,
    );
  });

  it('has words in both languages for everything in which a request can differ from what was agreed to', () => {
    const kinds = {
      ...{ absent: 1, revoked: 1, suspended: 1, expired: 1, other_party: 1, redirect: 1, redirect_removed: 1 },
      ...{ scopes_added: 1, scope_changed: 1, client_renamed: 1, client_resembles: 1, client_proof_weaker: 1 },
      ...{ client_keys_moved: 1, client_changed: 1, policy_denied: 1, role_denied: 1, sign_in_elsewhere: 1 },
      ...{ approval_needed: 1, long_ago: 1, once: 1, other_browser: 1, not_straight: 1, names_nobody: 1, device: 1 },
      ...{ administers: 1, account_switched: 1, asked_for: 1, said_no_twice: 1, blocked: 1 },
    } satisfies Record<Difference['kind'], 1>;
    for (const locale of ['en', 'ja']) {
      const { audit } = JSON.parse(readFileSync(`views/messages/admin/audit/${locale}.json`, 'utf8'));
      assert.deepEqual(Object.keys(audit.values.differences).sort(), Object.keys(kinds).sort(), locale);
    }
  });

  it('is filtered by form, and each thing named in it leads to its story', async () => {
    const { clientId, consentId } = await connect(consentry);
    const query = `client=${clientId}&type=token.&outcome=allowed&person=ana@contoso.test&actor=client&server=${encodeURIComponent(consentry.mail.uri)}`;
    const page = await open(`?${query}&from=2020-01-01&to=${new Date().toISOString().slice(0, 10)}`);
    assert.equal(sentences(page).length, 1);
    const [, tokenStory = ''] = /href="\/admin\/audit(\/token\/[^"]+)"/.exec(page.html) ?? [];
    const story = await open(tokenStory);
    assert.match(text(story), /The story of the token/);
    assert.ok(sentences(story).length >= 4);
    assert.ok(sentences(await open(`/consent/${consentId}`)).length >= 3);
    assert.match(text(await open(`/person/${consentry.ana.id}`)), /The story of ana@contoso\.test/);
    assert.match(text(await open(`?${query.replace('ana@', 'nobody@')}`)), /Nothing on record matches/);
    for (const bad of ['?from=yesterday', '?outcome=maybe', '?cursor=x'])
      assert.equal((await open(bad)).status, 400, bad);
    assert.equal((await open('/planet/x')).status, 400);
  });

  it('goes on to the next page without a row twice', async () => {
    await sql(
      consentry,
      "INSERT INTO audit_events (at, type, outcome, actor, request_id, scopes, details) SELECT now(), 'policy.changed', 'recorded', 'cli', 'many', '{}', '{}' FROM generate_series(1, 60)",
    );
    const first = await open('?request=many');
    const next = /rel="next" href="([^"]+)"/.exec(first.html)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const second = await auditor.browser.open(new URL(next, at('')).href);
    const seqs = (page: Step) => [...page.html.matchAll(/<dt>Number<\/dt><dd>(\d+)</g)].map(([, seq]) => seq);
    assert.deepEqual([seqs(first).length, seqs(second).length], [50, 10]);
    assert.equal(new Set([...seqs(first), ...seqs(second)]).size, 60);
    assert.match(text(first), /the command line/);
  });

  it('leaves as a file with an end, and that it left is on record with who took it', async () => {
    const ndjson = await auditor.browser.send(at('/export?request=many&format=ndjson'));
    assert.match(ndjson.headers.get('content-disposition') ?? '', /attachment; filename="audit\.ndjson"/);
    const lines = (await ndjson.text()).trim().split('\n');
    assert.deepEqual([lines.length, JSON.parse(lines.at(-1) ?? '')], [61, { end: true, rows: 60, complete: true }]);
    const csv = await auditor.browser.send(at(`/person/${consentry.ana.id}/export?format=csv`));
    assert.match(csv.headers.get('content-type') ?? '', /^text\/csv/);
    assert.match((await csv.text()).trimEnd().split('\r\n').at(-1) ?? '', /^end,,complete,/);
    const taken = await recorded(consentry, 'audit.exported');
    assert.deepEqual(
      taken.map(({ actor, details }) => [actor, details.format, details.requestId ?? details.of]),
      [
        [`account:${auditor.id}`, 'ndjson', 'many'],
        [`account:${auditor.id}`, 'csv', consentry.ana.id],
      ],
    );
  });

  it('is not for a resource owner', async () => {
    const rita = await arrive(consentry, 'resource-owner');
    for (const path of [
      '',
      '/export?format=csv',
      `/person/${consentry.ana.id}`,
      `/person/${consentry.ana.id}/export`,
    ]) {
      assert.equal((await rita.browser.open(at(path))).status, 403, path);
    }
  });

  it('shows what others wrote as text: names, reasons, details, also in addresses', async () => {
    const evil = '"><script>alert(1)</script>';
    await sql(
      consentry,
      `INSERT INTO audit_events (at, type, outcome, reason, account_id, client_id, resource, consent_id, token_id, actor, request_id, scopes, details)
       VALUES (now(), $1, 'recorded', $1, $1, $1, $1, $1, $1, $1, $1, ARRAY[$1], jsonb_build_object($1, $1))`,
      [evil],
    );
    for (const path of [
      '',
      `/consent/${encodeURIComponent(evil)}`,
      `?request=${encodeURIComponent(evil)}`,
      `?person=${encodeURIComponent(evil)}`,
    ]) {
      const page = await open(path);
      assert.equal(page.status, 200, path);
      assert.ok(!page.html.includes('<script>alert'), path);
    }
  });
});
