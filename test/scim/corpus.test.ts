/** The requests of real directories, replayed one by one (issue 4, section 3 of its findings; RFC 7644). */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { entraCreations } from './corpus/entra-creations.ts';
import { entraGroups } from './corpus/entra-groups.ts';
import { entraUsers } from './corpus/entra-users.ts';
import { others } from './corpus/others.ts';
import type { Row, Step } from './corpus/row.ts';
import { type Directory, type Scim, startScim } from './kit.ts';

let scim: Scim;
before(async () => {
  scim = await startScim();
});
after(() => scim?.close());

/** A person, another and a group without members, then the steps. */
async function replay(directory: Directory, { steps }: Row): Promise<void> {
  const oid = randomUUID();
  const names: Record<string, string> = { oid };
  const fill = (text: string) => text.replace(/\{(user|other|group|oid)\}/g, (_, name: string) => names[name] ?? '');
  const filled = <T>(value: T): T => JSON.parse(fill(JSON.stringify(value))) as T;
  const creates = steps.some(({ method, path, status }) => method === 'POST' && path === '/Users' && status === 201);
  if (!creates) names.user = await directory.addUser(oid, { title: undefined });
  names.other = await directory.addUser(randomUUID(), { userName: `other-${oid}-2` });
  names.group = await directory.addGroup(`Group ${oid}`);
  for (const [index, step] of steps.entries()) await take(directory, filled({ ...step }), index);
}

async function take(directory: Directory, { method, path, body, status, has }: Step, index: number): Promise<void> {
  const answer = await directory.send(method, encodeURI(path), body);
  const what = `step ${index + 1}, ${method} ${path}: ${answer.status} ${answer.text}`;
  assert.equal(answer.status, status, what);
  if (status === 204) assert.equal(answer.text, '', what);
  else assert.equal(answer.headers.get('content-type'), 'application/scim+json; charset=utf-8', what);
  if (has !== undefined) assertHas(answer.body, has, what);
}

/** Members of lists in any order; null: not there. */
function assertHas(actual: unknown, expected: unknown, what: string): void {
  if (expected === null || typeof expected !== 'object') {
    assert.equal(actual, expected ?? undefined, what);
    return;
  }
  if (Array.isArray(expected)) {
    assert.ok(Array.isArray(actual) && actual.length === expected.length, what);
    for (const one of expected)
      assert.ok(
        (actual as unknown[]).some((other) => has(other, one)),
        what,
      );
    return;
  }
  assert.ok(typeof actual === 'object' && actual !== null, what);
  for (const [name, value] of Object.entries(expected as object))
    assertHas((actual as Record<string, unknown>)[name], value, `${name} in ${what}`);
}

function has(actual: unknown, expected: unknown): boolean {
  try {
    assertHas(actual, expected, '');
    return true;
  } catch {
    return false;
  }
}

describe('Entra ID sends of a person', () => {
  for (const row of [...entraUsers, ...entraCreations]) it(row.title, () => replay(scim.entra, row));
});

describe('Entra ID sends of a group', () => {
  for (const row of entraGroups) it(row.title, () => replay(scim.entra, row));
});

describe('other clients send', () => {
  for (const row of others) it(row.title, () => replay(scim.okta, row));
});
