/** Where requests end, and that none of them is a failure of ours (threat 98). */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { filtered, newUser, patchOp, type Scim, startScim } from './kit.ts';

let scim: Scim;
let user: string;
let group: string;
before(async () => {
  scim = await startScim();
  user = await scim.entra.addUser(randomUUID());
  group = await scim.entra.addGroup('Bounds');
});
after(() => scim?.close());

const many = <T>(length: number, make: (index: number) => T): T[] => Array.from({ length }, (_, index) => make(index));

async function refused(status: number, scimType: string | undefined, method: string, path: string, body?: unknown) {
  const answer = await scim.entra.expect(status, method, path, body);
  assert.equal(answer.body.status, String(status));
  assert.equal(answer.body.scimType, scimType, answer.text);
}

describe('too much', () => {
  it('of operations is 413', async () => {
    const operations = many(10_000, () => ({ op: 'add', path: 'title', value: 'x' }));
    await refused(413, 'tooMany', 'PATCH', `/Users/${user}`, patchOp(...operations));
    await refused(413, 'tooMany', 'PATCH', `/Groups/${group}`, patchOp(...operations));
    await scim.entra.expect(200, 'PATCH', `/Users/${user}`, patchOp(...operations.slice(0, 1000)));
  });

  it('of members is 413', async () => {
    const members = many(2001, () => ({ value: randomUUID() }));
    await refused(413, 'tooMany', 'PATCH', `/Groups/${group}`, patchOp({ op: 'add', path: 'members', value: members }));
    await refused(
      413,
      'tooMany',
      'PATCH',
      `/Groups/${group}`,
      patchOp({ op: 'remove', path: 'members', value: members }),
    );
    await refused(413, 'tooMany', 'POST', '/Groups', { displayName: 'Big', members });
    const apart = [members.slice(0, 1500), members.slice(500)].map((value) => ({ op: 'add', path: 'members', value }));
    await refused(413, 'tooMany', 'PATCH', `/Groups/${group}`, patchOp(...apart));
  });

  it('of a body is 413, whether or not its length is said', async () => {
    const long = JSON.stringify({ ...newUser(randomUUID()), title: 'x'.repeat(1024 * 1024) });
    await refused(413, 'tooMany', 'POST', '/Users', long);
    const response = await fetch(`${scim.consentry.issuer}/scim/v2/Users`, {
      method: 'POST',
      headers: { authorization: `Bearer ${scim.entra.token}` },
      body: new Blob([long]).stream(),
      duplex: 'half',
    } as RequestInit).catch(() => undefined);
    assert.ok(response === undefined || response.status === 413);
  });

  it('of values and of one person is 413', async () => {
    const emails = (from: number) => many(30, (index) => ({ value: `${from + index}@x.test`, type: 'other' }));
    const add = (value: unknown) => patchOp({ op: 'add', path: 'emails', value });
    await refused(413, 'tooMany', 'POST', '/Users', { userName: 'many', emails: [...emails(0), ...emails(30)] });
    await scim.entra.expect(200, 'PATCH', `/Users/${user}`, add(emails(0)));
    await refused(413, 'tooMany', 'PATCH', `/Users/${user}`, add(emails(30)));
    const big = { userName: 'big', title: 'x'.repeat(70_000) };
    await refused(413, 'tooMany', 'POST', '/Users', big);
  });

  it('of names that stand in indexes is 400', async () => {
    const long = 'x'.repeat(257);
    await refused(400, 'invalidValue', 'POST', '/Users', { userName: long });
    await refused(400, 'invalidValue', 'POST', '/Groups', { displayName: long });
    await refused(
      400,
      'invalidValue',
      'PATCH',
      `/Groups/${group}`,
      patchOp({ op: 'add', path: 'externalId', value: long }),
    );
  });

  it('of a filter, in length, depth and number, is 400, and takes no time to see', async () => {
    const filters = [
      `userName eq "${'\\a'.repeat(2000)}`,
      `userName eq "${'\\a'.repeat(900)}`,
      `userName eq "${'x'.repeat(2000)}"`,
      `${'('.repeat(100)}userName pr${')'.repeat(100)}`,
      `${'not '.repeat(100)}userName pr`,
      many(60, () => 'userName pr').join(' or '),
    ];
    for (const filter of filters) await refused(400, 'invalidFilter', 'GET', `/Users${filtered(filter)}`);
    await refused(
      400,
      'invalidPath',
      'PATCH',
      `/Users/${user}`,
      patchOp({ op: 'add', path: `emails[${filters[1]}]`, value: 'x' }),
    );
  });

  it('of depth in a body is 400', async () => {
    await refused(400, 'invalidSyntax', 'POST', '/Users', `{"name":${'['.repeat(5000)}${']'.repeat(5000)}}`);
    await refused(400, 'invalidSyntax', 'POST', '/Users', `${'['.repeat(400_000)}`);
  });
});

describe('what cannot be read', () => {
  it('of a filter is 400 invalidFilter', async () => {
    for (const filter of [
      'userName',
      'userName eq',
      'userName zz "x"',
      'userName eq "x" and',
      'userName eq "x" "y"',
      '(userName eq "x"',
      'userName eq "x")',
      'emails[type eq "work"',
      'emails[type eq "work"].value',
      'emails[nothing eq "x"]',
      'emails[emails[type eq "x"]]',
      'nothing eq "x"',
      'constructor eq "x"',
      '__proto__ pr',
      'constructor[value eq "x"]',
      'name eq "x"',
      'urn:nothing:attribute eq "x"',
      'active gt true',
      'active eq "perhaps"',
      'meta.created gt "yesterday"',
      'meta.created gt 5',
      '"x" eq userName',
      'title gt null',
    ])
      await refused(400, 'invalidFilter', 'GET', `/Users${filtered(filter)}`);
    await refused(400, 'invalidFilter', 'GET', `/Groups${filtered('userName eq "x"')}`);
  });

  it('of a path is 400 invalidPath', async () => {
    for (const path of [
      'nothing',
      'name.nothing',
      'emails[type eq]',
      'emails[type',
      'title[value eq "x"]',
      '[x]',
      'a b',
      '...',
      'name.givenName.more',
    ])
      await refused(400, 'invalidPath', 'PATCH', `/Users/${user}`, patchOp({ op: 'add', path, value: 'x' }));
    for (const path of ['nothing', 'members[display eq "x"]', 'members[value sw "x"]'])
      await refused(400, 'invalidPath', 'PATCH', `/Groups/${group}`, patchOp({ op: 'remove', path, value: 'x' }));
  });

  it('of values and operations is 400', async () => {
    const cases: [string, unknown][] = [
      ['invalidSyntax', {}],
      ['invalidSyntax', { Operations: [] }],
      ['invalidSyntax', { Operations: 'add' }],
      ['invalidSyntax', patchOp(null)],
      ['invalidSyntax', patchOp({ op: 'move', path: 'title' })],
      ['invalidSyntax', patchOp({ path: 'title', value: 'x' })],
      ['invalidSyntax', '[]'],
      ['invalidSyntax', 'no json'],
      ['invalidPath', patchOp({ op: 'add', path: 7, value: 'x' })],
      ['noTarget', patchOp({ op: 'remove' })],
      ['noTarget', patchOp({ op: 'replace', path: 'emails[type sw "q"].value', value: 'x' })],
      ['invalidValue', patchOp({ op: 'add', value: 'x' })],
      ['invalidValue', patchOp({ op: 'add', path: 'active', value: 'perhaps' })],
      ['invalidValue', patchOp({ op: 'add', path: 'title', value: { a: 1 } })],
      ['invalidValue', patchOp({ op: 'add', path: 'title', value: ['a', 'b'] })],
      ['invalidValue', patchOp({ op: 'remove', path: 'userName' })],
      ['invalidValue', patchOp({ op: 'add', path: 'title', value: 'a\0b' })],
      ['invalidValue', patchOp({ op: 'add', path: 'title', value: '\ud800' })],
      ['mutability', patchOp({ op: 'replace', path: 'id', value: 'x' })],
      ['mutability', patchOp({ op: 'add', path: 'meta.created', value: 'x' })],
    ];
    for (const [scimType, body] of cases) await refused(400, scimType, 'PATCH', `/Users/${user}`, body);
    await refused(400, 'invalidValue', 'POST', '/Users', {});
    await refused(400, 'invalidValue', 'POST', '/Groups', { members: [] });
    await refused(400, 'invalidValue', 'PATCH', `/Groups/${group}`, patchOp({ op: 'remove', path: 'displayName' }));
    await refused(400, 'invalidValue', 'GET', `/Users${filtered('userName eq "a\0b"')}`);
  });
});

describe('whatever is sent', () => {
  const word = fc.constantFrom(
    ...['userName', 'emails', 'active', 'name', 'name.givenName', 'emails[type eq "work"].value', 'members', 'manager'],
    ...['urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager', '__proto__', 'constructor', 'schemas'],
    ...[
      'eq',
      'and',
      'or',
      'not',
      '(',
      ')',
      '[',
      ']',
      '.',
      '"',
      'pr',
      'co',
      'gt',
      'null',
      'true',
      '5',
      '\\',
      "'",
      '%',
      '$1',
    ],
  );
  const text = fc.oneof(
    word,
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.array(word, { maxLength: 8 }).map((words) => words.join(' ')),
  );
  const value = fc.oneof(
    text,
    fc.jsonValue({ maxDepth: 3 }),
    fc.dictionary(text, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 }),
  );
  const operation = fc.record(
    { op: fc.constantFrom('add', 'Replace', 'REMOVE', 'x'), path: text, value },
    { requiredKeys: ['op'] },
  );

  it('is answered by the protocol, and never by a failure', async () => {
    const request = fc.oneof(
      text.map((filter) => ['GET', `/Users${filtered(filter)}`, undefined] as const),
      text.map(
        (filter) =>
          [
            'GET',
            `/Groups${filtered(filter)}&attributes=${encodeURIComponent(filter.toWellFormed())}`,
            undefined,
          ] as const,
      ),
      fc.array(operation, { maxLength: 4 }).map((all) => ['PATCH', `/Users/${user}`, patchOp(...all)] as const),
      fc.array(operation, { maxLength: 4 }).map((all) => ['PATCH', `/Groups/${group}`, patchOp(...all)] as const),
      value.map((body) => ['POST', '/Users', body] as const),
      value.map((body) => ['PUT', `/Groups/${group}`, body] as const),
      text.map((id) => ['GET', `/Users/${encodeURIComponent(id.toWellFormed())}`, undefined] as const),
    );
    await fc.assert(
      fc.asyncProperty(request, async ([method, path, body]) => {
        const { status, text: answer } = await scim.entra.send(method, path, body);
        assert.ok(status < 500, `${status} ${answer}`);
      }),
      { numRuns: 250 },
    );
  });
});
