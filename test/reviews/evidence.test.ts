/** What came of a review, to keep: complete, unforgeable, and no token to anybody. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { compactVerify, createLocalJWKSet, createRemoteJWKSet, decodeProtectedHeader, generateKeyPair } from 'jose';
import type { Reviewer } from '../../src/reviews/campaign.ts';
import { EVIDENCE_TYPE } from '../../src/reviews/evidence.ts';
import { inRequest } from '../../src/web/request-context.ts';
import { introspect } from '../flow.ts';
import { type Consentry, sql, startConsentry } from '../harness.ts';
import { addReviewer, plant, recorded } from './kit.ts';

describe('the evidence of a review', () => {
  let consentry: Consentry;
  let bea: Reviewer;
  let id: string;
  let jws: string;
  before(async () => {
    consentry = await startConsentry();
    bea = await addReviewer(consentry, 'bea@contoso.test', 'owner');
    const clientId = await plant(consentry, 3);
    await sql(consentry, `UPDATE clients SET metadata = '{"client_name":"=cmd|calc,\\"x"}' WHERE id = $1`, [clientId]);
    const { reviews, reviewEvidence } = consentry.rooms;
    ({ id } = await reviews.start(bea, { subject: 'client', subjectId: clientId, name: 'Spring', days: 7 }));
    const { items } = await reviews.listItems(bea, { campaignId: id });
    const one = (index: number) => ({ campaignId: id, ids: [items[index]?.id ?? ''] });
    await reviews.keep(bea, { ...one(0), note: '+49 says it is needed' });
    await reviews.revoke(bea, one(1));
    await reviews.close(bea, id);
    jws = await inRequest('account:bea', () => reviewEvidence.signed(bea, id));
  });
  after(() => consentry?.close());

  const verified = async () => {
    const keys = createRemoteJWKSet(new URL(`${consentry.issuer}/jwks`));
    const { payload } = await compactVerify(jws, keys);
    return JSON.parse(Buffer.from(payload).toString());
  };

  it('is signed by a key that this server publishes, and says whose it is, of which review, and every answer', async () => {
    const { iss, iat, jti, review, items } = await verified();
    assert.deepEqual([iss, typeof iat, typeof jti], [consentry.issuer, 'number', 'string']);
    assert.deepEqual([review.id, review.name, review.state], [id, 'Spring', 'closed']);
    assert.deepEqual(review.counts, { pending: 0, kept: 1, revoked: 1, expired: 1, gone: 0 });
    assert.equal(review.started_by.email, 'bea@contoso.test');
    assert.ok(review.closed_at && review.due_at && review.started_at);
    assert.deepEqual(
      items.map((item: Record<string, unknown>) => [
        item.decision,
        (item.decided_by as { email: string } | null)?.email,
        item.note,
        typeof item.decided_at,
      ]),
      [
        ['kept', 'bea@contoso.test', '+49 says it is needed', 'string'],
        ['revoked', 'bea@contoso.test', null, 'string'],
        ['expired', undefined, null, 'string'],
      ],
    );
    assert.deepEqual(items[0].scopes, ['mail:read']);
    assert.equal(items[0].person.email, 'person1@contoso.test');
    assert.equal(items[0].client.host, 'app.example');
  });

  it('is refused after any change of it, and by keys of others', async () => {
    const [header, payload = '', signature] = jws.split('.');
    const changed = Buffer.from(payload, 'base64url').toString().replace('"kept"', '"gone"');
    const forged = [header, Buffer.from(changed).toString('base64url'), signature].join('.');
    const { publicJwks } = await consentry.rooms.keyset.load();
    const keys = createLocalJWKSet(publicJwks);
    await compactVerify(jws, keys);
    await assert.rejects(compactVerify(forged, keys));
    const { publicKey } = await generateKeyPair('ES256');
    await assert.rejects(compactVerify(jws, publicKey));
  });

  it('has a type of its own and is no token to anybody', async () => {
    const { typ, alg } = decodeProtectedHeader(jws);
    assert.deepEqual([typ, alg], [EVIDENCE_TYPE, 'ES256']);
    assert.deepEqual((await introspect(consentry, jws)).body, { active: false });
    const { sub, aud, exp } = await verified();
    assert.deepEqual([sub, aud, exp], [undefined, undefined, undefined]);
  });

  it('is a table too, in which no name or note is a formula', async () => {
    const csv = await consentry.rooms.reviewEvidence.csv(bea, id);
    const lines = csv.split('\r\n');
    assert.equal(lines.length, 5, 'a heading, three items, and the end of the last line');
    assert.match(lines[0] ?? '', /^review,review_id,item,person,/);
    assert.match(
      lines[1] ?? '',
      /,person1@contoso\.test,.*,"'=cmd\|calc,'x",.*,kept,bea@contoso\.test,.*,'\+49 says it is needed$/,
    );
    assert.match(lines[3] ?? '', /,expired,,,2\d{3}-/);
  });

  it('of a review that goes on says that it does', async () => {
    const clientId = await plant(consentry, 1);
    const { reviews, reviewEvidence } = consentry.rooms;
    const open = await reviews.start(bea, { subject: 'client', subjectId: clientId, name: 'Open', days: 7 });
    const [, payload = ''] = (await reviewEvidence.signed(bea, open.id)).split('.');
    const { review, items } = JSON.parse(Buffer.from(payload, 'base64url').toString());
    assert.deepEqual([review.state, review.closed_at, review.counts.pending], ['open', null, 1]);
    assert.deepEqual([items[0].decision, items[0].decided_by], ['pending', null]);
  });

  it('is on record each time that somebody takes it', async () => {
    const taken = (await recorded(consentry, 'review.exported')).filter(({ details }) => details.review === id);
    assert.deepEqual(
      taken.map(({ actor, details }) => [actor, details.format, details.items, details.state]),
      [
        ['account:bea', 'jws', 3, 'closed'],
        ['system', 'csv', 3, 'closed'],
      ],
    );
  });

  it('still verifies by the keys of all times when its own has long been retired', async () => {
    const { keyset } = consentry.rooms;
    const { kid = '' } = decodeProtectedHeader(jws);
    await inRequest('cli', () => keyset.rotate({ now: true }));
    await inRequest('cli', () => keyset.retire(kid));
    await assert.rejects(verified());
    const history = await keyset.history();
    assert.equal(JSON.stringify(history).includes('"d"'), false);
    await compactVerify(jws, createLocalJWKSet(history));
  });
});
