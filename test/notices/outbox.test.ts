/** Who is told of what, in the transaction of what happened, and sealed. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { Payload } from '../../src/notices/message.ts';
import { connected, decided, type Outbox, openOutbox, proposed, requested } from './fixture.ts';

let outbox: Outbox;
before(async () => {
  outbox = await openOutbox();
});
after(() => outbox?.close());
beforeEach(() => outbox.empty());

async function written(): Promise<(Payload & { sink: string; kind: string })[]> {
  return (await outbox.rows()).map(({ id, sink, kind, payload }) => ({
    sink,
    kind,
    ...(JSON.parse(outbox.sealing.open('outbox-payload', id, payload).toString()) as Payload),
  }));
}

const recipients = async () => (await written()).flatMap(({ to }) => to ?? []).sort();

test('a notice is committed with what it tells of', async () => {
  const { database, notices } = outbox;
  await database.unit(async () => {
    await notices('webhook', 'smtp').appConnected(connected);
    await database.write((tx) =>
      tx.denial.create({ data: { id: 'told', accountId: 'a', subjectKey: 's', resourceId: 'r', at: connected.at } }),
    );
    assert.equal((await outbox.rows()).length, 0, 'visible before the commit');
  });
  assert.deepEqual((await outbox.rows()).map(({ sink }) => sink).sort(), ['smtp', 'webhook']);
  assert.ok(await outbox.prisma.denial.findUnique({ where: { id: 'told' } }));
});

test('a notice of something that was rolled back is gone with it', async () => {
  const { database, notices } = outbox;
  const failing = database.unit(async () => {
    await notices('webhook', 'smtp').approvalRequested(requested);
    throw new Error('the press failed');
  });
  await assert.rejects(failing, /the press failed/);
  await database.unit(
    () => notices('webhook').appConnected(connected),
    () => false,
  );
  assert.deepEqual(await outbox.rows(), []);
});

test('without a sink nothing is written and nobody is looked up', async () => {
  const { notices } = outbox;
  outbox.approvers.ids = undefined as never;
  await notices().approvalRequested(requested);
  await notices().approvalDecided(decided);
  await notices().appConnected(connected);
  await notices().scopeProposed(proposed);
  assert.deepEqual(await outbox.rows(), []);
});

test('a request goes to all approvers, a decision to who asked, a connection to whom the account belongs', async () => {
  const mail = outbox.notices('smtp');
  outbox.approvers.ids = ['bo', 'cy'];
  outbox.people.set('cy', { id: 'cy', email: 'cy@contoso.test' });
  await mail.approvalRequested(requested);
  assert.deepEqual(await recipients(), ['bo@contoso.test', 'cy@contoso.test']);
  await mail.scopeProposed(proposed);
  assert.equal((await recipients()).length, 4);
  await outbox.empty();
  await mail.approvalDecided(decided);
  await mail.appConnected(connected);
  assert.deepEqual(await recipients(), ['ana@contoso.test', 'ana@contoso.test']);
});

test('an approver who asks is told only where nobody else can decide', async () => {
  outbox.approvers.ids = ['ana', 'bo'];
  await outbox.notices('smtp').approvalRequested(requested);
  assert.deepEqual(await recipients(), ['bo@contoso.test']);
  await outbox.empty();
  outbox.approvers.ids = ['ana'];
  await outbox.notices('smtp').approvalRequested(requested);
  assert.deepEqual(await recipients(), ['ana@contoso.test']);
});

test('an address that no mail server knows is passed over, and the webhook is told all the same', async () => {
  const addresses = [
    'admin@localhost',
    'a@dev.localhost',
    'b@nowhere.invalid',
    'c@[10.0.0.1]',
    'd@10.0.0.1',
    'e@x..y',
    'f',
  ];
  outbox.approvers.ids = addresses;
  for (const email of addresses) outbox.people.set(email, { id: email, email });
  await outbox.notices('webhook', 'smtp').approvalRequested(requested);
  assert.deepEqual(
    (await written()).map(({ sink }) => sink),
    ['webhook'],
  );
});

test('one address gets one mail, and who cannot sign in gets none', async () => {
  outbox.people.set('bo2', { id: 'bo2', email: 'bo@contoso.test' });
  outbox.people.set('gone', { id: 'gone', email: 'gone@contoso.test', disabledAt: new Date() });
  outbox.approvers.ids = ['bo', 'bo2', 'gone'];
  await outbox.notices('smtp').approvalRequested(requested);
  assert.deepEqual(await recipients(), ['bo@contoso.test']);
  await outbox.empty();
  await outbox.notices('webhook', 'smtp').appConnected({ ...connected, accountId: 'unknown' });
  assert.deepEqual(
    (await written()).map(({ sink }) => sink),
    ['webhook'],
  );
});

test('who comes by a connection is told of with its name: what address it gives them proves nothing', async () => {
  outbox.approvers.ids = ['bo'];
  outbox.connectionNames.set('ana', ['Contoso']);
  try {
    await outbox.notices('webhook', 'smtp').approvalRequested(requested);
    const all = await written();
    const account = all.find(({ sink }) => sink === 'webhook')?.event.data.account;
    assert.deepEqual(account, { id: 'ana', email: 'ana@contoso.test', connections: ['Contoso'] });
    assert.match(String(all.find(({ sink }) => sink === 'smtp')?.text), /ana@contoso.test \(Contoso\)/);
  } finally {
    outbox.connectionNames.clear();
  }
});

test('a program is told once, with what it needs to tell people itself', async () => {
  outbox.approvers.ids = ['bo', 'root'];
  const hook = outbox.notices('webhook');
  await hook.approvalRequested({ ...requested, through: 'Gateway' });
  const [only, ...more] = await written();
  assert.deepEqual(more, []);
  assert.deepEqual(only?.event, {
    type: 'approval.requested',
    occurredAt: '2026-11-24T12:00:00.000Z',
    data: {
      request_id: 'req_1',
      account: { id: 'ana', email: 'ana@contoso.test' },
      resource: { name: 'Mail' },
      client: { id: 'https://claude.example/client.json', name: 'Claude', through: 'Gateway' },
      scopes: ['mail:send'],
      reason: 'For the quarterly report',
      approvers: [
        { id: 'bo', email: 'bo@contoso.test' },
        { id: 'root', email: 'admin@localhost' },
      ],
    },
  });
  assert.equal(only?.text, undefined);
});

test('a dump of the outbox holds no address, no name and no words of anybody', async () => {
  const all = outbox.notices('webhook', 'smtp');
  await all.approvalRequested(requested);
  await all.approvalDecided(decided);
  await all.appConnected(connected);
  const dump = (await outbox.rows()).map((row) => JSON.stringify(row) + Buffer.from(row.payload).toString('latin1'));
  assert.equal(dump.length, 6);
  for (const said of ['contoso', 'Claude', 'claude.example', 'quarterly', 'Until the report', 'メール']) {
    for (const form of [
      said,
      Buffer.from(said).toString('latin1'),
      Buffer.from(said).toString('base64').slice(0, -4),
    ]) {
      if (form.length > 2) assert.ok(!dump.join('\n').includes(form), said);
    }
  }
});

test('a sealed notice opens in its own row only', async () => {
  await outbox.notices('smtp').appConnected(connected);
  const [row] = await outbox.rows();
  assert.ok(row);
  assert.throws(() => outbox.sealing.open('outbox-payload', `${row.id}x`, row.payload), /wrong on our side/);
});

test('a first approval is told to the others who decide, who did it and on what terms, and never to who did it', async () => {
  const { notices, people, approvers } = outbox;
  people.set('otto', { id: 'otto', email: 'otto@contoso.test' });
  approvers.ids = ['bo', 'otto', 'ana', 'root'];
  await notices('webhook', 'smtp').approvalFirst({ ...requested, first: { by: 'bo', audience: 'everyone', days: 30 } });
  assert.deepEqual(await recipients(), ['otto@contoso.test'], 'neither who asked nor who approved');
  const rows = await written();
  const hook = rows.find(({ sink }) => sink === 'webhook');
  assert.equal(hook?.kind, 'approval.first');
  const { first, request_id: id, approvers: told } = (hook?.event.data ?? {}) as Record<string, never>;
  assert.deepEqual(first, { approver: { id: 'bo', email: 'bo@contoso.test' }, audience: 'everyone', days: 30 });
  assert.deepEqual([id, (told as unknown as { id: string }[]).map((one) => one.id)], ['req_1', ['otto', 'root']]);
  const mail = rows.find(({ sink }) => sink === 'smtp');
  for (const part of [
    '“Claude” needs a second approval / 「Claude」にはもう1人の承認が必要です',
    'Approved first by: bo@contoso․test',
    'For: everyone who uses the app, 30 days',
    '承認の条件：このアプリを使う全員、30日間',
    'approvals show req_1',
  ])
    assert.ok(
      `${mail?.subject}\n${mail?.text}`.includes(part),
      `${part} is missing in\n${mail?.subject}\n${mail?.text}`,
    );
});
