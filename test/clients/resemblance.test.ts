/** Names that look like somebody else's (threat 62). */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { displayName } from '../../src/clients/display-name.ts';
import { createNamesStore } from '../../src/clients/names-store.ts';
import { createResemblance, type ResemblanceQuestion } from '../../src/clients/resemblance.ts';
import { looksOf, skeleton, wordsOf } from '../../src/clients/skeleton.ts';
import { openKnownClients } from './known-clients.ts';

const LOOK_LIKE_CLAUDE: [string, string][] = [
  ['itself', 'Claude'],
  ['a Cyrillic С and а', 'Сlаude'],
  ['a capital I for l', 'CIaude'],
  ['a digit for l', 'C1aude'],
  ['a vertical bar for l', 'C|aude'],
  ['a stroke of kanji for l', 'C丨aude'],
  ['Greek letters', 'Clαυde'],
  ['Cherokee and Lisu letters', 'ᏟlauԀe'],
  ['full-width letters', 'Ｃｌａｕｄｅ'],
  ['mathematical letters', '𝓒𝓵𝓪𝓾𝓭𝓮'],
  ['circled letters', 'Ⓒlaude'],
  ['small capitals', 'Cʟᴀᴜᴅᴇ'],
  ['capitals', 'CLAUDE'],
  ['zero-width characters', 'Cl\u200Bau\u200Dde\u2060'],
  ['a blank at the end', 'Claude '],
  ['blanks between', 'C l a u d e'],
  ['a full stop', 'Claude.'],
  ['a tick of its own', 'Claude ✅'],
  ['a bar at the end', 'Claude |'],
  ['a click letter for a mark of exclamation', 'Claudeǃ'],
  ['an accent', 'Cláude'],
  ['a stroke', 'Cłauđe'],
  ['an Icelandic letter', 'Clauðe'],
  ['a vowel sign of another script', 'Cla\u0E31ude'],
  ['letters that run together', 'Claucle'],
];

describe('a skeleton', () => {
  for (const [trick, name] of LOOK_LIKE_CLAUDE) {
    it(`of Claude is the same with ${trick}`, () => {
      assert.ok(looksOf(name).includes(skeleton('Claude')), looksOf(name).join());
      assert.ok(looksOf(displayName(name)).includes(skeleton('Claude')), 'as it is shown');
    });
  }

  const same: [string, string][] = [
    ['Microsoft', 'rnicrosoft'],
    ['Microsoft', 'MlCROSOFT'],
    ['Microsoft', 'Мiсrоsоft'],
    ['Workday', 'VVorkday'],
    ['Workday', 'ωоrkday'],
    ['Google', 'G00gle'],
    ['Kit', 'кit'],
    ['Яндекс', 'Я\u0301ндекс'],
    ['Beta', 'βeta'],
    ['Großbank', 'GROSSBANK'],
    ['議事録メーカー', '議事録メーカ一'],
    ['ニュース', '二ュース'],
  ];
  for (const [one, other] of same) {
    it(`of ${one} is that of ${other}`, () => assert.equal(skeleton(one), skeleton(other)));
  }

  const different: [string, string][] = [
    ['Claude', 'Claudia'],
    ['Claude', 'Claude Code'],
    ['Mail', 'Gmail'],
    ['GPT-4', 'GPT-5'],
    ['ガス', 'カス'],
    ['アプリ', 'アフリ'],
    ['किताब', 'कतब'],
    ['議事録', '議事'],
    ['🦊', '🐻'],
  ];
  for (const [one, other] of different) {
    it(`of ${one} is not that of ${other}`, () => {
      assert.deepEqual(
        looksOf(one).filter((look) => looksOf(other).includes(look)),
        [],
      );
    });
  }

  it('of a skeleton is itself, whatever the name, and never takes long', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (name) => {
        assert.equal(skeleton(skeleton(name)), skeleton(name));
      }),
      { numRuns: 300 },
    );
    assert.ok(skeleton('ﷺ'.repeat(100_000)).length < 50_000);
  });

  it('is made of each word, also where scripts change instead of blanks', () => {
    assert.deepEqual(wordsOf('公式Claudeアプリ'), ['公式', 'Claude', 'アプリ'].map(skeleton));
    assert.deepEqual(wordsOf('ClaudeCode'), [skeleton('ClaudeCode')]);
    assert.deepEqual(wordsOf('ClaudeCode', { camelCase: true }), ['Claude', 'Code'].map(skeleton));
  });
});

const CLAUDE = 'https://claude.ai/oauth/client.json';
const CALLBACK = 'https://claude.ai/api/callback';
const LOOPBACK = 'http://127.0.0.1/callback';

describe('a client that proves nothing', () => {
  let world: Awaited<ReturnType<typeof openKnownClients>>;
  before(async () => {
    world = await openKnownClients();
  });
  afterEach(() => world.empty());
  after(() => world.close());

  /** A process that has read nothing yet. */
  function createProcess() {
    return createResemblance({
      brandNames: ['Contoso Sign-in'],
      resources: { names: async () => (await world.database.current().resource.findMany()).map(({ name }) => name) },
      connections: () => ['Contoso Entra'],
      clients: createNamesStore(world),
      now: world.now,
    });
  }
  const asked = (name: string, changes: Partial<ResemblanceQuestion> = {}) =>
    createProcess().resembles({ clientId: 'r1', origin: 'dynamic', proven: false, name, ...changes });
  async function meetClaude(redirectUri = CALLBACK) {
    await world.addClient(CLAUDE, { client_name: 'Claude' }, 'document');
    await world.consent(CLAUDE, redirectUri);
  }

  it('and calls itself Claude in Cyrillic resembles Claude once somebody approved that here', async () => {
    assert.equal(await asked('Сlaude'), false);
    await meetClaude();
    for (const [trick, name] of LOOK_LIKE_CLAUDE) assert.equal(await asked(name), true, trick);
  });

  it('and calls itself Claude Code resembles nobody while no such client proved itself here', async () => {
    await world.addClient('r2', { client_name: 'Claude Code' }, 'dynamic');
    await world.consent('r2', LOOPBACK);
    assert.equal(await asked('Claude Code'), false);
    await meetClaude();
    assert.equal(await asked('Claude Code'), false);
  });

  const unproven: [string, () => Promise<void>][] = [
    ['a document that returns to a program on a computer', () => meetClaude(LOOPBACK)],
    ['a document that returns to another host', () => meetClaude('https://claude.ai.evil.example/cb')],
    ['a document that nobody approved', () => world.addClient(CLAUDE, { client_name: 'Claude' }, 'document')],
    [
      'a document on a shared host',
      async () => {
        await world.addClient('https://claude.github.io/c.json', { client_name: 'Claude' }, 'document');
        await world.consent('https://claude.github.io/c.json', 'https://claude.github.io/cb');
      },
    ],
    ['a client without a credential', () => world.addClient('s1', { client_name: 'Claude' }, 'static')],
    [
      'a registration with a secret of its own',
      async () => {
        const said = { client_name: 'Claude', token_endpoint_auth_method: 'client_secret_basic' };
        await world.addClient('r3', said, 'dynamic');
        await world.consent('r3', 'https://claude.ai/cb');
        await world.approve('r3', 'https://claude.ai/cb');
      },
    ],
    [
      'a client that an administrator revoked',
      async () => {
        await meetClaude();
        await world.prisma.client.update({ where: { id: CLAUDE }, data: { revokedAt: world.now() } });
      },
    ],
  ];
  for (const [who, known] of unproven) {
    it(`does not resemble ${who}`, async () => {
      await known();
      assert.equal(await asked('Claude'), false);
    });
  }

  it('resembles a client to which an administrator gave a credential', async () => {
    const said = { client_name: 'Gateway', token_endpoint_auth_method: 'private_key_jwt' };
    await world.addClient('s1', said, 'static');
    assert.equal(await asked('Gatevvay'), true);
  });

  it('resembles a document that an administrator approved before anybody used it', async () => {
    await world.addClient(CLAUDE, { client_name: 'Claude' }, 'document');
    await world.approve(CLAUDE, CALLBACK);
    assert.equal(await asked('Claude'), true);
  });

  it('resembles a client whose consent has ended, which is when a copy of it is worth most', async () => {
    await world.addClient(CLAUDE, { client_name: 'Claude' }, 'document');
    await world.consent(CLAUDE, CALLBACK, { revoked: true });
    assert.equal(await asked('Claude'), true);
  });

  it('resembles a proven client where it calls itself by its host', async () => {
    await meetClaude();
    assert.equal(await asked('claude.ai'), true);
    assert.equal(await asked('CLAUDE.AI'), true);
  });

  const parties = ['Mail', 'Contoso Entra', 'Contoso Sign-in', 'Consentry', 'Соnsеntrу', 'contoso signin'];
  for (const name of parties) {
    it(`resembles the server, connection or operator that is called like ${name}`, async () => {
      assert.equal(await asked(name), true);
    });
  }

  it('gains nothing by words that only claim standing', async () => {
    await meetClaude();
    const names = ['Claude (official)', 'Verified Claude', 'The real Claude, Inc.', 'ClaudeOfficial', 'Claude™'];
    for (const name of [...names, '公式Claude', 'Claude（認証済み）', 'Official Mail']) {
      assert.equal(await asked(displayName(name)), true, name);
    }
  });

  it('resembles whose several words it repeats inside its own, but not an MCP server, which honest tools name', async () => {
    await meetClaude();
    await world.change(CLAUDE, { client_name: 'Claude Desktop' });
    assert.equal(await asked('My Claude Desktop helper'), true);
    assert.equal(await asked('Claude'), false);
    assert.equal(await asked('Consentry-compatible notes'), false);
    await world.prisma.resource.update({ where: { id: 'mail' }, data: { name: 'Contoso Mail' } });
    assert.equal(await asked('Contoso Mail command line'), false);
    assert.equal(await asked('Contoso Mail'), true);
    await world.prisma.resource.update({ where: { id: 'mail' }, data: { name: 'Mail' } });
  });

  it('never resembles itself, nor another document on the host that is its own', async () => {
    await meetClaude();
    assert.equal(await asked('Claude', { clientId: CLAUDE, origin: 'document' }), false);
    assert.equal(await asked('Claude', { clientId: 'https://claude.ai/code.json', origin: 'document' }), false);
    assert.equal(await asked('Claude', { clientId: 'https://evil.example/c.json', origin: 'document' }), true);
  });

  it('and has no visible name resembles nobody', async () => {
    await world.addClient('s1', { client_name: '', token_endpoint_auth_method: 'private_key_jwt' }, 'static');
    for (const name of ['', ' ', '\u200B']) assert.equal(await asked(name), false);
  });

  it('resembles a name that another process made known, half a minute later at most', async () => {
    const process = createProcess();
    const ask = () => process.resembles({ clientId: 'r1', origin: 'dynamic', proven: false, name: 'Claude' });
    assert.equal(await ask(), false);
    await meetClaude();
    world.pass(30_001);
    assert.equal(await ask(), true);
  });

  it('is asked about inside a transaction without another connection', async () => {
    await meetClaude();
    const answers = Array.from({ length: 40 }, () =>
      world.database.unit(async () => {
        await world.database.write((tx) => tx.$queryRaw`SELECT 1`);
        return asked('Claude');
      }),
    );
    assert.ok((await Promise.all(answers)).every(Boolean));
  });
});

describe('a client that proves its host', () => {
  const evil = { clientId: 'https://evil.example/c.json', origin: 'document', proven: true } as const;
  const proven = (vouched: boolean) =>
    createResemblance({
      brandNames: [],
      resources: { names: async () => ['Mail'] },
      connections: () => ['Contoso'],
      clients: { provenNames: async () => [{ clientId: CLAUDE, name: 'Claude', vouched }] },
      now: () => new Date(),
    });

  it('resembles what an administrator named or vouches for, because its host is proven and its name is not', async () => {
    for (const name of ['Mail', 'Contoso', 'Consentry', 'Claude']) {
      assert.equal(await proven(true).resembles({ ...evil, name }), true, name);
    }
  });

  it('does not resemble one that only proved a host too: nobody casts doubt on a client by taking its name', async () => {
    assert.equal(await proven(false).resembles({ ...evil, name: 'Claude' }), false);
  });

  it('resembles nobody where an administrator gave it its credential', async () => {
    const mine = { clientId: 's1', origin: 'static', proven: true, name: 'Claude' } as const;
    assert.equal(await proven(true).resembles(mine), false);
    assert.equal(await proven(true).resembles({ ...mine, proven: false }), true);
  });
});
