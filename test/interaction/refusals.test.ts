/** Who said no twice is offered to hear no more of it, instead of being asked until they give in (threat 63). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import {
  ask,
  assertPage,
  type Browser,
  CLAUDE,
  codeOf,
  connect,
  consentRows,
  openBrowser,
  press,
  recordOf,
  startWorld,
  type World,
} from '../consents/kit.ts';
import { refresh } from '../flow.ts';
import { addPerson, CALENDAR, register } from '../harness.ts';
import type { Step } from '../person.ts';
import { given, heading, words } from './kit.ts';

const MINUTE = 60_000;

describe('saying no', () => {
  let world: World;
  let bob: { id: string; email: string; password: string };
  let ana: Browser;
  let name: string;
  before(async () => {
    world = await startWorld();
    bob = await addPerson(world.consentry.rooms, 'bob@contoso.test');
    await register(world.consentry.rooms, CALENDAR);
    await world.know(CLAUDE);
    ana = openBrowser(world.consentry);
    await connect(world, ana, await world.register(world.newName()));
  });
  after(() => world?.close());
  beforeEach(() => {
    name = world.newName();
  });

  const again = () => world.register(name);
  const page = async (clientId: string, asked: Parameters<typeof ask>[3] = {}) =>
    (await ask(world, ana, clientId, asked)).page;
  async function deny(step: Step): Promise<void> {
    const answer = await ana.submit(step, { decision: 'deny' });
    // To a site that nobody approved yet a link leads, and nothing by itself.
    if (answer.left) assert.equal(answer.left.searchParams.get('error'), 'access_denied');
    else assert.equal(heading(answer), 'You said no', words(answer));
  }
  async function twice(): Promise<Step> {
    for (let count = 0; count < 2; count += 1) {
      const asked = await page(await again());
      assertPage(asked, 'full');
      await deny(asked);
    }
    const third = await page(await again());
    assertPage(third, 'twice');
    return third;
  }
  const block = (step: Step, fields: Record<string, string> = {}) => ana.submit(step, { decision: 'block', ...fields });
  const blocks = async () =>
    (await world.consentry.rooms.refusals.listBlocks(world.consentry.ana.id)).filter((one) => one.clientName === name);
  function assertBlocked(step: Step): void {
    assert.deepEqual([step.status, step.left], [403, undefined], words(step));
    assert.equal(heading(step), 'You blocked this app');
    assert.doesNotMatch(step.html, /<form/);
  }

  it('twice within ten minutes shows the third request with Block and Deny, under whichever client ID it comes', async () => {
    const third = await twice();
    assert.match(heading(third), /You said no to this twice/);
    assert.doesNotMatch(third.html, /value="approve"|type="checkbox"|type="radio"/);
    assert.match(words(third), new RegExp(`“${name}” asks again`));
    await deny(third);
    assertPage(await page(await again(), { site: 'cross-site' }), 'twice', 'by a link');
    assertPage(await page(await again(), { params: { prompt: 'consent' } }), 'twice', 'asked for');
  });

  it('is a no, whatever is pressed to get around it', async () => {
    const third = await twice();
    const earlier = await given(world.consentry);
    for (const fields of [
      { decision: 'approve', scope: 'mail:read', expiry: 'max' },
      { decision: 'continue', scope: 'mail:read' },
      { decision: 'stop' },
      { decision: '' },
    ]) {
      const step = await page(await again());
      const { left } = await ana.submit(step, fields);
      assert.equal(left?.searchParams.get('error'), 'access_denied', JSON.stringify(fields));
    }
    assertPage(await ana.open(`${third.url}?page=full`), 'twice');
    assert.deepEqual(await given(world.consentry), earlier);
  });

  it('also on a page that was open before the second no', async () => {
    const waiting = await page(await again());
    assertPage(waiting, 'full');
    await twice();
    const { left } = await press(ana, waiting);
    assert.equal(left?.searchParams.get('error'), 'access_denied');
  });

  it('is forgotten after ten minutes, and once is no twice', async () => {
    await deny(await page(await again()));
    world.clock.ahead += 10 * MINUTE + 1_000;
    await deny(await page(await again()));
    assertPage(await page(await again()), 'full');
    await deny(await page(await again()));
    assertPage(await page(await again()), 'twice');
    world.clock.ahead += 10 * MINUTE + 1_000;
    const asked = await page(await again());
    assertPage(asked, 'full');
    codeOf(await press(ana, asked));
  });

  it('counts for one person, one server and one program alone', async () => {
    await twice();
    const browser = openBrowser(world.consentry);
    const clientId = await again();
    assertPage((await ask(world, browser, clientId, { who: bob })).page, 'full', 'Bob');
    assertPage(
      await page(clientId, { params: { resource: CALENDAR.uri, scope: 'calendar:read' } }),
      'full',
      'Calendar',
    );
    assertPage(await page(await world.register(world.newName())), 'full', 'another program');
    const elsewhere = await world.register(name, { redirect_uris: ['http://127.0.0.1/elsewhere'] });
    assertPage(await page(elsewhere, { params: { redirect_uri: 'http://127.0.0.1/elsewhere' } }), 'full', 'elsewhere');
  });

  it('to a proven client is counted by its own ID: not for others that are called the same, nor from them', async () => {
    const params = { redirect_uri: CLAUDE.redirectUri };
    name = 'Claude';
    await twice();
    for (let count = 0; count < 2; count += 1) {
      const proven = await page(CLAUDE.clientId, { params });
      assertPage(proven, 'full', 'what a namesake was told is not told to it');
      await deny(proven);
    }
    assertPage(await page(CLAUDE.clientId, { params }), 'twice');
    const sibling = { clientId: 'https://claude.example/other.json', redirectUri: CLAUDE.redirectUri };
    await world.know(sibling);
    assertPage(await page(sibling.clientId, { params }), 'full');
    world.clock.ahead += 11 * MINUTE;
    for (let count = 0; count < 2; count += 1) await deny(await page(CLAUDE.clientId, { params }));
    assertPage(await page(await again()), 'full');
  });

  it('to others that look like a program which the person uses does not get in its way', async () => {
    const clientId = await again();
    await connect(world, ana, clientId);
    for (let count = 0; count < 2; count += 1) await deny(await page(await again(), { site: 'cross-site' }));
    assertPage(await page(await again(), { site: 'cross-site' }), 'twice');
    assertPage(await page(clientId), 'short');
  });

  it('with Block ends on a page, and every later request does, without a redirect', async () => {
    const step = await twice();
    const blocked = await block(step);
    assert.deepEqual([blocked.status, blocked.left], [200, undefined]);
    assert.match(heading(blocked), /This app is blocked/);
    const [own] = await blocks();
    assert.ok(own);
    assert.deepEqual(await recordOf(world, own.clientId), ['consent.client_blocked said_no_twice']);
    const earlier = await given(world.consentry);
    const clientId = await again();
    for (const site of ['none', 'cross-site']) assertBlocked(await page(clientId, { site }));
    assertBlocked(await page(clientId, { params: { prompt: 'consent' } }));
    // Ten minutes later too.
    world.clock.ahead += 11 * MINUTE;
    assertBlocked(await page(await again()));
    // What waited in another tab is over.
    const late = await press(ana, step);
    assert.equal(late.left, undefined);
    assert.ok(late.status >= 400);
    assert.deepEqual(await given(world.consentry), earlier);
  });

  it('with Block is taken back by an administrator, and then the page is back', async () => {
    await block(await twice());
    assertBlocked(await page(await again()));
    for (const { id } of await blocks()) assert.ok(await world.consentry.rooms.refusals.unblock(id));
    assertPage(await page(await again()), 'twice', 'the two denials still count');
    world.clock.ahead += 11 * MINUTE;
    const asked = await page(await again());
    assertPage(asked, 'full');
    codeOf(await press(ana, asked));
  });

  it('with Block ends what the program had of this server', async () => {
    const clientId = await again();
    const tokens = await connect(world, ana, clientId);
    for (let count = 0; count < 2; count += 1) await deny(await ana.open(`${(await page(clientId)).url}?page=full`));
    await block(await page(clientId));
    const refused = await refresh(world.consentry, clientId, tokens.refreshToken);
    assert.deepEqual([refused.status, refused.body.error], [400, 'invalid_grant']);
    const [row] = await consentRows(world, clientId);
    assert.equal(row?.revoked_reason, 'blocked_by_person');
  });

  it('is needed before Block counts, and Block needs the token of its page', async () => {
    const first = await page(await again());
    const { left } = await block(first);
    assert.equal(left?.searchParams.get('error'), 'access_denied');
    await deny(await page(await again()));
    const third = await page(await again());
    assertPage(third, 'twice');
    for (const csrf of ['', 'x']) {
      const refused = await block(third, { csrf });
      assert.deepEqual([refused.status, refused.left], [403, undefined]);
    }
    assert.deepEqual(await blocks(), []);
  });
});
