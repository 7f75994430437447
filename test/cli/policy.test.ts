import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { CLAUDE, DESK, DISABLED, digests, HUB, inDays, openPeople } from '../policy/people.ts';

let world: Awaited<ReturnType<typeof openPeople>>;
before(async () => {
  world = await openPeople();
});
after(() => world?.close());
afterEach(() => world.empty());

type Loss = { account: string; client_id: string; scopes: string[]; [member: string]: unknown };
type Impact = { rule: string; dry_run: boolean; changed: boolean; loses_access: Loss[]; needs_approval: Loss[] };
const MAIL = 'https://mail.example/mcp';
const DENY_CLAUDE = ['add', '--effect', 'deny', '--client-host', 'claude.ai'];

const policy = (...args: string[]) => world.consentry(['policy', ...args]);
const tried = (...args: string[]) => world.consentry.json<Impact>(['policy', ...args, '--dry-run']);
const short = (losses: readonly Loss[]) =>
  losses.map(({ account, client_id, scopes }) => `${account} ${client_id} ${scopes.join('+')}`).toSorted();

/** Whatever a dry run could have changed. */
async function stored() {
  const { prisma } = world;
  const rules = await prisma.policyRule.findMany({ orderBy: { id: 'asc' } });
  return { rules, events: await prisma.auditEvent.count(), consents: await prisma.consent.findMany() };
}

test('a dry run lists exactly who would lose access, and writes nothing', async () => {
  const { consent } = world;
  const id = await consent({ account: 'ana', client: CLAUDE });
  await consent({ account: 'bo', client: DESK });
  await consent({ account: 'cy', client: CLAUDE });
  await consent({ account: 'bo', client: CLAUDE }, { expiresAt: inDays(-1) });
  await consent({ account: 'bo', client: CLAUDE }, { revokedAt: new Date(), revokedReason: 'x', livingKey: null });
  await consent({ account: 'bo', client: CLAUDE, resource: 'closed' });
  await consent({ account: 'bo', client: { ...CLAUDE, id: 'gone' } });
  const before = await stored();

  const { loses_access: lost, needs_approval: waiting, ...rest } = await tried(...DENY_CLAUDE);
  assert.deepEqual(lost, [
    {
      account: 'ana@contoso.test',
      client_id: CLAUDE.id,
      client_name: 'Claude',
      downstream_client_id: null,
      resource: MAIL,
      consent_id: id,
      scopes: ['openid', 'mail:read'],
    },
  ]);
  assert.deepEqual([waiting, rest.dry_run, rest.changed], [[], true, true]);
  assert.deepEqual(await stored(), before);

  const { loses_access: everybody } = await tried('add', '--effect', 'deny', '--sensitivity', 'low');
  const all = [`ana@contoso.test ${CLAUDE.id} openid+mail:read`, 'bo@contoso.test desk openid+mail:read'];
  assert.deepEqual(short(everybody), all);

  const { code, out } = await policy(...DENY_CLAUDE, '--dry-run');
  assert.equal(code, 0);
  assert.match(out, /^Would add the rule: deny where client host claude\.ai\.\n1 person would lose access\.\n/);
  assert.match(out, /ana@contoso\.test +Claude +https:\/\/claude\.ai\/client\.json +https:.*mcp +openid mail:read +-$/);
  assert.doesNotMatch(out, /bo@|cy@/);
  assert.deepEqual(await stored(), before);
});

test('the same change made for good says how many people lose access, and is on record', async () => {
  await world.consent({ account: 'ana', client: CLAUDE });
  await world.consent({ account: 'bo', client: CLAUDE });
  await world.consent({ account: 'bo', client: CLAUDE }, { redirectUri: 'https://claude.ai/other' });
  const { code, out } = await policy(...DENY_CLAUDE, '--note', 'Not   here');
  assert.equal(code, 0);
  const [, rule] =
    /^Added the rule ([\da-f]{12}): deny where client host claude\.ai\.\n2 people lose access\.$/.exec(out) ?? [];
  assert.ok(rule, out);
  const listed = await world.consentry.json<Record<string, unknown>[]>(['policy', 'list']);
  assert.deepEqual(listed, [
    { id: rule, effect: 'deny', match: { client_host: 'claude.ai' }, note: 'Not here' },
    { id: 'default', people_approve: 'medium' },
  ]);
  const events = await world.recorded();
  assert.deepEqual(
    events.map(({ type, outcome, reason, actor, details }) => ({ type, outcome, reason, actor, details })),
    [
      {
        type: 'policy.changed',
        outcome: 'recorded',
        reason: 'rule_added',
        actor: 'cli',
        details: { rule, effect: 'deny', match: ['client host claude.ai'] },
      },
    ],
  );
  assert.deepEqual((await tried(...DENY_CLAUDE)).loses_access, [], 'who has lost it already cannot lose it again');
});

test('only the scopes that a rule touches are lost', async () => {
  await world.consent({ account: 'ana', client: CLAUDE }, { scopes: ['mail:read', 'mail:label', 'withdrawn'] });
  const { loses_access: lost } = await tried('add', '--effect', 'deny', '--resource', MAIL, '--sensitivity', 'medium');
  assert.deepEqual(short(lost), [`ana@contoso.test ${CLAUDE.id} mail:label`]);
});

test('a person behind a proxy loses what the rules take from either of the two', async () => {
  const through = { downstreamClientId: CLAUDE.id, downstreamRedirectUri: 'https://claude.ai/callback' };
  await world.consent({ account: 'ana', client: HUB }, through);
  await world.consent({ account: 'bo', client: HUB });
  const { loses_access: lost } = await tried(...DENY_CLAUDE);
  assert.deepEqual(short(lost), ['ana@contoso.test hub openid+mail:read']);
  assert.equal(lost[0]?.client_name, 'Claude through Hub');
  const hub = await tried('add', '--effect', 'deny', '--redirect-host', 'hub.example');
  assert.equal(hub.loses_access.length, 2);
});

test('a person behind a proxy loses what the rules take from a client that is known by its document alone', async () => {
  const url = 'https://new.example/client.json';
  const when = { fetchedAt: new Date(), freshUntil: new Date(), staleUntil: new Date() };
  await world.prisma.metadataDocument.create({ data: { url, body: '{"software_id":"new-software"}', ...when } });
  const through = { downstreamClientId: url, downstreamRedirectUri: 'https://new.example/cb' };
  await world.consent({ account: 'ana', client: HUB }, through);
  const by = async (...match: string[]) => (await tried('add', '--effect', 'deny', ...match)).loses_access.length;
  assert.deepEqual([await by('--software-id', 'new-software'), await by('--client-host', 'new.example')], [1, 1]);
});

const uncovered: [string, Parameters<typeof world.approval>[0], Record<string, unknown>][] = [
  ['of another client', { account: 'ana', client: DESK }, {}],
  ['for another MCP server', { account: 'ana', client: CLAUDE, resource: 'closed' }, {}],
  ['of somebody else', { account: 'bo', client: CLAUDE }, { audience: 'person' }],
  ['that ran out', { account: 'ana', client: CLAUDE }, { expiresAt: inDays(-1) }],
  ['that is only asked for', { account: 'ana', client: CLAUDE }, { state: 'pending', audience: null, openKey: 'k' }],
  ['that was taken back', { account: 'ana', client: CLAUDE }, { state: 'withdrawn', audience: null }],
  ['of the client as it was', { account: 'ana', client: CLAUDE }, { clientFingerprint: 'other.proof' }],
  ['for another redirect', { account: 'ana', client: CLAUDE }, { redirectUri: 'https://claude.ai/other' }],
  ['of scopes as they read before', { account: 'ana', client: CLAUDE }, { scopeDigests: { 'mail:read': 'x' } }],
  ['of other scopes', { account: 'ana', client: CLAUDE }, { scopes: ['mail:send'] }],
  [
    'behind a proxy',
    { account: 'ana', client: CLAUDE },
    { downstreamClientId: DESK.id, downstreamRedirectUri: 'http://127.0.0.1/callback' },
  ],
];
for (const [what, parties, changes] of uncovered) {
  test(`an approval ${what} spares nobody from asking`, async () => {
    await world.consent({ account: 'ana', client: CLAUDE });
    await world.approval(parties, changes);
    const { loses_access: lost, needs_approval: waiting } = await tried('default', '--people-approve', 'none');
    assert.deepEqual(lost, []);
    assert.equal(waiting.length, 1);
    assert.ok(waiting[0]?.scopes.includes('mail:read'));
  });
}

test('an approval for a person or for everyone spares them from asking, and from no rule that denies', async () => {
  await world.consent({ account: 'ana', client: CLAUDE });
  await world.consent({ account: 'bo', client: CLAUDE }, { scopes: ['mail:read', 'mail:label'] });
  await world.consent({ account: 'bo', client: DESK }, { redirectUri: 'http://127.0.0.1:4711/callback' });
  await world.approval({ account: 'ana', client: CLAUDE }, { audience: 'person' });
  await world.approval({ account: 'ana', client: DESK }, { scopeDigests: { ...digests, 'mail:send': 'x' } });
  const { loses_access: lost, needs_approval: waiting } = await tried('default', '--people-approve', 'none');
  assert.deepEqual(short(waiting), [`bo@contoso.test ${CLAUDE.id} mail:read+mail:label`]);
  assert.deepEqual(lost, []);
  const { out } = await policy('default', '--people-approve', 'none', '--dry-run');
  assert.match(out, /1 person would have to ask an administrator before going on\./);
  assert.equal((await tried('add', '--effect', 'deny', '--sensitivity', 'low')).loses_access.length, 3);
});

test('what was waiting without an approval is nobody’s to lose', async () => {
  await world.consent({ account: 'ana', client: CLAUDE }, { scopes: ['mail:send'] });
  assert.deepEqual((await tried(...DENY_CLAUDE)).loses_access, []);
  await world.approval({ account: 'ana', client: CLAUDE });
  assert.equal((await tried(...DENY_CLAUDE)).loses_access.length, 1);
});

test('the only administrator there is has nobody to ask, and one of two does', async () => {
  await world.consent({ account: 'olga', client: CLAUDE });
  const strict = ['default', '--people-approve', 'none'];
  assert.equal((await tried(...strict)).needs_approval.length, 1);
  const otto = { where: { id: 'otto' } };
  await world.prisma.account.update({ ...otto, data: DISABLED });
  assert.equal((await tried(...strict)).needs_approval.length, 0);
  await world.prisma.account.update({ ...otto, data: { disabledAt: null, disabledBy: [] } });
});

test('rules are listed as they are asked, moved and removed, with dry runs that agree with what then happens', async () => {
  const add = async (...args: string[]) => (await world.consentry.json<Impact>(['policy', 'add', ...args])).rule;
  const allow = await add('--effect', 'allow', '--client-host', '*.Claude.AI');
  const ask = await add('--effect', 'ask', '--sensitivity', 'low,high', '--resource', 'https://MAIL.example/mcp');
  const deny = await add('--effect', 'deny', '--redirect-host', 'claude.ai', '--before', ask);
  const { out } = await policy('list');
  assert.deepEqual(
    out.split('\n').map((line) => line.trim().split(/ {2,}/)),
    [
      ['RULE', 'EFFECT', 'WHERE', 'NOTE'],
      [allow, 'allow', 'client host *.claude.ai'],
      [deny, 'deny', 'redirect host claude.ai'],
      [ask, 'ask', `MCP server ${MAIL}, sensitivity low or high`],
      [
        'default',
        'default',
        'people approve low and medium scopes themselves; what is above waits for an administrator',
      ],
    ],
  );
  const ids = async () => (await world.consentry.json<{ id: string }[]>(['policy', 'list'])).map(({ id }) => id);
  await world.consent({ account: 'ana', client: CLAUDE });
  await tried('move', ask, '--before', allow);
  assert.deepEqual(await ids(), [allow, deny, ask, 'default']);
  assert.match((await policy('move', ask, '--before', allow)).out, /^Moved the rule .*\nNobody loses access\.$/);
  assert.deepEqual(await ids(), [ask, allow, deny, 'default']);
  assert.equal((await tried('remove', deny)).changed, true);
  assert.match((await policy('remove', deny)).out, /^Removed the rule/);
  assert.deepEqual(await ids(), [ask, allow, 'default']);
  assert.match((await policy('move', allow, '--last')).out, /so already; nothing was changed/);
  assert.match((await policy('default', '--people-approve', 'medium')).out, /so already; nothing was changed/);
  assert.match((await policy('default', '--people-approve', 'high')).out, /people approve everything themselves/);
  const events = await world.recorded();
  const reasons = ['rule_added', 'rule_added', 'rule_added', 'rule_moved', 'rule_removed', 'default_changed'];
  assert.deepEqual(
    events.map(({ reason }) => reason),
    reasons,
  );
  assert.equal(events[1]?.resource, MAIL);
});

test('rules that cannot be read are shown with how to mend them, and can be mended', async () => {
  const match = { clientCountry: 'XX' };
  await world.prisma.policyRule.create({ data: { id: 'odd', position: 1, effect: 'deny', match } });
  await world.consent({ account: 'ana', client: CLAUDE });
  const { out } = await policy('list');
  assert.match(out, /odd +unreadable +cannot be read: The match of a rule has no member 'clientCountry'/);
  assert.match(out, /Nobody can connect: the rule odd cannot be read.*npx consentry policy remove odd/);
  const trial = await policy('test', '--client', CLAUDE.id, '--resource', MAIL);
  assert.match(trial.out, /Everything is denied until the rules can be read: rule odd/);
  assert.match((await policy('remove', 'odd')).out, /Removed the rule odd\.\nNobody loses access\./);
  await world.prisma.policyRule.delete({ where: { id: 'default' } });
  const missing = (await policy('list')).out;
  assert.match(missing, /the rule default is missing.*npx consentry policy default --people-approve medium/);
  assert.equal((await policy('default', '--people-approve', 'medium')).code, 0);
  assert.doesNotMatch((await policy('list')).out, /Nobody can connect/);
});

test('policy test says which rule decides about each scope', async () => {
  const add = async (...args: string[]) => (await world.consentry.json<Impact>(['policy', 'add', ...args])).rule;
  const allow = await add('--effect', 'allow', '--client-host', 'claude.ai', '--sensitivity', 'high');
  const deny = await add('--effect', 'deny', '--software-id', 'desk-software', '--sensitivity', 'medium');
  type Answer = { effect: string; proven: boolean; scopes: { name: string; effect: string; rule: string }[] };
  const ask = async (...args: string[]) => {
    const answer = await world.consentry.json<Answer>(['policy', 'test', '--resource', MAIL, ...args]);
    const scopes = answer.scopes.map(({ name, effect, rule }) => [name, effect, rule]);
    return [answer.effect, answer.proven, ...scopes];
  };
  assert.deepEqual(await ask('--client', CLAUDE.id), [
    'allow',
    true,
    ['mail:read', 'allow', 'default'],
    ['mail:send', 'allow', allow],
    ['mail:label', 'allow', 'default'],
  ]);
  const loopback = ['--redirect-uri', 'http://127.0.0.1:4711/callback'];
  assert.deepEqual(await ask('--client', DESK.id, ...loopback, '--scope', 'mail:label', '--scope', 'mail:send'), [
    'deny',
    false,
    ['mail:send', 'ask', 'default'],
    ['mail:label', 'deny', deny],
  ]);
  const stranger = ['--client', 'https://new.example/c.json', '--redirect-uri', 'https://new.example/cb'];
  assert.deepEqual(await ask(...stranger, '--scope', 'mail:send'), ['ask', true, ['mail:send', 'ask', 'default']]);
  const { out } = await policy('test', '--client', DESK.id, '--resource', MAIL, ...loopback);
  assert.match(out, /Desk \[31m/);
  assert.match(out, /dynamic, nothing proves who it is/);
  assert.match(out, new RegExp(`mail:label +medium +deny +${deny} +software id desk-software, sensitivity medium`));
  assert.match(out, /People can approve what is allowed; the rest is refused or waits as shown\.$/);
  assert.ok(!out.includes('\u001b'));
  assert.equal((await world.recorded()).length, 2);
});

const bad: [string, string[], number, RegExp][] = [
  ['a rule without effect', ['add', '--client-host', 'claude.ai'], 2, /--effect/],
  ['an unknown effect', ['add', '--effect', 'permit', '--client-host', 'claude.ai'], 2, /allow, ask, deny/],
  ['a rule about nothing', ['add', '--effect', 'deny'], 2, /at least one of client host/],
  ['a URL for a host', ['add', '--effect', 'deny', '--client-host', 'https://claude.ai'], 2, /write only claude\.ai/],
  ['a host with a port', ['add', '--effect', 'deny', '--redirect-host', 'claude.ai:443'], 2, /write claude\.ai alone/],
  ['a shared host', ['add', '--effect', 'allow', '--client-host', 'x.github.io'], 2, /by the whole client ID, such as/],
  ['an unknown sensitivity', ['add', '--effect', 'deny', '--sensitivity', 'low,hihg'], 2, /low, medium and high/],
  ['an unknown MCP server', ['add', '--effect', 'deny', '--resource', 'https://x.example'], 1, /no MCP server/],
  ['a note nobody can read', [...DENY_CLAUDE, '--note', '\u200b'], 2, /note is empty/],
  ['a place that is not there', [...DENY_CLAUDE, '--before', 'x'], 1, /no rule x.*policy list/],
  ['to remove what is not there', ['remove', 'x'], 1, /no rule x.*policy list/],
  ['to remove the default', ['remove', 'default'], 1, /policy default --help/],
  ['to move the default', ['move', 'default', '--last'], 1, /always comes last/],
  ['to move nowhere', ['move', 'x'], 2, /--before another rule, or --last/],
  ['to move to two places', ['move', 'x', '--before', 'y', '--last'], 2, /--before another rule, or --last/],
  ['a default without a weight', ['default'], 2, /--people-approve/],
  ['a default of unknown weight', ['default', '--people-approve', 'all'], 2, /none, low, medium, high/],
  ['a test of an unknown client', ['test', '--client', 'x', '--resource', MAIL], 1, /no client x/],
  ['a test of a revoked client', ['test', '--client', 'gone', '--resource', MAIL], 1, /is revoked/],
  ['a test of an MCP server', ['test', '--client', 'rs-mail', '--resource', MAIL], 1, /credential of an MCP server/],
  ['a test for nothing', ['test', '--client', 'desk', '--resource', 'https://x.example'], 1, /no MCP server/],
  [
    'a test of several redirects',
    ['test', '--client', 'desk', '--resource', MAIL],
    2,
    /name one.*\n.*127.*\n.*localhost/,
  ],
  [
    'a test of another redirect',
    ['test', '--client', 'hub', '--resource', MAIL, '--redirect-uri', 'https://x.example'],
    2,
    /does not return to https:\/\/x\.example.*\n.*hub\.example/,
  ],
  ['a test of a stranger', ['test', '--client', 'https://x.example/c', '--resource', MAIL], 2, /with --redirect-uri/],
  ['a test of an unknown scope', ['test', '--client', 'hub', '--resource', MAIL, '--scope', 'x'], 2, /mail:read/],
];
for (const [what, args, expected, message] of bad) {
  test(`policy refuses ${what} and says what to do`, async () => {
    const before = await stored();
    for (const dryRun of args[0] === 'test' ? [[]] : [[], ['--dry-run']]) {
      const { code, out, err } = await policy(...args, ...dryRun);
      assert.equal(code, expected, err);
      assert.match(err, message);
      assert.equal(out, '');
    }
    assert.deepEqual(await stored(), before);
  });
}
