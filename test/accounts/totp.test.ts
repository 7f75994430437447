/** RFC 6238's own numbers, and that a code is good for its moment and once. */
import assert from 'node:assert/strict';
import { after, beforeEach, describe, test } from 'node:test';
import { base32, matchingStep, otpauthUri, stepAt, totp } from '../../src/accounts/totp.ts';
import { openAccounts } from './fixture.ts';

const secret = Buffer.from('12345678901234567890');
const at = (seconds: number) => new Date(seconds * 1000);

test('the codes are those of RFC 6238, appendix B', () => {
  const vectors: [number, string][] = [
    [59, '94287082'],
    [1111111109, '07081804'],
    [1111111111, '14050471'],
    [1234567890, '89005924'],
    [2000000000, '69279037'],
    [20000000000, '65353130'],
  ];
  for (const [seconds, code] of vectors) {
    assert.equal(totp(secret, stepAt(at(seconds)), 8), code);
    assert.equal(totp(secret, stepAt(at(seconds))), code.slice(2));
  }
});

test('a code counts for one step before and after its own, whatever blanks are typed, and no longer', () => {
  const now = at(1234567890);
  const step = stepAt(now);
  for (const around of [-1, 0, 1]) {
    const code = totp(secret, step + around);
    assert.equal(matchingStep(secret, `${code.slice(0, 3)} ${code.slice(3)}`, now), step + around);
  }
  for (const away of [-2, 2]) assert.equal(matchingStep(secret, totp(secret, step + away), now), undefined);
  for (const wrong of ['', '000', 'abcdef', '0059241', totp(secret, step, 8)])
    assert.equal(matchingStep(secret, wrong, now), undefined, wrong);
});

test('the secret is written as RFC 4648 has it, and no name adds to what the picture says', () => {
  const vectors = {
    '': '',
    f: 'MY',
    fo: 'MZXQ',
    foo: 'MZXW6',
    foob: 'MZXW6YQ',
    fooba: 'MZXW6YTB',
    foobar: 'MZXW6YTBOI',
  };
  for (const [plain, written] of Object.entries(vectors)) assert.equal(base32(Buffer.from(plain)), written);
  const uri = new URL(otpauthUri({ secret, brand: 'A & B:C', email: 'x?secret=AAAA&y@b' }));
  assert.equal(uri.searchParams.get('secret'), base32(secret));
  assert.deepEqual([...uri.searchParams.keys()], ['secret', 'issuer', 'digits', 'period']);
  assert.equal(decodeURIComponent(uri.pathname), '/A & B C:x?secret=AAAA&y@b');
});

describe('taking codes', () => {
  let room: Awaited<ReturnType<typeof openAccounts>>;
  let id: string;
  beforeEach(async () => {
    room ??= await openAccounts();
    await room.empty();
    const added = await room.accounts.add({
      email: 'ana@example.com',
      role: 'user',
      password: 'correct horse battery',
    });
    assert.ok(added.ok);
    id = added.account.id;
  });
  after(() => room?.close());

  const account = () => ({ id, email: 'ana@example.com' });
  /** What the app on the phone would show. */
  const codeOf = (written: string, ahead = 0) => {
    const bits = [...written].map((char) =>
      'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(char).toString(2).padStart(5, '0'),
    );
    const bytes = bits.join('').match(/.{8}/g) ?? [];
    return totp(
      Uint8Array.from(bytes, (byte) => Number.parseInt(byte, 2)),
      stepAt(room.now()) + ahead,
    );
  };

  test('none counts before a first one was shown; then each is taken once, also by eight at once and with an older one', async () => {
    const { secretOf, codes } = await setUp();
    assert.equal(codes.length, 10);
    assert.equal(new Set(codes).size, 10);
    const taken = () => room.secondFactor.check(id, codeOf(secretOf));
    assert.equal(await taken(), undefined, 'the code that confirmed it is spent');
    room.passSeconds(60);
    const outcomes = await Promise.all(Array.from({ length: 8 }, taken));
    assert.deepEqual(outcomes.filter(Boolean), ['code']);
    assert.equal(await room.secondFactor.check(id, codeOf(secretOf, -1)), undefined, 'an older one');
  });

  test('a recovery code works once, however it is typed, for nobody else, and is stored as nothing that anybody could use', async () => {
    const { codes } = await setUp();
    const [first = '', second = ''] = codes;
    const stored = await room.prisma.recoveryCode.findMany();
    assert.ok(stored.every(({ hash }) => !codes.some((code) => hash.includes(code))));
    const other = await room.accounts.add({ email: 'bo@example.com', role: 'user', password: 'correct horse battery' });
    assert.ok(other.ok);
    assert.equal(await room.secondFactor.check(other.account.id, first), undefined);
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () => room.secondFactor.check(id, ` ${first.toUpperCase().replace('-', ' ')}`)),
    );
    assert.deepEqual(outcomes.filter(Boolean), ['recovery']);
    assert.equal(await room.secondFactor.codesLeft(id), 9);
    const renewed = await room.secondFactor.renewCodes(id);
    assert.equal(await room.secondFactor.check(id, second), undefined);
    assert.equal(await room.secondFactor.check(id, renewed[0] ?? ''), 'recovery');
  });

  async function setUp() {
    const begun = await room.secondFactor.begin(account());
    assert.ok(begun);
    assert.equal(await room.secondFactor.isOn(id), false);
    assert.equal(await room.secondFactor.check(id, codeOf(begun.secret)), undefined, 'not confirmed');
    assert.equal(await room.secondFactor.confirm(id, '000000'), undefined);
    const codes = await room.secondFactor.confirm(id, codeOf(begun.secret));
    assert.ok(codes);
    assert.equal(await room.secondFactor.begin(account()), undefined, 'one in use is not replaced');
    return { secretOf: begun.secret, codes };
  }
});
