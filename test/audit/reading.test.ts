/** Reading the record: what is found, in which order, whole stories, and files to take along. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { AuditEntry, AuditFilter } from '../../src/audit/entry.ts';
import { events } from '../../src/audit/events.ts';
import { createAuditReading, type Wanted } from '../../src/audit/reading.ts';
import { createAuditReadingStore } from '../../src/audit/reading-store.ts';
import { revokeConsents } from '../../src/consents/revocation.ts';
import { inRequest } from '../../src/web/request-context.ts';
import { authorize, redeem, refresh, registerClient, revokeToken } from '../flow.ts';
import { addPerson, type Consentry, sql, startConsentry } from '../harness.ts';
import { createPerson } from '../person.ts';

describe('the record, read', () => {
  let consentry: Consentry;
  before(async () => {
    consentry = await startConsentry();
  });
  after(() => consentry?.close());

  const reading = () => consentry.rooms.auditReading;
  async function all(wanted: Wanted): Promise<AuditEntry[]> {
    const found: AuditEntry[] = [];
    let cursor: string | undefined;
    do {
      const page = await reading().page(wanted, cursor);
      found.push(...page.items);
      cursor = page.next;
    } while (cursor);
    return found;
  }
  const typesOf = async (wanted: Wanted) => (await all(wanted)).map(({ type }) => type).reverse();
  /** Rows that nothing else here makes. */
  async function plant(count: number, changes: Record<string, unknown> = {}): Promise<void> {
    const row = {
      at: new Date(),
      type: 'policy.changed',
      outcome: 'recorded',
      actor: 'cli',
      request_id: 'planted',
      ...changes,
    };
    const columns = Object.keys(row);
    const values = columns.map((_, index) => `$${index + 2}`);
    await sql(
      consentry,
      `INSERT INTO audit_events (${columns}, scopes, details) SELECT ${values}, '{}', '{}' FROM generate_series(1, $1::int)`,
      [count, ...Object.values(row)],
    );
  }
  async function text(chunks: AsyncIterable<string>): Promise<string> {
    let whole = '';
    for await (const chunk of chunks) whole += chunk;
    return whole;
  }

  async function connect() {
    const { client_id: clientId } = await registerClient(consentry.issuer);
    const person = createPerson(consentry.issuer);
    const tokens = (await redeem(consentry, clientId, await authorize(consentry, clientId, { person }))).body;
    const jti = (token = '') =>
      JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).jti as string;
    const [row] = await sql<{ id: string }>(consentry, 'SELECT id FROM consents WHERE client_id = $1', [clientId]);
    return { clientId, person, tokens, jti: jti(tokens.access_token), consentId: row?.id ?? '' };
  }

  it('is newest first, in pages of 50, with no row twice or missing, also while more is written', async () => {
    await plant(120, { request_id: 'pages' });
    const first = await reading().page({ filter: { requestId: 'pages' } });
    assert.equal(first.items.length, 50);
    await plant(5, { request_id: 'pages' });
    const rest: AuditEntry[] = [];
    for (let next = first.next; next; ) {
      const page = await reading().page({ filter: { requestId: 'pages' } }, next);
      rest.push(...page.items);
      next = page.next;
    }
    const seqs = [...first.items, ...rest].map(({ seq }) => seq);
    assert.equal(new Set(seqs).size, 120);
    assert.deepEqual(
      seqs,
      [...seqs].sort((a, b) => b - a),
    );
  });

  it('is found by beginning of its type, outcome, person, client, server, actor, consent, token, request and time, and by all of them together', async () => {
    const { clientId, jti, consentId } = await connect();
    const [issued] = await all({ filter: { tokenId: jti } });
    assert.ok(issued);
    const whole = {
      ...{
        type: 'token.',
        outcome: 'allowed' as const,
        accountIds: [consentry.ana.id],
        clientId,
        resource: consentry.mail.uri,
      },
      ...{ actors: ['client'], consentId, tokenId: jti, requestId: issued.requestId, grantId: issued.grantId ?? '' },
      ...{ from: issued.at, to: new Date(issued.at.getTime() + 1) },
    } satisfies AuditFilter;
    assert.deepEqual(await all({ filter: whole }), [issued]);
    const others = {
      ...{
        type: 'consent.',
        outcome: 'refused' as const,
        accountIds: ['other'],
        clientId: 'other',
        resource: 'https://other',
      },
      ...{ actors: ['cli', 'system'], consentId: 'other', tokenId: 'other', requestId: 'other', grantId: 'other' },
      ...{ from: new Date(issued.at.getTime() + 1), to: issued.at },
    } satisfies AuditFilter;
    for (const name of Object.keys(others) as (keyof typeof others)[]) {
      const alone = await all({ filter: { [name]: whole[name] } });
      assert.ok(
        alone.some(({ seq }) => seq === issued.seq),
        `by ${name} alone`,
      );
      assert.deepEqual(await all({ filter: { ...whole, [name]: others[name] } }), [], `another ${name}`);
      assert.ok(
        !(await all({ filter: { [name]: others[name] } })).some(({ seq }) => seq === issued.seq),
        `by another ${name}`,
      );
    }
    for (const { type } of await all({ filter: { type: 'consent.' } })) assert.match(type, /^consent\./);
    assert.deepEqual(await all({ filter: { type: 'consent.appro' } }), [], 'a whole type, or a beginning with its dot');
    for (const { outcome } of await all({ filter: { outcome: 'allowed' } })) assert.equal(outcome, 'allowed');
  });

  it('of types that this version no longer knows is found as well', async () => {
    await plant(1, { type: 'policy.ancient', outcome: 'refused', request_id: 'ancient' });
    assert.deepEqual(await typesOf({ filter: { type: 'policy.', outcome: 'refused' } }), ['policy.ancient']);
  });

  it('between two times is all of that time, also where the numbers of rows do not follow their clocks', async () => {
    const day = (n: number) => new Date(Date.UTC(2020, 0, n));
    for (let n = 1; n <= 8; n += 1) await plant(400, { at: day(n), actor: 'times', request_id: `day ${n}` });
    await plant(1, { at: new Date(day(5).getTime() - 1), actor: 'times', request_id: 'late' });
    const found = await all({ filter: { actors: ['times'], from: day(3), to: day(5) } });
    assert.deepEqual([...new Set(found.map(({ requestId }) => requestId))].sort(), ['day 3', 'day 4']);
    assert.equal(found.length, 800);
  });

  it('tells with each page what people, clients and servers are called', async () => {
    const { clientId } = await connect();
    const { names } = await reading().page({ filter: { clientId, type: 'consent.approved' } });
    assert.deepEqual([...names.people], [[consentry.ana.id, 'ana@contoso.test']]);
    assert.deepEqual([...names.clients], [[clientId, 'Claude Code']]);
    assert.deepEqual([...names.resources], [[consentry.mail.uri, 'Mail']]);
  });

  it('of one person is all that they are the subject of and all that they did, each once', async () => {
    const { rooms } = consentry;
    const [cleo, dan] = [await addPerson(rooms, 'cleo@contoso.test'), await addPerson(rooms, 'dan@contoso.test')];
    await inRequest(`account:${cleo.id}`, async () => {
      await rooms.audit.record(events.accountDisabled({ accountId: dan.id }));
      await rooms.audit.record(events.passwordChanged({ accountId: cleo.id }));
    });
    await rooms.audit.record(events.sessionEnded({ accountId: cleo.id }));
    await rooms.audit.record(events.sessionEnded({ accountId: dan.id }));
    assert.deepEqual(await typesOf({ story: { of: 'person', id: cleo.id } }), [
      ...['account.disabled', 'password.changed', 'session.ended'],
    ]);
    assert.deepEqual(await reading().peopleNamed(' Cleo@contoso.test'), [cleo.id]);
  });

  it('of one token is its issue and refresh, the code and consent it comes from, its client and its end, and no other sign-in', async () => {
    const { clientId, person, tokens, jti, consentId } = await connect();
    const again = await redeem(consentry, clientId, await authorize(consentry, clientId, { person }));
    const refreshed = (await refresh(consentry, clientId, tokens.refresh_token)).body;
    await revokeToken(consentry, clientId, refreshed.access_token);
    await revokeConsents(consentry.rooms, [{ id: consentId }], 'administrator');
    const story = await all({ story: { of: 'token', id: jti } });
    assert.deepEqual(story.map(({ type }) => type).reverse(), [
      ...['client.registered', 'consent.approved', 'authorization.code_issued', 'token.issued'],
      ...['token.issued', 'token.revoked', 'grant.revoked', 'consent.revoked'],
    ]);
    const other = await sql<{ id: string }>(
      consentry,
      'SELECT DISTINCT grant_id AS id FROM audit_events WHERE client_id = $1',
      [clientId],
    );
    assert.equal(again.status, 200);
    assert.ok(other.length >= 2 && new Set(story.flatMap(({ grantId }) => grantId ?? [])).size === 1);
    assert.deepEqual(await all({ story: { of: 'token', id: 'unknown' } }), []);
  });

  it('of one consent is itself and every sign-in under it', async () => {
    const { clientId, person, consentId, tokens } = await connect();
    const other = await connect();
    await redeem(consentry, clientId, await authorize(consentry, clientId, { person }));
    await refresh(consentry, clientId, tokens.refresh_token);
    const story = await all({ story: { of: 'consent', id: consentId } });
    assert.equal(story.filter(({ type }) => type === 'token.issued').length, 3);
    assert.ok(story.some(({ type }) => type === 'consent.approved'));
    assert.ok(!story.some((entry) => entry.clientId === other.clientId));
  });

  describe('in a file', () => {
    const wanted: Wanted = { filter: { requestId: 'file' } };
    before(async () => {
      await plant(2_345, { request_id: 'file', type: 'policy.changed', reason: '=1+1' });
    });
    const small = (maxExported: number) => {
      const { database, audit } = consentry.rooms;
      return createAuditReading({ store: createAuditReadingStore(database), audit, database, maxExported });
    };

    it('of lines of JSON has every row, oldest first, and says at its end that it is whole', async () => {
      const lines = (await text(await reading().exportAs('ndjson', wanted)))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      assert.deepEqual(lines.at(-1), { end: true, rows: 2_345, complete: true });
      const seqs = lines.slice(0, -1).map(({ seq }) => seq as number);
      assert.deepEqual(
        seqs,
        [...new Set(seqs)].sort((a, b) => a - b),
      );
      assert.equal(seqs.length, 2_345);
      assert.equal(lines[0].type, 'policy.changed');
    });

    it('of records has the same, no formula in it, and an end', async () => {
      const lines = (await text(await reading().exportAs('csv', wanted))).split('\r\n');
      assert.equal(lines.length, 2_345 + 3);
      assert.match(lines[0] ?? '', /^seq,at,type,outcome,reason,/);
      assert.match(lines[1] ?? '', /,policy\.changed,recorded,'=1\+1,cli,/);
      assert.match(lines.at(-2) ?? '', /^end,,complete,2345,+$/);
      const commas = new Set(lines.slice(0, -1).map((line) => line.replaceAll(/"[^"]*"/g, '').split(',').length));
      assert.equal(commas.size, 1, 'every record has as many cells');
    });

    it('has an end also where it is cut off, and is not called whole then', async () => {
      for (const [most, rows, complete] of [
        [1_000, 1_000, false],
        [1_500, 1_500, false],
        [2_344, 2_344, false],
        [2_345, 2_345, true],
      ] as const) {
        const lines: string[] = (await text(await small(most).exportAs('ndjson', wanted))).trim().split('\n');
        assert.deepEqual(JSON.parse(lines.at(-1) ?? ''), { end: true, rows, complete }, `${most}`);
        assert.equal(lines.length, rows + 1);
      }
    });

    it('is what there was when it was asked for, and that somebody took it is on record before its first line', async () => {
      await inRequest('account:auditor', async () => {
        const chunks = await reading().exportAs('ndjson', wanted);
        await plant(3, { request_id: 'file' });
        const [taken] = await all({ filter: { type: 'audit.exported', actors: ['account:auditor'] } });
        assert.deepEqual([taken?.details.format, taken?.details.requestId], ['ndjson', 'file']);
        const last = (await text(chunks)).trim().split('\n').at(-1) ?? '';
        assert.equal(JSON.parse(last).rows, 2_345);
      });
    });

    it('is none where that cannot be recorded', async () => {
      await sql(consentry, "ALTER TABLE audit_events ADD CONSTRAINT forced CHECK (type <> 'audit.exported') NOT VALID");
      await assert.rejects(reading().exportAs('csv', wanted));
      await sql(consentry, 'ALTER TABLE audit_events DROP CONSTRAINT forced');
    });
  });
});
