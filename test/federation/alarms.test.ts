/** Owners are told of a connection before people notice: once in its time, whichever process looks. */
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { type Alarm, createAlarms } from '../../src/federation/alarms.ts';
import { createConnectionStore } from '../../src/federation/connection-store.ts';
import { createLetters } from '../../src/notices/texts.ts';
import { type ConnectionWorld, startConnectionWorld } from '../cli/connection-kit.ts';
import { sql } from '../harness.ts';

const DAY = 86_400_000;
const START = new Date('2027-03-01T12:00:00Z').getTime();

let world: ConnectionWorld;
let at = START;
before(async () => {
  world = await startConnectionWorld({
    WEBHOOK_URL: 'http://127.0.0.1:9/hook',
    WEBHOOK_SECRET: randomBytes(32).toString('base64'),
  });
});
after(() => world?.close());
beforeEach(async () => {
  at = START;
  await sql(world.server, 'DELETE FROM connections');
});

/** What one process has; `told` are the notices. */
function process(notices?: { connectionAlarm(alarm: Alarm): Promise<void> }) {
  const { rooms } = world.server;
  const now = () => new Date(at);
  const told: Alarm[] = [];
  const listening = { connectionAlarm: async (alarm: Alarm) => void told.push(alarm) };
  const store = createConnectionStore({ ...rooms, now });
  const alarms = createAlarms({ ...rooms, store, notices: notices ?? listening, now });
  return { told, store, look: () => alarms.run(), codes: () => told.splice(0).map(({ code }) => code) };
}

test('a credential that ends: a month before once a week, in the last week daily, and daily once it has ended', async () => {
  await world.addOidc('contoso', { credentialEndsAt: new Date(START + 40 * DAY) });
  const { look, codes, told } = process();
  const days: Record<number, string[]> = {};
  for (let day = 0; day <= 42; day += 1) {
    at = START + day * (DAY + 1_000);
    await look();
    await look();
    const heard = codes();
    if (heard.length > 0) days[day] = heard;
  }
  const ends = ['credential_ends'];
  const ended = ['credential_ended'];
  const weekly = { 10: ends, 17: ends, 24: ends, 31: ends };
  const daily = { 33: ends, 34: ends, 35: ends, 36: ends, 37: ends, 38: ends, 39: ends };
  assert.deepEqual(days, { ...weekly, ...daily, 40: ended, 41: ended, 42: ended });
  assert.deepEqual(told, []);
  const events = await world.recorded('connection.alarm');
  assert.equal(events.length, 14);
  assert.deepEqual(events[0]?.reason, 'credential_ends');
});

test('a provider that refuses us is told of once a day, and no more when it takes us again', async () => {
  await world.addOidc();
  const { look, codes, store } = process();
  await store.noteOutcome('contoso', 'unavailable: away');
  await look();
  assert.deepEqual(codes(), [], 'what passes by itself is nobody’s work');
  await store.noteOutcome('contoso', 'misconfigured: AADSTS7000222: The secret has expired');
  await look();
  await look();
  assert.deepEqual(codes(), ['misconfigured']);
  at += DAY + 1;
  await store.noteOutcome('contoso');
  await look();
  assert.deepEqual(codes(), []);
});

test('a directory that was heard of and fell silent, and a connection that cannot be used', async () => {
  await world.addOidc();
  const { look, codes } = process();
  const token = { id: randomUUID(), connectionId: 'contoso', hash: randomUUID() };
  await world.prisma.scimToken.create({ data: token });
  at += 30 * DAY;
  await look();
  assert.deepEqual(codes(), [], 'it was never set up');
  await world.prisma.scimToken.update({ where: { id: token.id }, data: { lastUsedAt: new Date(at - DAY / 2) } });
  await look();
  assert.deepEqual(codes(), []);
  at += DAY;
  await look();
  assert.deepEqual(codes(), ['scim_silent']);
  await sql(world.server, "UPDATE connections SET settings = '{}'");
  await look();
  assert.deepEqual(codes(), ['unusable']);
});

test('two processes that look at once tell once, and an alarm whose notice is lost is told again', async () => {
  await world.addOidc('contoso', { credentialEndsAt: new Date(START - DAY) });
  const lost = process({ connectionAlarm: () => Promise.reject(new Error('lost')) });
  await assert.rejects(() => lost.look());
  const [one, two] = [process(), process()];
  await Promise.all([one.look(), two.look()]);
  assert.deepEqual([...one.codes(), ...two.codes()], ['credential_ended']);
});

test('what owners are told goes by the outbox, with what it is about', async () => {
  await world.addOidc('contoso', { credentialEndsAt: new Date(START - DAY) });
  const { notices } = world.server.rooms;
  await process(notices).look();
  const kinds = await sql(world.server, "SELECT kind, sink FROM outbox_messages WHERE kind = 'connection.alarm'");
  assert.deepEqual(kinds, [{ kind: 'connection.alarm', sink: 'webhook' }]);
});

test('the mail says which connection, what is the matter and what to do, in both languages, and nothing to follow', () => {
  const letters = createLetters({ brandName: 'Contoso ID', issuer: 'https://auth.contoso.test' });
  for (const code of ['credential_ends', 'credential_ended', 'misconfigured', 'scim_silent', 'unusable'] as const) {
    const alarm = {
      code,
      connectionName: 'Evil https://evil.test',
      at: new Date(START),
      detail: 'see https://evil.test\r\nBcc: x',
    };
    const { subject, text } = letters.alarm(alarm);
    const [english = '', japanese = ''] = text.split(/^-{60}$/m);
    assert.match(english, /npx consentry connection (update|test|list)|provisioning log/);
    assert.match(japanese, /\p{Script=Hiragana}/u);
    assert.match(subject, /needs you \/ .*\p{Script=Hiragana}/u);
    assert.doesNotMatch(subject + text.replaceAll('https://auth.contoso.test', ''), /https:\/\/|evil\.test|undefined/);
    assert.doesNotMatch(text, /^Bcc/m);
  }
});
