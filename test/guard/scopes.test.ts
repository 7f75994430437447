/** Scopes: a declared hierarchy, and what a challenge asks for (MCP authorization, Scope Challenge Handling). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVerifier, type ScopeDeclarations } from '../../src/guard/index.ts';

function guardWith<Scope extends string>(scopes: ScopeDeclarations<Scope>) {
  const error = (code: string) => new Error(code);
  return createVerifier({ issuer: 'https://auth.example.com', resource: 'https://n.example.com/mcp', scopes, error });
}

const guard = guardWith({
  read: { sensitivity: 'low' },
  comment: { sensitivity: 'low', implies: ['read'] },
  write: { sensitivity: 'medium', implies: ['comment'] },
  delete: {},
});
const asked = (granted: string[], ...needed: Parameters<typeof guard.needs>) =>
  guard.needs(...needed)({ authInfo: { scopes: granted } })?.scopes;

test('a scope includes what it implies, through any number of steps, and nothing that only looks alike', () => {
  assert.equal(asked(['read'], 'read'), undefined);
  assert.equal(asked(['write'], 'read', 'comment', 'write'), undefined);
  assert.deepEqual(asked(['write'], 'delete'), ['write', 'delete']);
  assert.deepEqual(asked(['read:all', 'READ', 'rea', ''], 'read'), ['read']);
});

test('a challenge names everything needed and everything granted, but nothing twice and nothing foreign', () => {
  assert.deepEqual(asked([], 'read', 'delete'), ['read', 'delete']);
  assert.deepEqual(asked(['read', 'openid', 'offline_access'], 'delete'), ['read', 'delete']);
  assert.deepEqual(asked(['read'], 'write'), ['write'], 'what write implies need not be asked for');
  assert.deepEqual(asked(['delete'], 'comment'), ['comment', 'delete']);
});

test('a request whose token nobody checked has no scopes', () => {
  assert.deepEqual(guard.needs('read')({})?.scopes, ['read']);
});

test('only low sensitivity is asked for at first, and undeclared sensitivity is not low', () => {
  assert.deepEqual(guard.baselineScopes, ['read', 'comment']);
  assert.deepEqual(guardWith({ a: {} }).metadata.document.scopes_supported, undefined);
});

test('declarations that cannot be right are refused at once', () => {
  const wrong: ScopeDeclarations<string>[] = [
    { a: { implies: ['b'] } },
    { a: { implies: ['a'] } },
    { a: { implies: ['b'] }, b: { implies: ['c'] }, c: { implies: ['a'] } },
    { 'a b': {} },
    { '': {} },
    { 'a"b': {} },
    { offline_access: {} },
    { openid: {} },
  ];
  for (const scopes of wrong) assert.throws(() => guardWith(scopes), TypeError, JSON.stringify(scopes));
  assert.throws(() => guard.needs('toString' as never), /not declared/);
});
