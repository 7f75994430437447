import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../../src/errors.ts';
import { createLog } from '../../src/web/log.ts';
import { inRequest } from '../../src/web/request-context.ts';

function capture(readable = false, level: 'info' | 'debug' = 'info') {
  const lines: string[] = [];
  const log = createLog({ level, destination: { write: (line) => lines.push(line) }, readable });
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown> };
}

test('a line is JSON with time, level, message and fields, and nothing of the machine', () => {
  const { log, last } = capture();
  log.info({ clientId: 'abc' }, 'registered');
  const { time, ...rest } = last();
  assert.deepEqual(rest, { level: 'info', clientId: 'abc', msg: 'registered' });
  assert.match(String(time), /^\d{4}-\d\d-\d\dT/);
});

test('a line of a request names the request', async () => {
  const { log, last } = capture();
  await inRequest('client', async () => log.info('hello'), 'request-1');
  assert.equal(last().requestId, 'request-1');
});

test('levels below the configured one are not written', () => {
  const { log, lines } = capture();
  log.debug('quiet');
  assert.equal(lines.length, 0);
});

test('secrets are not written, however deep, however named', () => {
  const { log, lines } = capture();
  const secret = 'sesame-7731';
  const headers = { Authorization: `Bearer ${secret}`, cookie: secret, 'set-cookie': [secret], DPoP: secret };
  log.info({ token: secret, code: secret, password: secret, secret });
  log.info({ req: { headers, body: { client_secret: secret, refresh_token: secret, code_verifier: secret } } });
  log.info({ list: [{ accessToken: secret, registration_access_token: secret }], masterKey: Buffer.from(secret) });
  log.info({ url: `/authorize?code=${secret}`, Location: `http://127.0.0.1/cb?code=${secret}#x` });
  log.child({ token: secret }).info('child');
  assert.ok(!lines.join('').includes(secret), lines.join(''));
  assert.equal(lines.length, 5);
});

test('an error is written with its private detail and cause, without what libraries hang on it', () => {
  const { log, last } = capture();
  const cause = Object.assign(new Error('connect ECONNREFUSED'), {
    code: 'ECONNREFUSED',
    config: { headers: 'sesame' },
  });
  log.error({ err: new AppError('unavailable', 503, 'Try again.', { detail: 'database away', cause }) }, 'failed');
  const err = last().err as Record<string, unknown> & { cause: Record<string, unknown> };
  assert.deepEqual(
    [err.code, err.status, err.message, err.detail],
    ['unavailable', 503, 'Try again.', 'database away'],
  );
  assert.equal(err.cause.code, 'ECONNREFUSED');
  assert.ok(String(err.stack).includes('log.test.ts'));
  assert.ok(!JSON.stringify(last()).includes('sesame'));
});

test('an error given alone is written, and circles and big numbers do not break a line', () => {
  const { log, last } = capture();
  log.error(new Error('alone'));
  assert.equal((last().err as { message: string }).message, 'alone');
  const circle: Record<string, unknown> = { big: 12n };
  circle.self = circle;
  log.info(circle, 'round');
  assert.equal(last().big, '12');
});

test('a person reads plain lines, which cannot be forged or move the cursor', () => {
  const { log, lines } = capture(true);
  log.warn({ name: 'evil\u001b[2J\u202e' }, 'client\nINFO forged');
  assert.equal(lines.length, 1);
  const line = lines[0] ?? '';
  assert.match(line, /^\d\d:\d\d:\d\d warn {2}client INFO forged name="evil/);
  assert.equal(line.indexOf('\n'), line.length - 1);
  for (const forbidden of ['\u001b', '\u202e']) assert.ok(!line.includes(forbidden));
});
