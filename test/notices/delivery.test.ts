/** The outbox is emptied with patience, by one process at a time for each row, and at least once each. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { Outcome, Outgoing, Sink } from '../../src/notices/message.ts';
import { connected, decided, type Outbox, openOutbox, requested } from './fixture.ts';

let outbox: Outbox;
before(async () => {
  outbox = await openOutbox();
});
after(() => outbox?.close());
beforeEach(() => outbox.empty());

const REFUSED: Outcome = { ok: false, reason: 'status 500', final: false };

/** A sink that answers as told and remembers what it was given. */
function sink(answer: () => Outcome | Promise<Outcome> = () => ({ ok: true })) {
  const sent: Outgoing[] = [];
  const made: Sink & { sent: Outgoing[]; closed: number } = {
    sent,
    closed: 0,
    async send(message) {
      sent.push(message);
      return answer();
    },
    close() {
      made.closed += 1;
    },
  };
  return made;
}

async function fill(count: number): Promise<void> {
  const notices = outbox.notices('webhook');
  await outbox.database.unit(async () => {
    for (let index = 0; index < count; index += 1)
      await notices.approvalDecided({ ...decided, requestId: `r${index}` });
  });
}

test('what is delivered is delivered once, dated, and no longer holds what was said', async () => {
  await outbox.notices('webhook', 'smtp').appConnected(connected);
  const webhook = sink();
  const smtp = sink();
  const delivery = outbox.delivery({ webhook, smtp });
  assert.equal(await delivery.deliver(), 2);
  assert.equal(await delivery.deliver(), 0);
  assert.deepEqual([webhook.sent.length, smtp.sent.length], [1, 1]);
  assert.equal(smtp.sent[0]?.to, 'ana@contoso.test');
  for (const row of await outbox.rows()) {
    assert.deepEqual(row.deliveredAt, outbox.now());
    assert.equal(row.payload.length, 0);
    assert.ok([webhook, smtp].some(({ sent }) => sent[0]?.id === row.id));
  }
});

test('two processes that deliver at once send every notice once', async () => {
  await fill(120);
  // Answers only once there is more out than the ten that one of them takes at a time.
  const several = Promise.withResolvers<void>();
  const webhook = sink(async () => {
    if (webhook.sent.length > 10) several.resolve();
    await several.promise;
    return { ok: true };
  });
  const processes = Array.from({ length: 4 }, () => outbox.createProcess().delivery({ webhook }));
  const counts = await Promise.all(processes.flatMap((one) => [one.deliver(), one.deliver()]));
  assert.equal(
    counts.reduce((total, count) => total + count, 0),
    120,
  );
  assert.equal(new Set(webhook.sent.map(({ id }) => id)).size, 120);
  assert.equal(webhook.sent.length, 120);
  assert.ok(counts.filter((count) => count > 0).length > 1, 'only one of them worked');
});

test('no transaction is open while a notice is sent', async () => {
  await fill(1);
  const open: unknown[] = [];
  const webhook = sink(async () => {
    open.push(
      ...(await outbox.prisma.$queryRaw<unknown[]>`
        SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND state LIKE 'idle in transaction%'`),
    );
    return { ok: true };
  });
  assert.equal(await outbox.delivery({ webhook }).deliver(), 1);
  assert.deepEqual(open, []);
});

test('a failure is tried again after a growing pause, under the same id, and given up after twelve times', async () => {
  await fill(1);
  const start = outbox.now().getTime();
  const webhook = sink(() => REFUSED);
  const delivery = outbox.delivery({ webhook });
  const pauses: number[] = [];
  for (;;) {
    assert.equal(await delivery.deliver(), 0);
    const [row] = await outbox.rows();
    assert.ok(row);
    assert.equal(row.lastError, 'status 500');
    if (row.failedAt) break;
    const minutes = (row.nextAttemptAt.getTime() - outbox.now().getTime()) / 60_000;
    pauses.push(minutes);
    outbox.passMinutes(minutes - 0.01);
    await delivery.deliver();
    outbox.passMinutes(0.01);
  }
  assert.deepEqual(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360]);
  assert.equal(webhook.sent.length, 12);
  assert.equal(new Set(webhook.sent.map(({ id }) => id)).size, 1);
  assert.ok(outbox.now().getTime() - start < 24 * 3_600_000);
  outbox.passMinutes(24 * 60);
  await delivery.deliver();
  assert.equal(webhook.sent.length, 12);
  assert.match(outbox.logged.at(-1) ?? '', /"reason":"status 500".* a notice was given up/);
  assert.doesNotMatch(outbox.logged.join('\n'), /contoso|Claude/);
});

test('a notice that nobody tried for a day is tried once more than never', async () => {
  await fill(2);
  outbox.passMinutes(25 * 60);
  const webhook = sink(() => (webhook.sent.length === 1 ? { ok: true } : REFUSED));
  assert.equal(await outbox.delivery({ webhook }).deliver(), 1);
  const rows = await outbox.rows();
  assert.equal(rows.filter(({ deliveredAt }) => deliveredAt).length, 1);
  assert.equal(rows.filter(({ failedAt }) => failedAt).length, 1);
});

test('what is refused for good is not tried again', async () => {
  await fill(1);
  const webhook = sink(() => ({ ok: false, reason: 'status 410', final: true }));
  const delivery = outbox.delivery({ webhook });
  await delivery.deliver();
  outbox.passMinutes(60);
  await delivery.deliver();
  assert.equal(webhook.sent.length, 1);
  assert.ok((await outbox.rows())[0]?.failedAt);
});

test('what a process that died had taken is delivered by another, two minutes later', async () => {
  await fill(1);
  const dead = sink(() => new Promise(() => {}));
  void outbox.createProcess().delivery({ webhook: dead }).deliver();
  while (dead.sent.length === 0) await new Promise(setImmediate);
  const webhook = sink();
  const delivery = outbox.delivery({ webhook });
  outbox.passMinutes(1.9);
  assert.equal(await delivery.deliver(), 0);
  outbox.passMinutes(0.1);
  assert.equal(await delivery.deliver(), 1);
  assert.equal(webhook.sent[0]?.id, dead.sent[0]?.id);
});

test('a notice whose every attempt ended with its process is given up too', async () => {
  await fill(1);
  await outbox.prisma.outboxMessage.updateMany({ data: { attempts: 12 } });
  const webhook = sink();
  assert.equal(await outbox.delivery({ webhook }).deliver(), 0);
  assert.equal(webhook.sent.length, 0);
  assert.equal((await outbox.rows())[0]?.lastError, 'interrupted');
});

test('a slow answer that comes after another process took over does not undo what that one did', async () => {
  await fill(1);
  let answer: (outcome: Outcome) => void = () => {};
  const slow = sink(() => new Promise((resolve) => (answer = resolve)));
  const late = outbox.createProcess().delivery({ webhook: slow }).deliver();
  while (slow.sent.length === 0) await new Promise(setImmediate);
  outbox.passMinutes(3);
  assert.equal(await outbox.delivery({ webhook: sink() }).deliver(), 1);
  answer(REFUSED);
  assert.equal(await late, 0);
  const [row] = await outbox.rows();
  assert.ok(row?.deliveredAt);
  assert.equal(row.lastError, null);
});

test('a sink that fails holds up no other, and gets a batch at a time', async () => {
  outbox.approvers.ids = ['bo'];
  await fill(30);
  await outbox.notices('smtp').approvalRequested(requested);
  const webhook = sink(() => {
    throw new TypeError('ana@contoso.test is not a function');
  });
  const smtp = sink();
  assert.equal(await outbox.delivery({ webhook, smtp }).deliver(), 1);
  assert.deepEqual([webhook.sent.length, smtp.sent.length], [10, 1]);
  const errors = (await outbox.rows()).flatMap(({ lastError }) => lastError ?? []);
  assert.deepEqual([...new Set(errors)], ['unexpected']);
  assert.doesNotMatch(outbox.logged.join('\n'), /contoso/);
});

test('what was sealed by another master key is not sent, and said', async () => {
  await fill(1);
  await outbox.prisma.outboxMessage.updateMany({ data: { payload: new Uint8Array(64) } });
  const webhook = sink();
  await outbox.delivery({ webhook }).deliver();
  assert.equal(webhook.sent.length, 0);
  assert.equal((await outbox.rows())[0]?.lastError, 'sealed_value_damaged');
});

test('after thirty days a row is removed, whatever became of it', async () => {
  await outbox.notices('webhook', 'smtp').appConnected(connected);
  const delivery = outbox.delivery({ webhook: sink() });
  await delivery.deliver();
  outbox.passMinutes(30 * 24 * 60);
  assert.equal(await delivery.sweep(), 0);
  await fill(1);
  outbox.passMinutes(1);
  assert.equal(await delivery.sweep(), 2);
  assert.equal((await outbox.rows()).length, 1);
});

test('closing waits for what is under way and takes nothing more', async () => {
  await fill(11);
  let answer: (outcome: Outcome) => void = () => {};
  const held = new Promise<Outcome>((resolve) => {
    answer = resolve;
  });
  const webhook = sink(() => held);
  const delivery = outbox.delivery({ webhook });
  const delivering = delivery.deliver();
  while (webhook.sent.length < 10) await new Promise(setImmediate);
  const closing = delivery.close();
  assert.equal(webhook.closed, 0);
  answer({ ok: true });
  await closing;
  assert.equal(await delivering, 10);
  assert.equal(webhook.closed, 1);
  assert.equal(await delivery.deliver(), 0);
  assert.equal((await outbox.rows()).filter(({ deliveredAt }) => deliveredAt).length, 10);
});
